"""The published snapshots: made by copy and link swap, opened read-only, kept and dropped by age.

Readers never touch the pipeline's files. What a snapshot contains is decided in assets/, not here.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from resources.allocator import give_back_blocks
from resources.block_hashes import BlockHashes
from resources.closed_copy import Copied, amended, not_in_use, shared, whole
from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.instants import instant_of_stamp
from resources.ledger import Ledger, Seal
from resources.own_files import create, sync, sync_open
from resources.seals import require_unchanged
from resources.shared_blocks import share, shares_blocks

if TYPE_CHECKING:
    import duckdb

#: The schema in which a run leaves for the next what changed (assets/core/since.py): without a row in a snapshot, and
#: not among the tables that are offered.
NOT_OFFERED = "since"
KEEP_LAST = 10
KEEP_DAILY_FOR = timedelta(days=30)
#: How the name begins of a snapshot that went, and that the next one is written over.
_SPARE = ".spare-"


def snapshot_path(home: Home, snapshot_id: str) -> Path:
    """The file of a snapshot, whether or not it is there."""
    return home.published / f"{snapshot_id}.duckdb"


def current_snapshot(home: Home) -> Path | None:
    """The real path of the newest snapshot, or None before the first run.

    The link is resolved first: a DuckDB connection to a replaced *same* name goes on returning the old data.
    """
    if not home.current.is_symlink():
        return None
    path = home.current.resolve()
    return path if path.exists() else None


def published_snapshots(home: Home) -> list[Path]:
    """The files of the snapshots that were published and are kept, the newest first."""
    current = current_snapshot(home)
    return (
        []
        if current is None
        else sorted((path for path in _files(home.published) if path.name <= current.name), reverse=True)
    )


def _files(folder: Path) -> list[Path]:
    return [p for p in folder.glob("*.duckdb") if not p.is_symlink() and not p.name.startswith(".")]


def require_snapshot(home: Home, snapshot_id: str | None = None) -> Path:
    """The file of ``snapshot_id`` (default: the newest). Raises BookwatchError before the first
    run, UsageError when the snapshot named is not there.
    """
    if snapshot_id is None:
        path = current_snapshot(home)
        if path is None:
            raise BookwatchError(
                f"There is no published snapshot in {home.published}.",
                "Run `bookwatch run` (or `bookwatch demo`) first, or set BOOKWATCH_HOME to where it was run.",
            )
        return path
    path = snapshot_path(home, snapshot_id)
    # A link here is the newest snapshot's other name, or personal data: neither is a snapshot of its own.
    if path.parent != home.published or path.is_symlink() or path.name.startswith(".") or not path.is_file():
        raise UsageError(
            f"There is no snapshot {snapshot_id!r}.",
            f"The kept ones are the .duckdb files in {home.published}.",
        )
    return path


@contextmanager
def open_snapshot(
    path: Path, *, memory_limit: str | None = None, spill_folder: Path | None = None, in_full: bool = False
) -> Generator[duckdb.DuckDBPyConnection]:
    """A read-only connection without file or network access: no ATTACH, read_csv, INSTALL or SET.

    The database's own path stays open to it, so a person's SQL is judged first (questions.py).
    ``memory_limit`` (such as "256MB") bounds what a query holds; what is over it goes to ``spill_folder``, and without
    one nowhere. Raises SnapshotChanged where the file is not the one that was published; ``in_full`` hashes it.
    """
    # Imported where a file is opened: who serves bookings loads no DuckDB for the names of snapshots.
    import duckdb

    from resources.warehouse import is_small, one_thread_for_small

    require_unchanged(path, in_full=in_full)
    config: dict[str, str | bool | int | float | list[str]] = {
        "enable_external_access": False,
        # A name in the query is a table of the snapshot, never a variable of this program.
        "python_enable_replacements": False,
        "temp_directory": "" if spill_folder is None else str(spill_folder),
    }
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
        if not is_small(path):
            give_back_blocks()
    try:
        connection = duckdb.connect(str(path), read_only=True, config=config)
        # A query over two seconds would draw its progress on stdout, amid what a program reads there.
        connection.execute("SET enable_progress_bar = false")
        one_thread_for_small(connection, path)
        connection.execute("SET lock_configuration = true")
    except duckdb.Error:
        raise BookwatchError.of("failure.snapshot_unopened", name=path.name) from None
    try:
        yield connection
    finally:
        connection.close()


def copy_closed_file(source: Path, target: Path, enter: Callable[[Seal, BlockHashes], None]) -> Copied:
    """Copy a database file that this process has closed, for reading only, and make the copy durable.

    It shares the blocks of ``source`` where the file system can; else only what differs is written, over the snapshot
    that went last, and where there is none, or anybody still reads it, all of it. The same bytes in any case.
    ``enter`` is given the copy's seal before it has its name: no snapshot is there that the ledger does not know.
    Copying a DuckDB file in a process that has it open drops its POSIX lock, and a second writer then loses rows.
    Raises BookwatchError where it cannot be written; nothing half-written is left then.
    """
    partial = target.with_name(f".{target.name}.partial")
    ledger = Ledger(target.parent.parent / "ledger.sqlite")
    try:
        for left in _half_made(target.parent):
            left.unlink()  # of a run that was killed: one publishes at a time
        made = _made(source, partial, target, ledger)
        state = os.stat(partial)
        seal = Seal(target.stem, None, state.st_size, state.st_mtime_ns, state.st_ino, root=made.hashes.root)
        enter(seal, made.hashes)
        os.replace(partial, target)
    except OSError as refused:
        raise BookwatchError.of(
            "failure.snapshot_unwritten", folder=str(target.parent), why=str(refused.strerror)
        ) from None
    finally:
        partial.unlink(missing_ok=True)
    sync(target.parent)
    return made


def _made(source: Path, partial: Path, target: Path, ledger: Ledger) -> Copied:
    """The copy, under the name of the making. Raises OSError."""
    with open(source, "rb", buffering=0) as reader:
        with create(partial, mode=0o400) as writer:
            if share(reader, writer):
                made = _shared(reader, writer, target.parent, ledger)
                sync_open(writer)
                return made
        made = _over_spare(reader, partial, target.parent, ledger)
        if made is not None:
            return made
        with create(partial, mode=0o400) as writer:
            made = whole(reader, writer)
            sync_open(writer)
            return made


def _shared(reader: BinaryIO, writer: BinaryIO, folder: Path, ledger: Ledger) -> Copied:
    """The hashes of a copy that shares blocks, from those of the snapshot before where they are known."""
    before = max(_files(folder), default=None)
    known = None if before is None else _blocks(ledger, before.stem, before)
    if before is None or known is None:
        return shared(reader, writer)
    with open(before, "rb", buffering=0) as earlier:
        return shared(reader, writer, earlier, known)


def _blocks(ledger: Ledger, snapshot_id: str, path: Path) -> BlockHashes | None:
    """The hashes of a snapshot's blocks, where its file has the stamp it was published with."""
    state = os.lstat(path)
    try:
        return ledger.blocks(snapshot_id, size=state.st_size, mtime_ns=state.st_mtime_ns, inode=state.st_ino)
    except sqlite3.Error:
        return None  # all is hashed then; whether the ledger can be written is told when the seal is entered


