"""What is known of a table's rows: contents that were judged whole, and what deriving made of them since, each row of
which was validated before it was written. So a row is validated once, and whatever else came into the table is seen:
its digest is then another than that of what was written.

Known in this process alone: another one looks at every row once. A digest is the number of rows and the sum of their
hashes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import duckdb

from checks.schemas.table import Declaration
from resources.sql import quoted


@dataclass(frozen=True)
class Contents:
    """Some rows: how many, and the sum of their hashes."""

    rows: int = 0
    digest: int = 0

    def __add__(self, more: Contents) -> Contents:
        return Contents(self.rows + more.rows, self.digest + more.digest)

    def __neg__(self) -> Contents:
        return Contents(-self.rows, -self.digest)


#: (file, table) → the model its rows hold to, and which those are.
_PROVEN: dict[tuple[str, str], tuple[Any, Contents]] = {}


def row_hash(columns: Iterable[str]) -> str:
    """SQL of the hash of a row, from its columns in the order of their table."""
    return f"hash({', '.join(quoted(column) for column in columns)})"


def digest(columns: Iterable[str]) -> str:
    """SQL of what ``Contents`` holds, of all rows with these columns in the order of their table."""
    return f"count(*), coalesce(sum({row_hash(columns)}::HUGEINT), 0)"


def holds(con: duckdb.DuckDBPyConnection, model: Any, table: str, found: Contents) -> bool:
    """Whether these are the rows known to hold to the model."""
    known = _PROVEN.get((_file(con), table))
    return known is not None and known[0] is model and known[1] == found


def prove(con: duckdb.DuckDBPyConnection, model: Any, table: str, found: Contents) -> None:
    """The rows were judged whole, and hold."""
    file = _file(con)
    if file:
        _PROVEN[(file, table)] = (model, found)


class Writing:
    """What one transaction writes into declared tables, and takes out of them."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con
        self._made: set[str] = set()
        self._changes: dict[str, tuple[Declaration, Contents]] = {}

    def made_anew(self, tables: Iterable[Declaration]) -> None:
        """They hold no row."""
        for one in tables:
            self._made.add(one.table)
            self._changes[one.table] = (one, Contents())

    def added(self, one: Declaration, rows: Contents) -> None:
        """Rows that were validated and written."""
        _, known = self._changes.get(one.table, (one, Contents()))
        self._changes[one.table] = (one, known + rows)

    def taken(self, one: Declaration, rows: Contents) -> None:
        """Rows that were deleted."""
        self.added(one, -rows)

    def committed(self) -> None:
        """What was written stands: what was known of the tables is known of them with it."""
        for table, (one, change) in self._changes.items():
            key = (_file(self._con), table)
            before = (one.model, Contents()) if table in self._made else _PROVEN.pop(key, None)
            if before is not None and before[0] is one.model:
                prove(self._con, one.model, table, before[1] + change)


def _file(con: duckdb.DuckDBPyConnection) -> str:
    """The file of a connection's database; empty: it is in memory."""
    found = con.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchone()
    return str(found[0] or "") if found else ""
