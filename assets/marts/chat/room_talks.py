"""The mart marts.room_talks.

Rooms of test bookings are left out, and what names a room that is not there is in none.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.rooms import BY_ROOM
from assets.marts.steps.commission_matches import DELETED
from assets.marts.steps.conversations import TIMES
from checks.schemas.chat import RoomTalks

_COUNTS = ("messages", "unread")
_OF_ROOM = (
    "room_id",
    "booking_ref",
    "customer_id",
    "provider_id",
    "status",
    "expires_at",
    "created_at",
    "utc_offset_minutes",
)


@mart(RoomTalks, part=BY_ROOM)
def room_talks(chat_rooms: Any, keys_of_tests: Any, conversations: Any, room_cases: Any) -> ir.Table:
    """What was said in each chat room, from both sides, whenever that was."""
    rooms = chat_rooms.filter(chat_rooms.deleted_at.isnull())
    rooms = rooms.anti_join(keys_of_tests, rooms.booking_ref == keys_of_tests.test_key).select(*_OF_ROOM)
    # Most messages name their room exactly: these are not brought together a second time.
    exact = rooms.left_join(conversations, rooms.room_id == conversations.conversation_id)
    names = _other_names(room_cases)
    by_case = conversations.inner_join(names, conversations.conversation_id == names.called)
    by_case = by_case.group_by(talked_in="in_room").aggregate(
        **{name: by_case[name].sum().cast("int64") for name in _COUNTS},
        **{name: getattr(by_case[name], "min" if name.startswith("first") else "max")() for name in TIMES},
    )
    both = {f"{name}_by_case": name for name in (*_COUNTS, *TIMES)}
    rows = exact.left_join(by_case.rename(both), exact.room_id == by_case.talked_in)
    return rows.select(
        *_OF_ROOM,
        **{
            name: (rows[name].fill_null(0) + rows[f"{name}_by_case"].fill_null(0)).cast("int64")
            for name in _COUNTS
        },
        **{
            name: (ibis.least if name.startswith("first") else ibis.greatest)(
                ibis.coalesce(rows[name], rows[f"{name}_by_case"]),
                ibis.coalesce(rows[f"{name}_by_case"], rows[name]),
            )
            for name in TIMES
        },
    )


itself(room_talks, of="core.chat_rooms")


def in_rooms(rows: Any, rooms: Any, room_cases: Any) -> Any:
    """The rows whose conversation_id names one of these rooms, exactly or but for case: with ``in_room``."""
    names = ibis.union(
        rooms.select(called=rooms.room_id, in_room=rooms.room_id),
        _other_names(room_cases, rooms),
        distinct=False,
    )
    return rows.inner_join(names, rows.conversation_id == names.called).drop("called")


def _other_names(room_cases: Any, rooms: Any = None) -> Any:
    """What else a room is called (``called``, ``in_room``): any, or these."""
    c = room_cases
    c = c.filter(c.alone & (c.kind != DELETED))
    if rooms is not None:
        c = c.semi_join(rooms, c.target == rooms.room_id)
    return c.select(called=c.written, in_room=c.target).distinct()
