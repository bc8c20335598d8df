"""Whether a published snapshot is still the file that was published.

Its SHA-256, size, time and inode stand in the ledger since it was copied (snapshots.py). Readers compare what a `stat`
tells; what rests on a snapshot for good (an export, its verification) hashes it in full.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from messages.message import Arg, Message
from resources.errors import BookwatchError
from resources.ledger import Ledger, LedgerTooNew, Seal
from resources.rewrites import begun_seal

_CHUNK = 1 << 20
# Stamp of a file → its SHA-256 was compared by this process: a home that was moved is not hashed for each question.
_proven: set[tuple[str, Seal]] = set()
_sealed: dict[str, Seal] = {}
_guard = threading.Lock()


class SnapshotChanged(BookwatchError):
    """The file of a snapshot is not the one that was published."""


def copied(reader: BinaryIO, writer: BinaryIO | None) -> str:
    """The SHA-256 of what ``reader`` still holds, copied to ``writer`` (None: only hashed) in the same pass."""
    digest = hashlib.sha256()
    # One after the other: a thread that hashes beside the writing took twice as long on a machine with two cores.
    while chunk := reader.read(_CHUNK):
        digest.update(chunk)
        if writer is not None:
            writer.write(chunk)
    return digest.hexdigest()


def sealed(path: Path, sha256: str, state: os.stat_result, *, adopted: bool = False) -> Seal:
    """The seal of a file from its hash and its `stat`."""
    return Seal(path.stem, sha256, state.st_size, state.st_mtime_ns, state.st_ino, adopted)


def require_unchanged(path: Path, *, in_full: bool = False) -> Seal | None:
    """The seal of the snapshot file ``path``; None where it was published before seals were kept.

    Compares size, time and inode, and hashes the file where they differ (a home that was moved or restored has the
    same bytes elsewhere) or ``in_full``: then one without a seal is given one, of what it is now.
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
    if in_full or seal is None or sealed(path, seal.sha256, state, adopted=seal.adopted) != seal:
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
    now = sealed(path, seal.sha256, state, adopted=seal.adopted)
    if now != seal:
        # Written anew a moment ago, or by a process that was killed before it could say so.
        begun = _begun(ledger, path)
        if begun is not None and sealed(path, begun.sha256, state) == begun:
            seal = now = replace(begun, adopted=seal.adopted)
    if now != seal and now.bytes != seal.bytes:
        raise _changed(path, "bytes", now=now.bytes, sealed=seal.bytes)
    if in_full or (now != seal and (str(path), now) not in _proven):
        with open(path, "rb") as file:
            if copied(file, None) != seal.sha256:
                raise _changed(path, "hash")
        if now != seal:
            _moved(ledger, path, now)
    with _guard:
        _sealed[str(path)] = now
    return now


def _begun(ledger: Ledger, path: Path) -> Seal | None:
    try:
        return begun_seal(ledger.path, path.stem)
    except sqlite3.Error:
        return None  # what cannot be told is not taken for it


def _moved(ledger: Ledger, path: Path, now: Seal) -> None:
    """The same bytes under another stamp, proven: entered, so that no reader hashes them again."""
    try:
        ledger.record_seal(now)
    except sqlite3.Error:
        # A ledger that cannot be written (a home mounted read-only): this process remembers.
        _proven.add((str(path), now))


def _unsealed(path: Path, ledger: Ledger, first: str | None, *, in_full: bool) -> Seal | None:
    if first is not None and path.stem > first:
        raise SnapshotChanged.of("failure.snapshot_foreign", snapshot=path.stem)
    if not in_full:
        return None
    with open(path, "rb") as file:
        seal = sealed(path, copied(file, None), os.fstat(file.fileno()), adopted=True)
    ledger.record_seal(seal)
    return seal


def _changed(path: Path, how: str, **counts: Arg) -> SnapshotChanged:
    return SnapshotChanged(
        Message(f"failure.snapshot_{how}", {"snapshot": path.stem, **counts}),
        Message("failure.snapshot_changed_do"),
    )
