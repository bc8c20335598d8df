"""How bookwatch's own calls go: errors and timings. Asked through reading.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached
from marketplace.error_rate import NOT_COUNTED

# What is looked at: the name of the choice → how far back from the instant of the snapshot.
REACHES: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


# A snapshot of before does not say whose a call was: all were the runs' own.
_TIMINGS = """(SELECT * REPLACE (coalesce(source, 'appwrite') AS source) FROM
    (SELECT ''::VARCHAR AS source WHERE false UNION ALL BY NAME FROM ops.{table}))"""
_NAMED = "coalesce(nullif(source, 'appwrite') || ': ', '') || operation"
"""What an operation is called where those of several sources stand together."""


@cached
def error_minutes(path: str, since: datetime) -> pl.DataFrame:
    """minute, severity, events: each minute with events from ``since`` on, in order."""
    return ask(
        path,
        """SELECT minute, severity, sum(events)::BIGINT AS events FROM ops.error_rates WHERE minute >= ?
           GROUP BY ALL ORDER BY minute, severity""",
        [since],
    )


@cached
def busiest(path: str, since: datetime) -> dict[str, Any] | None:
    """The most events of any 60 seconds from ``since`` on and the instant (naive UTC) at which those ended, counted as
    the alert counts (checks/error_rate.py): events, until. None: there was none that counts."""
    rows = ask(
        path,
        f"""WITH counted AS (
              SELECT called_at FROM ops.errors WHERE reason NOT IN {NOT_COUNTED} AND called_at >= ?)
            SELECT count(*) OVER (ORDER BY called_at RANGE BETWEEN INTERVAL 59999999 MICROSECONDS PRECEDING
                                  AND CURRENT ROW) AS events, called_at AS until
            FROM counted ORDER BY events DESC, until DESC LIMIT 1""",
        [since],
    ).to_dicts()
    return rows[0] if rows else None


@cached
def errors_by(path: str, kind: str, since: datetime) -> pl.DataFrame:
    """``kind`` (severity, category or operation) and its events from ``since`` on, the most frequent first."""
    if kind not in ("severity", "category", "operation"):
        raise ValueError(f"errors are not counted by {kind}")
    return ask(
        path,
        f"""SELECT coalesce({kind}, 'unknown') AS {kind}, sum(events)::BIGINT AS events FROM ops.error_rates
            WHERE minute >= ? GROUP BY 1 ORDER BY events DESC, 1""",
        [since],
    )


def errors(since: datetime) -> Query:
    """The events from ``since`` on, the newest first."""
    return Query(
        "errors",
        """SELECT called_at, severity, category, operation, collection, reason, status, error_type, host, attempts,
                    run_id, call_number, coalesce(source, 'appwrite') AS source
             FROM (SELECT ''::VARCHAR AS error_type, ''::VARCHAR AS host, ''::VARCHAR AS source WHERE false
                   UNION ALL BY NAME FROM ops.errors)  -- a snapshot of before has none of these
             WHERE called_at >= ? ORDER BY called_at DESC, run_id DESC, call_number DESC""",
        (since,),
        columns=(
            Column("called_at", "errors.at"),
            Column("severity", "errors.severity", words="severity"),
            Column("category", "errors.category", words="category"),
            Column("operation", "errors.operation"),
            Column("collection", "col.collection"),
            Column("reason", "errors.reason", words="reason"),
            Column("status", "errors.status"),
            Column("error_type", "errors.error_type"),
            Column("host", "errors.host"),
            Column("attempts", "errors.attempts"),
            Column("source", "errors.source", words="call_source"),
            Column("run_id", "errors.run"),
        ),
    )


@cached
def calls(path: str, since: datetime) -> pl.DataFrame:
    """operation, calls, failed, retried, slow, p50_s, p95_s, p99_s, max_s of the calls kept one by one from ``since``
    on: percentiles of hours can't be put together, so they are taken from the calls themselves."""
    return ask(
        path,
        f"""SELECT {_NAMED} AS operation, count(*)::BIGINT AS calls,
                  count(*) FILTER (outcome <> 'ok')::BIGINT AS failed,
                  count(*) FILTER (attempts > 1)::BIGINT AS retried, count(*) FILTER (slow)::BIGINT AS slow,
                  quantile_cont(seconds, 0.5) AS p50_s, quantile_cont(seconds, 0.95) AS p95_s,
                  quantile_cont(seconds, 0.99) AS p99_s, max(seconds) AS max_s
           FROM {_TIMINGS.format(table="timings")} WHERE called_at >= ? GROUP BY 1 ORDER BY p95_s DESC, 1""",
        [since],
    )


@cached
def oldest_call_at(path: str) -> datetime | None:
    """Since when single calls are kept (naive UTC)."""
    return ask(path, "SELECT min(called_at) AS at FROM ops.timings")["at"][0]


@cached
def hourly_timings(path: str, since: datetime) -> pl.DataFrame:
    """hour, operation, calls, slow, p95_s: of each operation the slowest collection's p95 in each hour."""
    return ask(
        path,
        f"""SELECT hour, {_NAMED} AS operation, sum(calls)::BIGINT AS calls, sum(slow)::BIGINT AS slow,
                  max(p95_s) AS p95_s
           FROM {_TIMINGS.format(table="timing_summary")} WHERE hour >= ? GROUP BY 1, 2 ORDER BY 1, 2""",
        [since],
    )


def slow_calls(since: datetime) -> Query:
    """The calls that took too long, from ``since`` on, the slowest first."""
    return Query(
        "slow_calls",
        f"""SELECT called_at, operation, collection, seconds, outcome, status, attempts, run_id, call_number, source
           FROM {_TIMINGS.format(table="timings")} WHERE slow AND called_at >= ?
           ORDER BY seconds DESC, called_at DESC, run_id, call_number""",
        (since,),
        columns=(
            Column("seconds", "timings.took"),
            Column("operation", "errors.operation"),
            Column("collection", "col.collection"),
            Column("called_at", "errors.at"),
            Column("outcome", "timings.outcome"),
            Column("status", "errors.status"),
            Column("attempts", "errors.attempts"),
            Column("source", "errors.source", words="call_source"),
            Column("run_id", "errors.run"),
        ),
    )
