"""Makes anew only the parts of steps and marts that a change reaches, and puts them in the place of what they were.

The SQL is that of the whole table, asked of the parts of what it reads. Which rows are a part stands beside each step
and mart; which are reached, in the units' files; when all has to be made anew, in build.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from assets.core import since
from assets.engines.compiled import Compiled
from assets.marts.mart import Mart
from assets.marts.parts.anomalies import ANOMALIES, OVERLAPS
from assets.marts.parts.customers import CUSTOMERS, HANDED
from assets.marts.parts.days import DAYS
from assets.marts.parts.hours import HOURS
from assets.marts.parts.links import LINKS
from assets.marts.parts.part import (
    Change,
    Condition,
    Difference,
    Part,
    Unit,
    any_of,
    changes_of,
    gone_of,
    part_of,
    ways,
)
from assets.marts.parts.retention import RETENTION
from assets.marts.parts.rooms import CONVERSATIONS, ROOMS
from assets.marts.parts.rooms import DAYS as ROOM_DAYS
from checks.schemas import CORE
from resources.sql import quoted, rows_where

_ALL: Final = (
    LINKS,
    DAYS,
    CONVERSATIONS,
    ROOMS,
    ROOM_DAYS,
    OVERLAPS,
    ANOMALIES,
    HANDED,
    CUSTOMERS,
    RETENTION,
    HOURS,
)
UNITS: Final = {unit.name: unit for unit in _ALL}


@dataclass(frozen=True)
class Counted:
    """Rows, and the sum of their hashes."""

    rows: int
    hashes: int


@dataclass(frozen=True)
class Replaced:
    """A part that was put in the place of another: both, without the columns that the clock alone changes, and whether
    any row is another, those columns included."""

    gone: Counted
    made: Counted
    differs: bool


class Remake:
    """The parts of one build. What it leaves in ``temp`` goes with ``clear``."""

    def __init__(
        self, con: Any, change: Change, place: Callable[[str], str], queries: Mapping[str, str]
    ) -> None:
        """``place``: where a step that is kept is stored. ``queries``: the SQL of every step and mart."""
        self._queries = queries
        self._con = con
        self._change = change
        self._step_place = place
        self._tables: list[str] = []
        self._sliced: set[tuple[str, str]] = set()
        self._found: dict[str, str | None] = {}
        for table in since.TABLES:
            # Of most tables nothing changed, and each is asked for many times.
            known = since.changed(table) if table in change.written else f"FROM core.{quoted(table)} LIMIT 0"
            self._table(changes_of(table), known)

    def find(self, name: str) -> str | None:
        """Look for what the change reaches in a unit, once. Returns why all of it has to be made anew, or None."""
        if name not in self._found:
            unit = UNITS[name]
            self._tables += (*unit.keys, *unit.touched)
            self._found[name] = unit.find(self._con, self._change)
        return self._found[name]

    def make(self, mart: Mart, part: Part, query: Compiled, typed: str, table: str) -> None:
        """Make the part of a step or mart, with ``typed`` (its query with each column of its own type) asked of the
        parts of what it reads, and keep beside it what it was in the stored ``table``."""
        unit = UNITS[part.unit]
        for name in (*unit.reads, *mart.reads):
            if name in mart.reads and _source(name) in typed:
                typed = typed.replace(_source(name), self._read(unit, name))
        # What it read may be more than what was touched: of days, offers of other days.
        self._table(part_of(unit.name, mart.name), f"SELECT * FROM ({typed}) WHERE {any_of(part.rows)}")
        columns = ", ".join(quoted(name) for name, _ in query.columns)
        which = self._rows(table, part.rows)
        self._table(
            gone_of(unit.name, mart.name), f"SELECT rowid AS bw_row, {columns} FROM {table} WHERE {which}"
        )
        self._sliced.add((unit.name, mart.name))

    def differs(self, step: Mart, difference: Difference, typed: str) -> str:
        """The query of a step that follows from what it was: ``typed`` asked of what was made and of what is gone."""
        made, gone = typed, typed
        for name in step.reads:
            made = made.replace(_source(name), f"temp.{part_of(difference.unit, name)}")
            gone = gone.replace(_source(name), f"temp.{gone_of(difference.unit, name)}")
        keys, measures = (", ".join(map(quoted, names)) for names in (difference.keys, difference.measures))
        less = ", ".join(f"-{quoted(name)} AS {quoted(name)}" for name in difference.measures)
        sums = ", ".join(
            f"CAST(sum({quoted(name)}) AS BIGINT) AS {quoted(name)}" for name in difference.measures
        )
        return (
            f"SELECT {keys}, {sums} FROM (SELECT {keys}, {measures} FROM ({difference.was})"
            f" UNION ALL SELECT {keys}, {measures} FROM ({made}) UNION ALL SELECT {keys}, {less} FROM ({gone}))"
            f" GROUP BY {keys} HAVING sum({quoted(difference.rows)}) <> 0"
        )

    def _read(self, unit: Unit, name: str) -> str:
        """What a query of this unit reads for a table: its part, where it has one."""
        if (unit.name, name) not in self._sliced:
            if name not in unit.reads:
                return _source(name)
            for first in unit.reads:  # a condition may rest on the parts before it
                if first == name:
                    break
                self._read(unit, first)
            place = self._place(name)
            which = self._rows(place, unit.reads[name]) if self._touched(unit) else "false"
            columns = self._columns(unit, name, place)
            self._table(part_of(unit.name, name), f"SELECT {columns} FROM {place} WHERE {which}")
            self._sliced.add((unit.name, name))
        return f"temp.{part_of(unit.name, name)}"

    def _columns(self, unit: Unit, name: str, place: str) -> str:
        """The columns of a table that anything of a unit names: a row has many, and what is read of one is read of all
        that stand beside it."""
        from assets.marts.every import MARTS

        told = [
            self._queries[mart.name]
            for mart in MARTS.values()
            if mart.part is not None and mart.part.unit == unit.name and name in mart.reads
        ]
        told += [way for condition in unit.reads.values() for way in ways(condition)]
        words = {*re.findall(r"\w+", " ".join(told)), *unit.kept}
        there = [str(column[0]) for column in self._con.execute(f"FROM {place} LIMIT 0").description]
        return ", ".join(quoted(column) for column in there if column in words)

    def _rows(self, table: str, condition: Condition) -> str:
        return rows_where(self._con, table, ways(condition))

    def _place(self, name: str) -> str:
        """Where the table of a unit is stored: a view of it has no numbers of rows."""
        from assets.marts.every import MARTS

        return self._step_place(name) if name in MARTS and MARTS[name].step else _source(name)

    def _touched(self, unit: Unit) -> bool:
        """Whether anything was touched: else no table has to be looked through for it."""
        return any(self._con.execute(f"SELECT 1 FROM temp.{key} LIMIT 1").fetchone() for key in unit.keys)

    def _table(self, name: str, query: str) -> None:
        self._tables.append(name)
        self._con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def put(self, mart: Mart, part: Part, columns: Iterable[str], table: str) -> Replaced:
        """Put the part that was made into a stored table, for what it was; nothing is written where they are the
        same."""
        columns = list(columns)
        told = [name for name in columns if name not in mart.clock_columns]
        made, gone = part_of(part.unit, mart.name), gone_of(part.unit, mart.name)
        replaced = Replaced(
            self._counted(gone, told),
            self._counted(made, told),
            self._counted(gone, columns) != self._counted(made, columns),
        )
        if replaced.differs:
            listed = ", ".join(map(quoted, columns))
            self._con.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT bw_row FROM temp.{gone})")
            self._con.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM temp.{made}")
        return replaced

    def _counted(self, table: str, columns: Iterable[str]) -> Counted:
        listed = ", ".join(map(quoted, columns))
        rows, hashes = self._con.execute(
            f"SELECT count(*), coalesce(sum(hash({listed})::HUGEINT), 0) FROM temp.{table}"
        ).fetchone()
        return Counted(int(rows), int(hashes))

    def clear(self) -> None:
        """Drop what is temporary."""
        for name in self._tables:
            self._con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _source(name: str) -> str:
    """A table as compiled SQL names it. A name that core has is core's to whatever reads it."""
    from assets.marts.every import MARTS

    if name in CORE:
        return f'"core".{quoted(name)}'
    if name in MARTS:
        return f'"{"temp" if MARTS[name].step else "marts"}".{quoted(name)}'
    return quoted(name)
