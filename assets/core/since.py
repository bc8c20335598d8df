"""Which rows of core changed since the marts were made: a table of each in the schema ``since``, written in core's own
transaction. What a mart makes of them is not decided here.

``since.<table>`` has the columns of ``core.<table>`` and holds every version of a row that was deleted or inserted, in
no order. A version of which there is an odd number came or went, one of which there is an even number did neither: it
was written again as it was, or came and went in between (``changed``). ``since.whole`` has a row where that is not
known, and then no other table has one. Core holds nothing personal, and so neither does this.
"""

from __future__ import annotations

from typing import Final

import duckdb
import polars as pl

from checks.schemas import CORE
from resources.snapshots import NOT_OFFERED
from resources.sql import quoted

SCHEMA: Final = NOT_OFFERED
#: The tables of core that marts read: all but the one that says how core was derived.
TABLES: Final = tuple(name for name, one in CORE.items() if one.checked)
#: Of a table's rows so many may have changed, or this share of them: beyond, making everything costs no more than
#: finding out what to make.
MOST_ROWS: Final = 50_000
MOST_SHARE: Final = 0.05
#: So many rows of a table wait in memory to be written together.
_AT_ONCE: Final = 10_000
_WHOLE: Final = "whole"
#: One row, of who makes the marts: what they are made by and were given. Whatever changes in core, it stays.
MADE: Final = f"{SCHEMA}.made"
_MADE_COLUMNS: Final = ("build", "given")

UNKNOWN: Final = "what changed was not kept"
"""The reason where a warehouse has no such tables: an earlier version wrote its core, or none was derived."""


def ensure(con: duckdb.DuckDBPyConnection) -> None:
    """Make the tables where one is missing. What changed before is then not known, which ``since.whole`` says."""
    if _stands(con):
        return
    _make(con)
    whole(con, UNKNOWN)


def whole(con: duckdb.DuckDBPyConnection, reason: str) -> None:
    """Let everything be made anew, and forget what is known row by row."""
    if _stands(con):
        _empty(con)
    else:
        _make(con)
    con.execute(f"INSERT INTO {SCHEMA}.{_WHOLE} VALUES (?)", [reason])


def reason(con: duckdb.DuckDBPyConnection) -> str | None:
    """Why everything has to be made anew; None: every change is known row by row."""
    return _said(con) if _stands(con) else UNKNOWN


def _said(con: duckdb.DuckDBPyConnection) -> str | None:
    found = con.execute(f"SELECT min(reason) FROM {SCHEMA}.{_WHOLE} HAVING count(*) > 0").fetchone()
    return None if found is None else str(found[0])


def captured(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Table of core → how many versions of its rows were deleted or inserted; of those with any."""
    if not _stands(con):
        return {}
    counted = con.execute(
        " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {SCHEMA}.{quoted(name)}" for name in TABLES)
    ).fetchall()
    return {str(name): int(rows) for name, rows in counted if rows}


def changed(table: str, columns: str = "*") -> str:
    """SQL of the versions of rows of ``core.<table>`` that came or went, old and new: those that were written again as
    they were, or that came and went in between, are not among them."""
    return (
        f"SELECT {columns} FROM (FROM {SCHEMA}.{quoted(table)} SELECT * GROUP BY ALL HAVING count(*) % 2 = 1)"
    )


def clear(con: duckdb.DuckDBPyConnection) -> None:
    """The marts are made of core as it is: nothing changed since. In the transaction that made them."""
    if not _stands(con):
        _make(con)
        return
    for name in (*captured(con), _WHOLE):
        con.execute(f"DELETE FROM {SCHEMA}.{quoted(name)}")


class Since:
    """What one transaction takes out of core and writes into it: ``begin`` comes first in it, ``write`` last."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._rows: dict[str, int] = {}
        self.known = False
        """Whether what changes is noted. Where everything is to be made anew, nothing is."""

    def begin(self) -> None:
        """Find out what earlier transactions left."""
        ensure(self._con)
        self.known = _said(self._con) is None

    def made_anew(self, why: str) -> None:
        """All of core is written again."""
        self._give_up(f"core was derived anew: {why}")

    def taken(self, table: str, rows: pl.DataFrame) -> None:
        """Rows that were deleted, each with all columns of its table."""
        if not self.known or not rows.height:
            return
        if table not in self._rows:
            self._rows[table] = self._count(f"{SCHEMA}.{quoted(table)}")
        self._waiting.setdefault(table, []).append(rows.select(list(CORE[table].sql_columns)))
        self._rows[table] += rows.height
        if self._rows[table] > MOST_ROWS and self._rows[table] > MOST_SHARE * self._count(
            f"core.{quoted(table)}"
        ):
            self._give_up(f"many rows of {table} changed")
        elif sum(frame.height for frame in self._waiting[table]) >= _AT_ONCE:
            self._write(table)

    def added(self, table: str, rows: pl.DataFrame) -> None:
        """Rows that were inserted."""
        self.taken(table, rows)

    def write(self) -> None:
        """Write what waits."""
        for table in list(self._waiting):
            self._write(table)

    def _write(self, table: str) -> None:
        rows_changed = pl.concat(self._waiting.pop(table)).to_arrow()
        self._con.execute(f"INSERT INTO {SCHEMA}.{quoted(table)} BY NAME SELECT * FROM rows_changed")
        del rows_changed

    def _give_up(self, why: str) -> None:
        self.known = False
        self._waiting.clear()
        whole(self._con, why)

    def _count(self, table: str) -> int:
        found = self._con.execute(f"SELECT count(*) FROM {table}").fetchone()
        return int(found[0]) if found else 0


def _stands(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether every table is there, beside others. Their columns are those of core, which is made anew where those are
    others."""
    found = con.execute(
        "SELECT table_name, column_count FROM duckdb_tables()"
        f" WHERE database_name = current_database() AND schema_name = '{SCHEMA}'"
    ).fetchall()
    expected = {name: len(CORE[name].sql_columns) for name in TABLES}
    expected |= {_WHOLE: 1, MADE.partition(".")[2]: len(_MADE_COLUMNS)}
    return expected.items() <= dict(found).items()


def _make(con: duckdb.DuckDBPyConnection) -> None:
    """Every table, from nothing."""
    columns = ", ".join(f"{name} VARCHAR" for name in _MADE_COLUMNS)
    con.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}; CREATE OR REPLACE TABLE {MADE} ({columns})")
    _empty(con)


def _empty(con: duckdb.DuckDBPyConnection) -> None:
    """The tables of what changed, in the shape that core has now."""
    statements: list[str] = []
    for name in TABLES:
        columns = ", ".join(f"{quoted(column)} {kind}" for column, kind in CORE[name].sql_columns.items())
        statements.append(f"CREATE OR REPLACE TABLE {SCHEMA}.{quoted(name)} ({columns})")
    statements.append(f"CREATE OR REPLACE TABLE {SCHEMA}.{_WHOLE} (reason VARCHAR)")
    con.execute("; ".join(statements))
