"""How the rows of a package's table are asked for: a query with the period written into it, in batches. Knows no
table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.commissions import Period, of_period
from pipelines.exports.month.table import Asked, PackageColumn

#: Rows held at a time.
BATCH_ROWS: Final = 10_000


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
