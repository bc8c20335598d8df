"""Fetches shared snapshots into a folder as a home's ``published/``: whole and proven, or not at all; what broke off is
gone on with. Follows the pointer to the newest.

In the folder: ``<id>.duckdb``, the link ``current``, ``status.json``, and ``fetched.json``: whose they are. No names of
people are there: those never leave the pipeline's home.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import orjson
from filelock import Timeout

from resources import own_files
from resources.errors import BookwatchError, RunActive
from resources.home import Home
from resources.instants import z_text_of
from resources.lock import file_lock
from resources.objects import PART_BYTES, UNCHANGED, Objects, Tag
from resources.shared.listing import (
    POINTER,
    SNAPSHOT_ID,
    STATUS,
    DamagedListing,
    Listing,
    Piece,
    list_key,
    read_listing,
    read_pointer,
)
from resources.snapshots import point_link

MARK: Final = "fetched.json"
KEEP: Final = 3
"""The newest that are kept, beside those that were asked for by name."""
_FETCHING: Final = ".fetching"
_LIST: Final = ".list"


class NothingShared(BookwatchError):
    """The store has no snapshot, or not the one that was asked for."""


@dataclass(frozen=True)
class Fetched:
    """A snapshot that is here. ``received``: bytes that came from the store, 0 where it was here already."""

    snapshot_id: str
    path: Path
    sha256: str
    bytes: int
    received: int
    changed: bool


@dataclass(frozen=True)
class Mark:
    """Whose snapshots lie in a folder. ``named``: those that were asked for by name; ``tag``: of the pointer that was
    followed last, ``status`` of status.json; ``at``: when the store was last heard of."""

    store: str
    snapshot_id: str | None = None
    sha256: str | None = None
    tag: Tag | None = None
    status: Tag | None = None
    named: tuple[str, ...] = ()
    at: str | None = None


def mark_of(folder: Path) -> Mark | None:
    """What ``fetched.json`` says; None where the folder has none that can be read."""
    try:
        told: object = orjson.loads((folder / MARK).read_bytes())
        if not isinstance(told, dict):
            return None
        fields = cast("dict[str, Any]", told)
        return Mark(
            store=str(fields["store"]),
            snapshot_id=fields.get("snapshot_id"),
            sha256=fields.get("sha256"),
            tag=_tag(fields.get("tag")),
            status=_tag(fields.get("status")),
            named=tuple(fields.get("named") or ()),
            at=fields.get("at"),
        )
    except (OSError, orjson.JSONDecodeError, TypeError, KeyError):
        return None


def _tag(told: Any) -> Tag | None:
    return Tag(told["e_tag"], told["version"]) if told else None


def write_mark(folder: Path, mark: Mark) -> None:
    """Say in a folder whose snapshots lie there."""
    own_files.replace(folder / MARK, orjson.dumps(asdict(mark), option=orjson.OPT_INDENT_2))


def is_readers(home: Home) -> bool:
    """Whether a home has its snapshots from a store, and no pipeline of its own."""
    return (home.published / MARK).is_file()


def require_no_pipeline(home: Home) -> None:
    """Raises BookwatchError where a pipeline publishes in this home: two would turn its link."""
    if any(path.exists() for path in (home.raw, home.warehouse, home.ledger)):
        raise BookwatchError.of("failure.fetch_pipeline", folder=str(home.root))


def fetch(objects: Objects, folder: Path, *, snapshot_id: str | None = None, at: datetime) -> Fetched:
    """Bring a snapshot (default: the newest) from the store into ``folder``, and status.json beside it. The link
    ``current`` follows the newest. Raises NothingShared, StoreFailure, RunActive while another process fetches here,
    BookwatchError for a folder of snapshots that were not fetched: a pipeline's would lose those it keeps."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = file_lock(folder / f"{_FETCHING}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunActive.of("failure.fetch_active", folder=str(folder)) from None
    try:
        return _fetch(objects, folder, snapshot_id, at)
    except OSError as refused:
        full = refused.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        failure = BookwatchError.of(
            "failure.fetch_full" if full else "failure.fetch_unwritten",
            folder=str(folder),
            why=refused.strerror or type(refused).__name__,
        )
    finally:
        lock.release()
    raise failure


def _fetch(objects: Objects, folder: Path, snapshot_id: str | None, at: datetime) -> Fetched:
    known = mark_of(folder)
    if known is None:
        if any(SNAPSHOT_ID.fullmatch(path.stem) for path in folder.glob("*.duckdb")):
            raise BookwatchError.of("failure.fetch_others", folder=str(folder))
        # Said before the first is there: a call that is killed leaves no folder that the next one takes for another's.
        write_mark(folder, Mark(objects.place))
    if known is None or known.store != objects.place:
        known = Mark(objects.place)
    if snapshot_id is None:
        found, mark = _newest(objects, folder, known)
    else:
        found, mark = _named(objects, folder, known, snapshot_id)
    mark = replace(_with_status(objects, folder, mark), at=z_text_of(at, "seconds"))
    write_mark(folder, mark)
    _drop_old(folder, mark)
    return found


