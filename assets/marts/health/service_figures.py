"""The mart marts.service_figures."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import asked, asked_and_booked
from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import counted, interval
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.health_measures import judged_notifications
from assets.marts.tables import Instants
from checks.schemas.health import ServiceFigures
from marketplace.commission import REVENUE_STATUSES
from marketplace.health import DAY
from marketplace.services import TAIL


@mart(ServiceFigures)
def service_figures(bookings: Any, booking_offers: Any, health_measures: Any, at: Instants) -> ir.Table:
    """The figures beside the seven health points, one row. Response times in seconds and success
    rate over all bookings; delivery rate as in health point 6. Null: nothing to measure."""
    b = counted(bookings)
    b = b.filter(b.created_at <= at.now)
    rows = (
        _responses(_answered(bookings, booking_offers, at))
        .cross_join(_statuses(b))
        .cross_join(health_measures)
    )
    return rows.select(
        "avg_response_s",
        "p95_response_s",
        success_rate=rows.booked / rows.created.nullif(0),
        delivery_rate=ibis.cases(
            (
                rows.notifications_scanned.notnull() & (rows.zones_unread == 0),
                rows.delivered / rows.notifications.nullif(0),
            )
        ),
        newest_booking_at=rows.newest_booked,
        bookings_24h=rows.day_bookings,
    )


def _answered(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """What was asked up to the clock, and answered."""
    b = asked(bookings, booking_offers)
    b = b.filter(b.created_at <= at.now)
    return b.filter(b.responded_at.notnull() & (b.responded_at >= b.created_at))


def _responses(b: Any) -> Any:
    """In whole microseconds until the end: a sum of fractions depends on the order of the rows."""
    response = b.responded_at.delta(b.created_at, unit="microsecond")
    found = b.aggregate(average=response.mean(), tail=response.quantile(TAIL))
    return found.select(avg_response_s=found.average / 1e6, p95_response_s=found.tail / 1e6)


def _statuses(b: Any) -> Any:
    """Counted by status first: the few groups are compared with words, not every row."""
    s = b.group_by("status").aggregate(n=b.count(), newest=b.created_at.max())
    booked = s.status.isin(REVENUE_STATUSES)
    return s.aggregate(
        booked=s.n.sum(where=booked).fill_null(0),
        created=s.n.sum(where=s.status != "pending").fill_null(0),
        newest_booked=s.newest.max(where=booked),
    )


@behind(service_figures)
def service_figures_rows(bookings: Any, booking_offers: Any, notifications: Any, at: Instants) -> ir.Table:
    """All bookings up to the clock, and the notifications health point 6 judges."""
    b = asked_and_booked(bookings, booking_offers)
    b = b.filter(b.created_at <= at.now)
    answered = b.is_request & b.responded_at.notnull() & (b.responded_at >= b.created_at)
    made = of_booking(
        b,
        "responded_at",
        response_s=where(answered, b.responded_at.delta(b.created_at, unit="microsecond") / 1e6),
        booked=where(b.is_booking & b.status.isin(REVENUE_STATUSES)),
        created=where(b.is_booking & (b.status != "pending")),
        bookings_24h=where(b.is_booking & (b.created_at >= at.now - interval(DAY))),
    )
    n = judged_notifications(notifications, at)
    told = n.select(
        "sent_at",
        "delivered_at",
        "failed_at",
        id=n.notification_id,
        of=ibis.literal("core.notifications"),
        sent=one(),
        delivered=where(n.delivered_at.notnull()),
    )
    return gather(made, told)
