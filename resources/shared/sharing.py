"""Brings published snapshots to a store: their bytes, their list, then the pointer to the newest, which no other writer
turns back. Drops there what need not be kept.

Bytes are put first and named last, so a kill leaves what nobody is pointed at. Of a snapshot that follows one that the
store has, only the blocks that differ are put, where that is asked for.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Final

from resources.errors import BookwatchError
from resources.objects import LEFTOVER_S, PART_BYTES, Objects, Outrun
from resources.shared.listing import (
    CHANGES,
    FOLDER,
    POINTER,
    STATUS,
    WHOLE,
    Listing,
    Piece,
    Pointer,
    is_object,
    joined,
    list_key,
    listed_id,
    object_key,
    read_listing,
    read_pointer,
)
from resources.snapshots import snapshots_to_drop

BLOCK_BYTES: Final = 256 << 10
HEADER_BYTES: Final = 12 << 10
"""A DuckDB file is three headers, then its blocks: compared as they lie, one that did not change is found so."""
MAGIC: Final = b"bookwatch changes 1\n"
"""What changed begins with it: a header of DuckDB's would pass for a database."""
SMALL_BYTES: Final = 4 << 20
"""A file up to this size is put whole: that is one request either way."""
MOST_OBJECTS: Final = 64
"""Objects a file may be spread over, and objects a reader asks at most."""
MOST_SPREAD: Final = 2
"""How many times a file's size the objects it is spread over may hold: then it is put whole again."""
DROP_AT_ONCE: Final = 8
"""Snapshots that are due to go, before the lists of all are read for it."""
TRIES: Final = 5


class _AnotherBase(Exception):
    """The file here is not the one that was shared, so nothing may be told by it."""


@dataclass(frozen=True)
class Source:
    """A published file. ``sha256``: what it has to be, from its seal."""

    path: Path
    sha256: str
    published_at: str | None
    rules_version: str | None

    @property
    def snapshot_id(self) -> str:
        return self.path.stem


@dataclass(frozen=True)
class Shared:
    """What was brought. ``sent``: bytes of snapshots that were put, 0 where the store had it."""

    snapshot_id: str
    sent: int = 0
    dropped: tuple[str, ...] = ()


def newest_shared(objects: Objects) -> Pointer | None:
    """The pointer of a store. Raises StoreFailure, DamagedListing."""
    content = objects.get(POINTER)
    return None if content is None else read_pointer(content)


def share(
    objects: Objects, source: Source, *, changes_only: bool, base: Path | None, now: datetime, cited: set[str]
) -> Shared:
    """Bring a snapshot to the store and point at it. ``base``: the folder with the files of earlier ones;
    ``cited``: snapshots that are kept whatever their age. Raises StoreFailure, and BookwatchError where the store has a
    newer one, or another under this name."""
    there = newest_shared(objects)
    if there is not None and there.snapshot_id == source.snapshot_id and there.sha256 == source.sha256:
        return Shared(source.snapshot_id)
    if there is not None and there.snapshot_id > source.snapshot_id:
        raise _older(objects, source.snapshot_id, there.snapshot_id)
    listing, sent = _bring(objects, source, changes_only=changes_only, base=base, there=there)
    point(objects, listing)
    return Shared(source.snapshot_id, sent, tuple(drop_shared(objects, now=now, cited=cited)))


def share_status(objects: Objects, content: bytes) -> None:
    """Bring status.json, which says how the pipeline is."""
    objects.put(STATUS, content)


def point(objects: Objects, listing: Listing) -> None:
    """Make a snapshot the newest, unless the store has a newer one by now. Raises Outrun where others were faster each
    time, BookwatchError where there is a newer one."""
    pointer = listing.pointer()
    for _ in range(TRIES):
        found = objects.look(POINTER)
        there = None if found is None else read_pointer(found.content)
        if there == pointer:
            return
        if there is not None and there.snapshot_id > pointer.snapshot_id:
            raise _older(objects, pointer.snapshot_id, there.snapshot_id)
        try:
            objects.put_if(POINTER, pointer.written(), None if found is None else found.tag)
        except Outrun:
            continue
        return
    raise Outrun.of("failure.store_outrun", place=objects.place, key=POINTER)


def _older(objects: Objects, ours: str, there: str) -> BookwatchError:
    return BookwatchError.of("failure.shared_newer", place=objects.place, ours=ours, there=there)


