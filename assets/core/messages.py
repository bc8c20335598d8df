"""Raw chat messages → core.messages, without their text."""

from __future__ import annotations

import polars as pl

from assets.core.batch import Batch, Derived, Reader
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS, ROOM_COLLECTIONS
from marketplace.statuses import MESSAGE_KIND, ROLE, UNKNOWN, Role
from marketplace.text import coalesce


def derive_messages(batch: Batch) -> Derived:
    """A batch of ``chat_messages`` → rows of core.messages. A message without a timestamp was sent at its
    creation."""
    read = Reader(batch)
    a = read.attributes
    sender, receiver = read.person("senderId"), read.person("receiverId")
    sender_role = read.word(ROLE, "role_unknown", *ALIASES["message.sender_role"])
    receiver_role = read.word(ROLE, "role_unknown", "receiverRole")
    offsets = read.offsets(sender.zip_with((sender_role == Role.THERAPIST.value).fill_null(False), receiver))
    created, _ = read.created(offsets)
    stamp = a.first(ALIASES["message.sent_at"])
    sent = read.instant(offsets, *ALIASES["message.sent_at"])
    rows = pl.DataFrame(
        {
            "message_id": read.ids,
            "conversation_id": read.identifier(*ALIASES["message.room"], of=ROOM_COLLECTIONS),
            "booking_ref": read.identifier("bookingId", of=BOOKING_COLLECTIONS),
            "sender_id": sender,
            "sender_role": sender_role.fill_null(UNKNOWN),
            "receiver_id": receiver,
            "receiver_role": receiver_role.set(
                receiver_role.is_null() & a.text("receiverRole").is_not_null(), UNKNOWN
            ),
            "kind": read.word(MESSAGE_KIND, "kind_unknown", "messageType").fill_null(UNKNOWN),
            "sent_at": coalesce(sent, created.set(stamp.is_not_null(), None)),
            "is_read": read.flag("isRead", "read"),
            "created_at": created,
            **read.bookkeeping(),
        }
    )
    return Derived(rows, read.findings())
