"""The mart marts.decline_reasons."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, of_booking, one
from assets.marts.expressions import counted, dated, local_day, of_days
from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from checks.schemas.demand import DeclineReasons


@mart(DeclineReasons, part=BY_DAY)
def decline_reasons(bookings: Any) -> ir.Table:
    """Why bookings came to nothing, by local day of creation. ``reason`` is of core's fixed list,
    not_given where none is; ``bookings`` were declined, cancelled or expired."""
    b = _without_service(of_days(bookings))
    return b.group_by("local_date", "reason").aggregate(bookings=b.count())


def _without_service(bookings: Any) -> Any:
    b = counted(bookings)
    b = b.filter(
        (b.status == "declined") | (b.status.isin(("cancelled", "expired")) & b.decline_reason.notnull())
    )
    b = b.mutate(
        local_date=local_day(b.created_at, b.utc_offset_minutes),
        reason=b.decline_reason.fill_null("not_given"),
    )
    return dated(b)


@behind(decline_reasons)
def decline_reasons_rows(bookings: Any) -> ir.Table:
    """The bookings of each day and reason."""
    return of_booking(_without_service(bookings), "local_date", "reason", bookings=one())
