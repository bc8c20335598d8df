"""The package's table ``exclusions``: what is out of the month's figures, row by row. Why a row is out is told by
marts.exclusions; the sums, and that nothing is left out, are completeness.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

BATCH_ROWS: Final = 10_000
#: Rows sorted at a time: whole days of so many (a day is never cut).
SLICE_ROWS: Final = 50_000

_PROVIDERS: Final = (
    "(SELECT provider_id, arg_min(provider_name, (CASE provider_type WHEN 'therapist' THEN 0 ELSE 1 END,"
    " provider_name)) AS provider_name FROM core.providers GROUP BY provider_id)"
)
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


def of_provider(asked: Asked, column: str) -> str:
    """SQL: the rows of whoever is asked for; of all where nobody is."""
    if asked.provider is None:
        return "true"
    quoted = asked.provider.replace("'", "''")
    return f"coalesce({column} = '{quoted}', false)"


def in_period(asked: Asked, column: str) -> str:
    """SQL: the days of the period. They are written, not bound: a relation with bound values is first made whole."""
    return f"{column} >= DATE '{asked.first.isoformat()}' AND {column} < DATE '{asked.until.isoformat()}'"


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    if not told_in(con):
        return
    columns = ", ".join(f'{column.sql} AS "{column.name}"' for column in _COLUMNS)
    of = of_provider(asked, "e.provider_id")
    days = con.execute(
        f"SELECT local_date, count(*) FROM marts.exclusions AS e WHERE {of} AND {in_period(asked, 'local_date')}"
        " GROUP BY local_date ORDER BY local_date"
    ).fetchall()
    slices: list[list[str]] = []
    rows = SLICE_ROWS
    for day, count in days:
        if rows + count > SLICE_ROWS:
            slices.append([])
            rows = 0
        slices[-1].append(day.isoformat())
        rows += count
    wheres = [
        *(f"e.local_date BETWEEN DATE '{some[0]}' AND DATE '{some[-1]}'" for some in slices),
        "e.local_date IS NULL",
    ]
    for where in wheres:
        found = con.sql(
            f"SELECT {columns} FROM marts.exclusions AS e LEFT JOIN {_PROVIDERS} AS p ON p.provider_id = e.provider_id"
            f" WHERE {of} AND {where} ORDER BY e.local_date, e.collection, e.row_id"
        )
        for batch in found.to_arrow_reader(BATCH_ROWS):
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            yield frame


TABLE: Final = PackageTable(
    "exclusions",
    "A row of the mirror that is out of the period's figures and why: every booking that does not earn, every record"
    " that is not what its booking's row counts, and every row whose day or whole content cannot be read.",
    _COLUMNS,
    _rows,
)