def _bring(
    objects: Objects, source: Source, *, changes_only: bool, base: Path | None, there: Pointer | None
) -> tuple[Listing, int]:
    known = objects.get(list_key(source.snapshot_id))
    if known is not None:
        # A run before this one was killed, or lost the race, behind its list.
        listing = read_listing(known, source.snapshot_id)
        if listing.sha256 != source.sha256:
            raise BookwatchError.of("failure.shared_other", place=objects.place, snapshot=source.snapshot_id)
        return listing, 0
    if changes_only and base is not None and there is not None and source.path.stat().st_size > SMALL_BYTES:
        before = _usable(objects, there, base)
        if before is not None:
            try:
                listing, sent = _put_changes(objects, source, *before)
            except (_AnotherBase, FileNotFoundError):
                pass
            else:
                _name(objects, listing)
                # Whoever drops a snapshot takes its list away, then looks which lists there are: while this one still
                # stands, ours was there before that look, and what it rests on stays.
                if objects.size(before[0].key) is not None:
                    return listing, sent
                objects.delete(listing.key)
    listing = _put_whole(objects, source)
    _name(objects, listing)
    return listing, listing.bytes


def _name(objects: Objects, listing: Listing) -> None:
    try:
        objects.put_if(listing.key, listing.written(), None)
    except Outrun:
        there = objects.get(listing.key)
        if there is None or read_listing(there, listing.snapshot_id).sha256 != listing.sha256:
            raise BookwatchError.of(
                "failure.shared_other", place=objects.place, snapshot=listing.snapshot_id
            ) from None


def _usable(objects: Objects, there: Pointer, folder: Path) -> tuple[Listing, Path] | None:
    """The list of the newest shared snapshot and its file here, where the next one may be told by what changed."""
    content = objects.get(there.list)
    path = folder / f"{there.snapshot_id}.duckdb"
    if content is None or not path.is_file():
        return None
    listing = read_listing(content, there.snapshot_id)
    held = {one.key: one.bytes for one in objects.listed(FOLDER)}
    if any(key not in held for key in listing.objects) or len(listing.objects) >= MOST_OBJECTS:
        return None
    spread = sum(held[key] for key in listing.objects)
    return None if spread > MOST_SPREAD * listing.bytes else (listing, path)


def _put_whole(objects: Objects, source: Source) -> Listing:
    size = source.path.stat().st_size
    key = object_key(source.snapshot_id, source.sha256, WHOLE)
    with open(source.path, "rb") as file:
        objects.put(key, _read_checked(file, source))
    return _listing(source, size, (key,), (Piece(0, 0, size),))


def _read_checked(file: BinaryIO, source: Source) -> Iterator[bytes]:
    """The bytes of a file, which ends in a failure where they are not those that were published: then nothing is
    put."""
    digest = hashlib.sha256()
    while part := file.read(PART_BYTES):
        digest.update(part)
        yield part
    _require_same(digest.hexdigest(), source)


def _require_same(sha256: str, source: Source) -> None:
    if sha256 != source.sha256:
        raise BookwatchError.of("failure.shared_changed", snapshot=source.snapshot_id)


def _listing(source: Source, size: int, objects: Sequence[str], pieces: Sequence[Piece]) -> Listing:
    return Listing(
        source.snapshot_id,
        source.sha256,
        size,
        source.published_at,
        source.rules_version,
        tuple(objects),
        joined(pieces),
    )


def _put_changes(objects: Objects, source: Source, before: Listing, base: Path) -> tuple[Listing, int]:
    """Put what differs from the file of the snapshot before, block by block; the list names the rest where it was."""
    key = object_key(source.snapshot_id, source.sha256, CHANGES)
    pieces: list[Piece] = []
    sent = len(MAGIC)
    with ExitStack() as opened:
        file, old = (opened.enter_context(open(path, "rb")) for path in (source.path, base))
        kept = _walk(before.pieces)
        next(kept)

        def changed() -> Iterator[bytes]:
            nonlocal sent
            digest, old_digest = hashlib.sha256(), hashlib.sha256()
            wanted = HEADER_BYTES
            yield MAGIC
            while block := file.read(wanted):
                digest.update(block)
                same = old.read(wanted)
                old_digest.update(same)
                there = kept.send(len(same))
                if block == same:
                    pieces.extend(there)
                else:
                    pieces.append(Piece(len(before.objects), sent, len(block)))
                    sent += len(block)
                    yield block
                wanted = BLOCK_BYTES
            while rest := old.read(PART_BYTES):
                old_digest.update(rest)
            _require_same(digest.hexdigest(), source)
            if old_digest.hexdigest() != before.sha256:
                raise _AnotherBase

        objects.put(key, changed())
    used = sorted({piece.object for piece in pieces})
    renamed = {number: place for place, number in enumerate(used)}
    names = (*before.objects, key)
    listing = _listing(
        source,
        source.path.stat().st_size,
        [names[number] for number in used],
        [replace(piece, object=renamed[piece.object]) for piece in pieces],
    )
    return listing, sent


