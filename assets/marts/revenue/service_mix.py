"""The mart marts.service_mix."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, of_booking, one, where
from assets.marts.expressions import counted, dated, local_day, of_days
from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from checks.schemas.revenue import ServiceMix
from marketplace.commission import REVENUE_STATUSES


@mart(ServiceMix, part=BY_DAY)
def service_mix(bookings: Any) -> ir.Table:
    """Which lengths of service are booked, by local day of creation. ``service_minutes`` is null
    where unknown; ``bookings`` are all that were created."""
    b = counted(of_days(bookings))
    b = dated(b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes)))
    return b.group_by("local_date", "service_minutes").aggregate(
        bookings=b.count(), booked_idr=b.amount_idr.sum(where=b.status.isin(REVENUE_STATUSES)).fill_null(0)
    )


@behind(service_mix)
def service_mix_rows(bookings: Any) -> ir.Table:
    """The bookings of each day and length."""
    b = counted(bookings)
    b = dated(b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes)))
    return of_booking(
        b,
        "local_date",
        "service_minutes",
        bookings=one(),
        booked_idr=where(b.status.isin(REVENUE_STATUSES), b.amount_idr.fill_null(0)),
    )
