"""The mart marts.room_talks.

Messages are brought to one row a conversation before rooms are known: there are millions of them. Rooms of test
bookings are left out, and what names a room that is not there is in none.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.commission_matches import DELETED
from assets.marts.steps.reference_cases import BOOKING, ROOM
from checks.schemas.chat import RoomTalks
from marketplace.chats import AUTOMATIC_KINDS
from marketplace.statuses import Role


@mart(RoomTalks)
def room_talks(chat_rooms: Any, messages: Any, bookings: Any, reference_cases: Any) -> ir.Table:
    """What was said in each chat room, from both sides, whenever that was."""
    rooms = chat_rooms.filter(chat_rooms.deleted_at.isnull())
    tests = _tests(bookings, reference_cases)
    rooms = rooms.anti_join(tests, rooms.booking_ref == tests.test_key).select(
        "room_id",
        "booking_ref",
        "customer_id",
        "provider_id",
        "status",
        "expires_at",
        "created_at",
        "utc_offset_minutes",
    )
    m = spoken(messages)
    times = {"first_at": m.sent_at.min(), "last_at": m.sent_at.max()} | {
        f"{which}_{side}_at": getattr(m.sent_at, least)(where=m.human & (m.sender_role == side))
        for side in (Role.CUSTOMER.value, Role.THERAPIST.value)
        for which, least in (("first", "min"), ("last", "max"))
    }
    said = m.group_by("conversation_id").aggregate(
        messages=m.count(), unread=m.count(where=m.unread), **times
    )
    said = in_rooms(said, rooms, reference_cases)
    said = said.group_by(talked_in="in_room").aggregate(
        messages=said.messages.sum().cast("int64"),
        unread=said.unread.sum().cast("int64"),
        **{name: getattr(said[name], "min" if name.startswith("first") else "max")() for name in times},
    )
    rows = rooms.left_join(said, rooms.room_id == said.talked_in)
    return rows.select(
        *rooms.columns,
        messages=rows.messages.fill_null(0),
        unread=rows.unread.fill_null(0),
        **{n: rows[n] for n in times},
    )


itself(room_talks, of="core.chat_rooms")


def spoken(messages: Any) -> Any:
    """Messages that stand: conversation_id, sender_role, sent_at, human (a person wrote it), unread."""
    m = messages.filter(messages.deleted_at.isnull() & messages.conversation_id.notnull())
    return m.select(
        "conversation_id",
        "sender_role",
        sent_at=ibis.coalesce(m.sent_at, m.created_at),
        human=~m.kind.isin(AUTOMATIC_KINDS),
        unread=~m.is_read.fill_null(True),
    )


def in_rooms(rows: Any, rooms: Any, reference_cases: Any) -> Any:
    """The rows whose conversation_id names one of these rooms, exactly or but for case: with ``in_room``."""
    c = reference_cases
    c = c.filter((c.reference == ROOM) & c.alone & (c.kind != DELETED))
    c = c.semi_join(rooms, c.target == rooms.room_id)
    names = ibis.union(
        rooms.select(called=rooms.room_id, in_room=rooms.room_id),
        c.select(called=c.written, in_room=c.target).distinct(),
        distinct=False,
    )
    return rows.inner_join(names, rows.conversation_id == names.called).drop("called")


def _tests(bookings: Any, reference_cases: Any) -> Any:
    """What names a test booking and no real one."""
    b = bookings.filter(bookings.deleted_at.isnull())
    tests, real = b.filter(b.is_test), b.filter(~b.is_test)
    keys = ibis.union(
        tests.select(test_key=tests.booking_id),
        tests.filter(tests.business_id.notnull()).select(test_key=tests.business_id),
        distinct=True,
    )
    # Few are tests: only what has one of their keys is looked at.
    for key in ("booking_id", "business_id"):
        same = real.semi_join(keys, real[key] == keys.test_key).select(same=real[key])
        keys = keys.anti_join(same, keys.test_key == same.same)
    c = reference_cases
    c = c.filter((c.reference == BOOKING) & (c.kind != DELETED) & (c.test == 1))
    return ibis.union(keys, c.select(test_key=c.written), distinct=True)
