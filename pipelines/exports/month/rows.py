"""How the rows of a package's table are asked for: a query with the period written into it, in slices that can be
sorted in little memory, in batches. Knows no table."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from itertools import zip_longest
from typing import Any, Final

import duckdb
import polars as pl

from pipelines.exports.commissions import Period, of_period
from pipelines.exports.month.table import Asked, PackageColumn
from resources.sql import literal

#: Rows held at a time.
BATCH_ROWS: Final = 10_000
#: Rows sorted at a time.
SLICE_ROWS: Final = 50_000


def period_of(asked: Asked) -> Period:
    """What ``$first``, ``$until`` and ``$provider`` stand for in SQL (commissions.in_period and of_provider ask by
    them)."""
    return {"first": asked.first.isoformat(), "until": asked.until.isoformat(), "provider": asked.provider}


def select(columns: tuple[PackageColumn, ...]) -> str:
    """The list of a SELECT that makes these columns."""
    return ", ".join(f'{column.sql} AS "{column.name}"' for column in columns)


def batches(con: duckdb.DuckDBPyConnection, sql: str, period: Period) -> Iterator[pl.DataFrame]:
    """The rows of a query, in its order. No other query may be made on the connection while they come."""
    for batch in con.sql(of_period(sql, period)).to_arrow_reader(BATCH_ROWS):
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        yield frame


def slices(
    con: duckdb.DuckDBPyConnection, source: str, keys: tuple[str, ...], period: Period
) -> Iterator[str]:
    """Conditions that cut the rows of ``source`` (a table and its WHERE) into parts of some SLICE_ROWS, in the order of
    ``keys``: by these the query must sort first.

    Keys are SQL that is never null: days, instants or texts. The values of all of them together are cut between, never
    within; the first alone should cut well, for by it DuckDB leaves out what it need not read.
    """
    listed = ", ".join(keys)
    sql = f"SELECT {listed}, count(*) FROM {source} GROUP BY ALL ORDER BY ALL"
    begins: list[tuple[Any, ...]] = []
    rows = SLICE_ROWS
    for *values, count in con.execute(of_period(sql, period)).fetchall():
        if rows + count > SLICE_ROWS:
            begins.append(tuple(values))
            rows = 0
        rows += count
    for begin, end in zip_longest(begins, begins[1:]):
        yield f"({_not_before(keys, begin)})" + (
            "" if end is None else f" AND NOT ({_not_before(keys, end)})"
        )


def _not_before(keys: tuple[str, ...], values: tuple[Any, ...]) -> str:
    """That the keys, read one after the other, are these values or come after them."""
    key, value = keys[0], _constant(values[0])
    if len(keys) == 1:
        return f"{key} >= {value}"
    return f"{key} >= {value} AND ({key} > {value} OR {_not_before(keys[1:], values[1:])})"


def _constant(value: date | datetime | str) -> str:
    if isinstance(value, datetime):
        return f"TIMESTAMP '{value}'"
    return f"DATE '{value}'" if isinstance(value, date) else literal(value)
