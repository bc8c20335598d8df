"""Which rows are a caller's own: the provider they are, its zone, its bookings and commission records, a customer's
bookings. What a row says is read in reading.py.

A list is read from the server by what the caller is, and each row of it is held to that once more: by which of its
names a provider is meant is said by the alias table alone.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES, RECORD_REFERENCES
from marketplace.app_rows import meaning, text_at
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.identifiers import LONGEST_ID
from marketplace.money import DEFAULT_BOUNDS, AmountBounds
from marketplace.policy import Policy
from marketplace.rules import DEFAULT_TIMEZONE
from marketplace.statuses import BOOKING_STATUS, normalised
from marketplace.zones import MAKASSAR, Zone, resolve
from resources.appwrite.writing import Row
from services.callers import Caller
from services.members.reading import Booking, Record, bookings_of, records_of
from services.problems import Problem
from services.store import View

PAGE: Final = 100
"""Rows a call to the server."""
LONGEST_QUERY: Final = 1_500
"""Letters that the ids of one condition take: a query of two of them stays within the server's 4,096."""
MOST_ROWS: Final = 2_000
"""So many of a provider's newest bookings a calendar or a month is looked for in; where there are more, it says that it
may not be all."""


@dataclass(frozen=True)
class Rules:
    """What of the settings and the policy a member's figures rest on."""

    policy: Policy
    bounds: AmountBounds = DEFAULT_BOUNDS
    timezone: str = DEFAULT_TIMEZONE


@dataclass(frozen=True)
class Member:
    """A provider that calls: its row, as it was read."""

    provider_id: str
    collection: str
    row: Row = field(repr=False)
    zone: Zone = MAKASSAR

    @property
    def offset(self) -> int:
        """Minutes east of UTC."""
        return self.zone.offset_minutes

    @property
    def plan(self) -> str | None:
        return text_at(self.row, "commissionPlan")


def member_of(view: View, caller: Caller, rules: Rules) -> Member:
    """The provider that a caller is. Raises Problem for anybody else, CallFailure."""
    if caller.provider_id is None or caller.provider_collection is None:
        raise Problem(403, "providers_only")
    row = view.row(caller.provider_collection, caller.provider_id)
    if row is None:
        raise Problem(404, "no_such_provider")
    written = text_at(row, "timezone")
    zone = (resolve(written) if written else None) or resolve(rules.timezone) or MAKASSAR
    return Member(caller.provider_id, caller.provider_collection, row, zone)


# A provider's bookings --------------------------------------------------------------------------------


def is_of(said: str | None, member: Member) -> bool:
    """Whether a record that names this provider, or nobody, is a member's."""
    return said is None or _same(said, member.provider_id)


def is_theirs(row: Row, provider_id: str) -> bool:
    """Whether a booking is a provider's."""
    return _same(meaning(row, "booking.provider_id"), provider_id)


def provider_bookings(
    view: View, member: Member, statuses: Sequence[str], rules: Rules
) -> tuple[list[Booking], bool]:
    """(bookings of these states, whether those are all), the newest first. Raises CallFailure."""
    found: list[Booking] = []
    whole = True
    for origin in BOOKING_COLLECTIONS:
        named = _naming(view, origin, "booking.provider_id", member.provider_id)
        queries = [*named, *_of_statuses(view, origin, statuses)]
        rows = _newest(view, origin, queries, MOST_ROWS) if named else []
        whole = whole and len(rows) < MOST_ROWS
        theirs = [row for row in rows if is_theirs(row, member.provider_id)]
        read = bookings_of(theirs, origin, member.offset, rules.bounds)
        found += [booking for booking in read if booking.status in statuses]
    found.sort(key=_age, reverse=True)
    return found, whole


def customer_bookings(view: View, caller: Caller, rules: Rules) -> list[Booking]:
    """A customer's own bookings, the newest first; read in the default zone, for whose a customer's is nobody knows.
    Raises CallFailure."""
    zone = resolve(rules.timezone) or MAKASSAR
    found: list[Booking] = []
    for origin in BOOKING_COLLECTIONS if not caller.is_nobody else ():
        named = _naming(view, origin, "booking.customer_id", caller.user_id)
        rows = _newest(view, origin, named, MOST_ROWS) if named else []
        theirs = [row for row in rows if _same(meaning(row, "booking.customer_id"), caller.user_id)]
        found += bookings_of(theirs, origin, zone.offset_minutes, rules.bounds)
    found.sort(key=_age, reverse=True)
    return found


def _age(booking: Booking) -> tuple[str, str]:
    return str(booking.row.get("$createdAt")), booking.booking_id


# Commission records -----------------------------------------------------------------------------------


