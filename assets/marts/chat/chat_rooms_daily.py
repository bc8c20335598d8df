"""The mart marts.chat_rooms_daily."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, one, where
from assets.marts.chat.room_talks import in_rooms
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
from assets.marts.parts.rooms import BY_DAY
from assets.marts.steps.conversations import spoken
from assets.marts.tables import Instants
from checks.schemas.chat import ChatRoomsDaily
from marketplace.chats import REPLY_WITHIN
from marketplace.cohorts import ROOMS_SETTLE
from marketplace.services import MEDIAN, TAIL

_MESSAGES, _ROOMS = "chat_messages", "chat_rooms"
#: The counts that rest on messages.
_OF_MESSAGES = (
    "rooms_spoken",
    "rooms_replied",
    "slow",
    "messages",
    "booking_messages",
    "unread",
    "messages_sent",
)


@mart(ChatRoomsDaily, part=BY_DAY)
def chat_rooms_daily(room_talks: Any, messages: Any, room_cases: Any, scans: Any, at: Instants) -> ir.Table:
    """What was said in the chat rooms of each local day on which they were opened, whenever it was
    said; ``messages_sent`` alone goes by the day of sending. A reply is the first message of the
    other side after the room's first; what the app or an administrator writes is none."""
    r = _rooms(room_talks, scans, at)
    opened = r.group_by(opened_on="local_date").aggregate(
        rooms=r.count(),
        rooms_spoken=r.count(where=r.spoken),
        rooms_replied=r.count(where=r.replied),
        slow=r.count(where=r.slow),
        p50_reply_s=r.reply_s.quantile(MEDIAN),
        p95_reply_s=r.reply_s.quantile(TAIL),
        messages=r.messages.sum(),
        bookings=r.booking_ref.nunique(),
        booking_messages=r.messages.sum(where=r.booking_ref.notnull()),
        unread=r.unread.sum(),
    )
    sent = _sent(room_talks, messages, room_cases)
    rows = opened.outer_join(sent, opened.opened_on == sent.sent_on)
    day = ibis.coalesce(rows.opened_on, rows.sent_on)
    s = scans.filter(scans.collection == _ROOMS)
    rooms_read = s.aggregate(read=~first_scan_broke_off(s).any().fill_null(False)).as_scalar()
    # Columns: each place that asks for one anew is another table for DuckDB to put in order.
    rows = rows.mutate(
        known=read_until(scans, _MESSAGES).notnull(), rooms_known=rooms_read & zones_read(scans)
    )
    known: Any = rows.known

    def count(name: str) -> Any:
        return rows[name].fill_null(0).cast("int64")

    counts = {name: count(name) for name in ("rooms", "bookings")}
    # Nothing read is not nothing said.
    counts |= {name: ibis.cases((known, count(name))) for name in _OF_MESSAGES}
    times = {name: ibis.cases((known, rows[name])) for name in ("p50_reply_s", "p95_reply_s")}
    rows = rows.select(local_date=day, all_read=known & rows.rooms_known, **times, **counts)
    return rows.select(
        "local_date",
        "rooms",
        "rooms_spoken",
        "rooms_replied",
        unanswered=rows.slow,
        unanswered_share=rows.slow / rows.rooms_spoken.nullif(0),
        p50_reply_s=rows.p50_reply_s,
        p95_reply_s=rows.p95_reply_s,
        messages=rows.messages,
        bookings=rows.bookings,
        booking_messages=rows.booking_messages,
        messages_per_booking=rows.booking_messages / rows.bookings.nullif(0),
        unread=rows.unread,
        messages_sent=rows.messages_sent,
        is_complete=is_final(ends(rows.local_date) + interval(ROOMS_SETTLE) <= at.now, rows.all_read),
    )


def _rooms(room_talks: Any, scans: Any, at: Instants) -> Any:
    """The rooms of each day (local_date): spoken, replied, slow (the first message waited too long), reply_s."""
    seen_at: Any = ibis.least(at.now, read_until(scans, _MESSAGES))
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
    return r.mutate(
        spoken=first.notnull(),
        replied=both,
        slow=first.notnull() & slow.fill_null(False),
        reply_s=ibis.cases((both, seconds_between(first, reply))),
    )


