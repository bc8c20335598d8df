"""The package's table ``exclusions``: what is out of the month's figures, row by row. Why a row is out is told by
marts.exclusions; the sums, and that nothing is left out, are completeness.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.commissions import PROVIDERS, in_period, of_provider
from pipelines.exports.month.rows import batches, period_of, select, slices
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

#: Days of the period first, then what has no day.
_KEYS: Final = ("coalesce(e.local_date, DATE '9999-12-31')", "e.collection")
_OUT: Final = f"({in_period('e')} OR e.local_date IS NULL AND {of_provider('e.provider_id')})"
_SOURCE: Final = f"marts.exclusions AS e WHERE {_OUT}"
_COLUMNS: Final = (
    PackageColumn(
        "local_date",
        "e.local_date",
        "The local day the row would accrue on; empty where it is not known: it may be of this period or of another,"
        " and stands in every package until it is known.",
    ),
    PackageColumn("collection", "e.collection", "The collection of the app in which the row stands."),
    PackageColumn(
        "row_id", "e.row_id", "The row's id in it; $sequence:<number> for a row without a usable one."
    ),
    PackageColumn(
        "reason",
        "e.reason",
        "Why it is out of the figures: the first reason that holds, so that each row is counted once.",
    ),
    PackageColumn("also", "e.also", "Further reasons that hold, in their order; empty where there is none."),
    PackageColumn("status", "e.status", "The row's status; empty for a quarantined row."),
    PackageColumn("provider_id", "e.provider_id", "The provider's id; empty where it is not known."),
    PackageColumn("provider_name", "p.provider_name", "The provider's business name."),
    PackageColumn("booking_id", "e.booking_id", "Of a commission record: the booking it refers to."),
    PackageColumn(
        "amount_idr",
        "e.amount_idr",
        "What is out, in rupiah: a booking's amount, a record's commission; empty where it is not known.",
    ),
    PackageColumn(
        "in_ledger",
        "e.in_ledger",
        "Of a commission record: whether the ledger has lines of it all the same (one that was cancelled is charged"
        " there and taken back).",
    ),
    PackageColumn(
        "quarantined_for", "e.quarantined_for", "Of a quarantined row: why it was rejected, as a JSON list."
    ),
)


def told_in(con: duckdb.DuckDBPyConnection) -> bool:
    """Whether a snapshot says what is out of its figures: one of an older version does not."""
    found = con.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE (schema_name, table_name) IN"
        " (('marts', 'exclusions'), ('marts', 'completeness'))"
    ).fetchone()
    return found == (2,)


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    if not told_in(con):
        return
    period = period_of(asked)
    for part in list(slices(con, _SOURCE, _KEYS, period)):
        yield from batches(
            con,
            f"SELECT {select(_COLUMNS)} FROM (FROM {_SOURCE} AND {part}) AS e"
            f" LEFT JOIN {PROVIDERS} AS p ON p.provider_id = e.provider_id"
            " ORDER BY e.local_date NULLS LAST, e.collection, e.row_id",
            period,
        )


TABLE: Final = PackageTable(
    "exclusions",
    "A row of the mirror that is out of the period's figures and why: every booking that does not earn, every record"
    " that is not what its booking's row counts, and every row whose day or whole content cannot be read.",
    _COLUMNS,
    _rows,
)
