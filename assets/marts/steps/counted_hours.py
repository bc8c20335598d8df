"""Step: the series of marts.unusual by the hour, as far back as an hour is judged by, but for how fast answers came
(unusual_hours)."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.answers import asked
from assets.marts.expressions import counted, interval
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.series import BY_HOUR
from assets.marts.tables import Instants
from marketplace.commission import COMMISSION_COLLECTION, REVENUE_STATUSES
from marketplace.services import ALL_SOURCES
from marketplace.statuses import BookingStatus, values
from marketplace.unusual import COUNTED_BACK

ACCEPTED: Final = REVENUE_STATUSES
CANCELLED, COMPLETED, DECLINED, EXPIRED, PENDING = values(
    BookingStatus.CANCELLED,
    BookingStatus.COMPLETED,
    BookingStatus.DECLINED,
    BookingStatus.EXPIRED,
    BookingStatus.PENDING,
)
COLUMNS: Final = ("series", "source", "hour_start", "things", "hits", "first_at", "last_at")


@step(part=BY_HOUR)
def counted_hours(
    bookings: Any,
    booking_offers: Any,
    messages: Any,
    chat_rooms: Any,
    notifications: Any,
    commissions: Any,
    reviews: Any,
    at: Instants,
) -> ir.Table:
    """Series × source × hour in which something came: how many ``things``, of a share how many of them are ``hits``,
    when the first and the last came. Hours begin in UTC; all zones here are whole hours from it."""
    booked = counted(bookings)
    booked = booked.filter(recent(booked.created_at, at))
    requests = asked(bookings, booking_offers)
    requests = requests.filter(recent(requests.created_at, at))
    said = messages.mutate(moment=ibis.coalesce(messages.sent_at, messages.created_at))
    parts = [
        by_hour("bookings", booked, booked.created_at, at, source=booked.source),
        _acceptance(requests, at),
        _cancellation(counted(bookings), at),
        by_hour("messages", said.filter(said.deleted_at.isnull()), said.moment, at),
        _delivery(notifications, at),
        _payments(commissions, at),
        by_hour("rows", bookings, bookings.created_at, at, source=bookings.origin),
    ]
    for collection, rows in (
        ("chat_rooms", chat_rooms),
        ("chat_messages", messages),
        (COMMISSION_COLLECTION, commissions),
        ("notifications", notifications),
        ("reviews", reviews),
    ):
        parts.append(by_hour("rows", rows, rows.created_at, at, source=ibis.literal(collection)))
    return ibis.union(*parts, distinct=False)


def recent(moment: Any, at: Instants) -> Any:
    """Whether a moment lies as far back as an hour is judged by."""
    return (moment >= at.now.truncate("h") - interval(COUNTED_BACK)) & (moment <= at.now)


def by_hour(series: str, rows: Any, moment: Any, at: Instants, *, source: Any = None, hit: Any = None) -> Any:
    """The rows whose moment is recent, counted. ``moment``, ``source`` and ``hit`` are columns of ``rows``."""
    lately = rows.filter(recent(moment, at)).select(
        source=ibis.literal(ALL_SOURCES) if source is None else source,
        hour_start=moment.truncate("h"),
        moment=moment,
        hit=ibis.null("boolean") if hit is None else hit,
    )
    found = lately.group_by("source", "hour_start").aggregate(
        things=lately.count().cast("int64"),
        hits=lately.hit.cast("int64").sum().cast("int64"),
        first_at=lately.moment.min(),
        last_at=lately.moment.max(),
    )
    return found.mutate(series=ibis.literal(series)).select(*COLUMNS)


def _acceptance(b: Any, at: Instants) -> Any:
    """Of the answers to what was booked in the hour, those that accepted; what nobody answered in time counts."""
    accepted = b.status.isin(ACCEPTED) | b.accepted_at.notnull()
    late = (b.status == PENDING) & (b.response_deadline < at.now).fill_null(False)
    answered = b.filter(accepted | b.status.isin((DECLINED, EXPIRED)) | late)
    hit = answered.status.isin(ACCEPTED) | answered.accepted_at.notnull()
    return by_hour("acceptance", answered, answered.created_at, at, hit=hit)


def _cancellation(b: Any, at: Instants) -> Any:
    """Of the bookings that ended in the hour, those that were cancelled."""
    ended = b.mutate(
        ended_at=ibis.cases((b.status == CANCELLED, b.cancelled_at), (b.status == COMPLETED, b.completed_at))
    )
    return by_hour("cancellation", ended, ended.ended_at, at, hit=ended.status == CANCELLED)


def _delivery(notifications: Any, at: Instants) -> Any:
    n = notifications.filter(notifications.deleted_at.isnull())
    return by_hour("delivery", n, ibis.coalesce(n.sent_at, n.created_at), at, hit=n.delivered_at.notnull())


def _payments(commissions: Any, at: Instants) -> Any:
    """Records by when they were paid and, where that is said, verified: what is verified late is seen late."""
    c = commissions.filter(
        commissions.deleted_at.isnull()
        & ~commissions.is_test.fill_null(False)
        & commissions.paid_at.notnull()
    )
    c = c.mutate(settled=ibis.greatest(c.paid_at, c.verified_at.fill_null(c.paid_at)))
    return by_hour("payments", c, c.settled, at)
