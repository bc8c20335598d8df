"""What became of a call that nobody heard the end of: its rows are read, and compared with what it was to write.

Of what was written the ledger keeps no values, which may be a person's: a digest of them, the instant the row was of,
and the values that were there before of attributes that hold nothing personal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final, cast

from marketplace.aliases import ALIASES
from marketplace.collections import BY_NAME
from resources.appwrite.writing import Create, Row, Write

Record = Mapping[str, Any]
"""A write as the ledger keeps it."""


NAMES: Final = frozenset(
    name
    for meant in (
        "booking.provider_name",
        "commission.provider_name",
        "provider.name",
        "commission.verified_by",
    )
    for name in ALIASES[meant]
)
"""Attributes that name somebody whom the app shows: nothing of them is kept either."""


class Effect(StrEnum):
    """Whether a write is there."""

    THERE = "there"
    NOT_THERE = "not_there"
    OTHER = "other"
    """The row is neither as it was nor as it was to be."""


def record_of(write: Write, row: Row | None, salt: str) -> Record:
    """A write as the ledger keeps it. ``row``: as it was; ``salt``: the action's id, so that equal values of two
    actions have two digests."""
    record: dict[str, Any] = {
        "kind": "create" if isinstance(write, Create) else "change",
        "collection": write.collection,
        "row_id": write.row_id,
        "attributes": _told_by(write),
        "digest": digest_of(write.data, _told_by(write), salt),
    }
    if not isinstance(write, Create):
        known = BY_NAME.get(write.collection)
        personal = frozenset(known.personal if known else ())
        record["seen"] = write.seen
        record["was"] = {
            name: (row or {}).get(name)
            for name in sorted(write.data)
            if known and name not in personal and name not in NAMES
        }
    return record


def _told_by(write: Write) -> list[str]:
    """The attributes that tell whether it is what was written. Of a row that was made not its instants: two who make
    the same row do not make it at the same moment."""
    if not isinstance(write, Create):
        return sorted(write.data)
    return sorted(name for name, value in write.data.items() if not _is_instant(value))


def digest_of(values: Mapping[str, Any], attributes: Iterable[str], salt: str) -> str:
    """A digest of some of a row's values, whatever form an instant or a number has."""
    plain = {name: _normal(values.get(name)) for name in attributes}
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode(), key=salt.encode()[:64], digest_size=16).hexdigest()


def effect_of(record: Record, row: Row | None, salt: str) -> Effect:
    """Whether a write is there, by its row as it is now."""
    if record["kind"] == "create":
        return Effect.NOT_THERE if row is None else Effect.THERE
    if row is None:
        return Effect.OTHER
    if digest_of(row, record["attributes"], salt) == record["digest"]:
        return Effect.THERE
    return Effect.NOT_THERE if same_instant(row.get("$updatedAt"), record["seen"]) else Effect.OTHER


def is_as_written(record: Record, row: Row, salt: str) -> bool:
    """Whether a row holds what a write was to put there."""
    return digest_of(row, record["attributes"], salt) == record["digest"]


def together(effects: Sequence[Effect]) -> bool | None:
    """Whether writes came to be of which all or none did; None where the rows do not tell.

    One that is certainly not there says so of all: its row is as it was, or was never made.
    """
    if Effect.NOT_THERE in effects:
        return False
    return True if Effect.THERE in effects else None


def row_before(record: Record, row: Row) -> Row:
    """A row as it was before a write, as far as the ledger knows."""
    return {**row, **record.get("was", {}), "$updatedAt": record.get("seen", row.get("$updatedAt"))}


def same_instant(one: object, other: object) -> bool:
    """Whether two values of ``$updatedAt`` are the same."""
    return one == other or (_normal(one) == _normal(other) and one is not None)


def _normal(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, str):
        return _normal_text(value)
    if isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        # A related row stands for its id.
        return held["$id"] if "$id" in held else {key: _normal(one) for key, one in held.items()}
    if isinstance(value, Sequence):
        return [_normal(one) for one in cast("Sequence[Any]", value)]
    return value


def _is_instant(value: object) -> bool:
    if isinstance(value, datetime):
        return True
    return isinstance(value, str) and _normal_text(value) is not value


def _normal_text(value: str) -> str:
    if len(value) >= 19 and value[:4].isdigit() and value[4] == "-" and value[10] in "T ":
        try:
            return _instant(datetime.fromisoformat(value))
        except ValueError:
            return value
    return value


def _instant(value: datetime) -> str:
    at = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return at.isoformat(timespec="milliseconds")
