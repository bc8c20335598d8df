"""When and where customers book, what becomes of it, what is odd about it and what is unusual now. Asked through
reading.py."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached
from marketplace.peaks import Basis

#: The steps of the funnel, each some of the one before.
STEPS: tuple[str, ...] = ("created", "answered", "accepted", "completed", "recorded", "paid")
LOST: tuple[str, ...] = (
    "declined",
    "unanswered",
    "expired_answered",
    "cancelled",
    "reassigned",
    "still_open",
    "unknown",
)


@cached
def unusual_now(path: str) -> list[dict[str, Any]]:
    """series, source, state, why, figure, expected, low, high, likelihood, since, counted_until of each open hour."""
    return ask(
        path,
        """SELECT series, source, state, why, figure, expected, low, high, likelihood, since, hour_start, counted_until
           FROM marts.unusual WHERE is_open
           ORDER BY list_position(['unusual', 'unknown', 'usual'], state), likelihood NULLS LAST, series, source""",
    ).to_dicts()


UNUSUAL = Query(
    "unusual",
    """SELECT hour_start, series, source, figure, expected, low, high, likelihood, since, is_open
       FROM marts.unusual WHERE state = 'unusual' ORDER BY hour_start DESC, likelihood, series, source""",
    columns=(
        Column("hour_start", "demand.hour_of"),
        Column("series", "demand.series", words="series"),
        Column("source", "demand.of_what", words="unusual_source"),
        Column("figure", "demand.figure"),
        Column("expected", "demand.expected"),
        Column("low", "demand.low"),
        Column("high", "demand.high"),
        Column("since", "demand.since"),
        Column("is_open", "demand.open"),
    ),
)


@cached
def peaks(path: str, basis: Basis) -> pl.DataFrame:
    """weekday, hour, bookings, recent_bookings, baseline of the last 8 weeks; an hour without a booking has no row."""
    return ask(
        path,
        """SELECT weekday, hour, bookings, recent_bookings, baseline FROM marts.peak_hours WHERE basis = ?
           ORDER BY weekday, hour""",
        [basis.value],
    )


@cached
def shortage(path: str) -> dict[str, Any]:
    """hours, seen_hours, short_hours, unanswered, unserved of all cities and hours of marts.short_hours."""
    return ask(
        path,
        """SELECT coalesce(sum(hours), 0)::BIGINT AS hours, coalesce(sum(seen_hours), 0)::BIGINT AS seen_hours,
                  coalesce(sum(short_hours), 0)::BIGINT AS short_hours,
                  coalesce(sum(unanswered), 0)::BIGINT AS unanswered, coalesce(sum(unserved), 0)::BIGINT AS unserved
           FROM marts.short_hours""",
    ).to_dicts()[0]


SHORT_HOURS = Query(
    "short_hours",
    """SELECT city, weekday, hour, requests, accepted, unanswered, unserved, short_hours, hours, seen_hours,
              providers_online, providers_free
       FROM marts.short_hours WHERE short_hours > 0 ORDER BY unserved DESC, short_hours DESC, city, weekday, hour""",
    columns=(
        Column("city", "demand.city"),
        Column("weekday", "demand.weekday", words="weekday"),
        Column("hour", "demand.hour"),
        Column("unserved", "demand.unserved"),
        Column("short_hours", "demand.short_hours"),
        Column("requests", "demand.requests"),
        Column("unanswered", "demand.unanswered"),
        Column("providers_online", "demand.online"),
        Column("providers_free", "demand.free"),
        Column("hours", "demand.hours"),
    ),
)


@cached
def funnel(path: str, first: date, last: date) -> pl.DataFrame:
    """By source, the most created first: the steps, where the others went, days, and ``complete_days`` of them old
    enough for every step to have ended."""
    columns = ", ".join(f'sum("{name}")::BIGINT AS "{name}"' for name in (*STEPS, *LOST))
    return ask(
        path,
        f"""SELECT source, {columns}, count(*) AS days, count(*) FILTER (is_complete) AS complete_days
            FROM marts.booking_funnel WHERE local_date BETWEEN ? AND ?
            GROUP BY source ORDER BY sum(created) DESC, source""",
        [first, last],
    )


@cached
def declines(path: str, first: date, last: date) -> pl.DataFrame:
    """reason, bookings of the days, the most frequent first."""
    return ask(
        path,
        """SELECT reason, sum(bookings)::BIGINT AS bookings FROM marts.decline_reasons
           WHERE local_date BETWEEN ? AND ? GROUP BY reason ORDER BY bookings DESC, reason""",
        [first, last],
    )


@cached
def odd_counts(path: str) -> pl.DataFrame:
    """anomaly, rows, newest (observed_at) of each kind."""
    return ask(
        path,
        """SELECT anomaly, count(*) AS rows, max(observed_at) AS newest FROM marts.booking_anomalies
           GROUP BY anomaly ORDER BY rows DESC, anomaly""",
    )


def odd(anomaly: str) -> Query:
    """What is odd of a kind ('': of any), the newest first."""
    return Query(
        "booking_anomalies",
        """SELECT observed_at, anomaly, booking_id, other_booking_id, provider_id, actor_id, "count", detail, code, args
           FROM marts.booking_anomalies WHERE ? = '' OR anomaly = ?
           ORDER BY observed_at DESC, anomaly, booking_id, other_booking_id""",
        (anomaly, anomaly),
        columns=(
            Column("observed_at", "demand.seen_at"),
            Column("anomaly", "demand.kind", words="anomaly"),
            Column("detail", "col.detail", told=True),
            Column("booking_id", "col.booking_id"),
            Column("other_booking_id", "demand.other_booking"),
            Column("provider_id", "col.provider_id"),
            Column("actor_id", "demand.actor"),
        ),
    )
