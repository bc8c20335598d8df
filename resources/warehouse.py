"""How this process opens a DuckDB file of the home: quietly, without fetching extensions, not through a link; and what
is said, and done, of one that another program holds or that is damaged. Knows no table.

Published snapshots are opened by snapshots.py, under seal.
"""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb

from resources import file_marks
from resources.allocator import give_back_blocks
from resources.errors import BookwatchError
from resources.instants import stamp_of
from resources.sql import quoted

#: What queries may hold. DuckDB's own default is 80 % of the machine; a run shares it with Appwrite. What is over it
#: goes to `<file>.tmp` beside the file. The process itself holds some 300 MB more.
MEMORY_LIMIT = "3GB"
#: The same where only what changed is made, and for what is checked of it: of all the blocks that are read DuckDB keeps
#: as many as it may. What is made whole beside parts, or is asked of all rows, writes to disk what is over it.
MEMORY_LIMIT_OF_PARTS = "1GB"
#: Up to which size of a file its queries take one thread. Of so few rows there is nothing to share out: a second thread
#: only waits, by turning over, and a third of the processor time of the marts went there.
ONE_THREAD_BYTES = 64 << 20

#: What DuckDB 1.5 says of a file that is not whole, not its own, or of a version it does not read.
_DAMAGE: Final = (
    "not a valid duckdb database file",
    "corrupt database file",
    "could not read enough bytes",
    "read a database file with version",
    "failed to load metadata",
    "serialization error",
    '.duckdb_extension" not found',  # a file of another database: DuckDB knows its form and lacks the reader
)
_MEMORY: Final = ("out of memory", "failed to pin block")
"""What it says where memory ran out, which may be fatal for the connection and is no damage of the file."""
_HOLDER: Final = re.compile(r"lock is held in (?P<program>.*?) \(PID (?P<pid>\d+)\)")


class DatabaseLocked(BookwatchError):
    """Another program has the file open."""


class DatabaseDamaged(BookwatchError):
    """The file is no database this version can read."""


def is_damage(error: BaseException) -> bool:
    """Whether DuckDB says that a file is damaged, or of another version."""
    if not isinstance(error, duckdb.Error) or any(words in str(error).lower() for words in _MEMORY):
        return False
    return isinstance(error, duckdb.FatalException) or any(words in str(error).lower() for words in _DAMAGE)


def locked(error: BaseException, name: str) -> DatabaseLocked | None:
    """Who holds the file ``name``, where that is what DuckDB says."""
    if not isinstance(error, duckdb.Error) or "could not set lock" not in str(error).lower():
        return None
    found = _HOLDER.search(str(error))
    holder = "another program"
    if found is not None:
        holder = f"{_command(int(found['pid'])) or Path(found['program']).name} (PID {found['pid']})"
    return DatabaseLocked.of("failure.held", name=name, holder=holder)


def _command(pid: int) -> str:
    """A process as people call it, where /proc tells: its program, and the script or module it runs. Further arguments
    may be secrets."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return ""
    program = Path(words[0]).name
    if not program.startswith("python"):
        return program
    script = next((Path(word).name for word in words[1:] if word and not word.startswith("-")), "")
    return f"{program} {script}" if re.fullmatch(r"[\w.-]{1,64}", script) else program


def open_database(
    path: Path, *, read_only: bool = False, config: dict[str, str | bool | int | float | list[str]]
) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file of the home.

    Raises DatabaseLocked naming who has it open, DatabaseDamaged, BookwatchError where a link lies in its place.
    """
    if path.is_symlink():
        raise BookwatchError.of("failure.file_link", path=str(path))
    try:
        con = duckdb.connect(str(path), read_only=read_only, config=config)
    except duckdb.Error as refused:
        held = locked(refused, path.name)
        if held is not None:
            raise held from None
        if is_damage(refused):
            raise DatabaseDamaged.of("failure.damaged", name=path.name) from None
        raise
    con.execute("SET enable_progress_bar = false")
    one_thread_for_small(con, path)
    if not is_small(path):
        give_back_blocks()
    return con


def one_thread_for_small(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Let the queries of a small file take one thread, of others as many as this machine has. Set, not configured: two
    connections to one file must have the same configuration, and it grows between them."""
    con.execute("SET threads = 1" if is_small(path) else "RESET threads")


def is_small(path: Path) -> bool:
    """Whether one thread does for a file."""
    return path.stat().st_size <= ONE_THREAD_BYTES


def is_whole(path: Path) -> bool:
    """Whether every block of a closed database file can be read. Reads all of it."""
    try:
        with open_warehouse(path, read_only=True) as con:
            for schema, table in con.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE NOT temporary"
            ).fetchall():
                con.execute(f"SELECT max(hash(t)) FROM {quoted(schema)}.{quoted(table)} AS t").fetchall()
    except DatabaseDamaged:
        return False
    except duckdb.Error as broken:
        if is_damage(broken):
            return False
        raise
    return True


def set_aside(path: Path, now: datetime) -> Path:
    """Move a damaged file, and the log beside it, out of the way; returns where it is now. Nothing is deleted."""
    stamp = stamp_of(now)
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = path.with_name(f"{path.stem}.damaged-{stamp}-{number}{path.suffix}")
    os.rename(path, aside)
    log = Path(f"{path}.wal")
    if os.path.lexists(log):
        os.rename(log, f"{aside}.wal")
    return aside


def open_warehouse(path: Path | None = None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file of the pipeline (None: in memory). Close it before the file is copied.

    Raises as ``open_database`` does.
    """
    # Nothing is ever fetched; and a progress bar would land in the middle of what a person or a program reads.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "memory_limit": MEMORY_LIMIT,
    }
    if path is not None:
        return open_database(path, read_only=read_only, config=config)
    con = duckdb.connect(":memory:", config=config)
    con.execute("SET enable_progress_bar = false")
    return con


class HeldWarehouse:
    """One file that the steps of a run open in turn: read in once, not anew by each of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def open(self, *, read_only: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection of one's own. What is not committed at its end is taken back."""
        if self._held is None:
            file_marks.opening(self._path)
            try:
                self._held = open_warehouse(self._path)
            except BaseException:
                file_marks.closed(self._path, None)
                raise
        con = self._held.cursor()
        try:
            con.execute("SET enable_progress_bar = false")
            if read_only:
                con.execute("BEGIN TRANSACTION READ ONLY")
            yield con
        finally:
            con.close()

    def close(self) -> None:
        """Close the file, as it must be before it is copied. It may be opened again."""
        if self._held is not None:
            # Closing writes what is not in the file yet; where that fails it is not told either, and the log stays.
            with suppress(duckdb.Error):
                self._held.execute("CHECKPOINT")
            mark = file_marks.mark_of(self._path)
            self._held.close()
            self._held = None
            file_marks.closed(self._path, mark)
