"""Step: the local months in which a customer booked. How many came back follows from it (customer_retention)."""

from __future__ import annotations

from typing import Any

from assets.marts.cohorts import month_of
from assets.marts.customer_bookings import with_id
from assets.marts.expressions import local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.retention import BY_KEY


@step(part=BY_KEY)
def customer_months(bookings: Any) -> ir.Table:
    """customer_key, local_month (its first day; each month once), cohort_month (the first of them)."""
    b = with_id(bookings)
    b = b.mutate(local_month=month_of(local_day(b.created_at, b.utc_offset_minutes)))
    months = b.filter(b.local_month.notnull()).select("customer_key", "local_month").distinct()
    first = months.local_month.min().over(ibis.window(group_by="customer_key"))
    return months.mutate(cohort_month=first)
