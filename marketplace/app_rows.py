"""One row as Appwrite answers it, read by the alias table and written in the app's own shape: which attribute holds a
meaning, which word it stands for, how an instant is written there.

Columns of many rows are read in attributes.py, by the same table. Why something is written does not live here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, cast

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.identifiers import ROLE_WORDS, TOKEN
from marketplace.instants import read
from marketplace.json_values import read_json
from marketplace.pseudonyms import PREFIX
from marketplace.rules import EARLIEST_INSTANT, LATEST_INSTANT
from marketplace.statuses import (
    BOOKING_STATUS,
    COMMISSION_STATUS,
    UNKNOWN,
    BookingStatus,
    normalised,
)
from marketplace.text import as_text, json_text

Row = Mapping[str, Any]
Has = Callable[[str], bool]
"""Whether the collection has an attribute of that name."""

_INDONESIAN: Final = "id"
_LANGUAGE: Final = ("language", "customerLanguage", "preferredLanguage", "locale", "metadata.language")
_PHONE: Final = re.compile(r"(?:\+|0|62)[0-9+._:/-]*")
_ID: Final = re.compile(TOKEN)
_MS_FROM: Final = 100_000_000_000
"""Whole numbers from here on are epoch milliseconds (as in instants.py)."""
_PLAIN: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}(?:Z|\+00:00)")
_OFFSET: Final = re.compile(r"([+-])(\d{2}):?(\d{2})$")


# Reading ----------------------------------------------------------------------------------------------


def value_at(row: Row, name: str) -> Any:
    """The value of an attribute, or at a path into JSON text; None where nothing is there."""
    attribute, _, path = name.partition(".")
    value = row.get(attribute)
    if not path:
        return value
    if isinstance(value, str):
        try:
            value = read_json(value)
        except ValueError:
            return None
    return cast("dict[str, Any]", value).get(path) if isinstance(value, dict) else None


def text_at(row: Row, name: str) -> str | None:
    """The same as trimmed text; None for every way of writing nothing. Of a related row: its ``$id``."""
    value = value_at(row, name)
    if isinstance(value, dict):
        value = cast("dict[str, Any]", value).get("$id")
    return json_text(value)


def first_of(row: Row, names: Sequence[str]) -> tuple[str, str] | None:
    """(attribute, text) of the first of the names that holds something."""
    for name in names:
        if (text := text_at(row, name)) is not None:
            return name, text
    return None


def meaning(row: Row, canonical: str) -> str | None:
    """What a row says of a meaning of the alias table, as text."""
    found = first_of(row, ALIASES[canonical])
    return found[1] if found else None


def word(text: str | None, table: Mapping[str, str]) -> str:
    """The canonical value of a word; unknown for any other, and for nothing."""
    return table.get(normalised(text), UNKNOWN) if text is not None else UNKNOWN


def booking_status(row: Row) -> str:
    """The state of a booking: bookingStatus before status, cancelled by a provider who declined is declined."""
    status = word(meaning(row, "booking.status"), BOOKING_STATUS)
    if status == BookingStatus.CANCELLED.value:
        answer = text_at(row, "providerResponseStatus")
        if answer is not None and normalised(answer) == normalised("Declined"):
            return BookingStatus.DECLINED.value
    return status


def record_status(row: Row) -> str:
    """The state of a commission record."""
    return word(meaning(row, "commission.status"), COMMISSION_STATUS)


def changed_at(row: Row) -> datetime | None:
    """``$updatedAt``, naive UTC."""
    written = row.get("$updatedAt")
    if not isinstance(written, str):
        return None
    return datetime.fromisoformat(written).astimezone(UTC).replace(tzinfo=None)


def plain_instant(value: object) -> datetime | None:
    """An instant in the form that Appwrite answers and services write (YYYY-MM-DDTHH:MM:SS.mmm with Z or +00:00) →
    naive UTC; None for any other value, which ``instant_of`` may still be able to read. It is what ``instants.read``
    makes of the same text, for one value in a thousandth of the time."""
    if not isinstance(value, str) or _PLAIN.fullmatch(value) is None:
        return None
    try:
        at = datetime.fromisoformat(value[:23])
    except ValueError:
        return None
    return at if EARLIEST_INSTANT <= at < LATEST_INSTANT else None


def instant_of(value: object, offset_minutes: int | None) -> datetime | None:
    """A time as it is written → naive UTC, None where it cannot be read."""
    if value is None:
        return None
    plain = plain_instant(value)
    if plain is not None:
        return plain
    text = as_text(pl.Series([value]))
    return read(text, pl.Series([offset_minutes], dtype=pl.Int64)).values[0]


def names_somebody(text: str | None) -> bool:
    """Whether an id can be a person's: no word for a role, no phone, no hash of what was hidden, one token."""
    return (
        text is not None
        and not text.startswith(PREFIX)
        and text.lower() not in ROLE_WORDS
        and _PHONE.fullmatch(text) is None
        and _ID.fullmatch(text) is not None
    )


