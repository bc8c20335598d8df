"""A conversation as it stands at Appwrite, read by the place of its messages, either way and from anywhere.

What the app's writers call a room or an instant differs; rows of each are read in their order and laid together. Where
the server cannot order instants (they are text or numbers there, or under two names) a conversation is read whole and
ordered here. What of a message is shown does not live here (showing.py).
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import polars as pl
from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import Row, first_of
from marketplace.instants import read
from marketplace.rules import DEFAULT_TIMEZONE
from marketplace.text import as_text
from marketplace.zones import resolve
from services.chat.place import Place, changed, milliseconds, read_stamp, sequence_of
from services.store import Gateway

ROOM: Final = ALIASES["message.room"]
SENT_AT: Final = ALIASES["message.sent_at"]
_MADE: Final = "$createdAt"
_NUMBER: Final = "$sequence"
_WHOLE_BATCH: Final = 500


@dataclass(frozen=True)
class Conversation:
    """Whose messages: those with the value in any of the columns. ``exactly``: only those whose first of the columns
    that holds anything holds the value, for one row may name two rooms."""

    collection: str
    identity: str
    columns: tuple[str, ...]
    exactly: bool = True

    def holds(self, row: Row) -> bool:
        found = first_of(row, self.columns)
        return not self.exactly or (found is not None and found[1].lower() == self.identity.lower())

    def known(self, source: Gateway) -> Conversation:
        """The same, by the columns that the collection has."""
        return replace(
            self, columns=tuple(name for name in self.columns if source.has(self.collection, name))
        )


def of_room(room_id: str, collection: str) -> Conversation:
    """The messages of a chat room."""
    return Conversation(collection, room_id, tuple(ROOM))


@dataclass(frozen=True)
class Entry:
    """A message at its place."""

    place: Place
    row: Row


class _NoNumbers(Exception):
    """The server gives rows no number to order them by."""


def entries(
    source: Gateway,
    conversation: Conversation,
    *,
    before: Place | None = None,
    after: Place | None = None,
    down: bool = True,
    batch: int,
    only: Sequence[str] = (),
) -> Iterator[Entry]:
    """The messages between two places (neither included), newest first, or oldest first where not ``down``; read as
    they are taken, ``batch`` a call. ``only``: further filters. Raises CallFailure."""
    there = conversation.known(source)
    sent_at = _instants(source, there)
    if _ordered(source, there, sent_at):
        by_server = _laid_together(source, there, sent_at[0], before, after, down, batch, only)
        try:
            first = next(by_server, None)
        except _NoNumbers:
            first = None
        else:
            if first is not None:
                yield first
                yield from by_server
            return
    found = _whole(source, there, sent_at, only)
    for entry in reversed(found) if down else found:
        if (before is None or entry.place < before) and (after is None or entry.place > after):
            yield entry


def far_back(source: Gateway, conversation: Conversation, before: Place | None, count: int) -> Place | None:
    """A place before which a search need not look in one go: between it and ``before`` stand about ``count`` messages,
    itself included. None where there are no more than those, or the server orders none. Raises CallFailure."""
    there = conversation.known(source)
    sent_at = _instants(source, there)
    if not _ordered(source, there, sent_at):
        return None
    found: list[Place] = []
    for column in there.columns:
        queries = [
            Query.equal(column, [there.identity]),
            Query.is_not_null(sent_at[0]),
            *_between(sent_at[0], None, before),
            *_order(sent_at[0], down=True),
            Query.offset(count - 1),
            Query.limit(1),
            Query.select(["$id", "$sequence", sent_at[0]]),
        ]
        for row in source.rows(there.collection, queries):
            at = read_stamp(row.get(sent_at[0]))
            if at is not None and sequence_of(row):
                found.append(Place(at, sequence_of(row), str(row["$id"])))
    return max(found, default=None)


def _instants(source: Gateway, there: Conversation) -> list[str]:
    return [name for name in SENT_AT if source.has(there.collection, name)]


def _ordered(source: Gateway, there: Conversation, sent_at: Sequence[str]) -> bool:
    """Whether the server can order messages by the instant they were sent."""
    return len(sent_at) == 1 and source.kind(there.collection, sent_at[0]) == "datetime"


# By the server ------------------------------------------------------------------------------------------


def _laid_together(
    source: Gateway,
    there: Conversation,
    sent_at: str,
    before: Place | None,
    after: Place | None,
    down: bool,
    batch: int,
    only: Sequence[str],
) -> Iterator[Entry]:
    """Rows of each column in their order, and between them those without an instant, which were sent when they were
    made."""
    values = [Query.equal(column, [there.identity]) for column in there.columns]
    if not values:
        return
    anywhere = values[0] if len(values) == 1 else Query.or_queries(values)

    def run(filters: list[str], name: str, at: Callable[[Row], int | None]) -> Iterator[Entry]:
        low, high = after, before
        while True:
            queries = [*filters, *_between(name, low, high), *only, *_order(name, down), Query.limit(batch)]
            rows = source.rows(there.collection, queries)
            place: Place | None = None
            for row in rows:
                number, moment = sequence_of(row), at(row)
                if not number or moment is None:
                    raise _NoNumbers
                place = Place(moment, number, str(row["$id"]))
                yield Entry(place, row)
            if place is None or len(rows) < batch:
                return
            low, high = (low, place) if down else (place, high)

    def told(row: Row) -> int | None:
        return read_stamp(row.get(sent_at))

    runs = [run([value, Query.is_not_null(sent_at)], sent_at, told) for value in values]
    runs.append(run([anywhere, Query.is_null(sent_at)], _MADE, _made))
    last = None
    for entry in heapq.merge(*runs, key=lambda entry: entry.place, reverse=down):
        # A row that names its room twice is read twice.
        if entry.place != last and there.holds(entry.row):
            yield entry
        last = entry.place


def _between(name: str, low: Place | None, high: Place | None) -> list[str]:
    """The filters of what lies between two places: a bound that an index begins at, and what it lets through of the
    rows of its very instant."""
    filters: list[str] = []
    if high is not None:
        younger = [Query.less_than(name, high.instant), Query.less_than(_NUMBER, max(high.sequence, 1))]
        filters += [Query.less_than_equal(name, high.instant), Query.or_queries(younger)]
    if low is not None and low.sequence < 1:  # no row has it: all of that instant stand after it
        filters.append(Query.greater_than_equal(name, low.instant))
    elif low is not None:
        older = [Query.greater_than(name, low.instant), Query.greater_than(_NUMBER, low.sequence)]
        filters += [Query.greater_than_equal(name, low.instant), Query.or_queries(older)]
    return filters


def _order(name: str, down: bool) -> list[str]:
    if down:
        return [Query.order_desc(name), Query.order_desc(_NUMBER)]
    return [Query.order_asc(name), Query.order_asc(_NUMBER)]


def _made(row: Row) -> int | None:
    return read_stamp(row.get(_MADE))


# Whole --------------------------------------------------------------------------------------------------


def _whole(source: Gateway, there: Conversation, sent_at: Sequence[str], only: Sequence[str]) -> list[Entry]:
    """All messages, oldest first: instants as they are written, of any kind."""
    rows: dict[str, Row] = {}
    for column in there.columns:
        last: str | None = None
        while True:
            queries = [Query.equal(column, [there.identity]), *only, Query.limit(_WHOLE_BATCH)]
            found = source.rows(
                there.collection, [*queries, *([] if last is None else [Query.cursor_after(last)])]
            )
            rows |= {str(row["$id"]): row for row in found if there.holds(row)}
            if len(found) < _WHOLE_BATCH:
                break
            last = str(found[-1]["$id"])
    return sorted(_placed(sent_at, list(rows.values())), key=lambda entry: entry.place)


def placed(source: Gateway, conversation: Conversation, rows: Sequence[Row]) -> list[Entry]:
    """Rows of a conversation at their places, in the order they are given."""
    sent_at = _instants(source, conversation)
    if not _ordered(source, conversation, sent_at):
        return _placed(sent_at, rows)
    return [
        Entry(
            Place(read_stamp(row.get(sent_at[0])) or _made(row) or 0, sequence_of(row), str(row["$id"])), row
        )
        for row in rows
    ]


def _placed(sent_at: Sequence[str], rows: Sequence[Row]) -> list[Entry]:
    """By instants as they are written, of any kind; a bare local time is one of the marketplace's zone."""
    zone = resolve(DEFAULT_TIMEZONE)
    written = [found[1] if (found := first_of(row, sent_at)) else None for row in rows]
    offsets = pl.Series([zone.offset_minutes if zone else 0] * len(rows), dtype=pl.Int64)
    instants = read(as_text(pl.Series(written, dtype=pl.String)), offsets).values
    return [
        Entry(
            Place(
                milliseconds(at) if at is not None else _made(row) or changed(row),
                sequence_of(row),
                str(row["$id"]).lower(),
            ),
            row,
        )
        for row, at in zip(rows, instants, strict=True)
    ]
