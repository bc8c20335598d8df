"""The mart marts.customer_retention."""

from __future__ import annotations

from typing import Any

from assets.marts.cohorts import begins, dated_bookings_read, is_final, is_over_before
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.customers import CustomerRetention
from marketplace.cohorts import RETENTION_MONTHS


@mart(CustomerRetention)
def customer_retention(customer_months: Any, scans: Any, at: Instants) -> ir.Table:
    """How many of the customers who first booked in a local month booked again in the 1st, 2nd, 3rd
    and 6th local month after it: made a counted booking in that very month, whatever became of it.
    Each cohort with each of these months; one that has not begun has no figure."""
    m = customer_months.filter(customer_months.local_month.notnull())
    firsts = m.group_by("customer_key").aggregate(cohort_month=m.local_month.min())
    later = m.select("customer_key", "local_month").inner_join(firsts, "customer_key")
    months = (later.local_month.year() - later.cohort_month.year()) * 12 + (
        later.local_month.month() - later.cohort_month.month()
    )
    later = later.select("cohort_month", months=months.cast("int64"))
    # Every customer booked in month 0, which so counts the cohort.
    cohorts = later.group_by("cohort_month").aggregate(
        customers=later.count(where=later.months == 0),
        **{f"after_{n}": later.count(where=later.months == n) for n in RETENTION_MONTHS},
    )
    read = dated_bookings_read(scans)
    return ibis.union(*(_after(cohorts, n, read, at) for n in RETENTION_MONTHS), distinct=False)


def _after(cohorts: Any, months: int, read: Any, at: Instants) -> Any:
    """The cohorts in their n-th month."""
    first = cohorts.cohort_month + ibis.interval(months=months)
    next_first = cohorts.cohort_month + ibis.interval(months=months + 1)
    returned = ibis.cases((begins(first) <= at.now, cohorts[f"after_{months}"]))
    return cohorts.select(
        "cohort_month",
        months_after=ibis.literal(months).cast("int64"),
        customers=cohorts.customers,
        returned=returned,
        share=returned / cohorts.customers,
        is_complete=is_final(is_over_before(next_first) <= at.now, read),
    )
