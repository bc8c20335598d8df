"""The mart marts.delivery_rates."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.steps.health_measures import judged_notifications
from assets.marts.tables import Instants
from checks.schemas.chat import DeliveryRates


@mart(DeliveryRates)
def delivery_rates(notifications: Any, at: Instants) -> ir.Table:
    """How many notifications arrived, by channel and type of recipient. The notifications health
    point 6 judges. ``sent`` = delivered + failed + pending (neither is written); ``rate`` =
    delivered ÷ sent; a channel or type that is not written is 'unknown'."""
    n = judged_notifications(notifications, at)
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
