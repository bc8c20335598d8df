"""Makes anew only the parts of steps and marts that a change reaches, and puts them in the place of what they were.

The SQL is that of the whole table, asked of the parts of what it reads. Which rows are a part stands beside each step
and mart; which are reached, in the units' files; when all has to be made anew, in build.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from assets.core import since
from assets.engines.compiled import Compiled
from assets.engines.duckdb import set_instant
from assets.marts.mart import Mart
from assets.marts.parts import links
from assets.marts.parts.accounts import ACCOUNTS, SERVED
from assets.marts.parts.anomalies import ANOMALIES, OVERLAPS
from assets.marts.parts.customers import CUSTOMERS, HANDED
from assets.marts.parts.days import DAYS
from assets.marts.parts.hours import HOURS
from assets.marts.parts.links import LINKS
from assets.marts.parts.messages import MESSAGES
from assets.marts.parts.part import (
    Change,
    Condition,
    Difference,
    Judged,
    Part,
    Unit,
    any_of,
    changed,
    changes_of,
    gone_of,
    part_of,
    remembered,
    was_of,
    ways,
)
from assets.marts.parts.peaks import PEAKS
from assets.marts.parts.requests import REQUESTS
from assets.marts.parts.retention import RETENTION
from assets.marts.parts.rooms import CONVERSATIONS, ROOMS
from assets.marts.parts.rooms import DAYS as ROOM_DAYS
from assets.marts.parts.series import SERIES
from checks.schemas import CORE
from resources.few_rows import rows_where
from resources.sql import quoted

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
    REQUESTS,
    ACCOUNTS,
    SERVED,
    MESSAGES,
    SERIES,
    PEAKS,
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
    """The parts of one build. What it leaves in ``temp`` goes with ``clear``. ``query``: from the name of a step or
    mart to its SQL, with each column of its own type. ``place``: where a step that is kept is stored."""

    def __init__(
        self, con: Any, change: Change, query: Callable[[str], str], place: Callable[[str], str]
    ) -> None:
        self._con = con
        self._query = query
        self._change = change
        self._step_place = place
        self._tables: list[str] = []
        self._sliced: set[tuple[str, str]] = set()
        self._columns_of: dict[tuple[str, str], list[str]] = {}
        self._gone: dict[tuple[str, str], str] = {}
        self._remembered: dict[str, str] = {}
        self._found: dict[str, str | None] = {}
        for table in since.TABLES:
            # Of most tables nothing changed, and each is asked for many times.
            known = since.changed(table) if table in change.written else f"FROM core.{quoted(table)} LIMIT 0"
            self._table(changes_of(table), known)

    def find(self, name: str) -> str | None:
        """Look for what the change reaches in a unit, once. Returns why all of it has to be made anew, or None."""
        if name not in self._found:
            unit = UNITS[name]
            for first in unit.after:
                self.find(first)
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
        self._gone[unit.name, mart.name] = f"temp.{gone_of(unit.name, mart.name)}"

    def differs(self, step: Mart, difference: Difference) -> str | None:
        """The query of a step that follows from what it was: its own asked of what is there now and, by the clock of
        then, of what was. None: both are the same, and so is the step."""
        made, gone = self.both(UNITS[difference.unit], step)
        if not self.differ(made, gone):
            return None
        keys, measures = (", ".join(map(quoted, names)) for names in (difference.keys, difference.measures))
        less = ", ".join(f"-{quoted(name)} AS {quoted(name)}" for name in difference.measures)
        sums = ", ".join(
            f"CAST(sum({quoted(name)}) AS BIGINT) AS {quoted(name)}" for name in difference.measures
        )
        was = difference.was or f"FROM {_source(step.name)}"
        return (
            f"SELECT {keys}, {sums} FROM (SELECT {keys}, {measures} FROM ({was})"
            f" UNION ALL SELECT {keys}, {measures} FROM {made} UNION ALL SELECT {keys}, {less} FROM {gone})"
            f" GROUP BY {keys} HAVING sum({quoted(difference.rows)}) <> 0"
        )

    def differ(self, made: str, gone: str) -> bool:
        """Whether two tables of the same columns hold other rows."""
        columns = [str(column[0]) for column in self._con.execute(f"FROM {made} LIMIT 0").description]
        return self._counted(made, columns) != self._counted(gone, columns)

    def both(self, unit: Unit, step: Mart) -> tuple[str, str]:
        """The tables with what a step's query makes of the parts of a unit as they are, and as they were."""
        made = gone = self._query(step.name)
        for name in step.reads:
            made = made.replace(_source(name), self._read(unit, name))
            gone = gone.replace(_source(name), self._was(unit, name))
        self._table(part_of(unit.name, step.name), made)
        # (Where this fails the build does, and forgets its instants.)
        _judge(self._con, self._change.before)
        self._table(gone_of(unit.name, step.name), gone)
        _judge(self._con, self._change.now)
        self._sliced.add((unit.name, step.name))
        self._gone[unit.name, step.name] = f"temp.{gone_of(unit.name, step.name)}"
        return f"temp.{part_of(unit.name, step.name)}", self._gone[unit.name, step.name]

    def passed(self, name: str, step: Mart) -> tuple[str, str]:
        """The same of a step that is made for others of a unit, once."""
        return self._read(UNITS[name], step.name), self._was(UNITS[name], step.name)

    def remember(self, step: Mart) -> None:
        """Keep what a step was, which is made whole, before it is replaced."""
        self._remembered[step.name] = f"temp.{remembered(step.name)}"
        self._table(remembered(step.name), f"FROM {_source(step.name)}")

    def keep(self, name: str, query: str) -> str:
        """A table in ``temp`` for the rest of the build."""
        self._table(quoted(f"new_{name}"), query)
        return f"temp.{quoted(f'new_{name}')}"

    def _read(self, unit: Unit, name: str) -> str:
        """What a query of this unit reads for a table: its part, where it has one."""
        if (unit.name, name) not in self._sliced:
            if (step := _passed(unit, name)) is not None:
                return self.both(unit, step)[0]
            if name not in unit.reads:
                return _source(name)
            for first in unit.reads:  # a condition may rest on the parts before it
                if first == name:
                    break
                self._read(unit, first)
            place, columns = self._place(name), self._columns(unit, name)
            if not self._touched(unit):
                which = "false"
            elif name in unit.within:
                place, which = self._within(unit, name), any_of(unit.reads[name])
            elif name in unit.among and self.find(unit.among[name]) is None:
                place, which = self._read(UNITS[unit.among[name]], name), any_of(unit.reads[name])
            else:
                which = self._rows(place, unit.reads[name])
            listed = ", ".join(map(quoted, columns))
            self._table(part_of(unit.name, name), f"SELECT {listed} FROM {place} WHERE {which}")
            self._sliced.add((unit.name, name))
        return f"temp.{part_of(unit.name, name)}"

    def _within(self, unit: Unit, name: str) -> str:
        """Where the rows of a part are looked up."""
        if part_of(links.NAME, name) in unit.within[name]:
            self._read(LINKS, name)
        return f"({unit.within[name]})"

    def _was(self, unit: Unit, name: str) -> str:
        """What a query of this unit read for a table at the build before, as far as its parts are concerned."""
        if name in self._remembered:
            return self._remembered[name]
        if (unit.name, name) not in self._gone:
            now = self._read(unit, name)
            if (unit.name, name) in self._gone:  # one that passes through is made with what it was
                return self._gone[unit.name, name]
            if name not in unit.reads:
                raise AssertionError(f"what {name} was is not known to the unit {unit.name}")
            self._gone[unit.name, name] = self._before(unit, name, now)
        return self._gone[unit.name, name]

    def _before(self, unit: Unit, name: str, now: str) -> str:
        """The part of a table of core as it was. What came is there now, what went is not, and both are known: what is
        there now, without what came and with what went, is what was. (Its key is among the columns of a part, so that
        no two rows of it are the same.)"""
        if name not in self._change.written:
            return now
        listed = ", ".join(map(quoted, self._columns(unit, name)))
        self._table(
            was_of(unit.name, name),
            f"SELECT {listed} FROM (SELECT {listed} FROM {now} UNION ALL"
            f" SELECT {listed} FROM ({changed(name)}) WHERE {any_of(unit.reads[name])})"
            " GROUP BY ALL HAVING count(*) % 2 = 1",
        )
        return f"temp.{was_of(unit.name, name)}"

    def _columns(self, unit: Unit, name: str) -> list[str]:
        """The columns of a table that anything of a unit names, with the table's key: a row has many, and what is read
        of one is read of all that stand beside it."""
        if (unit.name, name) not in self._columns_of:
            there = [
                str(column[0])
                for column in self._con.execute(f"FROM {self._place(name)} LIMIT 0").description
            ]
            key = CORE[name].key if name in CORE else ()
            words = {*self._words(unit, name), *key}
            self._columns_of[unit.name, name] = [column for column in there if column in words]
        return self._columns_of[unit.name, name]

    def _words(self, unit: Unit, name: str) -> set[str]:
        """Every word of what is asked of a table by a unit, and by those that look for its rows in the parts of it."""
        from assets.marts.every import MARTS

        told = [
            self._query(mart.name)
            for mart in MARTS.values()
            if name in mart.reads
            and unit.name in (mart.follows, mart.of, mart.part.unit if mart.part is not None else None)
        ]
        told += [way for condition in unit.reads.values() for way in ways(condition)]
        told += unit.within.values()
        words = {*re.findall(r"\w+", " ".join(told)), *unit.kept}
        for other in _ALL:
            if other.among.get(name) == unit.name:
                words |= self._words(other, name)
        if unit is LINKS:
            for other in _ALL:
                if part_of(unit.name, name) in other.within.get(name, ""):
                    words |= self._words(other, name)
        return words

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
            self._counted(f"temp.{gone}", told),
            self._counted(f"temp.{made}", told),
            self._counted(f"temp.{gone}", columns) != self._counted(f"temp.{made}", columns),
        )
        if replaced.differs:
            listed = ", ".join(map(quoted, columns))
            self._con.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT bw_row FROM temp.{gone})")
            self._con.execute(f"INSERT INTO {table} ({listed}) SELECT {listed} FROM temp.{made}")
        return replaced

    def _counted(self, table: str, columns: Iterable[str]) -> Counted:
        listed = ", ".join(map(quoted, columns))
        rows, hashes = self._con.execute(
            f"SELECT count(*), coalesce(sum(hash({listed})::HUGEINT), 0) FROM {table}"
        ).fetchone()
        return Counted(int(rows), int(hashes))

    def clear(self) -> None:
        """Drop what is temporary."""
        for name in self._tables:
            self._con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _judge(con: Any, one: Judged) -> None:
    """Let queries be judged at the instants of a build."""
    set_instant(con, "now", one.now)
    set_instant(con, "judged_at", one.judged_at)


def _passed(unit: Unit, name: str) -> Mart | None:
    """The step of that name that is made for others of the unit; None: it is none."""
    from assets.marts.every import MARTS

    found = None if name in CORE else MARTS.get(name)
    return found if found is not None and found.of == unit.name else None


def _source(name: str) -> str:
    """A table as compiled SQL names it. A name that core has is core's to whatever reads it."""
    from assets.marts.every import MARTS

    if name in CORE:
        return f'"core".{quoted(name)}'
    if name in MARTS:
        return f'"{"temp" if MARTS[name].step else "marts"}".{quoted(name)}'
    return quoted(name)
