"""The mart marts.peak_hours."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one
from assets.marts.cohorts import dated_bookings_read
from assets.marts.expressions import counted, interval
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.peak_counts import peak_bookings
from assets.marts.tables import Instants
from checks.schemas.demand import PeakHours
from marketplace.peaks import BASELINE_WEEKS, RECENT_DAYS, Basis


@mart(PeakHours)
def peak_hours(peak_counts: Any, bookings: Any, scans: Any, at: Instants) -> ir.Table:
    """When customers book and when services start, by local weekday and hour of the last 8 weeks.
    ``share`` is of all bookings of that basis whose hour is known; hours without bookings have no
    row. The last 7 days stand beside the mean of the 4 weeks before them, which is not known where
    bookings do not go back that far or were not all read."""
    b = counted(bookings)
    read = dated_bookings_read(scans)
    return ibis.union(
        _counted_by(peak_counts, b, Basis.CREATED, b.created_at, read, at),
        _counted_by(peak_counts, b, Basis.STARTS, b.starts_at, read, at),
        distinct=False,
    )


def _counted_by(peak_counts: Any, b: Any, basis: Basis, instant: Any, read: Any, at: Instants) -> Any:
    baseline_from = at.now - interval(RECENT_DAYS * (1 + BASELINE_WEEKS))
    # Whether any is that old: engines look no further than for one.
    older = b.filter(instant <= baseline_from).limit(1)
    known: Any = read & (older.count() > 0).as_scalar()
    counts = peak_counts.filter(peak_counts.basis == basis.value)
    baseline: Any = ibis.cases((known, counts.baseline_bookings))
    return counts.select(
        "basis",
        "weekday",
        "hour",
        "bookings",
        share=counts.bookings / counts.bookings.sum().over(ibis.window()),
        recent_bookings=counts.recent_bookings,
        baseline_bookings=baseline,
        baseline=baseline / BASELINE_WEEKS,
        change=counts.recent_bookings * BASELINE_WEEKS / baseline.nullif(0),
    )


@behind(peak_hours)
def peak_hours_rows(bookings: Any, at: Instants) -> ir.Table:
    """The bookings of each hour, by creation and by start."""
    b = counted(bookings)

    def of(basis: Basis, name: str) -> Any:
        recent = peak_bookings(b, b[name], at)
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
