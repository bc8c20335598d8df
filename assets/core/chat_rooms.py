"""Raw chat rooms → core.chat_rooms, without names."""

from __future__ import annotations

import polars as pl

from assets.core.batch import Batch, Derived, Reader
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.statuses import ROOM_STATUS, UNKNOWN


def derive_chat_rooms(batch: Batch) -> Derived:
    """A batch of ``chat_rooms`` → rows of core.chat_rooms."""
    read = Reader(batch)
    provider_id = read.provider(*ALIASES["room.provider_id"])
    offsets = read.offsets(provider_id)
    created, _ = read.created(offsets)
    rows = pl.DataFrame(
        {
            "room_id": read.ids,
            "booking_ref": read.identifier("bookingId", of=BOOKING_COLLECTIONS),
            "customer_id": read.customer(*ALIASES["room.customer_id"]).key,
            "provider_id": provider_id,
            "status": read.word(ROOM_STATUS, "status_unknown", "status").fill_null(UNKNOWN),
            "raw_status": read.code("status", words=ROOM_STATUS),
            "expires_at": read.instant(offsets, "expiresAt"),
            "created_at": created,
            **read.bookkeeping(),
            "utc_offset_minutes": offsets,
        }
    )
    return Derived(rows, read.findings())
