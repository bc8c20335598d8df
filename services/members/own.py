"""Which rows are a caller's own: the provider they are, its zone, its bookings and commission records, a customer's
bookings. What a row says is read in reading.py.

A list is read from the server by what the caller is, and each row of it is held to that once more: by which of its
names a provider is meant is said by the alias table alone.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import meaning, text_at
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
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
    view: View, member: Member, statuses: Sequence[str], rules: Rules, most: int = MOST_ROWS
) -> tuple[list[Booking], bool]:
    """(bookings of these states, whether those are all), the newest first. Raises CallFailure."""
    found: list[Booking] = []
    whole = True
    for origin in BOOKING_COLLECTIONS:
        rows: dict[str, Row] = {}
        for named in _naming(view, origin, "booking.provider_id", member.provider_id):
            queries = [named, *_of_statuses(view, origin, statuses)]
            for seen, row in enumerate(_newest(view, origin, queries), start=1):
                rows.setdefault(str(row["$id"]), row)
                if seen >= most:
                    whole = False
                    break
        theirs = [row for row in rows.values() if is_theirs(row, member.provider_id)]
        found += [
            booking
            for booking in bookings_of(theirs, origin, member.offset, rules.bounds)
            if booking.status in statuses
        ]
    found.sort(key=lambda one: (str(one.row.get("$createdAt")), one.booking_id), reverse=True)
    return found, whole


def customer_bookings(view: View, caller: Caller, rules: Rules, most: int = MOST_ROWS) -> list[Booking]:
    """A customer's own bookings, the newest first; read in the default zone where only that is known. Raises
    CallFailure."""
    zone = resolve(rules.timezone) or MAKASSAR
    found: list[Booking] = []
    for origin in BOOKING_COLLECTIONS:
        rows: dict[str, Row] = {}
        for named in _naming(view, origin, "booking.customer_id", caller.user_id):
            for seen, row in enumerate(_newest(view, origin, [named]), start=1):
                rows.setdefault(str(row["$id"]), row)
                if seen >= most:
                    break
        theirs = [row for row in rows.values() if _same(meaning(row, "booking.customer_id"), caller.user_id)]
        found += bookings_of(theirs, origin, zone.offset_minutes, rules.bounds)
    found.sort(key=lambda one: (str(one.row.get("$createdAt")), one.booking_id), reverse=True)
    return found


# Commission records -----------------------------------------------------------------------------------


def records_charging(view: View, member: Member, rules: Rules) -> list[Record]:
    """Every record that charges a provider. Raises CallFailure."""
    rows: dict[str, Row] = {}
    for named in _naming(view, RECORDS, "commission.provider_id", member.provider_id):
        for row in _newest(view, RECORDS, [named]):
            rows.setdefault(str(row["$id"]), row)
    theirs = [
        row for row in rows.values() if _same(meaning(row, "commission.provider_id"), member.provider_id)
    ]
    return records_of(theirs, member.offset, rules.bounds)


def records_about(view: View, member: Member, bookings: Sequence[Booking], rules: Rules) -> list[Record]:
    """Every record that refers to one of these bookings, whomever it charges. Raises CallFailure."""
    keys = list(dict.fromkeys(key for booking in bookings for key in booking.keys))
    rows: dict[str, Row] = {}
    for name in (*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"]):
        if not view.has(RECORDS, name):
            continue
        for first in range(0, len(keys), PAGE):
            for row in _newest(view, RECORDS, [Query.equal(name, keys[first : first + PAGE])]):
                rows.setdefault(str(row["$id"]), row)
    return records_of(list(rows.values()), member.offset, rules.bounds)


def bookings_named(view: View, refs: Sequence[str], member: Member, rules: Rules) -> list[Booking]:
    """The bookings that references mean, by their row or by the key the app shows. Raises CallFailure."""
    found: list[Booking] = []
    wanted = list(dict.fromkeys(refs))
    for origin in BOOKING_COLLECTIONS:
        rows: dict[str, Row] = {}
        for name in ("$id", *ALIASES["booking.business_id"]):
            if name != "$id" and not view.has(origin, name):
                continue
            for first in range(0, len(wanted), PAGE):
                for row in _newest(view, origin, [Query.equal(name, wanted[first : first + PAGE])]):
                    rows.setdefault(str(row["$id"]), row)
        found += bookings_of(list(rows.values()), origin, member.offset, rules.bounds)
    return found


# How --------------------------------------------------------------------------------------------------


def _naming(view: View, collection: str, canonical: str, who: str) -> Iterator[str]:
    """Queries that find every row that means somebody, one an attribute it may be said in; of an object in JSON text
    whatever holds the id at all."""
    for name in ALIASES[canonical]:
        attribute, _, path = name.partition(".")
        if view.has(collection, attribute):
            yield Query.contains(attribute, [who]) if path else Query.equal(attribute, [who])


def _of_statuses(view: View, collection: str, statuses: Sequence[str]) -> list[str]:
    """A query that leaves no row of these states out: either of the attributes may say it, in any spelling. It may let
    others through."""
    words: list[str] = []
    for spelled, meant in BOOKING_STATUS.items():
        if meant in statuses:
            words += _SPELLINGS.get(spelled, (spelled,))
    asked = [Query.equal(name, words) for name in ALIASES["booking.status"] if view.has(collection, name)]
    return [Query.or_queries(asked)] if len(asked) > 1 else asked


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


def _newest(view: View, collection: str, queries: Sequence[str]) -> Iterator[Row]:
    """All rows that fit, the newest first, a page a call."""
    order = [Query.order_desc("$createdAt"), Query.limit(PAGE)]
    after: list[str] = []
    while True:
        rows = view.rows(collection, [*queries, *order, *after])
        yield from rows
        if len(rows) < PAGE:
            return
        after = [Query.cursor_after(str(rows[-1]["$id"]))]


def _same(said: str | None, wanted: str) -> bool:
    """Ids are told apart by the server without case."""
    return said is not None and said.lower() == wanted.lower()
