"""The mart marts.revenue_weekly."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind
from assets.marts.cohorts import beside_the_one_before, days_beside_those_before
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.revenue import RevenueWeekly


@mart(RevenueWeekly)
def revenue_weekly(revenue_daily: Any, scans: Any, at: Instants) -> ir.Table:
    """Booked, completed and collected by local week, always three figures apart, beside the week
    before. Bookings, booked and completed by the week of creation; collected by that of payment. A
    week in which nothing was has no row, and is 0 where it is the week before."""
    return beside_the_one_before(
        revenue_daily, revenue_daily.local_date.truncate("W"), "local_week", ibis.interval(weeks=1), scans, at
    )


@behind(revenue_weekly)
def revenue_weekly_rows(revenue_daily: Any) -> ir.Table:
    """The days of each week, and those of the week before."""
    return days_beside_those_before(
        revenue_daily, revenue_daily.local_date.truncate("W"), "local_week", ibis.interval(weeks=1)
    )
