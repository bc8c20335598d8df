"""The mart marts.health_history. Kept in the ledger, mirrored into ops.health_changes."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.expressions import interval, seconds_between
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.health import HealthHistory
from marketplace.health import HEALTH_POINTS, UNMEASURED_AFTER


@mart(HealthHistory, clock_columns=("seconds",))
def health_history(health_changes: Any, at: Instants) -> ir.Table:
    """Every state each health point was in, since when, until when. A row ends where the next
    begins, or at its last verdict where none followed in time. What lies between two rows was not
    measured."""
    rows = spans(health_changes, at)
    return rows.select(
        "point",
        name=ibis.cases(
            *((rows.point == number, ibis.literal(point.name)) for number, point in HEALTH_POINTS.items())
        ),
        status=rows.status,
        since=rows.since,
        until=ibis.cases((~rows.holds, rows.ends_at)),
        seconds=seconds_between(rows.since, rows.ends_at),
        message=rows.message,
        code=rows.code,
        args=rows.args,
    )


def spans(health_changes: Any, at: Instants) -> Any:
    """change_id, point, status, message, code, args, since, ends_at, ``holds`` (is so now)."""
    h = health_changes
    own = ibis.window(group_by=h.point, order_by=h.change_id)
    h = h.mutate(next_since=h.since.lead().over(own), next_before=h.evaluated_before.lead().over(own))
    late = interval(UNMEASURED_AFTER)
    newest = h.next_since.isnull()
    holds = newest & (at.now <= h.evaluated_at + late)
    # A next row without a verdict before it can't be: the row in hand was that verdict.
    follows = (h.next_since <= h.next_before + late).fill_null(False)
    ends_at = ibis.cases(
        (holds, at.now),
        (newest, h.evaluated_at),
        (follows, h.next_since),
        # A clock set back makes the next row begin before this one's last verdict.
        else_=ibis.least(h.next_before, h.next_since),
    )
    return h.select(
        "change_id",
        "point",
        "status",
        "message",
        "code",
        "args",
        "since",
        ends_at=ibis.greatest(ends_at, h.since),
        holds=holds,
    )


itself(health_history)
