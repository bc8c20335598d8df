"""The units of chat: conversations in which something was said or changed, rooms with what is called as they are but
for case, and the local days of rooms.

A message names its room by words that may fit it but for case alone; so conversations are followed as they are written,
and rooms by their name in lower case.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import links
from assets.marts.parts.part import Change, Part, Unit, changed, gone_of, many_days, part_of
from assets.marts.parts.spans import between
from marketplace.chats import REPLY_WITHIN
from marketplace.cohorts import LAST_ZONE, ROOMS_SETTLE

_MESSAGES: Final = "chat_messages"

CONVERSATIONS_NAME: Final = "conversations"
_TOUCHED: Final = "conversation_id IN (FROM temp.touched_conversations)"
#: Parts by a conversation as it is written.
BY_CONVERSATION: Final = Part(CONVERSATIONS_NAME, _TOUCHED)


def _find_conversations(con: Any, change: Change) -> str | None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_conversations AS SELECT DISTINCT conversation_id"
        f" FROM ({changed('messages', 'conversation_id')}) WHERE conversation_id IS NOT NULL"
    )
    return None


CONVERSATIONS: Final = Unit(
    CONVERSATIONS_NAME, {"messages": _TOUCHED}, _find_conversations, ("touched_conversations",)
)

ROOMS_NAME: Final = "rooms"
_CALLED: Final = "(FROM temp.touched_rooms)"
_ROOM: Final = f"lower(room_id) IN {_CALLED}"
#: Parts by a room, and by what is called as one.
BY_ROOM: Final = Part(ROOMS_NAME, _ROOM, ("room_id",))
BY_NAME: Final = Part(ROOMS_NAME, f"lower(written) IN {_CALLED}")


def _find_rooms(con: Any, change: Change) -> str | None:
    keys = [part_of(links.NAME, "keys_of_tests"), gone_of(links.NAME, "keys_of_tests")]
    now, before = (f"SELECT test_key FROM temp.{key}" for key in keys)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_tests AS ({now} EXCEPT {before}) UNION ({before} EXCEPT {now})"
    )
    queries = [
        changed("chat_rooms", "lower(room_id)"),
        changed("messages", "lower(conversation_id)"),
    ]
    if con.execute("SELECT 1 FROM temp.touched_tests LIMIT 1").fetchone():
        queries.append(
            "SELECT lower(room_id) FROM core.chat_rooms WHERE booking_ref IN (FROM temp.touched_tests)"
        )
    asked = " UNION ".join(f"({query})" for query in queries)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_rooms AS SELECT folded FROM ({asked}) AS asked(folded)"
        " WHERE folded IS NOT NULL"
    )
    return None


ROOMS: Final = Unit(
    ROOMS_NAME,
    {
        "chat_rooms": _ROOM,
        "conversations": f"lower(conversation_id) IN {_CALLED}",
        # Of what was said only what names a room in other letters: as a rule nothing.
        "messages": f"conversation_id IN (SELECT written FROM temp.{part_of(ROOMS_NAME, 'room_cases')} WHERE alone)",
    },
    _find_rooms,
    ("touched_rooms",),
    ("touched_tests",),
)

DAYS_NAME: Final = "room_days"
#: Parts by the day rooms were opened, or something was sent.
BY_DAY: Final = Part(DAYS_NAME, "local_date IN (FROM temp.touched_room_days)", ("local_date",))


def _day(column: str) -> str:
    return f"CAST({column} + to_minutes(utc_offset_minutes) AS DATE)"


def _find_days(con: Any, change: Change) -> str | None:
    talks = [f"temp.{table(ROOMS_NAME, 'room_talks')}" for table in (part_of, gone_of)]
    queries = [f"SELECT {_day('created_at')} FROM {table}" for table in talks]
    # Of a room that was talked in on many days any of them may count another number.
    queries += [
        f"SELECT unnest(generate_series({_day('first_at')}::TIMESTAMP, {_day('last_at')}::TIMESTAMP, INTERVAL 1 DAY))"
        f"::DATE FROM {table}"
        for table in talks
    ]
    seen = [
        min(given.now, given.read_until.get(_MESSAGES, given.now)) - REPLY_WITHIN
        for given in (change.before, change.now)
    ]
    # The first message of a room in which nobody answered: from then on it is too late.
    alone = "(first_customer_at IS NULL OR first_therapist_at IS NULL)"
    first = "coalesce(first_customer_at, first_therapist_at)"
    queries.append(
        f"SELECT {_day('created_at')} FROM marts.room_talks WHERE {alone} AND {between((first,), *seen)}"
    )
    over = f"CAST(local_date + 1 AS TIMESTAMP) - to_minutes({LAST_ZONE.offset_minutes})"
    final = between((over,), change.before.now - ROOMS_SETTLE, change.now.now - ROOMS_SETTLE)
    queries.append(f"SELECT local_date FROM marts.chat_rooms_daily WHERE {final}")
    asked = " UNION ".join(f"({query})" for query in queries)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_room_days AS"
        f" SELECT day FROM ({asked}) AS asked(day) WHERE day IS NOT NULL"
    )
    days, *span = con.execute("SELECT count(*), min(day), max(day) FROM temp.touched_room_days").fetchone()
    if many := many_days(con, "marts.chat_rooms_daily", days):
        return many
    for name, day in zip(("from", "until"), span, strict=True):
        con.execute(f"SET VARIABLE bookwatch_room_days_{name} = CAST(? AS DATE)", [day])
    return None


_FROM: Final = "getvariable('bookwatch_room_days_from')"
_UNTIL: Final = "getvariable('bookwatch_room_days_until')"
_ON_SOME_DAYS: Final = f"{_day('first_at')} <> {_day('last_at')}"
_TALKED: Final = f"SELECT room_id FROM temp.{part_of(DAYS_NAME, 'room_talks')} WHERE {_ON_SOME_DAYS}"

DAYS: Final = Unit(
    DAYS_NAME,
    {
        # Without days nothing is in the part: the variables are null then.
        "room_talks": (
            f"{_day('created_at')} BETWEEN {_FROM} AND {_UNTIL}",
            f"{_day('first_at')} <= {_UNTIL} AND {_day('last_at')} >= {_FROM}",
        ),
        "messages": (
            f"conversation_id IN ({_TALKED})",
            f"conversation_id IN (SELECT written FROM temp.room_cases WHERE target IN ({_TALKED}))",
        ),
    },
    _find_days,
    ("touched_room_days",),
)
