"""No mart holds a day of things done that has not come yet. Which marts have days is asked of the warehouse, so that a
new one is held to it as well; none of them has days of plans (marts.peak_hours knows weekdays and hours only).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import duckdb

from checks.factory import guarded
from checks.results import SAMPLE, CheckResult
from marketplace.rules import NOT_YET_MINUTES

#: The latest that any clock has shown: ours, and Appwrite's, which a scan reads up to.
_LATEST_CLOCK: Final = """
SELECT max(shown) FROM (
    SELECT unnest([completed_at, watermark]) AS shown FROM ops.scans
    UNION ALL SELECT evaluated_at FROM ops.health_changes)
"""
_DAYS: Final = """
SELECT table_name, column_name FROM duckdb_columns()
WHERE schema_name = 'marts' AND database_name = current_database() AND column_name IN ('local_date', 'local_month')
ORDER BY ALL
"""
#: Today in the zone that is furthest ahead of those that days were counted in.
_TODAY: Final = """
SELECT ($clock::TIMESTAMP + to_minutes($tolerance + max(utc_offset_minutes)))::DATE FROM (
    SELECT 0 AS utc_offset_minutes
    UNION ALL SELECT max(utc_offset_minutes) FROM core.bookings
    UNION ALL SELECT max(utc_offset_minutes) FROM core.commissions)
"""


def no_future_day(con: duckdb.DuckDBPyConnection, result: CheckResult) -> CheckResult:
    """Whether each mart's local days and months lie on or before today, wherever that is latest. Never raises.

    Where nothing was ever scanned it does not fail, and says so.
    """

    def evaluate(blank: CheckResult) -> CheckResult:
        clock = con.sql(_LATEST_CLOCK).fetchall()[0][0]
        if clock is None:
            return replace(blank, passed=True, broken_rules=("unknown, nothing was scanned yet",))
        ahead = (
            f"SELECT '{table}' AS mart, {column} AS day FROM marts.{table} WHERE {column} > $today"
            for table, column in con.sql(_DAYS).fetchall()
        )
        today = con.execute(_TODAY, {"clock": clock, "tolerance": NOT_YET_MINUTES}).fetchall()[0][0]
        found = con.execute(
            f"SELECT mart, strftime(day, '%Y-%m-%d'), count(*) FROM ({' UNION ALL '.join(ahead)}) "
            "GROUP BY ALL ORDER BY ALL",
            {"today": today},
        ).fetchall()
        return replace(
            blank,
            passed=not found,
            failed_rows=sum(int(count) for _, _, count in found),
            sample_ids=tuple(f"{mart} {day}" for mart, day, _ in found[:SAMPLE]),
            broken_rules=tuple(dict.fromkeys(f"marts.{mart} has a day to come" for mart, _, _ in found)),
        )

    return guarded(result, evaluate)
