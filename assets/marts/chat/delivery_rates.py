"""The mart marts.delivery_rates."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, one, where
from assets.marts.later import ibis, ir
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


@behind(delivery_rates)
def delivery_rates_rows(notifications: Any, at: Instants) -> ir.Table:
    """The notifications of each channel and kind of recipient."""
    n = judged_notifications(notifications, at)
    arrived, lost = n.delivered_at.notnull(), n.failed_at.notnull()
    return n.select(
        "sent_at",
        "delivered_at",
        "failed_at",
        "change",
        id=n.notification_id,
        of=ibis.literal("core.notifications"),
        channel=n.channel.fill_null("unknown"),
        recipient_type=n.recipient_type.fill_null("unknown"),
        sent=one(),
        delivered=where(arrived),
        failed=where(~arrived & lost),
        pending=where(~arrived & ~lost),
    )
