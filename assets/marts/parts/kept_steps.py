"""The file beside the warehouse that steps stand in. It outlasts the build where the next one is to make only parts of
them anew; then it says which build they are of.

DuckDB writes to one file in a transaction: a build that is killed between this file and the warehouse leaves steps that
are of no build the warehouse knows. They are made anew then, all of them.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import duckdb

from resources.sql import attach, quoted

_NAME = "bw_steps"
_OF = f"{_NAME}.kept_of"


def steps_file(warehouse: Path, *, kept: bool) -> Path:
    """Where the steps of a warehouse stand: what is to be ``kept`` has a file of its own, which a build of a few marts
    in between does not touch."""
    return warehouse.with_name(f"{warehouse.stem}.{'kept' if kept else 'steps'}.duckdb")


def drop_steps(warehouse: Path) -> None:
    """Delete what steps are left of a warehouse: the next build makes all of them anew."""
    for kept in (True, False):
        _remove(steps_file(warehouse, kept=kept))


def _remove(path: Path) -> None:
    for left in (path, path.with_name(path.name + ".wal")):
        left.unlink(missing_ok=True)


class KeptSteps:
    """The steps of a warehouse, in a file. SQL finds each as ``temp.<name>``."""

    def __init__(self, con: duckdb.DuckDBPyConnection, path: Path) -> None:
        self._con = con
        self._path = path
        self._views: set[str] = set()
        self.of: str | None = None
        """The build that its steps are of; None: of none."""
        self.whole = False
        """Whether the file holds all that the next build needs."""

    def open(self, kept_of: str | None) -> None:
        """Attach the file. Of its steps nothing is left where they are not of the build ``kept_of``."""
        if kept_of is None:
            self.remove()
        try:
            attach(self._con, self._path, _NAME)
            self.of = self._kept_of()
        except duckdb.Error:  # torn by a kill, or of another version: what it held can be made anew
            self._con.execute(f"DETACH DATABASE IF EXISTS {_NAME}")
            self.remove()
            attach(self._con, self._path, _NAME)
        if self.of is None or self.of != kept_of:
            self.forget()
            return
        for name in self._stored():
            self.show(name)

    def forget(self) -> None:
        """Drop all steps."""
        self._con.execute(f"DETACH {_NAME}")
        self._hide()
        self.remove()
        attach(self._con, self._path, _NAME)
        self.of = None

    def _kept_of(self) -> str | None:
        there = self._con.execute(
            "SELECT 1 FROM duckdb_tables() WHERE database_name = ? AND table_name = 'kept_of'", [_NAME]
        ).fetchone()
        found = self._con.execute(f"SELECT build FROM {_OF}").fetchone() if there else None
        return None if found is None else str(found[0])

    def _stored(self) -> list[str]:
        return [
            str(name)
            for (name,) in self._con.execute(
                "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND table_name <> 'kept_of'",
                [_NAME],
            ).fetchall()
        ]

    def show(self, name: str, place: str | None = None) -> None:
        """Let SQL find a step where it is stored, or in another ``place``."""
        self._views.add(name)
        self._con.execute(f"CREATE OR REPLACE TEMP VIEW {quoted(name)} AS FROM {place or self.place(name)}")

    def _hide(self) -> None:
        for name in self._views:
            self._con.execute(f"DROP VIEW IF EXISTS temp.{quoted(name)}")
        self._views.clear()

    def place(self, name: str) -> str:
        """Where a step is stored."""
        return f"{_NAME}.{quoted(name)}"

    def write(self, name: str, query: str) -> None:
        """A step, whole."""
        self._con.execute(f"CREATE OR REPLACE TABLE {self.place(name)} AS {query}")
        self.show(name)

    def has(self, names: Collection[str]) -> bool:
        """Whether all of these stand there."""
        return set(names) <= set(self._stored())

    def begin(self) -> None:
        """Parts are about to be put in their places: until ``say`` its steps are of no build. A kill in between would
        else leave steps that say they are what the marts were made of, and are not."""
        self._con.execute(f"DELETE FROM {_OF}")

    def say(self, build: str, only: Collection[str]) -> None:
        """Let the file say that its steps are of ``build``, and hold no others than ``only``."""
        self._con.execute(f"CREATE TABLE IF NOT EXISTS {_OF} (build VARCHAR)")
        self._con.execute(f"DELETE FROM {_OF}")
        self._con.execute(f"INSERT INTO {_OF} VALUES (?)", [build])
        self._only = frozenset(only)
        self.of = build

    _only: frozenset[str] = frozenset()

    def close(self) -> None:
        """Drop what is not kept, and let go of the file."""
        self._hide()
        for name in self._stored():
            if name not in self._only:
                self._con.execute(f"DROP TABLE {self.place(name)}")
        self._con.execute(f"DETACH {_NAME}")

    def remove(self) -> None:
        """Delete the file, which is not attached."""
        _remove(self._path)
