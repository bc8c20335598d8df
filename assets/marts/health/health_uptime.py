"""The mart marts.health_uptime."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from assets.marts.behind import behind, gather, where
from assets.marts.expressions import interval, seconds_between
from assets.marts.health.health_history import spans
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.health import HealthUptime
from marketplace.health import HEALTH_POINTS, UPTIME_WINDOWS, PointStatus


@mart(
    HealthUptime,
    clock_columns=(
        "working_share",
        "broken_seconds",
        "unknown_seconds",
        "measured_seconds",
        "unmeasured_seconds",
    ),
)
def health_uptime(health_changes: Any, at: Instants) -> ir.Table:
    """The share of the measured time in which each health point worked, over 24 hours, 7 and 30
    days. A point × window. ``measured_seconds`` = working + broken; unknown and unmeasured
    (bookwatch did not look) stand apart; the four are the window. ``working_share`` is null where
    nothing was measured."""
    return ibis.union(
        *(_window(health_changes, at, name, length) for name, length in UPTIME_WINDOWS), distinct=False
    )


def _inside(health_changes: Any, at: Instants, length: timedelta) -> Any:
    """The stretches with ``inside``: the seconds of each that lie in the window."""
    rows = spans(health_changes, at)
    begins = ibis.greatest(rows.since, at.now - interval(length))
    ends = ibis.least(rows.ends_at, at.now)
    return rows.mutate(inside=ibis.greatest(seconds_between(begins, ends), ibis.literal(0.0)))


def _window(health_changes: Any, at: Instants, name: str, length: timedelta) -> Any:
    rows = _inside(health_changes, at, length)
    sums = rows.group_by("point").aggregate(
        working=rows.inside.sum(where=rows.status == PointStatus.WORKING.value).fill_null(0.0),
        broken_seconds=rows.inside.sum(where=rows.status == PointStatus.BROKEN.value).fill_null(0.0),
        unknown_seconds=rows.inside.sum(where=rows.status == PointStatus.UNKNOWN.value).fill_null(0.0),
        status_since=rows.since.argmax(rows.change_id),
    )
    measured = sums.working + sums.broken_seconds
    return sums.select(
        "point",
        name=ibis.cases(
            *((sums.point == number, ibis.literal(point.name)) for number, point in HEALTH_POINTS.items())
        ),
        time_window=ibis.literal(name),
        working_share=sums.working / measured.nullif(0.0),
        broken_seconds=sums.broken_seconds,
        unknown_seconds=sums.unknown_seconds,
        measured_seconds=measured,
        status_since=sums.status_since,
        unmeasured_seconds=ibis.greatest(
            ibis.literal(length.total_seconds()) - measured - sums.unknown_seconds, ibis.literal(0.0)
        ),
    )


@behind(health_uptime)
def health_uptime_rows(health_changes: Any, at: Instants) -> ir.Table:
    """The stretches of each point as far as they lie in the window."""

    def of(name: str, length: timedelta) -> Any:
        rows = _inside(health_changes, at, length)
        measured = rows.status.isin((PointStatus.WORKING.value, PointStatus.BROKEN.value))
        return rows.select(
            "point",
            "status",
            "since",
            "ends_at",
            id=rows.change_id.cast("string"),
            of=ibis.literal("ops.health_changes"),
            time_window=ibis.literal(name),
            working_seconds=where(rows.status == PointStatus.WORKING.value, rows.inside),
            broken_seconds=where(rows.status == PointStatus.BROKEN.value, rows.inside),
            unknown_seconds=where(rows.status == PointStatus.UNKNOWN.value, rows.inside),
            measured_seconds=where(measured, rows.inside),
        )

    return gather(*(of(name, length) for name, length in UPTIME_WINDOWS))
