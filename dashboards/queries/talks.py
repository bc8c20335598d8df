"""Chat rooms, what was said in them and by whom, without a word of it: those are asked for by words.py.

A message stands at the instant it was sent, one of which that is not known where it was made; messages of one instant
stand in the order of their ids. Which messages are of a room is as the marts match them: its id as written, or but for
case where no other room is called so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached

AT_ONCE: Final = 50
"""Messages of a conversation that are shown at once, and hits of a search."""
AFTER: Final = 5
"""Messages shown after one that was looked for: so many that it stands within sight at the foot of the list."""
EARLIEST: Final = datetime.fromisoformat("1970-01-01")
LATEST: Final = datetime.fromisoformat("9999-01-01")

WAITING: Final = Query(
    "chat_waiting",
    "SELECT w.*, p.provider_name FROM marts.chat_waiting w"
    " LEFT JOIN (SELECT provider_id, any_value(provider_name) AS provider_name FROM core.providers"
    "   WHERE deleted_at IS NULL GROUP BY provider_id) p USING (provider_id)"
    " ORDER BY w.waiting_since, w.room_id",
    columns=(
        Column("waiting_since", "chat.waiting_since"),
        Column("waited_s", "chat.waited_s"),
        Column("waiting_for_role", "chat.waiting_for", words="chat_role"),
        Column("messages", "chat.waiting_messages"),
        Column("provider_name", "chat.provider"),
    ),
)


def by_day(first: date, last: date) -> Query:
    """The figures of the rooms opened on each local day, the newest first."""
    return Query(
        "chat_days",
        "SELECT local_date, rooms, rooms_spoken, rooms_replied, unanswered, round(100 * unanswered_share, 1) AS share,"
        " p50_reply_s, p95_reply_s, messages_sent, unread, is_complete"
        " FROM marts.chat_rooms_daily WHERE local_date BETWEEN ? AND ? ORDER BY local_date DESC",
        (first, last),
        columns=(
            Column("local_date", "chat.day"),
            Column("rooms", "chat.rooms"),
            Column("rooms_spoken", "chat.rooms_spoken"),
            Column("rooms_replied", "chat.rooms_replied"),
            Column("unanswered", "chat.unanswered"),
            Column("share", "chat.unanswered_share"),
            Column("p50_reply_s", "chat.p50_reply"),
            Column("p95_reply_s", "chat.p95_reply"),
            Column("messages_sent", "chat.messages_sent"),
            Column("unread", "chat.unread"),
            Column("is_complete", "chat.is_complete"),
        ),
    )


@dataclass(frozen=True)
class Opened:
    """Rooms opened on some days, of them those spoken in and those left unanswered; None where it is not known of each
    day."""

    rooms: int
    spoken: int | None
    unanswered: int | None


@cached
def opened(path: str, first: date, last: date) -> Opened:
    row = ask(
        path,
        "SELECT coalesce(sum(rooms), 0)::BIGINT,"
        " CASE WHEN count(*) = count(rooms_spoken) THEN sum(rooms_spoken)::BIGINT END,"
        " CASE WHEN count(*) = count(unanswered) THEN sum(unanswered)::BIGINT END"
        " FROM marts.chat_rooms_daily WHERE local_date BETWEEN ? AND ?",
        [first, last],
    ).row(0)
    return Opened(*row)


@dataclass(frozen=True)
class Waits:
    """How many rooms wait, how many of them longer than an answer may take, and since when the longest one does."""

    rooms: int
    long: int
    since: datetime | None


@cached
def waits(path: str, within: timedelta) -> Waits:
    row = ask(
        path,
        "SELECT count(*) AS rooms, count(*) FILTER (waited_s > ?) AS long, min(waiting_since) AS since"
        " FROM marts.chat_waiting",
        [within.total_seconds()],
    ).row(0)
    return Waits(*row)


@dataclass(frozen=True)
class Spot:
    """A place between the messages of a conversation, or of all of them: that of a message. ``at``: naive UTC."""

    at: datetime
    message_id: str

    @property
    def code(self) -> str:
        """As an address says it."""
        return f"{(self.at - EARLIEST) // timedelta(microseconds=1)}~{self.message_id}"

    @classmethod
    def of(cls, code: str) -> Spot | None:
        """None where the code says no instant."""
        micros, _, message_id = code.partition("~")
        try:
            return cls(EARLIEST + timedelta(microseconds=int(micros)), message_id)
        except (ValueError, OverflowError):
            return None


SPOT_FORM: Final = r"\d{1,17}~.{0,100}"


@dataclass(frozen=True)
class Talk:
    """A conversation. ``names``: what it is called in messages; ``first_at``, ``last_at``: between which instants all
    of it was said; ``least``, ``most``: between which changes of the mirror; ``as_of``: the last change that the
    snapshot knows. Times are naive UTC."""

    names: tuple[str, ...]
    messages: int
    unread: int
    first_at: datetime
    last_at: datetime
    least: int
    most: int
    as_of: int


@dataclass(frozen=True)
class Room:
    """A chat room as the snapshot has it; ``booking_id``, where exactly one booking is meant. ``waiting_for``,
    ``waiting_since``: whose answer is waited for, where somebody waits."""

    room_id: str
    known: bool
    booking_id: str | None
    booking_ref: str | None
    customer_id: str | None
    provider_id: str | None
    provider_name: str | None
    status: str | None
    created_at: datetime | None
    expires_at: datetime | None
    deleted_at: datetime | None
    waiting_for: str | None
    waiting_since: datetime | None
    talk: Talk


# Both halves read but the rows of their time: a column's least and greatest value are kept with each part of a table.
_SPOKEN: Final = """
(SELECT message_id, conversation_id, sender_role, kind, is_read, change, sent_at AS said_at, true AS timed
 FROM core.messages WHERE sent_at BETWEEN $first AND $last AND deleted_at IS NULL
 UNION ALL
 SELECT message_id, conversation_id, sender_role, kind, is_read, change, created_at AS said_at, false AS timed
 FROM core.messages WHERE sent_at IS NULL AND created_at BETWEEN $first AND $last AND deleted_at IS NULL)
