"""Instants as text in what is ours: ledger.sqlite, status.json, manifests, ids. Written and read here alone.

What other parties write (Appwrite, rows of raw) is marketplace/instants.py's and resources/appwrite's; columns of
tables are written by SQL.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload

_STAMP = "%Y%m%dT%H%M%SZ"


def _utc(at: datetime) -> datetime:
    return at.astimezone(UTC) if at.tzinfo else at


@overload
def text_of(at: datetime) -> str: ...
@overload
def text_of(at: datetime | None) -> str | None: ...
def text_of(at: datetime | None) -> str | None:
    """As ledger.sqlite stores it: ISO 8601, an aware instant in UTC with ``+00:00``, a naive one (UTC, as DuckDB's
    TIMESTAMP holds it) without an offset."""
    return None if at is None else _utc(at).isoformat()


@overload
def z_text_of(at: datetime, timespec: str = "auto") -> str: ...
@overload
def z_text_of(at: datetime | None, timespec: str = "auto") -> str | None: ...
def z_text_of(at: datetime | None, timespec: str = "auto") -> str | None:
    """As files for people and programs have it: ISO 8601 in UTC with ``Z``, of an aware instant or a naive one in UTC.
    ``timespec`` is ``isoformat``'s: status.json goes to the second, a manifest as far as there is."""
    return None if at is None else f"{_utc(at).replace(tzinfo=None).isoformat(timespec=timespec)}Z"


def instant_of(text: str) -> datetime:
    """The instant that ``text_of`` or ``z_text_of`` wrote: aware in UTC, naive where it has no offset. Raises
    ValueError for other text."""
    return _utc(datetime.fromisoformat(text))


def optional_instant_of(text: str | None) -> datetime | None:
    """The same, and None as it is."""
    return None if text is None else instant_of(text)


def stamp_of(at: datetime) -> str:
    """As ids and names of files have it, to the second: ``20261122T040000Z``. ``at`` is in UTC."""
    return f"{at:{_STAMP}}"


def instant_of_stamp(stamp: str) -> datetime:
    """The instant (aware, UTC) that ``stamp_of`` wrote. Raises ValueError for other text."""
    return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
