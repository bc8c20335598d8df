"""The one file of the mirror, raw.duckdb: how it is opened, its transactions, their numbers, and what is told of
DuckDB's errors. What its tables hold is the other modules'.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import duckdb
import polars as pl

from messages.message import Message
from resources.cleanup import afterwards
from resources.errors import BookwatchError
from resources.raw.control_tables import DDL
from resources.raw.large_rows import LargeRows, bytes_of, configured, half_of_this_machine
from resources.warehouse import DatabaseDamaged, DatabaseLocked, open_database

_COULD_NOT: Final = {
    "open": "failure.file_opened",
    "be read": "failure.file_read",
    "be written": "failure.file_written",
}


class StoreFailure(BookwatchError):
    """raw.duckdb could not be read or written.

    Never repeats what DuckDB said: its messages carry row values.
    """


class OutOfMemory(StoreFailure):
    """DuckDB was not allowed the memory it needs. ``fatal``: for this connection, what was committed stands."""

    fatal = False


class RawFile:
    """The open file. Not safe to use from several threads at once.

    Raises StoreFailure where the file cannot be read or written (also: another process has it open).
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        memory_limit: str = "400MB",
        most_memory: int | None = None,
    ) -> None:
        """``memory_limit``: what DuckDB may hold; because of large rows up to ``most_memory`` bytes (half of this
        machine's memory)."""
        self.path = path
        self.read_only = read_only
        self._undo: list[Callable[[], object]] = []
        if read_only and not self.path.exists():
            raise StoreFailure.of("failure.no_mirror")
        self.large = LargeRows(bytes_of(memory_limit), most_memory or half_of_this_machine())
        with self.translated_errors("open"):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.connection = self._connect()
            if not read_only:
                os.chmod(self.path, 0o600)
                self.connection.execute(DDL)
                # At the default of 16 MB a first load rewrote each half-filled row group five times over.
                self.connection.execute("SET wal_autocheckpoint = '128MB'")
                # FSST saves a fifth of the file, and took 40 % of the time of a commit and half of the time
                # in which a thousand rows spread over the table are found again.
                self.connection.execute("SET disabled_compression_methods = 'fsst,dict_fsst'")
                # Two threads took a third more processor time for the same inserts, while the pages to come
                # are being fetched and decoded beside them.
                self.connection.execute("SET threads = 1")
                self.large.make_room(self.connection)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            return open_database(self.path, read_only=self.read_only, config=configured(self.large.limit))
        except duckdb.OutOfMemoryException:
            # What a killed process left to be written into the file may hold large rows.
            self.large.limit = self.large.most
            return open_database(self.path, read_only=self.read_only, config=configured(self.large.limit))

    def close(self) -> None:
        self.connection.close()

    @contextlib.contextmanager
    def translated_errors(self, what: str) -> Generator[None]:
        """Turn DuckDB's and Polars' errors into one sentence: theirs repeat values."""
        failure: StoreFailure
        try:
            yield
            return
        except DatabaseLocked as held:
            failure = StoreFailure(held.why, held.todo or "")
        except DatabaseDamaged as damaged:
            failure = StoreFailure(damaged.why, Message("failure.mirror_damaged_do"))
        except duckdb.Error as broken:
            text = str(broken).lower()
            if isinstance(broken, duckdb.OutOfMemoryException) or "failed to pin block" in text:
                failure = OutOfMemory.of(
                    "failure.file_memory", name=self.path.name, limit=self.large.limit >> 20
                )
                failure.fatal = isinstance(broken, duckdb.FatalException)
            elif "no space left" in text or "disk full" in text or "could not write" in text:
                failure = StoreFailure(Message("failure.disk_full"), Message("failure.make_room"))
            else:
                failure = StoreFailure(
                    Message(_COULD_NOT[what], {"name": self.path.name, "why": type(broken).__name__}),
                    Message("failure.file_again_do"),
                )
        except pl.exceptions.PolarsError as broken:
            failure = StoreFailure.of("failure.unmerged", kind=type(broken).__name__)
        except OSError as broken:
            failure = StoreFailure(
                Message(_COULD_NOT[what], {"name": self.path.name, "why": str(broken.strerror)}),
                Message("failure.file_disk_do"),
            )
        raise failure from None

    @contextlib.contextmanager
    def transaction(self) -> Generator[duckdb.DuckDBPyConnection]:
        """All or nothing: whatever is raised inside rolls everything back."""
        with self.translated_errors("be written"):
            self._undo = []
            self.connection.execute("BEGIN")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                for undo in self._undo:
                    undo()
                self.large.forget()
                with contextlib.suppress(duckdb.Error):  # a failed COMMIT has rolled back already
                    self.connection.execute("ROLLBACK")
                with contextlib.suppress(duckdb.Error):  # what was lent could not be taken back before
                    self.connection.execute("SET threads = 1")
                raise

    def on_rollback(self, undo: Callable[[], object]) -> None:
        """Have something done if the running transaction is taken back."""
        self._undo.append(undo)

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self.translated_errors("be read"):
            return self.connection.execute(sql, list(parameters)).fetchall()

    @contextlib.contextmanager
    def lent(self, **frames: pl.DataFrame) -> Generator[None]:
        """Frames as views of the connection for the time of the block."""
        for name, frame in frames.items():
            # Texts go over as views: the default would copy each of them once more.
            arrow = cast("Any", frame).to_arrow(compat_level=pl.CompatLevel.newest())
            self.connection.register(name, arrow)
        with afterwards(lambda: [self.connection.unregister(name) for name in frames]):
            yield

    @contextlib.contextmanager
    def threads(self, count: int) -> Generator[None]:
        """So many threads of DuckDB for the time of the block."""
        self.connection.execute(f"SET threads = {count}")
        with afterwards(lambda: self.connection.execute("SET threads = 1")):
            yield

    def next_change(self) -> int:
        """The number of the running transaction. Rises; never given twice, also after rows were erased."""
        row = self.connection.execute(
            "UPDATE _mirror SET last_change = last_change + 1 RETURNING last_change"
        ).fetchone()
        assert row is not None, "the source is claimed first"
        return int(row[0])

    def last_change(self) -> int:
        """The highest change number given; 0 in a new file."""
        rows = self.rows("SELECT last_change FROM _mirror")
        return int(rows[0][0]) if rows else 0
