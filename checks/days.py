"""No mart holds a day of things done that has not come yet. Which marts have days is asked of the warehouse, so that a
new one is held to it as well; none of them has days of plans (marts.peak_hours knows weekdays and hours only).
"""

from __future__ import annotations

from typing import Final

import duckdb

from checks.check import Check
from marketplace.findings import Severity
from marketplace.rules import NOT_YET_MINUTES
from messages.message import Message

#: The latest that any clock has shown: ours, and Appwrite's, which a scan reads up to.
_LATEST_CLOCK: Final = """
    SELECT max(shown) AS clock FROM (
        SELECT unnest([completed_at, watermark]) AS shown FROM ops.scans
        UNION ALL SELECT evaluated_at FROM ops.health_changes)
"""
_DAYS: Final = """
SELECT table_name, column_name FROM duckdb_columns()
WHERE schema_name = 'marts' AND database_name = current_database() AND column_name IN (
    'local_date', 'local_week', 'local_month', 'local_hour', 'cohort_month')
ORDER BY ALL
"""
#: Today in the zone that is furthest ahead of those that days were counted in.
_TODAY: Final = f"""
    SELECT (clock + to_minutes({NOT_YET_MINUTES} + max(utc_offset_minutes)))::DATE AS today FROM latest, (
        SELECT 0 AS utc_offset_minutes
        UNION ALL SELECT max(utc_offset_minutes) FROM core.bookings
        UNION ALL SELECT max(utc_offset_minutes) FROM core.commissions)
    GROUP BY clock
"""


def _days_to_come(con: duckdb.DuckDBPyConnection) -> str:
    """The rows of every mart whose local day, week, month or hour lies after today, wherever that is latest."""
    ahead = " UNION ALL ".join(
        f"SELECT '{table}' AS mart, {column}::DATE AS day FROM marts.{table}, today WHERE {column}::DATE > today.today"
        for table, column in con.sql(_DAYS).fetchall()
    )
    ahead = ahead or "SELECT NULL AS mart, NULL::DATE AS day WHERE false"
    return f"""
    WITH latest AS ({_LATEST_CLOCK}), today AS ({_TODAY})
    SELECT 'broken.day_to_come' AS code, {{'mart': mart}} AS args, mart, strftime(day, '%Y-%m-%d') FROM ({ahead})
    ORDER BY ALL
    """


CHECKS: Final = (
    # Where nothing was ever scanned it does not fail, and says so.
    Check(
        "no_future_day",
        "marts/month_figures",
        _days_to_come,
        level=Severity.HIGH,
        looks_for="a figure of any mart by local day or month that lies after today, wherever today is latest",
        unknown=f"SELECT 'broken.nothing_scanned' AS code FROM ({_LATEST_CLOCK}) WHERE clock IS NULL",
        what_to_do=Message("check.future_day_do"),
    ),
)
