"""Few rows of a large table, found by the columns of a condition without reading what is beside them. Which rows are
wanted is the asker's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import duckdb

#: So many rows of a table are read by their number; of more, all of it is.
FEW_ROWS: Final = 20_000
#: The table in ``temp`` that holds the numbers of the rows that were looked for last.
NUMBERS: Final = "bw_numbers"


def rows_where(con: duckdb.DuckDBPyConnection, table: str, conditions: Iterable[str]) -> str:
    """A condition that holds of the same rows of a stored table as one of these does. Of few rows it asks for their
    numbers: what is read of a row is read of every row of its table as it stands, so they are found by the columns of
    the conditions alone, each by itself, and then blocks in which there is none are left out. It holds until rows of
    any table are looked for again, or this one is written."""
    conditions = tuple(conditions)
    asked = " UNION ".join(f"(SELECT rowid FROM {table} WHERE {condition})" for condition in conditions)
    found = con.execute(
        f"CREATE OR REPLACE TEMP TABLE {NUMBERS} AS SELECT number FROM ({asked}) AS asked(number)"
        f" LIMIT {FEW_ROWS + 1}"
    ).fetchone()
    if found is None or int(found[0]) > FEW_ROWS:
        return f"({' OR '.join(f'({condition})' for condition in conditions)})"
    return f"rowid IN (SELECT number FROM temp.{NUMBERS})" if found[0] else "false"