def _walk(pieces: Sequence[Piece]) -> Generator[list[Piece], int, None]:
    """Of a file in pieces, those of the next bytes, as many as are asked for each time."""
    rest = list(reversed(pieces))
    found: list[Piece] = []
    while True:
        wanted = yield found
        found = []
        while wanted and rest:
            piece = rest.pop()
            taken = min(wanted, piece.bytes)
            found.append(replace(piece, bytes=taken))
            wanted -= taken
            if taken < piece.bytes:
                rest.append(Piece(piece.object, piece.start + taken, piece.bytes - taken))


def drop_shared(
    objects: Objects, *, now: datetime, cited: set[str], at_once: int = DROP_AT_ONCE
) -> list[str]:
    """Delete the shared snapshots that need not be kept (resources/snapshots.py says which), once there are some, and
    what no list rests on; returns their ids. The newest always stays."""
    pointer = newest_shared(objects)
    ids = {found for one in objects.listed(FOLDER) if (found := listed_id(one.key)) is not None}
    paths = [Path(f"{name}.duckdb") for name in ids]
    gone = [path.stem for path in snapshots_to_drop(paths, now=now, cited=cited)]
    gone = [name for name in gone if pointer is None or name != pointer.snapshot_id]
    if len(gone) < at_once:
        return []
    for name in gone:
        objects.delete(list_key(name))
    _delete_unlisted(objects, dropped=set(gone))
    objects.clear()
    return gone


def withdraw(objects: Objects) -> list[str]:
    """Take every shared snapshot away, pointer first: for whoever brings what is kept anew. Returns the ids of those
    there were, the newest first."""
    held = [one.key for one in objects.listed(FOLDER)]
    ids = sorted((found for key in held if (found := listed_id(key)) is not None), reverse=True)
    objects.delete(POINTER)
    for name in ids:
        objects.delete(list_key(name))
    for key in held:
        if is_object(key):
            objects.delete(key)
    return ids


def restore(objects: Objects, source: Source, *, newest: bool) -> None:
    """Bring a snapshot anew, whole; pointed at where it is the ``newest``."""
    listing, _ = _bring(objects, source, changes_only=False, base=None, there=None)
    if newest:
        point(objects, listing)


def shared_hashes(objects: Objects) -> dict[str, str]:
    """What the store has: id → SHA-256, the newest first."""
    held = [(name, one.key) for one in objects.listed(FOLDER) if (name := listed_id(one.key)) is not None]
    found: dict[str, str] = {}
    for name, key in sorted(held, reverse=True):
        content = objects.get(key)
        if content is not None:
            found[name] = read_listing(content, name).sha256
    return found


def _delete_unlisted(objects: Objects, *, dropped: set[str]) -> None:
    """Delete the bytes that no list rests on: at once those of dropped snapshots, what a killed upload left after a
    day."""
    held = list(objects.listed(FOLDER))
    needed: set[str] = set()
    for one in held:
        if (name := listed_id(one.key)) is None:
            continue
        content = objects.get(one.key)
        if content is not None:
            needed.update(read_listing(content, name).objects)
    for one in held:
        if not is_object(one.key) or one.key in needed:
            continue
        owner = one.key.removeprefix(f"{FOLDER}/").rpartition("-")[0]
        # Changed blocks may stand in the object of a snapshot that went earlier: its name is not among the dropped.
        # An object is named by its content and never put a second time but by who put it first.
        if owner in dropped or time.time() - one.changed_at.timestamp() > LEFTOVER_S:
            objects.delete(one.key)
