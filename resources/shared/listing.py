"""The form of a shared snapshot: its list (which bytes of which objects make up the file), and the pointer to the
newest. Reads and writes their JSON; moves nothing.

In the store: ``published/current.json`` (the pointer), ``published/status.json``, of each snapshot the list
``published/<id>.json`` and the object its bytes came in: the DuckDB file itself, or the parts of it that changed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, cast

import orjson

from resources.errors import BookwatchError

FOLDER: Final = "published"
POINTER: Final = f"{FOLDER}/current.json"
STATUS: Final = f"{FOLDER}/status.json"
WHOLE: Final = ".duckdb"
CHANGES: Final = ".changes"
VERSION: Final = 1
SNAPSHOT_ID: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]{4,}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_OBJECT: Final = re.compile(rf"{FOLDER}/({SNAPSHOT_ID.pattern})-[0-9a-f]{{12}}(?:{WHOLE}|{CHANGES})")


class DamagedListing(BookwatchError):
    """What lies in the store in the place of a list or pointer is none."""


@dataclass(frozen=True)
class Piece:
    """``bytes`` of an object (its place in the list's objects) from ``start`` on; a file is its pieces in a row."""

    object: int
    start: int
    bytes: int


@dataclass(frozen=True)
class Listing:
    """A shared snapshot: its file is ``pieces`` of ``objects``, and ``sha256`` that of the whole."""

    snapshot_id: str
    sha256: str
    bytes: int
    published_at: str | None
    rules_version: str | None
    objects: tuple[str, ...]
    pieces: tuple[Piece, ...]

    @property
    def key(self) -> str:
        return list_key(self.snapshot_id)

    @property
    def is_whole(self) -> bool:
        """Whether its object is the DuckDB file itself."""
        return len(self.objects) == 1 and self.objects[0].endswith(WHOLE)

    def pointer(self) -> Pointer:
        at = self.objects[0] if self.is_whole else self.key
        return Pointer(
            self.snapshot_id, at, self.sha256, self.bytes, self.published_at, self.rules_version, self.key
        )

    def written(self) -> bytes:
        content = asdict(self) | {"version": VERSION}
        content["pieces"] = [(piece.object, piece.start, piece.bytes) for piece in self.pieces]
        return orjson.dumps(content)


@dataclass(frozen=True)
class Pointer:
    """Which snapshot is the newest. ``object``: the DuckDB file where the store holds it whole, else the list."""

    snapshot_id: str
    object: str
    sha256: str
    bytes: int
    published_at: str | None
    rules_version: str | None
    list: str

    def written(self) -> bytes:
        return orjson.dumps({"version": VERSION, **asdict(self)}, option=orjson.OPT_INDENT_2)


def list_key(snapshot_id: str) -> str:
    return f"{FOLDER}/{snapshot_id}.json"


def object_key(snapshot_id: str, sha256: str, kind: str) -> str:
    """Named by its content too: no object is ever another's, also where two homes share into one store."""
    return f"{FOLDER}/{snapshot_id}-{sha256[:12]}{kind}"


def listed_id(key: str) -> str | None:
    """The snapshot whose list has this key; None where it is no list's."""
    folder, _, name = key.rpartition("/")
    stem = name.removesuffix(".json")
    return stem if folder == FOLDER and name != stem and SNAPSHOT_ID.fullmatch(stem) else None


def is_object(key: str) -> bool:
    """Whether a key is that of a snapshot's bytes."""
    return _OBJECT.fullmatch(key) is not None


def read_listing(content: bytes, snapshot_id: str) -> Listing:
    """Raises DamagedListing. Nothing of what was read is believed that could not have been written here."""
    told = _object(content)
    try:
        pieces = tuple(Piece(*map(_count, one)) for one in told["pieces"])
        listing = Listing(
            snapshot_id=str(told["snapshot_id"]),
            sha256=str(told["sha256"]),
            bytes=_count(told["bytes"]),
            published_at=_text(told.get("published_at")),
            rules_version=_text(told.get("rules_version")),
            objects=tuple(str(one) for one in told["objects"]),
            pieces=pieces,
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None
    sound = (
        told.get("version") == VERSION
        and listing.snapshot_id == snapshot_id
        and _SHA256.fullmatch(listing.sha256)
        and all(map(is_object, listing.objects))
        and all(piece.object < len(listing.objects) and piece.bytes for piece in pieces)
        and sum(piece.bytes for piece in pieces) == listing.bytes
    )
    if not sound:
        raise _damaged()
    return listing


def read_pointer(content: bytes) -> Pointer:
    """Raises DamagedListing."""
    told = _object(content)
    try:
        pointer = Pointer(
            snapshot_id=str(told["snapshot_id"]),
            object=str(told["object"]),
            sha256=str(told["sha256"]),
            bytes=_count(told["bytes"]),
            published_at=_text(told.get("published_at")),
            rules_version=_text(told.get("rules_version")),
            list=str(told["list"]),
        )
    except (KeyError, TypeError, ValueError):
        raise _damaged() from None
    known = SNAPSHOT_ID.fullmatch(pointer.snapshot_id) and _SHA256.fullmatch(pointer.sha256)
    if told.get("version") != VERSION or not known or pointer.list != list_key(pointer.snapshot_id):
        raise _damaged()
    return pointer


def joined(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The same bytes, of neighbours one piece."""
    found: list[Piece] = []
    for piece in pieces:
        last = found[-1] if found else None
        if last and last.object == piece.object and last.start + last.bytes == piece.start:
            found[-1] = Piece(last.object, last.start, last.bytes + piece.bytes)
        elif piece.bytes:
            found.append(piece)
    return tuple(found)


def _object(content: bytes) -> dict[str, Any]:
    try:
        told: object = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise _damaged() from None
    if not isinstance(told, dict):
        raise _damaged()
    return cast("dict[str, Any]", told)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value


def _text(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise ValueError
    return value


def _damaged() -> DamagedListing:
    return DamagedListing.of("failure.shared_damaged")
