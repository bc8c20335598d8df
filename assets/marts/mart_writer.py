"""Where a build keeps what it makes until it is done: steps, and each mart before it takes its place.

In a small warehouse that is memory. A large one would not fit there, uncompressed as memory holds it: its steps go
to a file beside the warehouse (parts/kept_steps.py), and its marts into the warehouse at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from assets.marts.parts.kept_steps import KeptSteps, steps_file
from checks.proven import rewritten
from resources.cleanup import afterwards
from resources.sql import quoted

#: Rows of the largest core table from which a warehouse is large.
LARGE_ROWS = 1_000_000
#: Up to so many, steps are written as they are: to find out how to compress what is read a few times and thrown away
#: took a fifth of making them. Beyond it they are, so that they fit the disk.
PLAIN_ROWS = 10_000_000


class MartWriter:
    """Writes steps, which SQL finds as ``temp.<name>``, and drafts of marts, one at a time."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        *,
        large: bool,
        plain: bool = False,
        steps: KeptSteps | None = None,
        keeps: bool = False,
    ) -> None:
        self._con = con
        self._large = large
        self._plain = plain
        self.steps = steps
        self.keeps = keeps
        """Whether steps stay for the next build."""
        self._tables: list[str] = []
        self.draft = "marts.bw_new" if large else "temp.bw_new"

    def write_step(self, name: str, query: str) -> None:
        """A step from core alone. Outside a transaction: one writes to one file, and the marts' is the warehouse."""
        if self.steps is None:
            self.write_late(name, query)
            return
        with self._compression():
            self.steps.write(name, query)

    @contextmanager
    def _compression(self) -> Iterator[None]:
        if not self._plain:
            yield
            return
        with _setting(self._con, "force_compression = 'uncompressed'"):
            yield

    def write_late(self, name: str, query: str, *, kept: bool = False) -> None:
        """A step that reads a mart of this build, amid its transaction. One that is ``kept`` waits under another name
        until that is over (``keep_late``), where steps are kept."""
        if not kept or self.steps is None:
            self._tables.append(name)
            self._con.execute(f"CREATE TEMP TABLE {quoted(name)} AS {query}")
            return
        waiting = _waiting(name)
        self._tables.append(waiting)
        self._con.execute(f"CREATE TEMP TABLE {quoted(waiting)} AS {query}")
        self.steps.show(name, f"temp.{quoted(waiting)}")

    def keep_late(self, name: str) -> None:
        """Keep a step beside the warehouse that was written late."""
        if self.steps is not None:
            self.steps.write(name, f"FROM temp.{quoted(_waiting(name))}")

    def write_draft(self, query: str) -> None:
        kind = "TABLE" if self._large else "TEMP TABLE"
        self._con.execute(f"CREATE OR REPLACE {kind} {self.draft} AS {query}")

    @contextmanager
    def in_no_order(self) -> Iterator[None]:
        """Let drafts of a large warehouse be written in no order: to keep that of a union one thread alone writes all
        of it. Outside of their transaction, which takes no statement after it failed."""
        if not self._large:
            yield
            return
        with _setting(self._con, "preserve_insertion_order = false"):
            yield

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
        for name in (*self._tables, "bw_new"):
            self._con.execute(f"DROP TABLE IF EXISTS temp.{quoted(name)}")


@contextmanager
def _setting(con: duckdb.DuckDBPyConnection, setting: str) -> Iterator[None]:
    """A setting of DuckDB for the time of a block."""
    with afterwards(lambda: con.execute(f"RESET {setting.partition(' ')[0]}")):
        con.execute(f"SET {setting}")
        yield


def _waiting(name: str) -> str:
    return f"late_{name}"


@contextmanager
def mart_writer(
    con: duckdb.DuckDBPyConnection, *, keep: bool = False, kept_of: str | None = None
) -> Iterator[MartWriter]:
    """The writer of one build in the warehouse of ``con``. ``keep``: its steps stay in their file for the next build,
    where the warehouse is a file. ``kept_of``: the build that the warehouse's marts are of: steps that are of another
    are of no use, and go."""
    path, rows = _file(con), largest_table(con)
    large = path is not None and rows >= LARGE_ROWS
    if path is None or not (large or keep):
        writer = MartWriter(con, large=False)
        with afterwards(writer.clear):
            yield writer
        return
    steps = KeptSteps(con, steps_file(path, kept=keep))
    steps.open(kept_of if keep else None)
    writer = MartWriter(con, large=large, plain=rows <= PLAIN_ROWS, steps=steps, keeps=keep)
    try:
        with afterwards(lambda: (writer.clear(), steps.close())):
            yield writer
    finally:
        if not keep or not steps.whole:
            steps.remove()


def _file(con: duckdb.DuckDBPyConnection) -> Path | None:
    """The file of the warehouse; None where it is in memory."""
    found = con.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return Path(found[0]) if found and found[0] else None


def largest_table(con: duckdb.DuckDBPyConnection) -> int:
    """The rows of the largest core table, about."""
    found = con.execute(
        "SELECT max(estimated_size) FROM duckdb_tables()"
        " WHERE database_name = current_database() AND schema_name = 'core'"
    ).fetchone()
    return int(found[0] or 0) if found else 0
