"""The mart marts.unusual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import polars as pl

from assets.marts.behind import itself
from assets.marts.expressions import bookings_read, read_until, zones_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.health import Unusual
from checks.schemas.table import declaration_of
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.services import ALL_SOURCES
from marketplace.unusual import (
    ARRIVING,
    HOUR,
    READ_WITHIN,
    SERIES,
    SHOWN_DAYS,
    Series,
    Unjudged,
    Usualness,
    is_holiday,
)

_UNKNOWN: Final = Usualness.UNKNOWN.value


def judged(rows: pl.DataFrame) -> pl.DataFrame:
    """The hours of ``unusual_hours`` beside until when each series was read → the hours that are unusual, and the open
    one of each series."""
    from marketplace.expectation import LENGTH  # NumPy is loaded where hours are judged

    found: list[dict[str, Any]] = []
    for group in rows.partition_by("series", "source", maintain_order=False):
        found += _rows_of(_Counted.of(group, LENGTH))
    for series in rows.filter(pl.col("source") != ALL_SOURCES)["series"].unique():
        if series != "rows":
            found += _rows_of(_Counted.of(_in_all(rows.filter(pl.col("series") == series)), LENGTH))
    return pl.DataFrame(found, schema=declaration_of(Unusual).polars_schema).sort(
        "series", "source", "hour_start"
    )


@mart(
    Unusual,
    clock_columns=("expected", "low", "high", "likelihood", "counted_from", "counted_until"),
    through=judged,
)
def unusual(unusual_hours: Any, scans: Any, at: Instants) -> ir.Table:
    """Hours of the last 7 days that were unusual, and the open hour of each series, whatever it is: a figure
    beside what the same weekday and hour of the 8 weeks before let expect. Unusual is what is too
    unlikely for chance, of an hour, of several up to it, or of a silence that goes on
    (docs/health.md). Unknown: a holiday, under 4 weeks of history, or not read until lately. The
    distributions are made in Python of what this query counts."""
    reads = ibis.union(*_reads(scans), distinct=False)
    own = reads.source.isnull() | (reads.source == unusual_hours.source)
    found = reads.left_join(unusual_hours, [reads.series == unusual_hours.series, own])
    return found.select(
        "series",
        source=ibis.coalesce(unusual_hours.source, reads.source, ALL_SOURCES),
        until=reads.until,
        now=at.now,
        utc_offset_minutes=at.utc_offset_minutes,
        hour_start=unusual_hours.hour_start,
        things=unusual_hours.things,
        hits=unusual_hours.hits,
        first_at=unusual_hours.first_at,
        last_at=unusual_hours.last_at,
    )


def _reads(scans: Any) -> Iterator[Any]:
    """Until when each series was read; null: not read to its end, or in zones that are not known yet."""
    zones = zones_read(scans)
    for series in SERIES.values():
        for source in ("",) if series.rests_on else ARRIVING:
            collections = series.rests_on or (source,)
            until = read_until(scans, *collections)
            known = zones & bookings_read(scans) if collections == BOOKING_COLLECTIONS else zones
            yield scans.aggregate(scans=scans.count()).select(
                series=ibis.literal(series.name),
                source=ibis.literal(source) if source else ibis.null("string"),
                until=ibis.cases((known, until)),
            )


def _in_all(rows: pl.DataFrame) -> pl.DataFrame:
    """The hours of a series over all its sources."""
    same = ("series", "until", "now", "utc_offset_minutes", "hour_start")
    return rows.group_by(*same).agg(
        pl.lit(ALL_SOURCES).alias("source"),
        pl.col("things").sum(),
        pl.col("hits").sum(),
        pl.col("first_at").min(),
        pl.col("last_at").max(),
    )


@dataclass(frozen=True)
class _Counted:
    """A series as it was counted. ``clock``: up to which instant its things are complete; ``begin``: of its hours."""

    series: Series
    source: str
    clock: datetime
    begin: datetime
    is_read: bool
    holidays: Any
    arrays: Mapping[str, Any]

    @classmethod
    def of(cls, group: pl.DataFrame, length: int) -> _Counted:
        import numpy as np

        one = group.row(0, named=True)
        series, now, until = SERIES[one["series"]], one["now"], one["until"]
        is_read = until is not None and until >= now - READ_WITHIN
        clock = (min(until, now) if is_read else now) - series.allowance
        begin = clock.replace(minute=0, second=0, microsecond=0) - (length - 1) * HOUR
        hours = group.with_columns(
            index=((pl.col("hour_start") - begin) / HOUR).round().cast(pl.Int64)
        ).filter(pl.col("index").is_between(0, length - 1))
        index = hours["index"].to_numpy()

        def spread(values: pl.Series, empty: float) -> Any:
            found = np.full(length, empty)
            found[index] = values.cast(pl.Float64).to_numpy()
            return found

        def instants(name: str) -> pl.Series:
            return hours.select((pl.col(name) - begin) / HOUR)[name]

        offset = timedelta(minutes=one["utc_offset_minutes"])
        local = pl.datetime_range(
            begin + offset, begin + offset + (length - 1) * HOUR, HOUR, time_unit="us", eager=True
        )
        days = {day: is_holiday(day) for day in local.dt.date().unique()}
        holidays = local.dt.date().replace_strict(days, return_dtype=pl.Boolean).to_numpy()
        begun = int(index.min()) if index.size else length
        seen = length if is_read else (until - series.allowance - begin) // HOUR if until else 0
        number = np.arange(length)
        ordinary = (number >= begun) & (number < seen) & ~holidays
        return cls(
            series,
            one["source"],
            clock,
            begin,
            is_read,
            holidays,
            {
                "counts": spread(hours["things"], 0.0),
                "hits": spread(hours["hits"].fill_null(0), 0.0) if series.shares else None,
                "first": spread(instants("first_at"), float("nan")),
                "last": spread(instants("last_at"), float("nan")),
                "ordinary": ordinary,
            },
        )

    def at(self, hour: float) -> datetime:
        """The instant at which so many hours are over."""
        return self.begin + timedelta(microseconds=round(hour * 3_600_000_000))


def _rows_of(counted: _Counted) -> Iterator[dict[str, Any]]:
    from marketplace.expectation import LENGTH, Hours, judge

    part = (counted.clock - counted.at(LENGTH - 1)) / HOUR
    hours = judge(Hours(**counted.arrays, part=part), side=counted.series.side, silent=counted.series.silent)
    for one in hours[-24 * SHOWN_DAYS :]:
        is_open = one.hour == LENGTH - 1
        if not is_open and one.state != Usualness.UNUSUAL:
            continue
        end = min(counted.at(one.hour + 1), counted.clock)
        seen = one.seen
        row: dict[str, Any] = {
            "series": counted.series.name,
            "source": counted.source,
            "hour_start": counted.at(one.hour),
            "is_open": is_open,
            "state": one.state,
            "since": None if one.since is None else counted.at(one.since),
            "why": _why(counted, one.hour) if one.state == _UNKNOWN else None,
            "counted_from": counted.at(one.hour),
            "counted_until": end,
        }
        if seen is not None:
            figure = None if seen.figure != seen.figure else seen.figure
            row |= {
                "figure": figure,
                "expected": seen.expected,
                "low": seen.low,
                "high": seen.high,
                "likelihood": seen.likelihood,
                "counted_from": counted.at(seen.since),
            }
            if counted.series.shares:
                row |= {"numerator": seen.hits, "denominator": seen.trials}
        elif counted.is_read:
            row |= _counted_only(counted, one.hour)
        yield row


def _counted_only(counted: _Counted, hour: int) -> dict[str, Any]:
    """What came in an hour of which nothing is to be expected."""
    things = int(counted.arrays["counts"][hour])
    if not counted.series.shares:
        return {"figure": float(things)}
    hits = int(counted.arrays["hits"][hour])
    return {"figure": hits / things if things else None, "numerator": hits, "denominator": things}


def _why(counted: _Counted, hour: int) -> str:
    if not counted.is_read:
        return Unjudged.UNREAD.value
    return (Unjudged.HOLIDAY if counted.holidays[hour] else Unjudged.HISTORY).value


itself(unusual)
