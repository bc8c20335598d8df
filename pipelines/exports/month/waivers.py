"""The table ``waivers``: which of the period's findings somebody had acknowledged when the snapshot was made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from pipelines.exports.commissions import PROVIDERS, in_period
from pipelines.exports.month.findings import date_findings
from pipelines.exports.month.rows import batches, period_of, select
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_COLUMNS: Final = (
    PackageColumn("finding_id", "f.finding_id", "the finding that was acknowledged"),
    PackageColumn(
        "finding", "f.finding", "its code; closed_month_changed: a figure of the closed month changed"
    ),
    PackageColumn("severity", "f.severity", "how bad it is; empty of a change of a closed month"),
    PackageColumn("local_date", "f.local_date", "the day it goes with; of a change the month's first"),
    PackageColumn("booking_id", "f.booking_id", "the booking it speaks of"),
    PackageColumn("commission_id", "f.commission_id", "the record it speaks of"),
    PackageColumn("provider_id", "f.provider_id", "the provider"),
    PackageColumn("provider_name", "p.provider_name", "the provider's business name"),
    PackageColumn("expected_idr", "f.expected_idr", "what should be, rupiah"),
    PackageColumn("actual_idr", "f.actual_idr", "what is, rupiah"),
    PackageColumn(
        "variance_idr", "f.variance_idr", "how much was acknowledged: actual less expected, rupiah"
    ),
    PackageColumn("waived_by", "w.waived_by", "who acknowledged it"),
    PackageColumn(
        "waived_at_utc", "strftime(w.waived_at, '%Y-%m-%dT%H:%M:%S.%fZ')", "when, in UTC", "instant"
    ),
    PackageColumn("reason", "w.reason", "why; what reads like a phone number is left out"),
    PackageColumn("detail", "f.detail", "the finding in a sentence"),
)
# A change of a closed month is a finding of the whole: in no provider's package. Its values are bookings or rupiah: its
# sentence says which.
_SQL: Final = f"""
WITH found AS (
    SELECT finding_id, finding, severity, local_date, booking_id, commission_id, provider_id, expected_idr, actual_idr,
        variance_idr, detail
    FROM temp.dated_findings WHERE {in_period()} AND waived
    UNION ALL BY NAME
    SELECT finding_id, finding, local_month AS local_date, detail FROM marts.closed_month_changes
    WHERE local_month >= CAST($first AS DATE) AND local_month < CAST($until AS DATE) AND waived AND $provider IS NULL
)
SELECT {select(_COLUMNS)} FROM found f
    LEFT JOIN ops.waivers w ON w.finding_id = f.finding_id
    LEFT JOIN {PROVIDERS} p ON p.provider_id = f.provider_id
ORDER BY f.local_date NULLS LAST, f.finding_id, f.commission_id NULLS LAST, f.booking_id NULLS LAST
"""


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    date_findings(con)
    yield from batches(con, _SQL, period_of(asked))


TABLE: Final = PackageTable(
    "waivers",
    "A finding of the period that somebody had acknowledged: who, when, why and how much.",
    _COLUMNS,
    _rows,
)
