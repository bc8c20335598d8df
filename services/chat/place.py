"""Where a message stands in its conversation, and the cursors that say so to clients."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from marketplace.app_rows import Row, instant_of
from marketplace.rules import DEFAULT_TIMEZONE
from marketplace.zones import resolve

_EPOCH: Final = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
_MS: Final = timedelta(milliseconds=1)
_LONGEST: Final = 2_000
_KNOWN: Final = 32

LATE_MS: Final = 5_000
"""So much later than its stamp a row may come to be seen: writing takes a while, and clocks differ a little."""


@dataclass(frozen=True, order=True)
class Place:
    """By the instant a message was sent (epoch milliseconds), then by ``$sequence``: a number that a row has for life,
    no two have and that every index ends with, while ids compare without case and in nobody's order. ``row_id``
    decides where a server has no such number."""

    at: int
    sequence: int
    row_id: str = ""

    @property
    def cursor(self) -> str:
        """Opaque to clients."""
        return opaque(f"{self.at}.{self.sequence}.{self.row_id}")

    @property
    def instant(self) -> str:
        """As a query compares it."""
        return stamp(self.at)


BEFORE_ALL: Final = Place(0, 0)


@dataclass(frozen=True)
class After:
    """From where somebody goes on towards what comes: the last place they were given, and of what stands a little
    before it each place they were given, so that a message which comes to be seen late is told, and none twice.
    ``floor``: what stands there or before is not told."""

    place: Place
    floor: Place
    given: frozenset[Place] = frozenset()

    def is_new(self, place: Place) -> bool:
        return place > self.floor and Place(place.at, place.sequence) not in self.given

    def with_given(self, given: Iterable[Place]) -> After:
        """The same after some more were given."""
        places = list(given)
        found = sorted({*self.given, *(Place(one.at, one.sequence) for one in places)})
        last = max([self.place, *places], key=lambda one: (one.at, one.sequence, one.row_id))
        if not last.sequence:
            return After(last, last)  # a server without numbers: there is nothing to tell them apart by
        floor = max(self.floor, Place(last.at - LATE_MS, 0))
        kept = [one for one in found if one > floor]
        if len(kept) > _KNOWN:
            floor, kept = kept[-_KNOWN - 1], kept[-_KNOWN:]
        return After(last, floor, frozenset(kept))

    @property
    def cursor(self) -> str:
        """Opaque to clients; it is a place's cursor, too."""
        mine = self.place
        told = [f"{mine.at - one.at}-{one.sequence}" for one in sorted(self.given)]
        floor = f"{mine.at - self.floor.at}-{self.floor.sequence}"
        return opaque("~".join((f"{mine.at}.{mine.sequence}.{mine.row_id}", floor, *told)))


def after_at(cursor: str) -> After:
    """What a cursor says; of a message's own: after it. Raises ValueError."""
    place = place_at(cursor)
    told = [one.split("-", 1) for one in clear(cursor).split("~")[1:]]
    places = [_asked(Place(place.at - int(before), int(sequence))) for before, sequence in told]
    return After(place, places[0], frozenset(places[1:])) if places else After(place, place)


def place_at(cursor: str) -> Place:
    """The place a cursor names. Raises ValueError."""
    at, sequence, row_id = clear(cursor).partition("~")[0].split(".", 2)
    return _asked(Place(int(at), int(sequence), row_id))


def _asked(place: Place) -> Place:
    """A place that a server can be asked about. Raises ValueError."""
    stamp(place.at)
    if place.at < 0 or not 0 <= place.sequence < 1 << 63:
        raise ValueError("no place")
    return place


def opaque(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def clear(text: str, longest: int = _LONGEST) -> str:
    """What was made opaque. Raises ValueError."""
    if len(text) > longest:
        raise ValueError("too long")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except binascii.Error as wrong:
        raise ValueError("not base64") from wrong


def milliseconds(at: datetime) -> int:
    """Epoch milliseconds of an instant, naive UTC or aware."""
    naive = at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None)
    return (naive - _EPOCH) // _MS


def instant(at: int) -> datetime:
    """Naive UTC. Raises ValueError beyond the years there are."""
    try:
        return _EPOCH + timedelta(milliseconds=at)
    except OverflowError as far:
        raise ValueError("no instant") from far


def stamp(at: int) -> str:
    """Epoch milliseconds as Appwrite writes an instant. Raises ValueError."""
    return instant(at).isoformat(timespec="milliseconds") + "+00:00"


def read_stamp(text: object) -> int | None:
    """Epoch milliseconds of an instant as Appwrite writes it; None for anything else."""
    if not isinstance(text, str) or "T" not in text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else milliseconds(at)


def moment_of(value: object) -> datetime | None:
    """An instant of a row, naive UTC: at once as Appwrite and services write it, else of any kind (a bare local time is
    one of the marketplace's zone). None where it cannot be read."""
    at = read_stamp(value)
    if at is not None:
        return instant(at)
    if value is None or value == "":
        return None
    zone = resolve(DEFAULT_TIMEZONE)
    return instant_of(value, zone.offset_minutes if zone is not None else 0)


def sequence_of(row: Row) -> int:
    """A row's ``$sequence``; 0 where the server gives no number."""
    value: Any = row.get("$sequence")
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def changed(row: Row) -> int:
    """When a row was last written; 0 where it does not say."""
    return read_stamp(row.get("$updatedAt")) or 0
