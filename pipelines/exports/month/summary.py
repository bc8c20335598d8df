"""The table ``summary``: the period's commissions by where the booking was made, and all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.commissions import STATES, SUMMARY_COLUMNS, SUMMARY_SQL
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_SENTENCES: Final = {
    "source": "where the bookings came from; none for records without one; total for all of them",
    "rows": "reconciled rows",
    **{state: f"of them, those whose state is {state}" for state in STATES},
    "tracking_rate": "(matched + mismatched) ÷ (matched + mismatched + missing); 1 where there is none; empty where the"
    " state of the whole is unknown",
    "booking_amount_idr": "the bookings' amounts, where known, rupiah",
    "expected_idr": "what the policy asks for, where known, rupiah",
    "actual_idr": "what was recorded, where known, rupiah",
    "variance_idr": "the difference: the sum of known variances, rupiah",
    "unknown_rows": "rows that are not in the difference, as one side is unknown",
    "unknown_expected_idr": "what is expected of them, where known, rupiah",
    "unknown_actual_idr": "what was recorded of them, where known, rupiah",
}


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    yield from batches(con, SUMMARY_SQL, period_of(asked))


TABLE: Final = PackageTable(
    "summary",
    "The period's commissions by where the booking was made, and a line for all.",
    tuple(
        PackageColumn(column.name, column.sql, _SENTENCES[column.name], column.kind)
        for column in SUMMARY_COLUMNS
    ),
    _rows,
    total="source",
)
