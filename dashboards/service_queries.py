"""Questions on how the service and bookwatch itself go: history of the health points, the chain, members, errors,
timings, alerts. Asked through queries.py.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl

from dashboards.queries import ask, cached

# Health -------------------------------------------------------------------------------------------

SPELLS_DRAWN = 1_000  # a course of so many changes is not legible, and each is an element of the page


@cached
def health_uptime(path: str) -> list[dict[str, Any]]:
    """point, time_window, working_share (null: nothing measured), broken_seconds, unknown_seconds,
    measured_seconds (working or broken), unmeasured_seconds (nobody looked), status_since."""
    return ask(
        path,
        """SELECT point, time_window, working_share, broken_seconds, unknown_seconds, measured_seconds,
                  unmeasured_seconds, status_since
           FROM marts.health_uptime ORDER BY point""",
    ).to_dicts()


_HISTORY = """SELECT point, name, status, since, until, seconds, message FROM marts.health_history
              ORDER BY since DESC, point LIMIT ?"""


@cached
def health_history(path: str, limit: int) -> pl.DataFrame:
    """point, name, status, since, until (null = now), seconds, message: the newest spell first."""
    return ask(path, _HISTORY, [limit])


def all_health_history(path: str) -> pl.DataFrame:
    """The same, all of it: for a download, so not kept."""
    return ask(path, _HISTORY, [None])


@cached
def health_spells(path: str) -> int:
    """How many spells the history holds."""
    return int(ask(path, "SELECT count(*) AS n FROM marts.health_history")["n"][0])


@cached
def health_since(path: str) -> dict[tuple[Any, Any], datetime]:
    """Since when (naive UTC) each point is in the state it is in: (point, status) → instant."""
    rows = ask(
        path, "SELECT point, status, since FROM marts.health_history WHERE until IS NULL ORDER BY since"
    )
    return {(row["point"], row["status"]): row["since"] for row in rows.iter_rows(named=True)}


@cached
def health_spells_since(path: str, begin: datetime) -> pl.DataFrame:
    """point, status, since, until of the spells that reach past ``begin``; of very many the newest."""
    return ask(
        path,
        f"""SELECT point, status, since, until FROM marts.health_history WHERE until IS NULL OR until > ?
            ORDER BY since DESC LIMIT {SPELLS_DRAWN}""",
        [begin],
    )


# The chain ----------------------------------------------------------------------------------------


@cached
def broken_links(path: str) -> list[dict[str, Any]]:
    """hop, from_step, to_step, entered, passed, broken, unknown, state: one row a hop, in order."""
    return ask(
        path,
        """SELECT hop, from_step, to_step, entered, passed, broken, "unknown", state
           FROM marts.broken_links ORDER BY hop""",
    ).to_dicts()


@cached
def broken_link_rows(path: str, hop: int) -> pl.DataFrame:
    """row_id, origin and since of the bookings at the break of a hop, the newest first (200 at most are kept)."""
    return ask(
        path,
        "SELECT row_id, origin, since FROM marts.broken_link_rows WHERE hop = ? ORDER BY since DESC, row_id",
        [hop],
    )


# Members ------------------------------------------------------------------------------------------

# The order in which members are looked at: those that need someone first.
MEMBER_ORDER: tuple[str, ...] = ("critical", "warning", "unknown", "offline", "healthy")

_MEMBERS = """SELECT provider_id, provider_name, provider_type, health, reasons, last_seen_at, bookings,
                     missed_requests, unread_messages, notifications_enabled, sound_enabled, browser
              FROM marts.member_health
              WHERE (len(?) = 0 OR list_contains(?, health))
                AND (? = '' OR contains(lower(coalesce(provider_name, '')), ?) OR contains(lower(provider_id), ?))
              ORDER BY list_position(['critical', 'warning', 'unknown', 'offline', 'healthy'], health) NULLS LAST,
                       missed_requests DESC NULLS LAST, provider_name, provider_id"""


@cached
def members(path: str, healths: tuple[str, ...], sought: str) -> pl.DataFrame:
    """The members of these healths (none: of all) whose name or id holds ``sought``, those in need first."""
    wanted, part = list(healths), sought.strip().lower()
    return ask(path, _MEMBERS, [wanted, wanted, part, part, part])


@cached
def member_counts(path: str) -> dict[str, int]:
    """health → members."""
    rows = ask(
        path,
        "SELECT coalesce(health, 'unknown') AS health, count(*) AS n FROM marts.member_health GROUP BY 1",
    )
    return dict(rows.rows())


@cached
def service_figures(path: str) -> dict[str, Any] | None:
    """The one row of marts.service_figures, or None where it is empty."""
    rows = ask(path, "SELECT * FROM marts.service_figures LIMIT 1").to_dicts()
    return rows[0] if rows else None


@cached
def response_distribution(path: str, source: str) -> list[dict[str, Any]]:
    """bucket, label, bookings, share (null: no booking) of a source ('all': of every one), in order."""
    return ask(
        path,
        """SELECT bucket, label, bookings, share FROM marts.response_distribution WHERE source = ? ORDER BY bucket""",
        [source],
    ).to_dicts()


@cached
def response_sources(path: str) -> list[str]:
    """The sources response times are counted by, 'all' first."""
    rows = ask(
        path, "SELECT DISTINCT source FROM marts.response_distribution ORDER BY source <> 'all', source"
    )
    return rows["source"].to_list()


@cached
def delivery_rates(path: str) -> list[dict[str, Any]]:
    """channel, recipient_type, sent, delivered, failed, pending, rate of the last 24 h, the most sent first."""
    return ask(
        path,
        """SELECT channel, recipient_type, sent, delivered, failed, pending, rate FROM marts.delivery_rates
           ORDER BY sent DESC, channel, recipient_type""",
    ).to_dicts()


# Errors and timings -------------------------------------------------------------------------------

# What is looked at: the name of the choice → how far back from the instant of the snapshot.
REACHES: dict[str, timedelta] = {
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


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


_ERRORS = """SELECT called_at, severity, category, operation, collection, reason, status, error_type, host, attempts,
                    run_id, call_number
             FROM (SELECT ''::VARCHAR AS error_type, ''::VARCHAR AS host WHERE false
                   UNION ALL BY NAME FROM ops.errors)  -- a snapshot of before has neither
             WHERE called_at >= ? ORDER BY called_at DESC, run_id DESC, call_number DESC LIMIT ?"""


@cached
def errors(path: str, since: datetime, limit: int) -> pl.DataFrame:
    """The events from ``since`` on, the newest first; the first ``limit`` of them."""
    return ask(path, _ERRORS, [since, limit])


def all_errors(path: str, since: datetime) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return ask(path, _ERRORS, [since, None])


@cached
def error_count(path: str, since: datetime) -> int:
    """How many events ops.errors holds from ``since`` on."""
    return int(ask(path, "SELECT count(*) AS n FROM ops.errors WHERE called_at >= ?", [since])["n"][0])


@cached
def calls(path: str, since: datetime) -> pl.DataFrame:
    """operation, calls, failed, retried, slow, p50_s, p95_s, p99_s, max_s of the calls kept one by one from ``since``
    on: percentiles of hours can't be put together, so they are taken from the calls themselves."""
    return ask(
        path,
        """SELECT operation, count(*)::BIGINT AS calls, count(*) FILTER (outcome <> 'ok')::BIGINT AS failed,
                  count(*) FILTER (attempts > 1)::BIGINT AS retried, count(*) FILTER (slow)::BIGINT AS slow,
                  quantile_cont(seconds, 0.5) AS p50_s, quantile_cont(seconds, 0.95) AS p95_s,
                  quantile_cont(seconds, 0.99) AS p99_s, max(seconds) AS max_s
           FROM ops.timings WHERE called_at >= ? GROUP BY operation ORDER BY p95_s DESC, operation""",
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
        """SELECT hour, operation, sum(calls)::BIGINT AS calls, sum(slow)::BIGINT AS slow, max(p95_s) AS p95_s
           FROM ops.timing_summary WHERE hour >= ? GROUP BY hour, operation ORDER BY hour, operation""",
        [since],
    )


