"""The table ``summary``: the period's commissions by where the booking was made, and all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from marketplace.metrics import METRICS
from messages.figures import made, sentence
from pipelines.exports.commissions import STATES, SUMMARY_COLUMNS, SUMMARY_SQL
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable


def _rupiah(metric: str) -> str:
    return f"{sentence(metric, within=True)}, {METRICS[metric].unit}"


_SENTENCES: Final = {
    "source": "where the bookings came from; none for records without one; total for all of them",
    "rows": "reconciled rows",
    **{state: f"of them, those whose state is {state}" for state in STATES},
    "tracking_rate": made("tracking_rate"),
    "booking_amount_idr": _rupiah("reconciled_amounts"),
    "expected_idr": _rupiah("expected_commission"),
    "actual_idr": _rupiah("recorded_commission"),
    "variance_idr": _rupiah("commission_difference"),
    "unknown_rows": sentence("rows_without_difference", within=True),
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
