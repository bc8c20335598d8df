"""Step: bookings of the last weeks by local weekday and hour. Their shares and means are peak_hours'."""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import counted, interval, local
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.part import Difference
from assets.marts.parts.peaks import NAME
from assets.marts.tables import Instants
from marketplace.peaks import BASELINE_WEEKS, PEAK_WINDOW, RECENT_DAYS, Basis

_KEYS = ("basis", "weekday", "hour")
_COUNTS = ("bookings", "recent_bookings", "baseline_bookings")


@step(difference=Difference(NAME, _KEYS, _COUNTS, "bookings"))
def peak_counts(bookings: Any, at: Instants) -> ir.Table:
    """basis (made or begun), weekday, hour; bookings, and how many of them are of the last days and of the weeks before
    those."""
    b = counted(bookings)
    return ibis.union(
        _counted(b, Basis.CREATED, b.created_at, at),
        _counted(b, Basis.STARTS, b.starts_at, at),
        distinct=False,
    )


def _counted(b: Any, basis: Basis, instant: Any, at: Instants) -> Any:
    hours = peak_bookings(b, instant, at).select("weekday", "hour", "is_recent", "in_baseline")
    counts = hours.group_by("weekday", "hour").aggregate(
        bookings=hours.count(),
        recent_bookings=hours.count(where=hours.is_recent),
        baseline_bookings=hours.count(where=hours.in_baseline),
    )
    return counts.mutate(basis=ibis.literal(basis.value)).select(*_KEYS, *_COUNTS)


def peak_bookings(b: Any, instant: Any, at: Instants) -> Any:
    """The bookings of the window by this instant, with its weekday and hour, and in which part of it they fall."""
    recent_from = at.now - interval(RECENT_DAYS)
    baseline_from = at.now - interval(RECENT_DAYS * (1 + BASELINE_WEEKS))
    recent = b.filter(
        (instant >= at.now - interval(PEAK_WINDOW)) & (instant <= at.now) & b.utc_offset_minutes.notnull()
    )
    wall = local(instant, b.utc_offset_minutes)
    return recent.mutate(
        weekday=(wall.day_of_week.index() + 1).cast("int64"),
        hour=wall.hour().cast("int64"),
        is_recent=instant > recent_from,
        # Half-open at its beginning as the last days are: each hour of the week once a week.
        in_baseline=(instant > baseline_from) & (instant <= recent_from),
    )
