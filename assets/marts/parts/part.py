"""What a part of a table is: the rows of it that a unit makes anew by themselves. Which units there are stands beside
this module, a file each; making parts is remake.py's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from resources.sql import quoted

#: A condition of SQL, or several of which one holds: each is looked up by itself, so that one on an instant leaves out
#: the blocks of other times, and one on what was not touched is not looked up at all.
Condition = str | tuple[str, ...]


def ways(condition: Condition) -> tuple[str, ...]:
    """The conditions of which one holds."""
    return (condition,) if isinstance(condition, str) else condition


def any_of(condition: Condition) -> str:
    """The same as one condition."""
    return f"({' OR '.join(f'({way})' for way in ways(condition))})"


@dataclass(frozen=True)
class Part:
    """The rows of a step or mart that ``unit`` makes anew: those of which ``rows`` holds, a condition in SQL on the
    table's columns and on the unit's tables of what was touched. What its query reads is then read in parts, too.
    ``by``: the columns that the condition rests on. Where a table's key has all of them no row outside of a part has a
    key of one in it. Empty: that is not said."""

    unit: str
    rows: Condition
    by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Difference:
    """A step of which each row, told by ``keys``, sums ``measures`` (whole numbers) of the rows of ``unit``'s parts,
    each of which adds to it by itself: it is what it was (``was``, in SQL; None: as it is kept beside the warehouse),
    less what is gone and with what was made. ``rows``: the measure that counts those rows; where it comes to 0 there
    is none. All it reads are tables and parts that the unit knows."""

    unit: str
    keys: tuple[str, ...]
    measures: tuple[str, ...]
    rows: str
    was: str | None = None


@dataclass(frozen=True)
class Ranks:
    """A step of exact quantiles of a whole number: of each ``key`` those of the ``value`` of its rows in the step
    ``rows``, in the columns that ``quantiles`` names with their fractions. They follow from the values about each rank,
    which are kept (windows.py), and from what rows of ``unit``'s parts came and went."""

    unit: str
    rows: str
    key: str
    value: str
    quantiles: Mapping[str, float]


@dataclass(frozen=True)
class Judged:
    """What marts were made at beside the rows: the clock and the instant of judgement (naive UTC), up to when each
    collection was read, the findings that were acknowledged, and ``rest``: whatever makes all rows be made anew where
    it is another. ``beside``: each table that marts read beside core, with a digest of its rows, and each instant as a
    text: what reads no other than those that are as they were, is as it was."""

    now: datetime
    judged_at: datetime
    read_until: Mapping[str, datetime]
    waived: frozenset[str]
    rest: str
    beside: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Change:
    """From one build to the next: what was and is given, and which of core's tables had rows written."""

    before: Judged
    now: Judged
    written: frozenset[str]

    @property
    def given(self) -> frozenset[str]:
        """What beside core's rows is another than it was, or was not known."""
        before = self.before.beside
        return frozenset(name for name, told in self.now.beside.items() if before.get(name) != told)


#: Finds what a change reaches, and leaves it in the unit's tables in ``temp``. Returns why all has to be made anew, or
#: None.
Finding = Callable[[Any, Change], str | None]


@dataclass(frozen=True)
class Unit:
    """``reads``: of tables that are no parts of this unit the condition of the rows that its parts are made from, in
    the order in which they are looked up; the others are read whole. ``keys``: the tables in ``temp`` with what was
    touched: where none has a row, nothing has to be looked up. ``touched``: the other tables that ``find`` leaves
    there. ``within``: of tables of core a query that has all those rows, which costs less to look through; it may name
    parts of the unit of links, which comes first. ``kept``: columns of the tables it reads that other units ask their
    parts for beside those that ``within`` names. ``after``: units whose tables in ``temp`` it looks into. ``among``: of
    tables of core the unit whose part has all those rows, unless all of that is made anew."""

    name: str
    reads: Mapping[str, Condition]
    find: Finding
    keys: tuple[str, ...]
    touched: tuple[str, ...] = ()
    within: Mapping[str, str] = field(default_factory=dict[str, str])
    kept: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    among: Mapping[str, str] = field(default_factory=dict[str, str])


def changed(table: str, columns: str = "*") -> str:
    """SQL of the versions of rows of ``core.<table>`` that came or went since the build before (assets/core/since.py),
    as every unit asks for them: Remake keeps them in ``temp``."""
    return f"SELECT {columns} FROM temp.{changes_of(table)}"


def changes_of(table: str) -> str:
    """The name of the table in ``temp`` that holds them."""
    return quoted(f"changed_{table}")


def part_of(unit: str, table: str) -> str:
    """The name of the table in ``temp`` that holds the part of a table as it is now."""
    return quoted(f"part_{unit}_{table}")


def gone_of(unit: str, table: str) -> str:
    """The same, as it was."""
    return quoted(f"gone_{unit}_{table}")


def was_of(unit: str, table: str) -> str:
    """The part of a table of core as the build before read it."""
    return quoted(f"was_{unit}_{table}")


def remembered(step: str) -> str:
    """A step that is made whole, as the build before left it."""
    return quoted(f"was_{step}")


#: More rows than this share of a table are not a part of it any more; so few are one of any table.
LARGEST_SHARE: Final = 0.2
FEW: Final = 1_000


#: So many local days are a part of any marts of days.
FEW_DAYS: Final = 40
#: Of the days there are so many are a part: of a million bookings in 730 days a few days took .8 s of processor, all of
#: them 5.
LARGEST_SHARE_OF_DAYS: Final = 1 / 3


def many_days(con: Any, mart: str, days: int) -> str | None:
    """Why so many days of ``mart`` are made anew whole; None: they are a part."""
    if days <= FEW_DAYS:
        return None
    (there,) = con.execute(f"SELECT count(DISTINCT local_date) FROM {mart}").fetchone()
    return f"{days} of {there} days are reached" if days > LARGEST_SHARE_OF_DAYS * there else None


def much_of(con: Any, table: str, touched: str) -> bool:
    """Whether the rows of ``touched`` are so many of ``table`` that all of it may as well be made anew."""
    (reached,), (there,) = (
        con.execute(f"SELECT count(*) FROM {name}").fetchone() for name in (touched, table)
    )
    return reached > FEW and reached > LARGEST_SHARE * there
