"""Where a build keeps what it makes until it is done: steps, and each mart before it takes its place.

In a small warehouse that is memory. A large one would not fit there, uncompressed as memory holds it: its steps go
to a file beside the warehouse, gone afterwards, and its marts into the warehouse at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from checks.proven import rewritten
from resources.cleanup import afterwards
from resources.sql import attach, quoted

#: Rows of the largest core table from which a warehouse is large.
LARGE_ROWS = 1_000_000
#: Up to so many, steps are written as they are: to find out how to compress what is read a few times and thrown away
#: took a fifth of making them. Beyond it they are, so that they fit the disk.
PLAIN_ROWS = 10_000_000
_STEPS = "bw_steps"


class MartWriter:
    """Writes steps, which SQL finds as ``temp.<name>``, and drafts of marts, one at a time."""

    def __init__(self, con: duckdb.DuckDBPyConnection, *, large: bool, plain: bool = False) -> None:
        self._con = con
        self._large = large
        self._plain = plain
        self._tables: list[str] = []
        self._views: list[str] = []
        self.draft = "marts.bw_new" if large else "temp.bw_new"

    def write_step(self, name: str, query: str) -> None:
        """A step from core alone. Outside a transaction: one writes to one file, and the marts' is the warehouse."""
        if not self._large:
            self.write_late(name, query)
            return
        self._views.append(name)
        with self._compression():
            self._con.execute(f"CREATE TABLE {_STEPS}.{quoted(name)} AS {query}")
        self._con.execute(f"CREATE TEMP VIEW {quoted(name)} AS FROM {_STEPS}.{quoted(name)}")

    @contextmanager
    def _compression(self) -> Iterator[None]:
        if not self._plain:
            yield
            return
        self._con.execute("SET force_compression = 'uncompressed'")
        try:
            yield
        finally:
            self._con.execute("RESET force_compression")

    def write_late(self, name: str, query: str) -> None:
        """A step that reads a mart of this build, amid its transaction."""
        self._tables.append(name)
        self._con.execute(f"CREATE TEMP TABLE {quoted(name)} AS {query}")

    def write_draft(self, query: str) -> None:
        kind = "TABLE" if self._large else "TEMP TABLE"
        self._con.execute(f"CREATE OR REPLACE {kind} {self.draft} AS {query}")

    def swap_in(self, name: str, *, keep: bool) -> None:
        """Let the draft take the place of ``marts.<name>``, or drop it."""
        if keep:
            rewritten(self._con, f"marts.{name}")
        if keep and self._large:
            self._con.execute(f"DROP TABLE IF EXISTS marts.{quoted(name)}")
            self._con.execute(f"ALTER TABLE {self.draft} RENAME TO {quoted(name)}")
            return
        if keep:
            self._con.execute(f"CREATE OR REPLACE TABLE marts.{quoted(name)} AS FROM {self.draft}")
        self._con.execute(f"DROP TABLE {self.draft}")

    def clear(self) -> None:
        """Drop what is temporary; a failed build leaves nothing behind either."""
        for name in self._views:
            self._con.execute(f"DROP VIEW IF EXISTS temp.{quoted(name)}")
        for name in (*self._tables, "bw_new"):
            self._con.execute(f"DROP TABLE IF EXISTS temp.{quoted(name)}")


@contextmanager
def mart_writer(con: duckdb.DuckDBPyConnection) -> Iterator[MartWriter]:
    """The writer of one build in the warehouse of ``con``."""
    steps, rows = _steps_file(con)
    if steps is None:
        writer = MartWriter(con, large=False)
        with afterwards(writer.clear):
            yield writer
        return
    _remove(steps)  # a killed build left it
    attach(con, steps, _STEPS)
    writer = MartWriter(con, large=True, plain=rows <= PLAIN_ROWS)
    try:
        with afterwards(lambda: (writer.clear(), con.execute(f"DETACH {_STEPS}"))):
            yield writer
    finally:
        _remove(steps)


def _steps_file(con: duckdb.DuckDBPyConnection) -> tuple[Path | None, int]:
    """The file for steps (None where memory does: the warehouse is small, or in memory itself), and the rows of the
    largest core table."""
    found = con.execute(
        "SELECT path, (SELECT max(estimated_size) FROM duckdb_tables()"
        " WHERE database_name = current_database() AND schema_name = 'core')"
        " FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    rows = int(found[1] or 0) if found else 0
    if found is None or found[0] is None or rows < LARGE_ROWS:
        return None, rows
    path = Path(found[0])
    return path.with_name(f"{path.stem}.steps.duckdb"), rows


def _remove(path: Path) -> None:
    for left in (path, path.with_name(path.name + ".wal")):
        left.unlink(missing_ok=True)
