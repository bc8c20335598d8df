"""Instants as text in our files: written and read here alone.

What other parties write (Appwrite, rows of raw) is read by marketplace/instants.py and resources/appwrite.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import overload


@overload
def text_of(at: datetime) -> str: ...
@overload
def text_of(at: datetime | None) -> str | None: ...
def text_of(at: datetime | None) -> str | None:
    """ISO 8601 as ledger.sqlite stores it: an aware instant in UTC with ``+00:00``, a naive one (UTC, as DuckDB's
    TIMESTAMP holds it) without an offset. Both sort as text."""
    if at is None:
        return None
    return (at.astimezone(UTC) if at.tzinfo else at).isoformat()


def instant_of(text: str) -> datetime:
    """The instant ``text_of`` wrote, aware or naive as it was. Raises ValueError for other text."""
    return datetime.fromisoformat(text)


def optional_instant_of(text: str | None) -> datetime | None:
    """The same, and None as it is."""
    return None if text is None else instant_of(text)
