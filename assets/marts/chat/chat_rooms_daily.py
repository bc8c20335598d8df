"""The mart marts.chat_rooms_daily."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, one, where
from assets.marts.cohorts import ends, is_final
from assets.marts.expressions import (
    dated,
    first_scan_broke_off,
    interval,
    local_day,
    read_until,
    seconds_between,
    zones_read,
)
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.commission_matches import commission_matches
from assets.marts.steps.reference_cases import reference_cases
from assets.marts.steps.room_talks import in_rooms, room_talks, spoken
from assets.marts.tables import Instants
from checks.schemas.chat import ChatRoomsDaily
from marketplace.chats import REPLY_WITHIN
from marketplace.cohorts import ROOMS_SETTLE
from marketplace.services import MEDIAN, TAIL

_MESSAGES, _ROOMS = "chat_messages", "chat_rooms"


@mart(ChatRoomsDaily)
def chat_rooms_daily(
    room_talks: Any, messages: Any, reference_cases: Any, scans: Any, at: Instants
) -> ir.Table:
    """What was said in the chat rooms of each local day on which they were opened, whenever it was
    said; ``messages_sent`` alone goes by the day of sending. A reply is the first message of the
    other side after the room's first; what the app or an administrator writes is none."""
    read: Any = read_until(scans, _MESSAGES)
    r = _opened(room_talks, read, at)
    opened = r.group_by(opened_on="local_date").aggregate(
        rooms=r.count(),
        rooms_spoken=r.count(where=r.spoken),
        rooms_replied=r.count(where=r.replied),
        slow=r.count(where=r.spoken & r.slow),
        p50_reply_s=r.reply_s.quantile(MEDIAN),
        p95_reply_s=r.reply_s.quantile(TAIL),
        messages=r.messages.sum(),
        bookings=r.booking_ref.nunique(),
        booking_messages=r.messages.sum(where=r.booking_ref.notnull()),
        unread=r.unread.sum(),
    )
    sent = _sent(room_talks, messages, reference_cases)
    rows = opened.outer_join(sent, opened.opened_on == sent.sent_on)
    day = ibis.coalesce(rows.opened_on, rows.sent_on)
    zero = {
        name: rows[name].fill_null(0).cast("int64")
        for name in (
            "rooms",
            "rooms_spoken",
            "rooms_replied",
            "slow",
            "messages",
            "bookings",
            "booking_messages",
            "unread",
            "messages_sent",
        )
    }
    s = scans.filter(scans.collection == _ROOMS)
    rooms_read = s.aggregate(read=~first_scan_broke_off(s).any().fill_null(False)).as_scalar()
    known: Any = read.notnull()
    rows = rows.select(local_date=day, p50_reply_s="p50_reply_s", p95_reply_s="p95_reply_s", **zero)
    return rows.select(
        "local_date",
        "rooms",
        "rooms_spoken",
        "rooms_replied",
        unanswered=ibis.cases((known, rows.slow)),
        unanswered_share=ibis.cases((known, rows.slow / rows.rooms_spoken.nullif(0))),
        p50_reply_s=rows.p50_reply_s,
        p95_reply_s=rows.p95_reply_s,
        messages=rows.messages,
        bookings=rows.bookings,
        booking_messages=rows.booking_messages,
        messages_per_booking=rows.booking_messages / rows.bookings.nullif(0),
        unread=rows.unread,
        messages_sent=rows.messages_sent,
        is_complete=is_final(
            ends(rows.local_date) + interval(ROOMS_SETTLE) <= at.now, known & rooms_read & zones_read(scans)
        ),
    )