def _over_spare(reader: BinaryIO, partial: Path, folder: Path, ledger: Ledger) -> Copied | None:
    """The copy made over the snapshot that went last; None where there is none that may be written over."""
    for spare in _spares(folder):
        known = _blocks(ledger, spare.stem.removeprefix(_SPARE), spare)
        os.replace(spare, partial)
        if known is None:
            continue  # somebody changed it, or nothing is known of it
        with not_in_use(partial) as file:
            if file is None:
                continue
            made = amended(reader, file, known)
            os.fchmod(file.fileno(), 0o400)
            os.fsync(file.fileno())
            return made
    return None


def _spares(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"{_SPARE}*.duckdb"), reverse=True)


def _half_made(folder: Path) -> list[Path]:
    return list(folder.glob(".*.duckdb.partial"))


def drop_spare(home: Home) -> None:
    """Delete the snapshot that went and that the next one would be written over, and what a killed run left of one. The
    next one is written whole. For who holds the run's lock."""
    for path in (*_spares(home.published), *_half_made(home.published)):
        path.unlink()


def point_link(link: Path, target: Path) -> None:
    """Make ``link`` point at ``target`` in one step: readers see the old file or the new, never neither."""
    fresh = link.with_name(f".{link.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.name)
    os.replace(fresh, link)
    sync(link.parent)


def _instant_of(path: Path) -> datetime | None:
    try:
        return instant_of_stamp(path.stem.split("-")[0])
    except ValueError:
        return None


def snapshots_to_drop(paths: list[Path], *, now: datetime, cited: set[str]) -> list[Path]:
    """Which snapshots may go: all but the last 10, one a day for 30 days, one a month for good, and ``cited`` ones:
    those that something still rests on.

    The newest of its day (month) is the one kept. Files whose name carries no instant are never touched.
    """
    dated = sorted(
        ((instant, path.name, path) for path in paths if (instant := _instant_of(path)) is not None),
        reverse=True,
    )
    kept_days: set[str] = set()
    kept_months: set[str] = set()
    drop: list[Path] = []
    for position, (instant, _, path) in enumerate(dated):
        day, month = f"{instant:%Y%m%d}", f"{instant:%Y%m}"
        keep = position < KEEP_LAST or path.stem in cited
        if day not in kept_days and now - instant <= KEEP_DAILY_FOR:
            keep = True
        if month not in kept_months:
            keep = True
        kept_days.add(day)
        kept_months.add(month)
        if not keep:
            drop.append(path)
    return drop


def drop_old_snapshots(home: Home, *, now: datetime, cited: set[str]) -> list[str]:
    """Delete the snapshots that need not be kept, and their seals; returns their ids. The current one always stays.

    Where the file system shares no blocks, the newest of them stays under a name that nobody opens, to be written over
    by the next one; who reads it reads on.
    """
    current = current_snapshot(home)
    old = sorted(
        path for path in snapshots_to_drop(_files(home.published), now=now, cited=cited) if path != current
    )
    if not old:
        return []
    keep_spare(home, old)
    Ledger(home.ledger).drop_seals([path.stem for path in old])
    return [path.stem for path in old]


def keep_spare(home: Home, old: Sequence[Path]) -> None:
    """Delete snapshots, oldest first, but where the next one is to be written over it the newest of them."""
    *others, newest = old
    for path in (*others, *_spares(home.published)):
        path.unlink(missing_ok=True)
    if _needs_spare(home):
        os.replace(newest, newest.with_name(f"{_SPARE}{newest.name}"))
    else:
        newest.unlink(missing_ok=True)


def _needs_spare(home: Home) -> bool:
    try:
        return not shares_blocks(home.root, home.published)
    except OSError:
        return False  # no room for two small files: none for a large one that nobody needs