def _newest(objects: Objects, folder: Path, known: Mark) -> tuple[Fetched, Mark]:
    current = folder / "current"
    here = current.resolve() if current.is_symlink() else None
    told = objects.look(POINTER, known.tag if here is not None and here.is_file() else None)
    if told is None:
        raise NothingShared.of("failure.fetch_nothing", place=objects.place)
    if told is UNCHANGED:
        assert here is not None  # asked on that condition
        state = here.stat()
        return Fetched(here.stem, here, known.sha256 or "", state.st_size, 0, changed=False), known
    pointer = read_pointer(told.content)
    listing = _listing(objects, pointer.snapshot_id)
    if listing.sha256 != pointer.sha256:
        raise DamagedListing.of("failure.shared_damaged")
    path, received = _bring(objects, folder, listing)
    if here is None or here.name != path.name:
        point_link(current, path)
    _drop_withdrawn(objects, folder, known, path)
    mark = replace(known, snapshot_id=listing.snapshot_id, sha256=listing.sha256, tag=told.tag)
    changed = here != path.resolve() or received > 0
    return Fetched(listing.snapshot_id, path, listing.sha256, listing.bytes, received, changed), mark


def _named(objects: Objects, folder: Path, known: Mark, snapshot_id: str) -> tuple[Fetched, Mark]:
    if not SNAPSHOT_ID.fullmatch(snapshot_id):
        raise NothingShared.of("failure.fetch_unknown", place=objects.place, snapshot=snapshot_id)
    listing = _listing(objects, snapshot_id)
    path, received = _bring(objects, folder, listing)
    if not (folder / "current").exists():
        point_link(folder / "current", path)
    mark = replace(known, named=tuple(sorted({*known.named, snapshot_id})))
    return Fetched(snapshot_id, path, listing.sha256, listing.bytes, received, received > 0), mark


def _listing(objects: Objects, snapshot_id: str) -> Listing:
    content = objects.get(list_key(snapshot_id))
    if content is None:
        raise NothingShared.of("failure.fetch_unknown", place=objects.place, snapshot=snapshot_id)
    return read_listing(content, snapshot_id)


def _bring(objects: Objects, folder: Path, listing: Listing) -> tuple[Path, int]:
    """The file of a snapshot, and the bytes that came for it."""
    path = folder / f"{listing.snapshot_id}.duckdb"
    if path.is_file() and not path.is_symlink() and _sha256(path) == listing.sha256:
        return path, 0
    partial = folder / f".{listing.snapshot_id}-{listing.sha256[:12]}{_FETCHING}"
    received = 0
    for base in (_base(folder, listing), None):
        received += _receive(objects, listing, partial, base)
        if _sha256(partial) == listing.sha256:
            break
        # What was here before may have been changed: then all of it comes from the store.
        partial.unlink()
    else:
        raise BookwatchError.of("failure.fetch_hash", place=objects.place, snapshot=listing.snapshot_id)
    os.chmod(partial, 0o400)
    own_files.sync(partial)
    os.replace(partial, path)
    own_files.replace(_list_path(folder, listing.snapshot_id), listing.written())
    return path, received


def _list_path(folder: Path, snapshot_id: str) -> Path:
    return folder / f".{snapshot_id}{_LIST}"


def _base(folder: Path, listing: Listing) -> tuple[Listing, Path] | None:
    """A snapshot that is here, and was told by the most of the same objects."""
    best: tuple[int, Listing, Path] | None = None
    for path in folder.glob("*.duckdb"):
        if path.is_symlink() or not SNAPSHOT_ID.fullmatch(path.stem):
            continue
        try:
            there = read_listing(_list_path(folder, path.stem).read_bytes(), path.stem)
        except (OSError, DamagedListing):
            continue
        alike = len(set(there.objects) & set(listing.objects))
        if alike and path.stat().st_size == there.bytes and (best is None or alike > best[0]):
            best = alike, there, path
    return None if best is None else best[1:]