_SLOW = """SELECT called_at, operation, collection, seconds, outcome, status, attempts, run_id, call_number
           FROM ops.timings WHERE slow AND called_at >= ?
           ORDER BY seconds DESC, called_at DESC, run_id, call_number LIMIT ?"""


@cached
def slow_calls(path: str, since: datetime, limit: int) -> pl.DataFrame:
    """The calls over 3 s from ``since`` on, the slowest first; the first ``limit`` of them."""
    return ask(path, _SLOW, [since, limit])


def all_slow_calls(path: str, since: datetime) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return ask(path, _SLOW, [since, None])


# Alerts -------------------------------------------------------------------------------------------


@cached
def alerts(path: str) -> list[dict[str, Any]]:
    """Every alert the snapshot knows of, the newest change first."""
    return ask(
        path,
        """SELECT alert_id, name, labels, state, severity, summary, figure, limit_value, page, active_since, fired_at,
                  last_sent_at, resolved_at, silenced_by, inhibited_by, detail
           FROM ops.alerts ORDER BY coalesce(resolved_at, active_since) DESC NULLS LAST, name, alert_id""",
    ).to_dicts()


@cached
def silences(path: str) -> list[dict[str, Any]]:
    """silence_id, matcher, author, reason, created_at, ends_at, ended_at, ended_by: the newest first."""
    return ask(
        path,
        """SELECT silence_id, matcher, author, reason, created_at, ends_at, ended_at, ended_by
           FROM ops.alert_silences
           ORDER BY created_at DESC, silence_id""",
    ).to_dicts()


@cached
def deliveries(path: str, limit: int) -> pl.DataFrame:
    """at, kind, alerts, channel, delivered, attempts: what was sent, the newest first."""
    return ask(
        path,
        """SELECT "at", kind, alerts, channel, delivered, attempts FROM ops.alert_deliveries
           ORDER BY "at" DESC, delivery_id DESC LIMIT ?""",
        [limit],
    )
