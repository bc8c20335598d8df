"""Step: references to chat rooms that match no room exactly, beside each room that is the same but for case.

As booking_cases has it for bookings.
"""

from __future__ import annotations

from typing import Any

from assets.marts.cases import alike, named
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.rooms import BY_NAME
from assets.marts.steps.commission_matches import LIVE


@step(part=BY_NAME)
def room_cases(chat_rooms: Any, conversations: Any) -> ir.Table:
    """written; key, target, origin, kind and test of the room that has such a key; alone: exactly one has."""
    r = chat_rooms.filter(chat_rooms.deleted_at.isnull())
    m = named(conversations, "conversation_id")
    loose = m.anti_join(r, m.written == r.room_id).select("written")
    keys = r.select(
        key=r.room_id,
        target=r.room_id,
        origin=ibis.literal("chat_rooms"),
        kind=ibis.literal(LIVE).cast("int64"),
        test=ibis.literal(0).cast("int64"),
    )
    return alike(loose, keys)