"""
_ROOM: Final = """
SELECT r.room_id, r.booking_ref, r.customer_id, r.provider_id, r.status, r.created_at, r.expires_at, r.deleted_at,
    p.provider_name, w.booking_id, w.waiting_for_role, w.waiting_since, t.messages, t.first_at, t.last_at
FROM (SELECT * FROM core.chat_rooms WHERE room_id = $1) r
LEFT JOIN (SELECT * FROM marts.room_talks WHERE room_id = $1) t USING (room_id)
LEFT JOIN (SELECT * FROM marts.chat_waiting WHERE room_id = $1) w USING (room_id)
LEFT JOIN (SELECT provider_id, any_value(provider_name) AS provider_name FROM core.providers
    GROUP BY provider_id) p ON p.provider_id = r.provider_id
"""


@cached
def room(path: str, room_id: str) -> Room | None:
    """A room by its id; also one of which only its messages are known. None where there is neither."""
    rows = ask(path, _ROOM, [room_id]).to_dicts()
    told: dict[str, Any] = rows[0] if rows else {}
    talk = _talk(path, room_id, told)
    if not rows and not talk.messages:
        return None
    booking_id, ref = told.get("booking_id"), told.get("booking_ref")
    if booking_id is None and ref is not None:
        for name in ("booking_id", "business_id"):
            found = ask(
                path, f"SELECT DISTINCT booking_id FROM core.bookings WHERE {name} = ? LIMIT 2", [ref]
            )["booking_id"]
            if len(found):
                booking_id = found[0] if len(found) == 1 else None
                break
    return Room(
        room_id=room_id,
        known=bool(rows),
        booking_id=booking_id,
        booking_ref=ref,
        customer_id=told.get("customer_id"),
        provider_id=told.get("provider_id"),
        provider_name=told.get("provider_name"),
        status=told.get("status"),
        created_at=told.get("created_at"),
        expires_at=told.get("expires_at"),
        deleted_at=told.get("deleted_at"),
        waiting_for=told.get("waiting_for_role"),
        waiting_since=told.get("waiting_since"),
        talk=talk,
    )


def _talk(path: str, room_id: str, told: dict[str, Any]) -> Talk:
    """What is known of a conversation: looked for between the instants that the marts say, and everywhere where they do
    not know it or that is not all of it."""
    expected = told.get("messages")
    first, last = told.get("first_at") or EARLIEST, told.get("last_at") or LATEST
    names = (room_id,)
    found = _counted(path, names, first, last)
    if expected is None or found["messages"] < expected:
        names = (room_id, *_other_names(path, room_id, first, last))
        if len(names) > 1:
            found = _counted(path, names, first, last)
    return Talk(
        names,
        found["messages"],
        found["unread"],
        found["first_at"] or EARLIEST,
        found["last_at"] or EARLIEST,
        found["least"] or 0,
        found["most"] or 0,
        as_of(path),
    )


def _counted(path: str, names: Sequence[str], first: datetime, last: datetime) -> dict[str, Any]:
    return ask(
        path,
        "SELECT count(*) AS messages, count(*) FILTER (is_read = false) AS unread,"
        " min(said_at) AS first_at, max(said_at) AS last_at,"
        f" min(change) AS least, max(change) AS most FROM {_SPOKEN} WHERE conversation_id IN ({_listed(names)})",
        {**_named(names), "first": first, "last": last},
    ).row(0, named=True)


def _other_names(path: str, room_id: str, first: datetime, last: datetime) -> list[str]:
    """What else a room is called: but for case, where that names no other room."""
    return ask(
        path,
        f"SELECT DISTINCT conversation_id AS name FROM {_SPOKEN}"
        " WHERE conversation_id <> $room AND lower(conversation_id) = lower($room) AND conversation_id NOT IN"
        " (SELECT room_id FROM core.chat_rooms) AND (SELECT count(*) FROM core.chat_rooms"
        "   WHERE lower(room_id) = lower($room) AND deleted_at IS NULL AND room_id <> $room) = 0 ORDER BY ALL",
        {"room": room_id, "first": first, "last": last},
    )["name"].to_list()


@cached
def was_read(path: str) -> bool:
    """Whether rooms and messages were ever read whole: else nobody is known to wait, and nobody not to."""
    found = ask(
        path,
        "SELECT count(DISTINCT collection) AS n FROM ops.scans"
        " WHERE collection IN ('chat_rooms', 'chat_messages') AND watermark IS NOT NULL",
    )
    return bool(found["n"][0] == 2)


@cached
def as_of(path: str) -> int:
    """The last change of the mirror that a snapshot knows."""
    return int(ask(path, "SELECT max(processed_change) AS n FROM core.state")["n"][0] or 0)


@dataclass(frozen=True)
class Part:
    """Some messages of a conversation, the oldest first: message_id, conversation_id, sender_role, kind, is_read,
    change, said_at, timed (``said_at`` is when it was sent, not when it was made). ``older``, ``newer``: there are
    more."""

    messages: pl.DataFrame
    older: bool
    newer: bool

    @property
    def first(self) -> Spot:
        return _spot(self.messages.row(0, named=True))

    @property
    def last(self) -> Spot:
        return _spot(self.messages.row(-1, named=True))


def _spot(row: dict[str, Any]) -> Spot:
    return Spot(row["said_at"], row["message_id"])


@cached
def newest(path: str, talk: Talk) -> Part:
    """The last messages."""
    some = _before(path, talk, None, AT_ONCE + 1)
    return Part(some.tail(AT_ONCE), some.height > AT_ONCE, False)


@cached
def before(path: str, talk: Talk, spot: Spot) -> Part:
    """The messages before a place, the nearest."""
    some = _before(path, talk, spot, AT_ONCE + 1)
    return Part(
        some.tail(AT_ONCE), some.height > AT_ONCE, bool(_after(path, talk, spot, 1, whole=True).height)
    )


@cached
def after(path: str, talk: Talk, spot: Spot) -> Part:
    """The messages after a place, the nearest."""
    some = _after(path, talk, spot, AT_ONCE + 1)
    return Part(
        some.head(AT_ONCE), bool(_before(path, talk, spot, 1, whole=True).height), some.height > AT_ONCE
    )


@cached
def around(path: str, talk: Talk, message_id: str) -> Part | None:
    """A message with those before it and the next few. None where it is not in the conversation."""
    here = ask(
        path,
        f"SELECT * FROM {_SPOKEN} WHERE conversation_id IN ({_listed(talk.names)}) AND message_id = $id LIMIT 1",
        {**_bounds(talk), "id": message_id},
    )
    if here.is_empty():
        return None
    spot = _spot(here.row(0, named=True))
    then = _after(path, talk, spot, AFTER + 1)
    ago = _before(path, talk, spot, AT_ONCE - AFTER)
    room_left = AT_ONCE - AFTER - 1
    messages = pl.concat([ago.tail(room_left), here, then.head(AFTER)])
    return Part(messages, ago.height > room_left, then.height > AFTER)


def _bounds(talk: Talk) -> dict[str, Any]:
    return {**_named(talk.names), "first": talk.first_at, "last": talk.last_at}


def _named(names: Sequence[str]) -> dict[str, str]:
    return {f"name{number}": name for number, name in enumerate(names)}


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"${name}" for name in _named(names))


def _before(path: str, talk: Talk, spot: Spot | None, limit: int, *, whole: bool = False) -> pl.DataFrame:
    """The last messages before a place (``whole``: or at it), the oldest first."""
    return _some(path, talk, spot, "<=" if whole else "<", "DESC", limit).reverse()


def _after(path: str, talk: Talk, spot: Spot, limit: int, *, whole: bool = False) -> pl.DataFrame:
    return _some(path, talk, spot, ">=" if whole else ">", "ASC", limit)


def _some(path: str, talk: Talk, spot: Spot | None, than: str, order: str, limit: int) -> pl.DataFrame:
    asked: dict[str, Any] = {**_bounds(talk), "limit": limit}
    where = ""
    if spot is not None:
        where = f" AND (said_at {than[0]} $spot OR said_at = $spot AND message_id {than} $id)"
        asked |= {"spot": spot.at, "id": spot.message_id}
    return ask(
        path,
        f"SELECT * FROM {_SPOKEN} WHERE conversation_id IN ({_listed(talk.names)}){where}"
        f" ORDER BY said_at {order}, message_id {order} LIMIT $limit",
        asked,
    )


# For a search: which changes of the mirror are to be looked through, and what the messages found are. ----------


@cached
def changes(path: str, first: datetime, last: datetime) -> tuple[int, int] | None:
    """The least and the greatest change of messages sent between two instants; None where there is none."""
    found = ask(
        path,
        f"SELECT min(change) AS least, max(change) AS most FROM {_SPOKEN}",
        {"first": first, "last": last},
    ).row(0)
    return None if found[0] is None else (int(found[0]), int(found[1]))


@cached
def first_said(path: str) -> datetime | None:
    """When the oldest message was sent."""
    return ask(
        path,
        "SELECT min(coalesce(sent_at, created_at)) AS said_at FROM core.messages WHERE deleted_at IS NULL",
    )["said_at"][0]


def of_ids(path: str, ids: Sequence[str], first: datetime, spot: Spot, limit: int) -> pl.DataFrame:
    """Of some messages those sent from ``first`` on and before a place, the newest first, as a Part has them."""
    return ask(
        path,
        f"SELECT * FROM {_SPOKEN} WHERE message_id IN (SELECT unnest($ids))"
        " AND (said_at < $last OR said_at = $last AND message_id < $id)"
        " ORDER BY said_at DESC, message_id DESC LIMIT $limit",
        {"ids": list(ids), "first": first, "last": spot.at, "id": spot.message_id, "limit": limit},
    )