def _receive(objects: Objects, listing: Listing, partial: Path, base: tuple[Listing, Path] | None) -> int:
    """Write the file from where it broke off; returns the bytes that came from the store."""
    received = 0
    room = shutil.disk_usage(partial.parent).free
    with open(partial, "ab", opener=own_files.no_link) as file:
        done = file.tell()
        if done > listing.bytes:
            file.truncate(0)
            done = 0
        if listing.bytes - done > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        old = None if base is None else open(base[1], "rb")  # noqa: SIM115 - closed below, where there is one
        try:
            place = 0
            for piece, here in _sources(listing, None if base is None else base[0]):
                start = max(place, done)
                place += piece.bytes
                while start < place:
                    length = min(PART_BYTES, place - start)
                    offset = piece.start + piece.bytes - (place - start)
                    if here and old is not None:
                        part = _here(old, start, length)
                    else:
                        part = objects.part(listing.objects[piece.object], offset, length)
                        received += len(part)
                    if len(part) != length:
                        raise DamagedListing.of("failure.shared_damaged")
                    file.write(part)
                    file.flush()
                    start += length
        finally:
            if old is not None:
                old.close()
    return received


def _here(old: BinaryIO, start: int, length: int) -> bytes:
    old.seek(start)
    return old.read(length)


def _sources(listing: Listing, base: Listing | None) -> Iterator[tuple[Piece, bool]]:
    """The pieces of a file in their order, each with whether the file of ``base`` has it at the same place."""
    before = _Places(base)
    place = 0
    for piece in listing.pieces:
        key = listing.objects[piece.object]
        start, left = piece.start, piece.bytes
        while left:
            length, here = before.same(place, key, start, left)
            yield Piece(piece.object, start, length), here
            place, start, left = place + length, start + length, left - length


class _Places:
    """Where the bytes of a file were told to be. Asked from its start on."""

    def __init__(self, listing: Listing | None) -> None:
        self._objects: Sequence[str] = () if listing is None else listing.objects
        self._pieces: list[tuple[int, Piece]] = []
        place = 0
        for piece in () if listing is None else listing.pieces:
            self._pieces.append((place, piece))
            place += piece.bytes
        self._at = 0

    def same(self, place: int, key: str, start: int, left: int) -> tuple[int, bool]:
        """Of ``left`` bytes at ``place``: how many are told alike, and whether they are the same."""
        while self._at < len(self._pieces) and sum_of(self._pieces[self._at]) <= place:
            self._at += 1
        if self._at == len(self._pieces):
            return left, False
        begins, piece = self._pieces[self._at]
        length = min(left, begins + piece.bytes - place)
        same = self._objects[piece.object] == key and piece.start + (place - begins) == start
        return length, same


def sum_of(placed: tuple[int, Piece]) -> int:
    """Where a piece ends."""
    return placed[0] + placed[1].bytes


def _sha256(path: Path) -> str:
    with open(path, "rb", opener=own_files.no_link) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _with_status(objects: Objects, folder: Path, mark: Mark) -> Mark:
    path = folder / "status.json"
    told = objects.look(STATUS, mark.status if path.is_file() else None)
    if told is UNCHANGED:
        return mark
    if told is None:
        path.unlink(missing_ok=True)  # nobody says how the pipeline is: an old word is no answer
        return replace(mark, status=None)
    own_files.replace(path, told.content)
    return replace(mark, status=told.tag)


def _drop_withdrawn(objects: Objects, folder: Path, mark: Mark, current: Path) -> None:
    """Take away what the store has otherwise by now, or no more: a person who was forgotten is in none of it. What was
    asked for by name stays after its time."""
    for path in folder.glob(f".*{_LIST}"):
        name = path.name[1 : -len(_LIST)]
        if name == current.stem or not SNAPSHOT_ID.fullmatch(name):
            continue
        try:
            here = read_listing(path.read_bytes(), name).sha256
        except DamagedListing:
            continue
        content = objects.get(list_key(name))
        if (content is None and name not in mark.named) or (
            content is not None and read_listing(content, name).sha256 != here
        ):
            (folder / f"{name}.duckdb").unlink(missing_ok=True)


def _drop_old(folder: Path, mark: Mark) -> None:
    """Keep the newest few and what was asked for by name; take away what broke off of others."""
    current = (folder / "current").resolve()
    held = sorted(
        (
            path
            for path in folder.glob("*.duckdb")
            if not path.is_symlink() and SNAPSHOT_ID.fullmatch(path.stem)
        ),
        reverse=True,
    )
    newest = [path for path in held if path.stem not in mark.named]
    for path in newest[KEEP:]:
        if path != current:
            path.unlink(missing_ok=True)
    kept = {path.stem for path in folder.glob("*.duckdb")}
    for path in folder.glob(f".*{_LIST}"):
        if path.name[1 : -len(_LIST)] not in kept:
            path.unlink(missing_ok=True)
    for path in folder.glob(f".*{_FETCHING}"):
        if path.name.removesuffix(_FETCHING).lstrip(".").rpartition("-")[0] <= (mark.snapshot_id or ""):
            path.unlink(missing_ok=True)
