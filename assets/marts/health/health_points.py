"""The mart marts.health_points. What each means is marketplace/health.py, what it rests on is
measured in health_measures.py; here it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from assets.marts.expressions import bookings_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.said import Said, either, said
from assets.marts.tables import Instants
from checks.schemas.health import HealthPoints
from marketplace.collections import REQUIRED
from marketplace.health import DELIVERY_PERCENT, HEALTH_POINTS, PointStatus
from marketplace.registry import Registry
from messages import rules
from messages.figures import counted_in


@dataclass(frozen=True)
class Measure:
    """How a point is read from the one row of all measures: ``known`` and ``works`` are conditions,
    ``works`` counts only if known."""

    point: int
    known: Callable[[Any], Any]
    works: Callable[[Any], Any]
    figure: Callable[[Any], Any]
    evidence: Callable[[Any], Any]
    #: The figures its sentences name, beside the numbers of the point itself.
    named: Callable[[Any], dict[str, Any]] = lambda m: {}
    #: Where it says something else when it works, or is unknown: the condition and the sentence.
    working_where: tuple[Callable[[Any], Any], str] | None = None
    unknown_where: tuple[Callable[[Any], Any], str] | None = None
    #: What exactly is broken, where the point rests on several things.
    culprit: Callable[[Any], Any] | None = None

    def says(
        self, m: Any, status: PointStatus, where: tuple[Callable[[Any], Any], str] | None = None
    ) -> Said:
        """What it says in a status."""

        def variant(name: str) -> Said:
            lengths = HEALTH_POINTS[self.point].numbers
            return said(f"point.{self.point}.{name}", **lengths, **self.named(m))

        return either((where[0](m), variant(where[1])), else_=variant(status)) if where else variant(status)


def _stopped_flow(m: Any) -> Any:
    """The collections whose scans are late, the bookings that do not arrive, or both."""
    late: Any = ibis.literal("")
    for collection in REQUIRED:
        late = late + ibis.cases((m[f"fresh_{collection}"] == 0, f", {collection}"), else_="")
    late = late.re_replace("^, ", "")
    dry = ~(m.quiet | m.booking_is_recent)
    return ibis.cases(
        (late == "", said(rules.component(1).code).text),
        (dry, said("point.5.scans_and_bookings", late=late).text),
        else_=said("point.5.scans", late=late).text,
    )


_BOOKINGS_UNREAD: Final = (lambda m: ~m.bookings_read, "unread")

MEASURES: Final[Registry[int, Measure]] = Registry(
    (
        Measure(
            1,
            lambda m: m.bookings_scanned.notnull() | (m.day_bookings > 0),
            lambda m: m.day_bookings > 0,
            lambda m: m.day_bookings,
            lambda m: ibis.coalesce(m.newest_booking, m.bookings_scanned),
            named=lambda m: {"n": m.day_bookings},
        ),
        Measure(
            2,
            lambda m: (m.week_chat > 0) | (m.bookings_read & (m.week_with_source > 0)),
            lambda m: m.week_chat > 0,
            lambda m: m.week_chat,
            lambda m: ibis.coalesce(m.newest_chat, m.newest_booking, m.bookings_scanned),
            named=lambda m: {"n": m.week_chat, "all": m.week_bookings},
            unknown_where=_BOOKINGS_UNREAD,
        ),
        Measure(
            3,
            lambda m: (m.week_scheduled > 0) | (m.bookings_read & (m.week_with_mode > 0)),
            lambda m: m.week_scheduled > 0,
            lambda m: m.week_scheduled,
            lambda m: ibis.coalesce(m.newest_scheduled, m.newest_booking, m.bookings_scanned),
            named=lambda m: {"n": m.week_scheduled, "all": m.week_bookings},
            unknown_where=_BOOKINGS_UNREAD,
        ),
        Measure(
            4,
            lambda m: (m.day_immediate > 0) | (m.bookings_read & (m.day_with_mode > 0)),
            lambda m: m.day_immediate > 0,
            lambda m: m.day_immediate,
            lambda m: ibis.coalesce(m.newest_immediate, m.newest_booking, m.bookings_scanned),
            named=lambda m: {"n": m.day_immediate, "all": m.day_bookings},
            unknown_where=_BOOKINGS_UNREAD,
        ),
        Measure(
            5,
            lambda m: (m.required_scanned > 0) | m.newest_booking.notnull(),
            lambda m: (m.quiet | m.booking_is_recent) & (m.required_fresh == len(REQUIRED)),
            lambda m: m.booking_age_minutes,
            lambda m: ibis.coalesce(m.newest_booking, m.oldest_required_scan),
            working_where=(lambda m: m.quiet, "quiet"),
            culprit=_stopped_flow,
        ),
        Measure(
            6,
            # A first scan that broke off has read the oldest ones only. Where that of the providers did, when one was
            # delivered may be written in a zone that is not known.
            lambda m: (m.notifications > 0) & m.notifications_scanned.notnull() & (m.zones_unread == 0),
            lambda m: m.delivered * 100 >= m.notifications * DELIVERY_PERCENT,
            lambda m: m.delivered / m.notifications.nullif(0),
            lambda m: ibis.coalesce(m.newest_notification, m.notifications_scanned),
            named=lambda m: {"n": m.delivered, "all": m.notifications},
        ),
        Measure(
            7,
            lambda m: (m.missing > 0) | (m.judged & m.bookings_read & (m.tracked + m.awaiting > 0)),
            lambda m: m.missing == 0,
            lambda m: m.missing,
            lambda m: m.judged_at,
            named=lambda m: {"n": m.tracked},
        ),
    ),
    key=lambda measure: measure.point,
)


@mart(
    HealthPoints,
    clock_columns=(
        "figure",
        "message",
        "evidence_at",
        "code",
        "args",
    ),
)
def health_points(commission_summary: Any, health_measures: Any, scans: Any, at: Instants) -> ir.Table:
    """The seven health points, always seven rows. ``component`` is what is broken when it is, else
    what the point rests on; ``unit`` is of figure and limit."""
    measured = _measured(commission_summary, health_measures, scans, at)
    rows = []
    for number, point in HEALTH_POINTS.items():
        measure = MEASURES[number]
        known = measure.known(measured).fill_null(False)
        works = measure.works(measured).fill_null(False)
        message = either(
            (~known, measure.says(measured, PointStatus.UNKNOWN, measure.unknown_where)),
            (works, measure.says(measured, PointStatus.WORKING, measure.working_where)),
            else_=measure.says(measured, PointStatus.BROKEN),
        )
        status = ibis.cases(
            (~known, PointStatus.UNKNOWN.value),
            (works, PointStatus.WORKING.value),
            else_=PointStatus.BROKEN.value,
        )
        component: Any = said(rules.component(number).code).text
        if measure.culprit:
            component = ibis.cases((known & ~works, measure.culprit(measured)), else_=component)
        rows.append(
            measured.select(
                point=ibis.literal(number).cast("int32"),
                name=ibis.literal(point.name),
                status=status,
                figure=measure.figure(measured).cast("float64"),
                limit_value=ibis.literal(float(point.limit)),
                message=message.text,
                severity=ibis.literal(point.severity.value),
                evidence_at=measure.evidence(measured),
                component=component,
                unit=ibis.literal(counted_in(point.metric)),
                code=message.code,
                args=message.args,
            )
        )
    return ibis.union(*rows, distinct=False)


def _measured(commission_summary: Any, health_measures: Any, scans: Any, at: Instants) -> Any:
    """Everything the points rest on, in one row."""
    commissions = commission_summary.select("tracked", "missing", "awaiting")
    measured = health_measures.cross_join(commissions)
    return measured.mutate(
        judged=at.judged_at.notnull(),
        judged_at=at.judged_at,
        # With their times, which are in the zones of their providers.
        bookings_read=bookings_read(scans) & (measured.zones_unread == 0),
    )
