"""The mart marts.revenue_monthly."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind
from assets.marts.cohorts import beside_the_one_before, days_beside_those_before, month_of
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.revenue import RevenueMonthly


@mart(RevenueMonthly)
def revenue_monthly(revenue_daily: Any, scans: Any, at: Instants) -> ir.Table:
    """Booked, completed and collected by local month, always three figures apart, beside the month
    before. Bookings, booked and completed by the month of creation; collected by that of payment. A
    month in which nothing was has no row, and is 0 where it is the month before."""
    return beside_the_one_before(
        revenue_daily, month_of(revenue_daily.local_date), "local_month", ibis.interval(months=1), scans, at
    )


@behind(revenue_monthly)
def revenue_monthly_rows(revenue_daily: Any) -> ir.Table:
    """The days of each month, and those of the month before."""
    return days_beside_those_before(
        revenue_daily, month_of(revenue_daily.local_date), "local_month", ibis.interval(months=1)
    )
