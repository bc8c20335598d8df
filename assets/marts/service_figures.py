"""Mart: the figures beside the seven health points, one row."""

from __future__ import annotations

import ibis.expr.types as ir

from assets.marts.expressions import counted, interval, seconds_between
from assets.marts.health_points import judged_notifications
from assets.marts.tables import Instants, Tables
from marketplace.commission import REVENUE_STATUSES
from marketplace.health import DAY
from marketplace.services import TAIL


def table(t: Tables, at: Instants) -> ir.Table:
    """Response times in seconds and success rate over all bookings; delivery rate as in health point 6.
    Null: nothing to measure."""
    b = counted(t.bookings)
    b = b.filter(b.created_at <= at.now)
    answered = b.responded_at.notnull() & (b.responded_at >= b.created_at)
    b = b.mutate(response=seconds_between(b.created_at, b.responded_at), answered=answered)
    booked = b.status.isin(REVENUE_STATUSES)
    bookings = b.aggregate(
        avg_response_s=b.response.mean(where=b.answered),
        p95_response_s=b.response.quantile(TAIL, where=b.answered),
        booked=b.count(where=booked),
        created=b.count(where=b.status != "pending"),
        newest_booking_at=b.created_at.max(where=booked),
        bookings_24h=b.count(where=b.created_at >= at.now - interval(DAY)),
    )
    n = judged_notifications(t, at)
    notices = n.aggregate(notifications=n.count(), delivered=n.count(where=n.delivered_at.notnull()))
    rows = bookings.cross_join(notices)
    return rows.select(
        "avg_response_s",
        "p95_response_s",
        success_rate=rows.booked / rows.created.nullif(0),
        delivery_rate=rows.delivered / rows.notifications.nullif(0),
        newest_booking_at=rows.newest_booking_at,
        bookings_24h=rows.bookings_24h,
    )
