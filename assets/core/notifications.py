"""Raw notifications → core.notifications, without title and text."""

from __future__ import annotations

import polars as pl

from assets.core.batch import Batch, Derived, Reader
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS


def derive_notifications(batch: Batch) -> Derived:
    """A batch of ``notifications`` → rows of core.notifications. sent_at is null where nothing says when."""
    read = Reader(batch)
    recipient = read.person(*ALIASES["notification.recipient_id"])
    offsets = read.offsets(recipient)
    created, _ = read.created(offsets)
    rows = pl.DataFrame(
        {
            "notification_id": read.ids,
            "recipient_id": recipient,
            "recipient_type": read.code("recipientType"),
            "kind": read.code("type"),
            "channel": read.code(*ALIASES["notification.channel"]),
            "booking_ref": read.identifier(*ALIASES["notification.booking"], of=BOOKING_COLLECTIONS),
            "sent_at": read.instant(offsets, "sentAt"),
            "delivered_at": read.instant(offsets, "deliveredAt"),
            "failed_at": read.instant(offsets, "failedAt"),
            "is_read": read.flag(*ALIASES["notification.read"]),
            "created_at": created,
            **read.bookkeeping(),
        }
    )
    return Derived(rows, read.findings())
