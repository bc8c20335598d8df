"""The mart marts.peak_hours."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one
from assets.marts.cohorts import dated_bookings_read
from assets.marts.expressions import counted, interval, local
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.tables import Instants
from checks.schemas.demand import PeakHours
from marketplace.peaks import BASELINE_WEEKS, PEAK_WINDOW, RECENT_DAYS, Basis


@mart(PeakHours)
def peak_hours(bookings: Any, scans: Any, at: Instants) -> ir.Table:
    """When customers book and when services start, by local weekday and hour of the last 8 weeks.
    ``share`` is of all bookings of that basis whose hour is known; hours without bookings have no
    row. The last 7 days stand beside the mean of the 4 weeks before them, which is not known where
    bookings do not go back that far or were not all read."""
    b = counted(bookings)
    read = dated_bookings_read(scans)
    return ibis.union(
        _counted_by(b, Basis.CREATED, b.created_at, read, at),
        _counted_by(b, Basis.STARTS, b.starts_at, read, at),
        distinct=False,
    )


def _counted_by(b: Any, basis: Basis, instant: Any, read: Any, at: Instants) -> Any:
    baseline_from = at.now - interval(RECENT_DAYS * (1 + BASELINE_WEEKS))
    # Whether any is that old: engines look no further than for one.
    older = b.filter(instant <= baseline_from).limit(1)
    known: Any = read & (older.count() > 0).as_scalar()
    hours = _hours(b, instant, at).select("weekday", "hour", "is_recent", "in_baseline")
    counts = hours.group_by("weekday", "hour").aggregate(
        bookings=hours.count(),
        recent_bookings=hours.count(where=hours.is_recent),
        in_baseline=hours.count(where=hours.in_baseline),
    )
    baseline: Any = ibis.cases((known, counts.in_baseline))
    return counts.select(
        basis=ibis.literal(basis.value),
        weekday=counts.weekday,
        hour=counts.hour,
        bookings=counts.bookings,
        share=counts.bookings / counts.bookings.sum().over(ibis.window()),
        recent_bookings=counts.recent_bookings,
        baseline_bookings=baseline,
        baseline=baseline / BASELINE_WEEKS,
        change=counts.recent_bookings * BASELINE_WEEKS / baseline.nullif(0),
    )


def _hours(b: Any, instant: Any, at: Instants) -> Any:
    """The bookings of the window by this instant, with its weekday and hour, and in which part of it they fall."""
    recent_from = at.now - interval(RECENT_DAYS)
    baseline_from = at.now - interval(RECENT_DAYS * (1 + BASELINE_WEEKS))
    recent = b.filter(
        (instant >= at.now - interval(PEAK_WINDOW)) & (instant <= at.now) & b.utc_offset_minutes.notnull()
    )
    wall = local(instant, b.utc_offset_minutes)
    return recent.mutate(
        weekday=(wall.day_of_week.index() + 1).cast("int64"),
        hour=wall.hour().cast("int64"),
        is_recent=instant > recent_from,
        # Half-open at its beginning as the last days are: each hour of the week once a week.
        in_baseline=(instant > baseline_from) & (instant <= recent_from),
    )


@behind(peak_hours)
def peak_hours_rows(bookings: Any, at: Instants) -> ir.Table:
    """The bookings of each hour, by creation and by start."""
    b = counted(bookings)

    def of(basis: Basis, name: str) -> Any:
        recent = _hours(b, b[name], at)
        return of_booking(
            recent,
            "weekday",
            "hour",
            "starts_at",
            basis=ibis.literal(basis.value),
            bookings=one(),
            recent_bookings=recent.is_recent.cast("int64"),
            baseline_bookings=recent.in_baseline.cast("int64"),
        )

    return gather(of(Basis.CREATED, "created_at"), of(Basis.STARTS, "starts_at"))
