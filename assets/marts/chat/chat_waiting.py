"""The mart marts.chat_waiting."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.chat.room_talks import in_rooms
from assets.marts.expressions import read_until, seconds_between
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.commission_matches import LIVE, booking_keys
from assets.marts.steps.conversations import spoken
from assets.marts.tables import Instants
from checks.schemas.chat import ChatWaiting
from marketplace.chats import CLOSED_ROOMS
from marketplace.commission import ENDED_STATUSES
from marketplace.statuses import BookingStatus, Role

_OVER = (*ENDED_STATUSES, BookingStatus.COMPLETED.value)


@mart(ChatWaiting, clock_columns=("waited_s",))
def chat_waiting(
    room_talks: Any,
    messages: Any,
    bookings: Any,
    quarantined: Any,
    booking_cases: Any,
    room_cases: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """Who waits now for an answer in a chat, and since when; the longest first. Rooms that are
    completed, cancelled or past their time, and those whose booking is over, are left out. Two
    messages of one instant count as an answer."""
    r = room_talks
    r = r.filter(
        ~r.status.isin(CLOSED_ROOMS)
        & (r.expires_at > at.now).fill_null(True)
        & (r.last_customer_at.notnull() | r.last_therapist_at.notnull())
        & (r.last_customer_at != r.last_therapist_at).fill_null(True)
    )
    customer_last = (r.last_customer_at > r.last_therapist_at).fill_null(r.last_customer_at.notnull())
    customer, therapist = Role.CUSTOMER.value, Role.THERAPIST.value
    rooms = r.select(
        "room_id",
        "booking_ref",
        "customer_id",
        "provider_id",
        waiting=ibis.cases((customer_last, customer), else_=therapist),
        waiting_for_role=ibis.cases((customer_last, therapist), else_=customer),
        answered_at=ibis.cases((customer_last, r.last_therapist_at), else_=r.last_customer_at),
    )
    rooms = _of_bookings(rooms, bookings, quarantined, booking_cases)
    m = in_rooms(spoken(messages), rooms, room_cases)
    m = m.filter(m.human).inner_join(
        rooms.select("room_id", "waiting", "answered_at"), m.in_room == rooms.room_id
    )
    m = m.filter((m.sender_role == m.waiting) & (m.sent_at > m.answered_at).fill_null(True))
    since = m.group_by(waits_in="in_room").aggregate(waiting_since=m.sent_at.min(), messages=m.count())
    rows = rooms.inner_join(since, rooms.room_id == since.waits_in)
    # Longer than messages were read nobody is known to wait. A message of a clock that is ahead has waited for no time.
    read: Any = read_until(scans, "chat_messages")
    until = ibis.cases((read.notnull(), ibis.least(at.now, read)))
    waited = ibis.cases((until.notnull(), ibis.greatest(seconds_between(rows.waiting_since, until), 0.0)))
    return rows.select(
        "room_id",
        "booking_id",
        "customer_id",
        "provider_id",
        "waiting_since",
        "waiting_for_role",
        "messages",
        waited_s=waited,
    ).order_by("waiting_since", "room_id")


def _of_bookings(rooms: Any, bookings: Any, quarantined: Any, booking_cases: Any) -> Any:
    """Add ``booking_id`` to the rooms, null where they name no booking or one of two; without those whose booking is
    over."""
    keys = booking_keys(bookings, quarantined)
    keys = keys.semi_join(rooms, keys.key == rooms.booking_ref).select(
        "key", "target", "origin", "kind", "test"
    )
    c = booking_cases
    c = c.filter(c.alone).select("target", "origin", "kind", "test", key=c.written)
    keys = ibis.union(keys, c.select(keys.columns), distinct=True)
    # Of a test booking and a real one the real one is meant; rooms of tests alone are not here.
    keys = keys.filter((keys.kind == LIVE) & (keys.test == 0))
    b = bookings.select(b_id="booking_id", b_origin="origin", b_status="status")
    found: Any = keys.inner_join(b, [keys.target == b.b_id, keys.origin == b.b_origin])
    named = found.group_by(named="key").aggregate(
        least=found.target.min(), fits=found.count(), over=found.b_status.isin(_OVER).all()
    )
    rows = rooms.left_join(named, rooms.booking_ref == named.named)
    rows = rows.filter(~rows.over.fill_null(False))
    return rows.mutate(booking_id=ibis.cases((rows.fits == 1, rows.least))).drop(
        "named", "least", "fits", "over"
    )


itself(chat_waiting, of="core.chat_rooms")
