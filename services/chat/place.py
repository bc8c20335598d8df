"""Where a message stands in its conversation, and the cursors that say so to clients."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from marketplace.app_rows import Row, instant_of
from marketplace.rules import DEFAULT_TIMEZONE
from marketplace.zones import resolve

_EPOCH: Final = datetime.fromtimestamp(0, UTC).replace(tzinfo=None)
_MS: Final = timedelta(milliseconds=1)
_LONGEST: Final = 200


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


def place_at(cursor: str) -> Place:
    """The place a cursor names. Raises ValueError."""
    at, sequence, row_id = clear(cursor).split(".", 2)
    place = Place(int(at), int(sequence), row_id)
    stamp(place.at)
    if not 0 <= place.sequence < 1 << 63:
        raise ValueError("no sequence")
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
