"""Names, texts and files as DuckDB's SQL takes them where nothing can be bound; and few rows of a large table, found
without reading what is beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import duckdb

#: So many rows of a table are read one by one, by their number; of more, all of it is.
FEW_ROWS: Final = 5_000
#: From here on DuckDB numbers rows that are not committed yet, which it does not find by their number.
UNCOMMITTED: Final = 36_028_797_018_960_000


def quoted(name: str) -> str:
    """A name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string constant."""
    return "'" + text.replace("'", "''") + "'"


def attach(con: duckdb.DuckDBPyConnection, path: Path, name: str, *, read_only: bool = False) -> None:
    """Attach a database file under ``name``. Raises duckdb.Error as DuckDB does."""
    con.execute(f"ATTACH {literal(str(path))} AS {quoted(name)}{' (READ_ONLY)' if read_only else ''}")


def rows_where(con: duckdb.DuckDBPyConnection, table: str, conditions: Iterable[str]) -> str:
    """A condition that holds of the same rows of a stored table as one of these does. Of few rows it names their
    numbers: what is read of a row is read of every row of its table as it stands, so they are found by the columns of
    the conditions alone, each by itself. It holds for as long as nothing else is written into the table."""
    conditions = tuple(conditions)
    anyone = f"({' OR '.join(f'({condition})' for condition in conditions)})"
    asked = " UNION ALL ".join(f"(SELECT rowid FROM {table} WHERE {condition})" for condition in conditions)
    most = FEW_ROWS * len(conditions)
    found = con.execute(f"SELECT rowid FROM ({asked}) LIMIT {most + 1}").fetchall()
    numbers = sorted({int(number) for (number,) in found})
    if len(found) > most or len(numbers) > FEW_ROWS:
        return anyone
    stored = ", ".join(str(number) for number in numbers if number < UNCOMMITTED)
    by_number = f"rowid IN ({stored})" if stored else "false"
    if not numbers or numbers[-1] < UNCOMMITTED:
        return by_number
    return f"({by_number} OR (rowid >= {UNCOMMITTED} AND {anyone}))"
