"""The table ``findings``: what is wrong with the period's bookings and records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.commissions import DATED_FINDINGS, FINDING_COLUMNS, FINDINGS_SQL
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_SENTENCES: Final = {
    "local_date": "the day it goes with: that of the row it speaks of",
    "finding_id": "its id, the same from run to run",
    "finding": "its code (the rules say what each means)",
    "severity": "low, medium, high or critical",
    "booking_id": "the booking it speaks of",
    "booking_ref": "the booking as the record writes it",
    "commission_id": "the record it speaks of",
    "provider_id": "the provider",
    "provider_name": "the provider's business name",
    "expected_idr": "what should be, rupiah",
    "actual_idr": "what is, rupiah",
    "variance_idr": "actual less expected, rupiah",
    "waived": "whether someone had acknowledged it when the snapshot was made",
    "detail": "the finding in a sentence",
}


def date_findings(con: duckdb.DuckDBPyConnection) -> None:
    """Make ``temp.dated_findings``, every finding with its day, where this connection has none yet."""
    con.execute(f"CREATE TEMP TABLE IF NOT EXISTS dated_findings AS FROM {DATED_FINDINGS}")


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    date_findings(con)
    yield from batches(con, FINDINGS_SQL, period_of(asked))


TABLE: Final = PackageTable(
    "findings",
    "Something wrong with a commission of the period: one finding, also where it is waived.",
    tuple(
        PackageColumn(column.name, column.sql, _SENTENCES[column.name], column.kind)
        for column in FINDING_COLUMNS
    ),
    _rows,
)
