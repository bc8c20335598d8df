"""The mart marts.short_hours."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, one
from assets.marts.expressions import interval, local
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.providers import ShortHours
from marketplace.shortage import SHORTAGE_WINDOW
from marketplace.zones import JAYAPURA

_SUMMED = ("hours", "seen_hours", "requests", "accepted", "unanswered", "unserved", "short_hours")
_MEANS = ("providers_online", "providers_free")


@mart(ShortHours)
def short_hours(capacity: Any, at: Instants) -> ir.Table:
    """In which hours of the week a city has too few providers: those with bookings that nobody answered while none
    was free. Hours in which something is undecided, or of which not all was read, are not counted."""
    rows = _counted(capacity, at)
    return rows.group_by("city", "weekday", "hour").aggregate(
        **{name: rows[name].sum().cast("int64") for name in _SUMMED},
        **{name: rows[name].mean() for name in _MEANS},
    )


def _counted(capacity: Any, at: Instants) -> Any:
    """The hours of the window, each with what it adds."""
    # By the clock of the zone where it is latest: hours are local, and no window is shorter anywhere.
    first = local(at.now, JAYAPURA.offset_minutes) - interval(SHORTAGE_WINDOW)
    c = capacity
    c = c.filter(c.is_complete.fill_null(False) & (c.local_hour >= first))
    nobody = (c.providers_free == 0).fill_null(False)
    short = nobody & (c.unanswered > 0)
    zero = ibis.literal(0).cast("int64")
    return c.select(
        "city",
        "local_hour",
        "requests",
        "accepted",
        "unanswered",
        *_MEANS,
        weekday=(c.local_hour.day_of_week.index() + 1).cast("int64"),
        hour=c.local_hour.hour().cast("int64"),
        hours=one(),
        seen_hours=ibis.cases((c.providers_seen > 0, one()), else_=zero),
        unserved=ibis.cases((short, c.unanswered), else_=zero),
        short_hours=ibis.cases((short, one()), else_=zero),
    )


@behind(short_hours)
def short_hours_rows(capacity: Any, at: Instants) -> ir.Table:
    """The hours of marts.capacity that each is made of."""
    rows = _counted(capacity, at)
    return rows.mutate(id=rows.local_hour.cast("string"), of=ibis.literal("marts.capacity"))