def key_of(written: str | None, published: str | None) -> str | None:
    """The id of another row that a row names: as it is published where it is that but for case (then it is that row's
    own ``$id``), else as it is written."""
    if written is None or (published is not None and written.lower() == published.lower()):
        return published
    return written


def language_of(row: Row) -> str:
    """The language a customer reads: Indonesian where the row says so, else English."""
    said = first_of(row, _LANGUAGE)
    if said is None:
        return "en"
    begins = re.split("[-_]", said[1].lower())[0]
    return _INDONESIAN if begins in (_INDONESIAN, "in", "indonesian", "bahasa", "indonesia") else "en"


def readers(row: Row, of: str | None = None) -> tuple[str, ...] | None:
    """The permissions to read a row; ``of``: those that name a person alone. None: the collection's own count."""
    held = cast("Sequence[object]", row.get("$permissions") or ())
    found = tuple(p for p in held if isinstance(p, str) and p.startswith("read(") and (of is None or of in p))
    return found or None


# Writing ----------------------------------------------------------------------------------------------


def status_written(
    row: Row, names: Sequence[str], table: Mapping[str, str], status: str, has: Has
) -> dict[str, str]:
    """The attributes that say a row is in a state: every one of the names that holds a word of the table, so that they
    agree; where none does, the first that holds anything, or that the collection has."""
    held = [name for name in names if (text := text_at(row, name)) is not None and normalised(text) in table]
    used = held or [name for name, _ in filter(None, [first_of(row, names)])]
    # What stands before all others is what is read: an attribute that is empty does not count.
    return dict.fromkeys(used or [name for name in names if has(name)][:1], status)


def attribute(names: Sequence[str], has: Has, *rows: Row) -> str | None:
    """The attribute to write a meaning to: the first that the row has a value in, else the first (canonical) one that
    the collection has; None where it has none."""
    plain = [name for name in names if "." not in name]
    for row in rows:
        if (used := first_of(row, plain)) is not None:
            return used[0]
    return next((name for name in plain if has(name)), None)


def like(sample: object, value: int) -> int | str:
    """A whole number in the type that stands in its place: text where that is text."""
    return str(value) if isinstance(sample, str) else value


def instant_like(sample: object, at: datetime, offset_minutes: int | None = None) -> str | int:
    """An instant (naive UTC) as the app writes it in that place: epoch, Z, or with the offset that is written there.
    A bare local time becomes one with its offset, which reads the same and cannot be misread; of none, ISO with Z."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000, tzinfo=UTC)
    milliseconds = round(at.timestamp() * 1000)
    if isinstance(sample, int | float) and not isinstance(sample, bool):
        return milliseconds if sample >= _MS_FROM else milliseconds // 1000
    text = sample.strip() if isinstance(sample, str) else ""
    if text.isdigit():
        return str(milliseconds if int(text) >= _MS_FROM else milliseconds // 1000)
    if found := _OFFSET.search(text) if ":" in text else None:
        east = timedelta(hours=int(found[2]), minutes=int(found[3])) * (-1 if found[1] == "-" else 1)
        return at.astimezone(timezone(east)).isoformat(timespec="milliseconds")
    if ":" in text and not text[-1:].isalpha() and offset_minutes is not None:
        return at.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat(timespec="milliseconds")
    return at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
