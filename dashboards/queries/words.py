"""What was written in chats, asked of the file of personal data (private.py opens it, for dashboards/reveal.py): how
long messages are, what they say, and in which of them some words stand. Nothing of it is kept.

When and by whom a message was written says the snapshot (talks.py). The file is in step with it: it may know later
changes, and, where a run could not write it, earlier ones alone; then nothing is left out by the number of a change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import duckdb
import polars as pl

from dashboards.queries import talks
from dashboards.queries.talks import AT_ONCE, Spot, Talk
from marketplace.searching import SQL_FOLDED, asked

DAYS: Final = 90
"""How far back a search in all conversations looks at once."""
_STEPS: Final = (1, 7, 30, DAYS)
"""Days that are looked through one after the other until there are enough hits: words of every day are found in the
newest."""


@dataclass(frozen=True)
class Hits:
    """Messages in which some words stand, the newest first, as a Part has them. ``more``: there are older ones at or
    after ``since``, up to which was searched (None: to the beginning)."""

    messages: pl.DataFrame
    more: bool
    since: datetime | None

    @property
    def last(self) -> Spot:
        row = self.messages.row(-1, named=True)
        return Spot(row["said_at"], row["message_id"])


def lengths(connection: duckdb.DuckDBPyConnection, talk: Talk, ids: Sequence[str]) -> dict[str, int | None]:
    """Message id → letters that were written, of the messages in which something was; None where that cannot be told:
    the file is older than the snapshot."""
    found: dict[str, int | None] = dict(_of(connection, talk, ids, "letters"))
    if _known(connection) < talk.as_of:
        return dict.fromkeys(ids) | found
    return found


def texts(connection: duckdb.DuckDBPyConnection, talk: Talk, ids: Sequence[str]) -> dict[str, str]:
    """Message id → what was written."""
    return dict(_of(connection, talk, ids, "text"))


def found_in(
    connection: duckdb.DuckDBPyConnection, path: str, talk: Talk, words: str, spot: Spot | None = None
) -> Hits:
    """The messages of one conversation, before a place, in which the words stand."""
    where, more = _within(connection, talk)
    matched, about = _matched(words)
    ids = _ids(connection, f"{where} AND {matched}", {**more, **about})
    whole = Spot(talk.last_at + timedelta(microseconds=1), "")
    return _newest(path, ids, talk.first_at, spot or whole, None)


def found(
    connection: duckdb.DuckDBPyConnection, path: str, words: str, now: datetime, spot: Spot | None = None
) -> Hits:
    """The messages of all conversations in which the words stand, of DAYS days before ``now`` (naive UTC) or before a
    place."""
    until = spot or Spot(now + timedelta(days=1), "")  # a clock may be ahead
    newest = now if spot is None else spot.at
    matched, about = _matched(words)
    hits = Hits(pl.DataFrame(), False, newest)
    for days in _STEPS:
        since = newest - timedelta(days=days)
        span = talks.changes(path, _hour(since), _hour(until.at) + timedelta(hours=1))
        ids: list[str] = []
        if span is not None:
            where, more = _since(connection, span, talks.as_of(path))
            ids = _ids(connection, f"{where} AND {matched}", {**more, **about})
        hits = _newest(path, ids, since, until, since)
        if hits.messages.height == AT_ONCE:
            break
    return hits


def excerpts(connection: duckdb.DuckDBPyConnection, path: str, hits: Hits) -> dict[str, str]:
    """Message id → what was written, of messages that were found."""
    if hits.messages.is_empty():
        return {}
    changed = hits.messages["change"]
    span = (int(str(changed.min())), int(str(changed.max())))
    where, more = _since(connection, span, talks.as_of(path))
    asked_for = {**more, "ids": hits.messages["message_id"].to_list()}
    return dict(
        connection.execute(
            f"SELECT message_id, text FROM messages WHERE {where} AND message_id IN (SELECT unnest($ids))",
            asked_for,
        ).fetchall()
    )


def _of(
    connection: duckdb.DuckDBPyConnection, talk: Talk, ids: Sequence[str], column: str
) -> list[tuple[Any, ...]]:
    if not ids:
        return []
    where, more = _within(connection, talk)
    return connection.execute(
        f"SELECT message_id, {column} FROM messages WHERE {where} AND message_id IN (SELECT unnest($ids))",
        {**more, "ids": list(ids)},
    ).fetchall()


def _within(connection: duckdb.DuckDBPyConnection, talk: Talk) -> tuple[str, dict[str, Any]]:
    """SQL of where the messages of a conversation are."""
    names = {f"name{number}": name for number, name in enumerate(talk.names)}
    where, more = _since(connection, (talk.least, talk.most), talk.as_of)
    return f"room_id IN ({', '.join(f'${name}' for name in names)}) AND {where}", {**more, **names}


def _since(
    connection: duckdb.DuckDBPyConnection, span: tuple[int, int], as_of: int
) -> tuple[str, dict[str, Any]]:
    """SQL of where the messages of some changes of a snapshot are: since then a message may have been changed again."""
    known = _known(connection)
    if known < as_of:
        return "true", {}
    if known == as_of:
        return "change BETWEEN $least AND $most", {"least": span[0], "most": span[1]}
    return "change >= $least", {"least": span[0]}


def _known(connection: duckdb.DuckDBPyConnection) -> int:
    """The last change of the mirror that the file knows."""
    row = connection.execute("SELECT processed_change FROM _state").fetchone()
    return -1 if row is None or row[0] is None else int(row[0])


def _matched(words: str) -> tuple[str, dict[str, str]]:
    """SQL of whether a text holds the words, each sign of which means itself."""
    sought = asked(words)
    text, words_sql = SQL_FOLDED.format(text="text"), SQL_FOLDED.format(text="$words")
    if " " not in sought:
        return f"contains({text}, {words_sql})", {"words": sought}
    # What people type as one space may be a new line; those that hold the longest word alone are looked at again.
    longest = max(sought.split(), key=len)
    spaced = f"regexp_replace({text}, '[\\s\\x{{A0}}]+', ' ', 'g')"
    one = SQL_FOLDED.format(text="$longest")
    return (
        f"contains({text}, {one}) AND contains({spaced}, {words_sql})",
        {"words": sought, "longest": longest},
    )


def _hour(at: datetime) -> datetime:
    """The full hour before: so that what is asked of a snapshot stays the same for a while."""
    return at.replace(minute=0, second=0, microsecond=0)


def _ids(connection: duckdb.DuckDBPyConnection, where: str, parameters: dict[str, Any]) -> list[str]:
    rows = connection.execute(f"SELECT message_id FROM messages WHERE {where}", parameters).fetchall()
    return [row[0] for row in rows]


def _newest(path: str, ids: Sequence[str], first: datetime, spot: Spot, since: datetime | None) -> Hits:
    if not ids:
        return Hits(pl.DataFrame(), False, since)
    some = talks.of_ids(path, ids, first, spot, AT_ONCE + 1)
    return Hits(some.head(AT_ONCE), some.height > AT_ONCE, since)
