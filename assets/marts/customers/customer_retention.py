"""The mart marts.customer_retention."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, one
from assets.marts.cohorts import begins, dated_bookings_read, is_final, is_over_before, month_of
from assets.marts.customer_bookings import named, with_id
from assets.marts.expressions import local_day
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
    later = customer_months
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


@behind(customer_retention)
def customer_retention_rows(bookings: Any) -> ir.Table:
    """The customers of each cohort, and those of them that booked again in the n-th month."""
    b = named(with_id(bookings))
    b = b.mutate(local_month=month_of(local_day(b.created_at, b.utc_offset_minutes)))
    b = b.filter(b.local_month.notnull())
    months = b.group_by("customer_id", "local_month").aggregate(bookings_then=b.count())
    firsts = months.group_by("customer_id").aggregate(cohort_month=months.local_month.min())
    later = months.inner_join(firsts, "customer_id")

    def of(rows: Any, months_after: int, **adds: Any) -> Any:
        return rows.select(
            "cohort_month",
            months_after=ibis.literal(months_after).cast("int64"),
            id=rows.customer_id,
            of=ibis.literal("marts.customers"),
            **adds,
        )

    parts: list[Any] = []
    for n in RETENTION_MONTHS:
        then = later.filter(later.local_month == (later.cohort_month + ibis.interval(months=n)).cast("date"))
        parts += [
            of(firsts, n, customers=one()),
            of(then, n, returned=one(), bookings_then=then.bookings_then),
        ]
    return gather(*parts)
