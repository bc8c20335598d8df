"""marts.unusual as an engineer would write it beside benchmarks/marts_by_hand.sql: of the hours that SQL counted, NumPy
arrays of each series, judged by the distributions of marketplace/expectation.py (scipy), which are the rule itself.

No code of the mart is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import numpy as np
import polars as pl

from marketplace.expectation import LENGTH, Hours, judge
from marketplace.unusual import SERIES, is_holiday

_HOUR = timedelta(hours=1)
_ZONE = timedelta(hours=8)
_ARRIVING = ("bookings", "hotel_bookings", "chat_rooms", "chat_messages")
_ARRIVING += ("reviews", "notifications", "commission_records")
_READ = """
SELECT coalesce(min(coalesce(read_until, watermark)), NULL) FROM ops.scans
WHERE list_contains(?, collection) AND watermark IS NOT NULL
"""
_WHOLE = """
SELECT NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
        AND collection IN ('therapists', 'places')), false),
    coalesce(bool_or(collection = 'bookings' AND completed_at IS NOT NULL), false)
        AND NOT coalesce(bool_or(completed_at IS NULL AND outcome IN ('partial', 'failed')
            AND collection IN ('bookings', 'hotel_bookings')), false)
FROM ops.scans
"""
_COLUMNS = ("figure", "expected", "low", "high", "likelihood", "numerator", "denominator")


def write(con: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """by_hand.unusual, of the temporary table ``arrived``."""
    arrived: dict[tuple[str, str], list[Any]] = {}
    for series, source, *hour in con.execute("FROM arrived").fetchall():
        arrived.setdefault((series, source), []).append(hour)
        if series == "bookings":
            arrived.setdefault((series, "all"), []).append(hour)
    zones, whole = con.execute(_WHOLE).fetchall()[0]
    rows: list[dict[str, Any]] = []
    for series in SERIES.values():
        own = {source for name, source in arrived if name == series.name}
        for source in sorted(own | set(_ARRIVING)) if series.name == "rows" else sorted(own | {"all"}):
            collections = list(series.rests_on or (source,))
            known = zones and (whole or len(collections) == 1)
            until = con.execute(_READ, [collections]).fetchall()[0][0] if known else None
            rows += _rows(series, source, arrived.get((series.name, source), []), until, now)
    frame = pl.DataFrame(rows, infer_schema_length=None)
    con.register("judged_by_hand", frame)
    con.execute("CREATE OR REPLACE TABLE by_hand.unusual AS FROM judged_by_hand")


def _rows(
    series: Any, source: str, hours: list[Any], until: datetime | None, now: datetime
) -> Iterator[dict[str, Any]]:
    is_read = until is not None and until >= now - timedelta(minutes=10)
    clock = (min(until, now) if is_read and until else now) - series.allowance
    begin = clock.replace(minute=0, second=0, microsecond=0) - (LENGTH - 1) * _HOUR
    counts, hits = np.zeros(LENGTH), np.zeros(LENGTH)
    first, last = np.full(LENGTH, np.nan), np.full(LENGTH, np.nan)
    begun = LENGTH
    for hour, things, of_them, first_at, last_at in hours:
        n = round((hour - begin) / _HOUR)
        if 0 <= n < LENGTH:
            begun = min(begun, n)
            counts[n] += things
            hits[n] += of_them or 0
            first[n] = np.fmin(first[n], (first_at - begin) / _HOUR)
            last[n] = np.fmax(last[n], (last_at - begin) / _HOUR)
    holiday = np.array([is_holiday((begin + _ZONE + n * _HOUR).date()) for n in range(LENGTH)])
    seen = LENGTH if is_read else (until - series.allowance - begin) // _HOUR if until else 0
    number = np.arange(LENGTH)
    given = Hours(
        counts=counts,
        hits=hits if series.shares else None,
        first=first,
        last=last,
        ordinary=(number >= begun) & (number < seen) & ~holiday,
        part=(clock - (begin + (LENGTH - 1) * _HOUR)) / _HOUR,
    )

    def at(n: float) -> datetime:
        return begin + timedelta(microseconds=round(n * 3_600_000_000))

    for one in judge(given, side=series.side, silent=series.silent)[-7 * 24 :]:
        is_open = one.hour == LENGTH - 1
        if not is_open and one.state != "unusual":
            continue
        told: dict[str, Any] = dict.fromkeys(_COLUMNS)
        if one.seen is not None:
            told |= {name: getattr(one.seen, name) for name in ("expected", "low", "high", "likelihood")}
            told["figure"] = None if np.isnan(one.seen.figure) else one.seen.figure
            if series.shares:
                told |= {"numerator": one.seen.hits, "denominator": one.seen.trials}
        elif is_read:
            n, k = int(counts[one.hour]), int(hits[one.hour])
            told["figure"] = float(n)
            if series.shares:
                told |= {"figure": k / n if n else None, "numerator": k, "denominator": n}
        why = None
        if one.state == "unknown":
            why = "unread" if not is_read else "holiday" if holiday[one.hour] else "history"
        yield {
            "series": series.name,
            "source": source,
            "hour_start": at(one.hour),
            **told,
            "since": None if one.since is None else at(one.since),
            "state": one.state,
            "why": why,
            "is_open": is_open,
            "counted_from": at(one.hour if one.seen is None else one.seen.since),
            "counted_until": min(at(one.hour + 1), clock),
        }
