"""Mart: the seven health points, always seven rows. What each means is marketplace/health.py; here they are
measured.

Windows are judged by the clock, both ends included; rows created after the clock, tests and deleted rows are
left out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import counted, interval
from assets.marts.tables import Instants, Tables
from marketplace.health import (
    BOOKING_AGE,
    DAY,
    DELIVERY_ALLOWANCE,
    DELIVERY_PERCENT,
    HEALTH_POINTS,
    REQUIRED_COLLECTIONS,
    SCAN_AGE,
    WEEK,
)
from marketplace.registry import Registry


@dataclass(frozen=True)
class Measure:
    """How a point is read from the one row of ``_measured``: ``known`` and ``works`` are conditions,
    ``works`` counts only if known."""

    point: int
    known: Callable[[Any], Any]
    works: Callable[[Any], Any]
    figure: Callable[[Any], Any]
    evidence: Callable[[Any], Any]
    #: Added to the message when the point works, and when it is unknown.
    working_note: Callable[[Any], Any] | None = None
    unknown_note: Callable[[Any], Any] | None = None
    #: What exactly is broken, where the point rests on several things.
    culprit: Callable[[Any], Any] | None = None


def _count_note(count: Callable[[Any], Any], words: str) -> Callable[[Any], Any]:
    return lambda m: ibis.literal(" (") + count(m).cast("string") + f" {words})"


def _stopped_flow(m: Any) -> Any:
    """The collections whose scans are late, the bookings that do not arrive, or both."""
    late: Any = ibis.literal("")
    for collection in REQUIRED_COLLECTIONS:
        late = late + ibis.cases((m[f"fresh_{collection}"] == 0, f", {collection}"), else_="")
    late = late.re_replace("^, ", "")
    dry = ~(m.quiet | m.booking_is_recent)
    bookings = HEALTH_POINTS[1].component
    return ibis.cases(
        (late == "", bookings),
        (dry, ibis.literal("the scans of ") + late + f"; {bookings}"),
        else_=ibis.literal("the scans of ") + late,
    )


MEASURES: Final[Registry[int, Measure]] = Registry(
    (
        Measure(
            1,
            lambda m: m.bookings_scanned.notnull() | (m.day_bookings > 0),
            lambda m: m.day_bookings > 0,
            lambda m: m.day_bookings,
            lambda m: ibis.coalesce(m.newest_booking, m.bookings_scanned),
            _count_note(lambda m: m.day_bookings, "in the last 24 hours"),
        ),
        Measure(
            2,
            lambda m: m.week_with_source > 0,
            lambda m: m.week_chat > 0,
            lambda m: m.week_chat,
            lambda m: ibis.coalesce(m.newest_chat, m.newest_booking, m.bookings_scanned),
            _count_note(lambda m: m.week_chat, "in the last 7 days"),
            _count_note(lambda m: m.week_bookings, "bookings in that time"),
        ),
        Measure(
            3,
            lambda m: m.week_with_mode > 0,
            lambda m: m.week_scheduled > 0,
            lambda m: m.week_scheduled,
            lambda m: ibis.coalesce(m.newest_scheduled, m.newest_booking, m.bookings_scanned),
            _count_note(lambda m: m.week_scheduled, "in the last 7 days"),
            _count_note(lambda m: m.week_bookings, "bookings in that time"),
        ),
        Measure(
            4,
            lambda m: m.day_with_mode > 0,
            lambda m: m.day_immediate > 0,
            lambda m: m.day_immediate,
            lambda m: ibis.coalesce(m.newest_immediate, m.newest_booking, m.bookings_scanned),
            _count_note(lambda m: m.day_immediate, "in the last 24 hours"),
            _count_note(lambda m: m.day_bookings, "bookings in that time"),
        ),
        Measure(
            5,
            lambda m: (m.required_scanned > 0) | m.newest_booking.notnull(),
            lambda m: (m.quiet | m.booking_is_recent) & (m.required_fresh == len(REQUIRED_COLLECTIONS)),
            lambda m: m.booking_age_minutes,
            lambda m: ibis.coalesce(m.newest_booking, m.oldest_required_scan),
            lambda m: ibis.cases(
                (m.quiet, " (quiet hours: the age of the newest booking is not judged)"), else_=""
            ),
            culprit=_stopped_flow,
        ),
        Measure(
            6,
            lambda m: m.notifications > 0,
            lambda m: m.delivered * 100 >= m.notifications * DELIVERY_PERCENT,
            lambda m: m.delivered / m.notifications.nullif(0),
            lambda m: ibis.coalesce(m.newest_notification, m.notifications_scanned),
            lambda m: (
                ibis.literal(" (")
                + m.delivered.cast("string")
                + " of "
                + m.notifications.cast("string")
                + " in the last 24 hours)"
            ),
        ),
        Measure(
            7,
            lambda m: (m.missing > 0) | (m.judged & (m.tracked + m.awaiting > 0)),
            lambda m: m.missing == 0,
            lambda m: m.missing,
            lambda m: m.judged_at,
            _count_note(lambda m: m.tracked, "tracked"),
        ),
    ),
    key=lambda measure: measure.point,
)


def table(t: Tables, at: Instants) -> ir.Table:
    """point INTEGER, name, status, figure, limit_value, message, severity, evidence_at, component (what is broken when
    it is, else what the point rests on), unit (of figure and limit)."""
    measured = _measured(t, at)
    rows = []
    for number, point in HEALTH_POINTS.items():
        measure = MEASURES[number]
        known = measure.known(measured).fill_null(False)
        works = measure.works(measured).fill_null(False)
        working, unknown = ibis.literal(point.working), ibis.literal(point.unknown)
        if measure.working_note:
            working = working + measure.working_note(measured)
        if measure.unknown_note:
            unknown = unknown + measure.unknown_note(measured)
        status = ibis.cases((~known, "unknown"), (works, "working"), else_="broken")
        component: Any = ibis.literal(point.component)
        if measure.culprit:
            component = ibis.cases((known & ~works, measure.culprit(measured)), else_=component)
        rows.append(
            measured.select(
                point=ibis.literal(number).cast("int32"),
                name=ibis.literal(point.name),
                status=status,
                figure=measure.figure(measured).cast("float64"),
                limit_value=ibis.literal(float(point.limit)),
                message=ibis.cases((~known, unknown), (works, working), else_=point.broken),
                severity=ibis.literal(point.severity),
                evidence_at=measure.evidence(measured),
                component=component,
                unit=ibis.literal(point.unit),
            )
        )
    return ibis.union(*rows, distinct=False)


def _measured(t: Tables, at: Instants) -> Any:
    """Everything the points rest on, in one row."""
    return (
        _bookings(t, at)
        .cross_join(_notifications(t, at))
        .cross_join(_scans(t, at))
        .cross_join(_commissions(t, at))
    )


def _bookings(t: Tables, at: Instants) -> Any:
    b = counted(t.bookings)
    b = b.filter(b.created_at <= at.now)
    b = b.mutate(
        day=b.created_at >= at.now - interval(DAY),
        week=b.created_at >= at.now - interval(WEEK),
        with_source=b.has_source_value.fill_null(False),
        with_mode=b.has_mode_value.fill_null(False)
        | b.has_schedule_value.fill_null(False)
        | (b.mode_rule == "metadata").fill_null(False),
    )
    sums = b.aggregate(
        day_bookings=b.count(where=b.day),
        week_bookings=b.count(where=b.week),
        week_with_source=b.count(where=b.week & b.with_source),
        week_with_mode=b.count(where=b.week & b.with_mode),
        day_with_mode=b.count(where=b.day & b.with_mode),
        week_chat=b.count(where=b.week & (b.source == "chatWindow")),
        week_scheduled=b.count(where=b.week & (b.mode == "scheduled")),
        day_immediate=b.count(where=b.day & (b.mode == "immediate")),
        newest_booking=b.created_at.max(),
        newest_chat=b.created_at.max(where=b.source == "chatWindow"),
        newest_scheduled=b.created_at.max(where=b.mode == "scheduled"),
        newest_immediate=b.created_at.max(where=b.mode == "immediate"),
    )
    # A row of the asked kind is its own evidence, whatever attribute it was recognised by.
    return sums.mutate(
        week_with_source=sums.week_with_source + sums.week_chat,
        week_with_mode=sums.week_with_mode + sums.week_scheduled,
        day_with_mode=sums.day_with_mode + sums.day_immediate,
        quiet=at.quiet,
        booking_is_recent=(sums.newest_booking >= at.now - interval(BOOKING_AGE)).fill_null(False),
        booking_age_minutes=at.now.delta(sums.newest_booking, unit="microsecond") / 60_000_000.0,
    )


def judged_notifications(t: Tables, at: Instants) -> Any:
    """The last 24 hours' notifications, those under 2 minutes old left out."""
    n = t.notifications.filter(t.notifications.deleted_at.isnull())
    n = n.mutate(moment=ibis.coalesce(n.sent_at, n.created_at))
    return n.filter(
        (n.moment >= at.now - interval(DAY)) & (n.moment <= at.now - interval(DELIVERY_ALLOWANCE))
    )


def _notifications(t: Tables, at: Instants) -> Any:
    n = judged_notifications(t, at)
    return n.aggregate(
        notifications=n.count(),
        delivered=n.count(where=n.delivered_at.notnull()),
        newest_notification=n.moment.max(),
    )


def _scans(t: Tables, at: Instants) -> Any:
    s = t.scans
    required = s.collection.isin(REQUIRED_COLLECTIONS) & s.completed_at.notnull()
    return s.aggregate(
        required_scanned=s.count(where=required),
        required_fresh=s.count(where=required & (s.completed_at >= at.now - interval(SCAN_AGE))),
        oldest_required_scan=s.completed_at.min(where=required),
        bookings_scanned=s.completed_at.max(where=s.collection == "bookings"),
        notifications_scanned=s.completed_at.max(where=s.collection == "notifications"),
        **{
            f"fresh_{collection}": s.count(
                where=(s.collection == collection) & (s.completed_at >= at.now - interval(SCAN_AGE))
            )
            for collection in REQUIRED_COLLECTIONS
        },
    )


def _commissions(t: Tables, at: Instants) -> Any:
    c = t.commission_summary.select("tracked", "missing", "awaiting")
    return c.mutate(judged=at.judged_at.notnull(), judged_at=at.judged_at)