def _sent(room_talks: Any, messages: Any, room_cases: Any) -> Any:
    """How many messages were sent on each local day of the room they were sent in."""
    within, over = _by_days(room_talks)
    # Only of rooms that were spoken in on two days the messages are looked at: there are few.
    sent = in_rooms(spoken(messages).select("conversation_id", "sent_at"), over, room_cases)
    sent = sent.inner_join(over, sent.in_room == over.room_id)
    each = sent.select(
        sent_on=local_day(sent.sent_at, sent.utc_offset_minutes),
        messages_sent=ibis.literal(1).cast("int64"),
    )
    days: Any = ibis.union(within.select("sent_on", "messages_sent"), each, distinct=False)
    return days.group_by("sent_on").aggregate(messages_sent=days.messages_sent.sum())


def _by_days(room_talks: Any) -> tuple[Any, Any]:
    """Rooms all of whose messages were sent on one local day (room_id, sent_on, messages_sent), and the others (room_id
    and utc_offset_minutes)."""
    r = room_talks.filter(room_talks.utc_offset_minutes.notnull() & (room_talks.messages > 0))
    r = r.mutate(
        first_day=local_day(r.first_at, r.utc_offset_minutes),
        last_day=local_day(r.last_at, r.utc_offset_minutes),
    )
    within = r.filter(r.first_day == r.last_day)
    over = r.filter(r.first_day != r.last_day)
    return (
        within.select("room_id", sent_on=within.first_day, messages_sent=within.messages),
        over.select("room_id", "utc_offset_minutes"),
    )


@behind(chat_rooms_daily)
def chat_rooms_daily_rows(
    room_talks: Any, messages: Any, chat_rooms: Any, scans: Any, at: Instants
) -> ir.Table:
    """The rooms opened on each day, and those in which something was sent on it."""
    r = _rooms(room_talks, scans, at)
    # A booking counts once a day, at the first of its rooms.
    place = ibis.row_number().over(ibis.window(group_by=[r.local_date, r.booking_ref], order_by=r.room_id))
    r = r.mutate(place=place)
    room = ibis.literal("core.chat_rooms")
    opened = r.select(
        "local_date",
        "booking_ref",
        "status",
        "created_at",
        "first_customer_at",
        "first_therapist_at",
        "messages",
        "unread",
        "reply_s",
        id=r.room_id,
        of=room,
        rooms=one(),
        rooms_spoken=where(r.spoken),
        rooms_replied=where(r.replied),
        unanswered=where(r.slow),
        bookings=where(r.booking_ref.notnull() & (r.place == 0)),
        booking_messages=where(r.booking_ref.notnull(), r.messages),
    )
    within, over = _by_days(room_talks)
    sent = _in_rooms_by_case(spoken(messages).select("conversation_id", "sent_at"), over, chat_rooms)
    each = sent.mutate(sent_on=local_day(sent.sent_at, sent.utc_offset_minutes))
    each = each.group_by("room_id", "sent_on").aggregate(messages_sent=each.count())
    said = ibis.union(within, each.select(within.columns), distinct=False)
    return gather(opened, said.select("messages_sent", local_date=said.sent_on, id=said.room_id, of=room))


def _in_rooms_by_case(rows: Any, rooms: Any, chat_rooms: Any) -> Any:
    """As in_rooms, without what a build alone has: the rows of these rooms, exactly or but for case where no other room
    is called so."""
    there = chat_rooms.filter(chat_rooms.deleted_at.isnull())
    folded = rooms.mutate(folded=rooms.room_id.lower())
    named = there.select(folded=there.room_id.lower()).semi_join(folded, "folded")
    alone = named.group_by("folded").aggregate(times=named.count())
    alone = folded.inner_join(alone.filter(alone.times == 1), "folded").drop("times")
    exact = rows.inner_join(rooms, rows.conversation_id == rooms.room_id)
    alike = rows.inner_join(alone, rows.conversation_id.lower() == alone.folded).drop("folded")
    alike = alike.filter(alike.conversation_id != alike.room_id)
    return ibis.union(exact, alike.select(exact.columns), distinct=False)
