"""Few rows of a large table, found by the columns of a condition without reading what is beside them. Which rows are
wanted is the asker's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

#: So many rows of a table are read by their number; of more, all of it is,
FEW_ROWS: Final = 20_000
#: unless, up to so many, they lie near each other: among at most so many others each.
NEAR_ROWS: Final = 400_000
NEAR: Final = 16
#: Of so many numbers, or keys, DuckDB is told each before it reads, and leaves out the blocks of 2,048 rows in which
#: none is. (By itself it does so of fifty; beyond, it takes what lies between the first and the last.) Of ten million
#: rows a hundred took a twentieth, a thousand a quarter, 3,000 six tenths; 20,000 lie in nearly every block.
TOLD_NUMBERS: Final = 5_000
TOLD_KEYS: Final = 20_000
_TOLD_BY_ITSELF: Final = 50
#: The table in ``temp`` that holds the numbers of the rows that were looked for last.
NUMBERS: Final = "bw_numbers"


def rows_where(con: duckdb.DuckDBPyConnection, table: str, conditions: Iterable[str]) -> str:
    """A condition that holds of the same rows of a stored table as one of these does. Of few rows it asks for their
    numbers: what is read of a row is read of every row of its table as it stands, so they are found by the columns of
    the conditions alone, each by itself, and then blocks in which there is none are left out. It holds until rows of
    any table are looked for again, or this one is written; and so long the connection is set to seek them."""
    conditions = tuple(conditions)
    seek(con, TOLD_KEYS)
    asked = " UNION ".join(f"(SELECT rowid FROM {table} WHERE {condition})" for condition in conditions)
    found = con.execute(
        f"CREATE OR REPLACE TEMP TABLE {NUMBERS} AS SELECT number FROM ({asked}) AS asked(number)"
        f" LIMIT {NEAR_ROWS + 1}"
    ).fetchone()
    if found is None or not _worth_it(con, int(found[0])):
        return f"({' OR '.join(f'({condition})' for condition in conditions)})"
    seek_numbers(con, int(found[0]))
    return f"rowid IN (SELECT number FROM temp.{NUMBERS})" if found[0] else "false"


def _worth_it(con: duckdb.DuckDBPyConnection, found: int) -> bool:
    """Whether the numbers that were found leave out much of the table."""
    if found <= FEW_ROWS:
        return True
    if found > NEAR_ROWS:
        return False
    ends = con.execute(f"SELECT min(number), max(number) FROM temp.{NUMBERS}").fetchone()
    return ends is not None and ends[1] - ends[0] < NEAR * found


def seek_numbers(con: duckdb.DuckDBPyConnection, rows: int) -> None:
    """Let what asks for so many rows by their numbers read as little as it may."""
    seek(con, rows if rows <= TOLD_NUMBERS else 0)


def seek(con: duckdb.DuckDBPyConnection, told: int) -> None:
    """Up to how many values of a join's smaller side DuckDB is told one by one where it reads the larger one; at least
    as many as by itself."""
    con.execute(f"SET dynamic_or_filter_threshold = {max(told, _TOLD_BY_ITSELF)}")
