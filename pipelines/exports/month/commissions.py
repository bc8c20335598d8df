"""The table ``commissions``: every reconciled booking or record of the period, as the commission report has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.commissions import ROW_COLUMNS, in_period, rows_sql
from pipelines.exports.month.rows import batches, period_of, slices
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_SENTENCES: Final = {
    "local_date": "the accrual day, local to the provider",
    "time_zone": "the zone of that day: Asia/Jakarta, Asia/Makassar, Asia/Jayapura, else an offset such as UTC+07:30",
    "utc_offset_minutes": "its offset, minutes east of UTC",
    "accrued_at_local": "the accrual instant with its offset",
    "accrued_at_utc": "the same in UTC",
    "booking_id": "the booking; empty for a record without one",
    "commission_id": "the record; empty where there is none",
    "booking_ref": "the booking as the record writes it, where it says something of its own",
    "provider_id": "the provider",
    "provider_name": "the provider's business name",
    "source": "where the booking came from",
    "booking_status": "the booking's canonical status",
    "commission_status": "the record's canonical status",
    "state": "matched, mismatched, missing, awaiting, free, unknown, orphan or not_due (the rules say what each means)",
    "booking_amount_idr": "the booking's amount, rupiah",
    "policy_version": "the commission policy that applied",
    "policy_rate_ppm": "its rate, in millionths: 300000 is 30 %",
    "rate": "the rate written on the record, as a fraction",
    "expected_idr": "the commission the policy asks for, rupiah",
    "actual_idr": "the commission recorded, rupiah",
    "variance_idr": "recorded less expected, rupiah; empty where one is unknown",
    "records": "live records of this booking",
    "deadline_at_local": "when the commission must be paid, with its offset",
    "deadline_at_utc": "the same in UTC",
    "paid_at_local": "when it was paid, with its offset",
    "paid_at_utc": "the same in UTC",
}


# A large month has days of hundreds of thousands of rows: they are sorted by the hour.
_KEYS: Final = ("r.local_date", "coalesce(date_trunc('hour', r.accrued_at), TIMESTAMP '9999-12-31')")
_SOURCE: Final = f"marts.commission_reconciliation r WHERE {in_period('r')}"


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    period = period_of(asked)
    for part in list(slices(con, _SOURCE, _KEYS, period)):
        yield from batches(con, rows_sql(part), period)


TABLE: Final = PackageTable(
    "commissions",
    "A booking that earns against its own commission record, or a live record without such a booking.",
    tuple(
        PackageColumn(column.name, column.sql, _SENTENCES[column.name], column.kind) for column in ROW_COLUMNS
    ),
    _rows,
)
