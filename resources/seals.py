"""Whether a published snapshot is still the file that was published.

The hash over its blocks, its size, time and inode stand in the ledger since it was copied (snapshots.py). Readers
compare what a `stat` tells; what rests on a snapshot for good (an export, its verification) hashes it in full, and the
first to do so enters its SHA-256, which anybody can compare by `sha256sum`.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from messages.message import Arg, Message
from resources.block_hashes import BLOCK, BlockHashing
from resources.errors import BookwatchError
from resources.ledger import Ledger, LedgerTooNew, Seal
from resources.rewrites import begun_seal

# Stamp of a file → its bytes were compared by this process: a home that was moved is not hashed for each question.
_proven: set[tuple[str, Seal]] = set()
_sealed: dict[str, Seal] = {}
_guard = threading.Lock()


class SnapshotChanged(BookwatchError):
    """The file of a snapshot is not the one that was published."""


def stamped(seal: Seal, state: os.stat_result) -> Seal:
    """A seal with the stamp that a `stat` tells: the same bytes in a file that may be another."""
    return replace(seal, bytes=state.st_size, mtime_ns=state.st_mtime_ns, inode=state.st_ino)


def sealed(path: Path, sha256: str, state: os.stat_result, *, adopted: bool = False) -> Seal:
    """The seal of a file from its SHA-256 and its `stat`."""
    return Seal(path.stem, sha256, state.st_size, state.st_mtime_ns, state.st_ino, adopted)


def require_unchanged(path: Path, *, in_full: bool = False) -> Seal | None:
    """The seal of the snapshot file ``path``; None where it was published before seals were kept.

    Compares size, time and inode, and hashes the file where they differ (a home that was moved or restored has the
    same bytes elsewhere) or ``in_full``: then the seal has the SHA-256, and one without a seal is given one, of what it
    is now.
    Raises SnapshotChanged where the bytes are others, a log lies beside the file that DuckDB would read into it, or the
    file was not published by this home; with ``in_full`` BookwatchError where the ledger cannot tell.
    """
    ledger = Ledger(path.parent.parent / "ledger.sqlite")
    if os.path.lexists(f"{path}.wal"):
        raise _changed(path, "log")
    state = os.stat(path)
    with _guard:
        seal = _sealed.get(str(path))
    # Known and as it was; else the ledger is asked (again: a snapshot that we rewrote has another seal since).
    if in_full or seal is None or stamped(seal, state) != seal:
        try:
            seal, first = ledger.seal(path.stem)
        except sqlite3.Error as refused:
            if in_full and isinstance(refused, LedgerTooNew):
                raise
            if in_full:
                raise BookwatchError(
                    f"The ledger {ledger.path} cannot be read, so whether the snapshot {path.stem} is as it was"
                    " published cannot be told.",
                    "Wait for the process that holds it, or put a backup in its place.",
                ) from None
            return None  # the last good snapshot is served on; the run tells of its ledger
        if seal is None:
            return _unsealed(path, ledger, first, in_full=in_full)
    now = stamped(seal, state)
    if now != seal:
        # Written anew a moment ago, or by a process that was killed before it could say so.
        begun = _begun(ledger, path)
        if begun is not None and stamped(begun, state) == begun:
            seal = now = replace(begun, adopted=seal.adopted)
    if now != seal and now.bytes != seal.bytes:
        raise _changed(path, "bytes", now=now.bytes, sealed=seal.bytes)
    if in_full or (now != seal and (str(path), now) not in _proven):
        asked, now = now, _hashed(path, now)
        if now != seal:
            _enter(ledger, path, asked, now)
    with _guard:
        _sealed[str(path)] = now
    return now


def _begun(ledger: Ledger, path: Path) -> Seal | None:
    try:
        return begun_seal(ledger.path, path.stem)
    except sqlite3.Error:
        return None  # what cannot be told is not taken for it


def _hashed(path: Path, seal: Seal) -> Seal:
    """The seal with the SHA-256 of the file. Raises SnapshotChanged where the bytes are others."""
    if seal.sha256 is not None:
        if _sha256(path) != seal.sha256:
            raise _changed(path, "hash")
        return seal
    whole, blocks = hashlib.sha256(), BlockHashing()
    # Both hashes of a block at once: hashlib lets the other thread go on.
    with open(path, "rb") as file, ThreadPoolExecutor(1) as beside:
        while block := file.read(BLOCK):
            added = beside.submit(blocks.add, block)
            whole.update(block)
            added.result()
    if blocks.done().root != seal.root:
        raise _changed(path, "hash")
    return replace(seal, sha256=whole.hexdigest())


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _enter(ledger: Ledger, path: Path, asked: Seal, now: Seal) -> None:
    """The same bytes under another stamp, or their SHA-256: entered, so that no reader hashes them again."""
    try:
        ledger.record_seal(now)
    except sqlite3.Error:
        # A ledger that cannot be written (a home mounted read-only): this process remembers.
        _proven.add((str(path), asked))


def _unsealed(path: Path, ledger: Ledger, first: str | None, *, in_full: bool) -> Seal | None:
    if first is not None and path.stem > first:
        raise SnapshotChanged.of("failure.snapshot_foreign", snapshot=path.stem)
    if not in_full:
        return None
    state = os.stat(path)
    seal = sealed(path, _sha256(path), state, adopted=True)
    ledger.record_seal(seal)
    return seal


def _changed(path: Path, how: str, **counts: Arg) -> SnapshotChanged:
    return SnapshotChanged(
        Message(f"failure.snapshot_{how}", {"snapshot": path.stem, **counts}),
        Message("failure.snapshot_changed_do"),
    )
