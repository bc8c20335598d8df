"""Mart: how many notifications arrived, by channel and type of recipient."""

from __future__ import annotations

import ibis.expr.types as ir

from assets.marts.steps.health_measures import judged_notifications
from assets.marts.tables import Instants, Tables


def table(t: Tables, at: Instants) -> ir.Table:
    """The notifications health point 6 judges. ``sent`` = delivered + failed + pending (neither is written);
    ``rate`` = delivered ÷ sent; a channel or type that is not written is 'unknown'."""
    n = judged_notifications(t, at)
    n = n.select(
        channel=n.channel.fill_null("unknown"),
        recipient_type=n.recipient_type.fill_null("unknown"),
        arrived=n.delivered_at.notnull(),
        lost=n.delivered_at.isnull() & n.failed_at.notnull(),
    )
    rows = n.group_by("channel", "recipient_type").aggregate(
        sent=n.count(), delivered=n.count(where=n.arrived), failed=n.count(where=n.lost)
    )
    return rows.select(
        "channel",
        "recipient_type",
        "sent",
        "delivered",
        "failed",
        pending=rows.sent - rows.delivered - rows.failed,
        rate=rows.delivered / rows.sent,
    )
