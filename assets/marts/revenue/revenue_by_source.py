"""The mart marts.revenue_by_source."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, of_booking, one, where
from assets.marts.expressions import counted, dated, local_day, of_days
from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from checks.schemas.revenue import RevenueBySource
from marketplace.commission import REVENUE_STATUSES


@mart(RevenueBySource, part=BY_DAY)
def revenue_by_source(bookings: Any) -> ir.Table:
    """Booked and completed by local day of creation and source. ``bookings`` are all that were
    created."""
    b = counted(of_days(bookings))
    b = dated(b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes)))
    return b.group_by("local_date", "source").aggregate(
        bookings=b.count(),
        booked_idr=b.amount_idr.sum(where=b.status.isin(REVENUE_STATUSES)).fill_null(0),
        completed_idr=b.amount_idr.sum(where=b.status == "completed").fill_null(0),
    )


@behind(revenue_by_source)
def revenue_by_source_rows(bookings: Any) -> ir.Table:
    """The bookings of each day and source."""
    b = counted(bookings)
    b = dated(b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes)))
    return of_booking(
        b,
        "local_date",
        bookings=one(),
        booked_idr=where(b.status.isin(REVENUE_STATUSES), b.amount_idr.fill_null(0)),
        completed_idr=where(b.status == "completed", b.amount_idr.fill_null(0)),
    )