def records_charging(view: View, member: Member, rules: Rules) -> tuple[list[Record], bool]:
    """(records that charge a provider, whether those are all). Raises CallFailure."""
    named = _naming(view, RECORDS, "commission.provider_id", member.provider_id)
    rows = _newest(view, RECORDS, named, MOST_ROWS) if named else []
    theirs = [row for row in rows if _same(meaning(row, "commission.provider_id"), member.provider_id)]
    return records_of(theirs, member.offset, rules.bounds), len(rows) < MOST_ROWS


def records_about(view: View, member: Member, bookings: Sequence[Booking], rules: Rules) -> list[Record]:
    """Every record that refers to one of these bookings, whomever it charges. Raises CallFailure."""
    names = [n for n in RECORD_REFERENCES if view.has(RECORDS, n)]
    rows = _of_keys(view, RECORDS, names, [key for booking in bookings for key in booking.keys])
    return records_of(rows, member.offset, rules.bounds)


def bookings_named(view: View, refs: Sequence[str], member: Member, rules: Rules) -> list[Booking]:
    """The bookings that references mean, by their row or by the key the app shows. Raises CallFailure."""
    found: list[Booking] = []
    for origin in BOOKING_COLLECTIONS:
        shown = [n for n in ALIASES["booking.business_id"] if view.has(origin, n)]
        if shown:
            rows = _of_keys(view, origin, ["$id", *shown], refs)
            found += bookings_of(rows, origin, member.offset, rules.bounds)
    return found


# How --------------------------------------------------------------------------------------------------


def _naming(view: View, collection: str, canonical: str, who: str) -> list[str]:
    """A query that finds every row that means somebody, by whichever attribute it is said in; of an object in JSON text
    whatever holds the id at all. Empty where the collection has none of them."""
    asked: list[str] = []
    for name in ALIASES[canonical]:
        attribute, _, path = name.partition(".")
        if view.has(collection, attribute):
            asked.append(Query.contains(attribute, [who]) if path else Query.equal(attribute, [who]))
    return _any_of(asked)


def _any_of(asked: list[str]) -> list[str]:
    return [Query.or_queries(asked)] if len(asked) > 1 else asked


def _of_keys(view: View, collection: str, names: Sequence[str], keys: Sequence[str]) -> list[Row]:
    """Rows that have one of the keys in one of the attributes."""
    rows: dict[str, Row] = {}
    for some in _few(keys) if names else ():
        for row in _newest(view, collection, _any_of([Query.equal(name, some) for name in names])):
            rows.setdefault(str(row["$id"]), row)
    return list(rows.values())


def _few(keys: Sequence[str]) -> Iterator[list[str]]:
    """Keys, each once, as many at a time as a query takes; what is too long to be an id is none."""
    some: list[str] = []
    letters = 0
    for key in dict.fromkeys(key for key in keys if len(key) <= LONGEST_ID):
        size = len(json.dumps(key)) + 1
        if some and (letters + size > LONGEST_QUERY or len(some) == PAGE):
            yield some
            some, letters = [], 0
        some.append(key)
        letters += size
    if some:
        yield some


def _of_statuses(view: View, collection: str, statuses: Sequence[str]) -> list[str]:
    """A query that leaves no row of these states out: either of the attributes may say it, in any spelling. It may let
    others through."""
    words: list[str] = []
    for spelled, meant in BOOKING_STATUS.items():
        if meant in statuses:
            words += _SPELLINGS.get(spelled, (spelled,))
    return _any_of(
        [Query.equal(name, words) for name in ALIASES["booking.status"] if view.has(collection, name)]
    )


_IN_PARTS: Final = (
    "pending accept",
    "waiting for location",
    "on the way",
    "in progress",
    "payment received",
    "time out",
)
"""Words of several parts; the others are written in one way, for the server minds no case."""


def _spellings() -> dict[str, tuple[str, ...]]:
    """A word as it is compared → as it may be written."""
    return {
        normalised(words): tuple(words.replace(" ", joint) for joint in ("", "_", "-", " "))
        for words in _IN_PARTS
    }


_SPELLINGS: Final = _spellings()


def _newest(view: View, collection: str, queries: Sequence[str], most: int | None = None) -> list[Row]:
    """The rows that fit, ``most`` of them where that is given, the newest first, a page a call."""
    order = [Query.order_desc("$createdAt"), Query.limit(PAGE)]
    found: list[Row] = []
    after: list[str] = []
    while True:
        rows = view.rows(collection, [*queries, *order, *after])
        found += rows
        if len(rows) < PAGE or (most is not None and len(found) >= most):
            return found
        after = [Query.cursor_after(str(rows[-1]["$id"]))]


def _same(said: str | None, wanted: str) -> bool:
    """Ids are told apart by the server without case."""
    return said is not None and said.lower() == wanted.lower()