def _opened(room_talks: Any, read: Any, at: Instants) -> Any:
    """The rooms that have a local day: what was said in each, and how long the reply took."""
    seen_at: Any = ibis.least(at.now, read)
    r = dated(room_talks.mutate(local_date=lambda r: local_day(r.created_at, r.utc_offset_minutes)))
    first = ibis.least(
        ibis.coalesce(r.first_customer_at, r.first_therapist_at),
        ibis.coalesce(r.first_therapist_at, r.first_customer_at),
    )
    # Whichever side wrote second, its first message is the other's reply.
    reply = ibis.cases(
        (r.first_customer_at <= r.first_therapist_at, r.first_therapist_at), else_=r.first_customer_at
    )
    both = r.first_customer_at.notnull() & r.first_therapist_at.notnull()
    limit = interval(REPLY_WITHIN)
    slow: Any = ibis.cases((both, reply > first + limit), else_=(seen_at > first + limit))
    return r.select(
        "room_id",
        "local_date",
        "booking_ref",
        "messages",
        "unread",
        spoken=first.notnull(),
        replied=both,
        slow=slow.fill_null(False),
        reply_s=ibis.cases((both, seconds_between(first, reply))),
    )


def _sent(room_talks: Any, messages: Any, reference_cases: Any) -> Any:
    """How many messages were sent on each local day of the room they were sent in."""
    r = room_talks.filter(room_talks.utc_offset_minutes.notnull() & (room_talks.messages > 0))
    r = r.mutate(
        first_day=local_day(r.first_at, r.utc_offset_minutes),
        last_day=local_day(r.last_at, r.utc_offset_minutes),
    )
    within = r.filter(r.first_day == r.last_day).select(sent_on="first_day", messages_sent="messages")
    # Only of rooms that were spoken in on two days the messages are looked at: there are few.
    over = r.filter(r.first_day != r.last_day).select("room_id", "utc_offset_minutes")
    sent = in_rooms(spoken(messages).select("conversation_id", "sent_at"), over, reference_cases)
    sent = sent.inner_join(over, sent.in_room == over.room_id)
    each = sent.select(
        sent_on=local_day(sent.sent_at, sent.utc_offset_minutes),
        messages_sent=ibis.literal(1).cast("int64"),
    )
    days: Any = ibis.union(within, each, distinct=False)
    return days.group_by("sent_on").aggregate(messages_sent=days.messages_sent.sum())


def _messages(room_talks: Any, messages: Any, reference_cases: Any) -> Any:
    """Messages in rooms, with the local day on which they were sent."""
    rooms = room_talks.filter(room_talks.utc_offset_minutes.notnull()).select("room_id", "utc_offset_minutes")
    sent = spoken(messages).select("message_id", "conversation_id", "sent_at")
    sent = in_rooms(sent, rooms, reference_cases)
    sent = sent.inner_join(rooms, sent.in_room == rooms.room_id)
    days = sent.select(
        "message_id", "room_id", "sent_at", sent_on=local_day(sent.sent_at, sent.utc_offset_minutes)
    )
    return days.filter(days.sent_on.notnull())


@behind(chat_rooms_daily)
def chat_rooms_daily_rows(
    chat_rooms: Any,
    messages: Any,
    notifications: Any,
    bookings: Any,
    commissions: Any,
    quarantined: Any,
    scans: Any,
    at: Instants,
) -> ir.Table:
    """The rooms opened on each day, and the messages sent on it."""
    matches = commission_matches(commissions, bookings, quarantined)
    cases = reference_cases(matches, commissions, chat_rooms, messages, notifications, bookings, quarantined)
    talks = room_talks(chat_rooms, messages, bookings, cases)
    r = _opened(talks, read_until(scans, _MESSAGES), at)
    of_booking = ibis.window(group_by=["local_date", "booking_ref"], order_by="room_id")
    first: Any = ibis.row_number().over(of_booking) == 0
    named = r.booking_ref.notnull()
    opened = r.select(
        "local_date",
        "booking_ref",
        id=r.room_id,
        of=ibis.literal("core.chat_rooms"),
        rooms=one(),
        rooms_spoken=where(r.spoken),
        rooms_replied=where(r.replied),
        unanswered=where(r.spoken & r.slow),
        reply_s=r.reply_s,
        messages=r.messages,
        # A booking may have several rooms: the first stands for it.
        bookings=where(named & first),
        booking_messages=where(named, r.messages),
        unread=r.unread,
    )
    m = _messages(talks, messages, cases)
    sent = m.select(
        "room_id",
        "sent_at",
        local_date=m.sent_on,
        id=m.message_id,
        of=ibis.literal("core.messages"),
        messages_sent=one(),
    )
    return gather(opened, sent)
