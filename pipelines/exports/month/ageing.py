"""The table ``ageing``: what was open as of a date, by provider down to the record, and how late it was.

Which records those are is open_records.py's, what the classes are marketplace/ageing.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from marketplace.ageing import AGE_CLASSES, STANDINGS, AgeClass, Standing
from pipelines.exports.commissions import PROVIDERS
from pipelines.exports.month.instants import local_text, utc_text
from pipelines.exports.month.open_records import put_open_records
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

RECORD: Final = "record"
TOTAL: Final = "total"
#: Standings whose sums stand apart from the ages: each has a column of its own. Those that are to be paid, and those of
#: which it cannot be told, are summed by age.
APART: Final = (Standing.AWAITING_VERIFICATION, Standing.NOT_OWED, Standing.CREDIT, Standing.REFUND)


def _meaning(one: AgeClass) -> str:
    if one.word == "not_due":
        return "of what is to be paid: not past its deadline"
    if one.word == "unknown":
        return f"of which {STANDINGS[Standing.UNKNOWN]}"
    return f"of what is to be paid: {one.word} past its deadline"


def _apart(standing: Standing) -> str:
    return f"{standing.value}_idr"


#: Column of a sum → the condition that a record is in it. A record is in one.
BUCKETS: Final = {
    **{
        one.column: f"o.age = '{one.word}' AND o.standing IN ('{Standing.UNPAID.value}', '{Standing.UNKNOWN.value}')"
        for one in AGE_CLASSES
    },
    **{_apart(standing): f"o.standing = '{standing.value}'" for standing in APART},
}
_SENTENCES: Final = {
    **{one.column: f"{_meaning(one)}, rupiah" for one in AGE_CLASSES},
    **{_apart(standing): f"apart from these: {STANDINGS[standing]}, rupiah" for standing in APART},
}
_AMOUNTS: Final = ("commission_idr", "fee_idr", "open_idr")

COLUMNS: Final = (
    PackageColumn(
        "line",
        "o.line",
        f"{RECORD}: an open record; {TOTAL}: the sum of a provider's, and at the end of all (no provider)",
    ),
    PackageColumn("provider_id", "o.provider_id", "whom the record charges; none where nobody is named"),
    PackageColumn("provider_name", "p.provider_name", "the provider's business name"),
    PackageColumn("commission_id", "o.commission_id", "the record"),
    PackageColumn("booking_id", "o.booking_id", "its booking"),
    PackageColumn("local_date", "o.local_date", "the day it accrued, local to the provider"),
    PackageColumn("commission_status", "o.status", "the record's status as the snapshot has it"),
    PackageColumn(
        "standing",
        "o.standing",
        "what it was as of the date: "
        + "; ".join(f"{word.value}: {what}" for word, what in STANDINGS.items()),
    ),
    PackageColumn(
        "deadline_at_local",
        local_text("o.deadline_at", "o.utc_offset_minutes"),
        "until when it was to be paid, with its offset; empty: not known",
        "instant",
    ),
    PackageColumn("deadline_at_utc", utc_text("o.deadline_at"), "the same in UTC", "instant"),
    PackageColumn(
        "days_overdue",
        "o.days_overdue",
        "whole days past the deadline as of the date; empty where it is not late, or cannot be",
    ),
    PackageColumn(
        "age",
        "o.age",
        "its class by the time past the deadline, half-open: " + ", ".join(one.word for one in AGE_CLASSES),
    ),
    PackageColumn(
        "records",
        "o.records",
        "of a total: open records; of a record 1",
    ),
    PackageColumn(
        "unknown_amount_records", "o.unknown_amount_records", "of them those whose commission is not known"
    ),
    PackageColumn("commission_idr", "o.commission_idr", "commission that was open; empty: not known"),
    PackageColumn("fee_idr", "o.fee_idr", "late fee that was open"),
    PackageColumn(
        "open_idr",
        "o.open_idr",
        "both, as far as known: the sum of the columns that follow, and of all the closing",
    ),
    *(PackageColumn(name, f"o.{name}", _SENTENCES[name]) for name in BUCKETS),
)


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    put_open_records(con, asked)
    yield from batches(con, _SQL, period_of(asked))


def _sql() -> str:
    sums = ", ".join(
        f"coalesce(sum(o.open_idr) FILTER ({condition}), 0)::BIGINT AS {name}"
        for name, condition in BUCKETS.items()
    )
    own = ", ".join(
        f"CASE WHEN {condition} THEN o.open_idr END AS {name}" for name, condition in BUCKETS.items()
    )
    known = ", ".join(f"coalesce(sum(o.{name}), 0)::BIGINT AS {name}" for name in _AMOUNTS)
    columns = ", ".join(f'{column.sql} AS "{column.name}"' for column in COLUMNS)
    return f"""
        WITH lines AS (
            SELECT '{RECORD}' AS line, o.provider_id, o.commission_id, o.booking_id, o.local_date, o.status,
                o.standing, o.deadline_at, c.utc_offset_minutes, o.days_overdue, o.age, 1::BIGINT AS records,
                (o.commission_idr IS NULL)::BIGINT AS unknown_amount_records,
                {", ".join(f"o.{name}" for name in _AMOUNTS)}, {own}
            FROM temp.open_records o LEFT JOIN core.commissions c ON c.commission_id = o.commission_id
            UNION ALL BY NAME
            SELECT '{TOTAL}' AS line, o.provider_id, count(o.commission_id) AS records,
                count(o.commission_id) FILTER (o.commission_idr IS NULL) AS unknown_amount_records, {known}, {sums}
            FROM temp.open_records o GROUP BY GROUPING SETS ((o.provider_id), ())
        )
        SELECT {columns} FROM lines o LEFT JOIN {PROVIDERS} p ON p.provider_id = o.provider_id
        ORDER BY o.provider_id NULLS LAST, o.line, o.deadline_at NULLS LAST, o.commission_id NULLS LAST"""


_SQL: Final = _sql()
TABLE: Final = PackageTable(
    "ageing",
    "A record that was open as of the date, with how late it was; then the sum of its provider's, and of all.",
    COLUMNS,
    _rows,
    total="line",
)
