"""The mart marts.peak_hours."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one
from assets.marts.expressions import counted, interval, local
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.demand import PeakHours
from marketplace.peaks import PEAK_WINDOW, Basis


@mart(PeakHours)
def peak_hours(bookings: Any, at: Instants) -> ir.Table:
    """When customers book and when services start, by local weekday and hour of the last 8 weeks.
    ``share`` is of all bookings of that basis whose hour is known; hours without bookings have no
    row."""
    b = counted(bookings)
    return ibis.union(
        _counted_by(b, Basis.CREATED, b.created_at, at),
        _counted_by(b, Basis.STARTS, b.starts_at, at),
        distinct=False,
    )


def _counted_by(b: Any, basis: Basis, instant: Any, at: Instants) -> Any:
    hours = _hours(b, instant, at).select("weekday", "hour")
    counts = hours.group_by("weekday", "hour").aggregate(bookings=hours.count())
    return counts.select(
        basis=ibis.literal(basis.value),
        weekday=counts.weekday,
        hour=counts.hour,
        bookings=counts.bookings,
        share=counts.bookings / counts.bookings.sum().over(ibis.window()),
    )


def _hours(b: Any, instant: Any, at: Instants) -> Any:
    """The bookings of the window by this instant, with its weekday and hour."""
    recent = b.filter(
        (instant >= at.now - interval(PEAK_WINDOW)) & (instant <= at.now) & b.utc_offset_minutes.notnull()
    )
    wall = local(instant, b.utc_offset_minutes)
    return recent.mutate(weekday=(wall.day_of_week.index() + 1).cast("int64"), hour=wall.hour().cast("int64"))


@behind(peak_hours)
def peak_hours_rows(bookings: Any, at: Instants) -> ir.Table:
    """The bookings of each hour, by creation and by start."""
    b = counted(bookings)

    def of(basis: Basis, name: str) -> Any:
        recent = _hours(b, b[name], at)
        return of_booking(
            recent, "weekday", "hour", "starts_at", basis=ibis.literal(basis.value), bookings=one()
        )

    return gather(of(Basis.CREATED, "created_at"), of(Basis.STARTS, "starts_at"))
