"""Step: everything health points 1 to 6 and the service figures rest on, measured once, in one row.

Windows are judged by the clock, both ends included; rows created after the clock, tests and deleted rows are
left out. What the figures mean is not known here.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.expressions import counted, first_scan_broke_off, interval
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.tables import Instants
from marketplace.collections import PROVIDER_COLLECTIONS, REQUIRED
from marketplace.health import BOOKING_AGE, DAY, DELIVERY_ALLOWANCE, SCAN_AGE, WEEK
from marketplace.statuses import Mode, Source, values

CHAT: Final = Source.CHAT_WINDOW.value
IMMEDIATE, SCHEDULED = values(Mode.IMMEDIATE, Mode.SCHEDULED)


@step()
def health_measures(bookings: Any, notifications: Any, scans: Any, at: Instants) -> ir.Table:
    """Counts of the last day and week, the newest booking of each kind, notifications, scans. Always one row."""
    b = counted(bookings)
    b = b.filter(b.created_at <= at.now)
    measured = (
        _recent(b, at)
        .cross_join(_newest(b))
        .cross_join(_notifications(notifications, at))
        .cross_join(_scans(scans, at))
    )
    return measured.mutate(
        quiet=at.quiet,
        booking_is_recent=(measured.newest_booking >= at.now - interval(BOOKING_AGE)).fill_null(False),
        booking_age_minutes=at.now.delta(measured.newest_booking, unit="microsecond") / 60_000_000.0,
    )


def _recent(b: Any, at: Instants) -> Any:
    """Bookings of the last week and day."""
    b = b.filter(b.created_at >= at.now - interval(WEEK))
    b = b.mutate(
        day=b.created_at >= at.now - interval(DAY),
        with_source=b.has_source_value.fill_null(False),
        with_mode=b.has_mode_value.fill_null(False)
        | b.has_schedule_value.fill_null(False)
        | (b.mode_rule == "metadata").fill_null(False),
    )
    sums = b.aggregate(
        day_bookings=b.count(where=b.day),
        week_bookings=b.count(),
        week_with_source=b.count(where=b.with_source),
        week_with_mode=b.count(where=b.with_mode),
        day_with_mode=b.count(where=b.day & b.with_mode),
        week_chat=b.count(where=b.source == CHAT),
        week_scheduled=b.count(where=b.mode == SCHEDULED),
        day_immediate=b.count(where=b.day & (b.mode == IMMEDIATE)),
    )
    # A row of the asked kind is its own evidence, whatever attribute it was recognised by.
    return sums.mutate(
        week_with_source=sums.week_with_source + sums.week_chat,
        week_with_mode=sums.week_with_mode + sums.week_scheduled,
        day_with_mode=sums.day_with_mode + sums.day_immediate,
    )


def _newest(b: Any) -> Any:
    """The newest booking of all time, of any kind and of each kind asked for.

    Each by a filter of its own: an engine compares a word with the few words of a block, where a condition in the
    aggregate compares it with each of ten million rows; and as the first in order, for which it looks at the youngest
    blocks alone.
    """

    def newest(rows: Any, name: str) -> Any:
        first = rows.select("created_at").order_by(ibis.desc("created_at")).limit(1)
        return first.aggregate(**{name: first.created_at.max()})

    return (
        newest(b, "newest_booking")
        .cross_join(newest(b.filter(b.source == CHAT), "newest_chat"))
        .cross_join(newest(b.filter(b.mode == SCHEDULED), "newest_scheduled"))
        .cross_join(newest(b.filter(b.mode == IMMEDIATE), "newest_immediate"))
    )


def judged_notifications(notifications: Any, at: Instants) -> Any:
    """The last 24 hours' notifications, those under 2 minutes old left out."""
    n = notifications.filter(notifications.deleted_at.isnull())
    n = n.mutate(moment=ibis.coalesce(n.sent_at, n.created_at))
    return n.filter(
        (n.moment >= at.now - interval(DAY)) & (n.moment <= at.now - interval(DELIVERY_ALLOWANCE))
    )


def _notifications(notifications: Any, at: Instants) -> Any:
    n = judged_notifications(notifications, at)
    return n.aggregate(
        notifications=n.count(),
        delivered=n.count(where=n.delivered_at.notnull()),
        newest_notification=n.moment.max(),
    )


def _scans(scans: Any, at: Instants) -> Any:
    s = scans
    required = s.collection.isin(REQUIRED) & s.completed_at.notnull()
    return s.aggregate(
        required_scanned=s.count(where=required),
        required_fresh=s.count(where=required & (s.completed_at >= at.now - interval(SCAN_AGE))),
        oldest_required_scan=s.completed_at.min(where=required),
        bookings_scanned=s.completed_at.max(where=s.collection == "bookings"),
        notifications_scanned=s.completed_at.max(where=s.collection == "notifications"),
        zones_unread=s.count(where=first_scan_broke_off(s) & s.collection.isin(PROVIDER_COLLECTIONS)),
        **{
            f"fresh_{collection}": s.count(
                where=(s.collection == collection) & (s.completed_at >= at.now - interval(SCAN_AGE))
            )
            for collection in REQUIRED
        },
    )
