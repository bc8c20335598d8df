"""GET /me/requests: what waits for a provider's answer, and what became of what it answered; of a customer, what they
booked. GET /me/calendar: a provider's days.

Where a booking was offered to several, one after another, an offer of it is a request; where there is no offer of it at
all, the booking itself is one of the provider that it names.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from appwrite.query import Query

from marketplace.collections import OFFERS
from marketplace.commission import REVENUE_STATUSES
from marketplace.offers import Offer, OfferState, offer_of
from marketplace.rules import EARLIEST_INSTANT, LATEST_INSTANT
from marketplace.statuses import BookingStatus, Mode
from resources.appwrite.paging import every_row
from services.callers import Caller
from services.members.own import (
    PAGE,
    Member,
    Rules,
    bookings_named,
    customer_bookings,
    member_of,
    provider_bookings,
)
from services.members.reading import Booking, local_day
from services.members.shown import (
    ShownBooking,
    ShownCalendar,
    ShownDay,
    ShownList,
    ShownOwn,
    ShownRequest,
    ShownRequests,
    said,
    z,
)
from services.problems import Problem, Wrong
from services.store import View

LISTS: Final = ("accepted", "scheduled", "completed")
LARGEST_PAGE: Final = 100
LONGEST_CALENDAR: Final = 62
"""Days a calendar shows at most."""
_TOOK: Final = (BookingStatus.ACCEPTED.value, BookingStatus.CONFIRMED.value)
_JOINT: Final = "~"
_PENDING: Final = BookingStatus.PENDING.value


def requests(
    view: View,
    caller: Caller,
    rules: Rules,
    *,
    show: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> ShownRequests:
    """Open requests, the one that has waited longest first; the lists the newest first. ``after``: what the page
    before said is next, of the list ``show``. Raises Problem, CallFailure."""
    _checked(show, after)
    member = member_of(view, caller, rules)
    found, whole = provider_bookings(view, member, (_PENDING, *REVENUE_STATUSES), rules)
    lists = {name: [one for one in found if _list_of(one, view.now) == name] for name in LISTS}
    return ShownRequests(
        as_of=said(view.now),
        zone=member.zone.name,
        is_whole=whole,
        requests=_open(view, member, [one for one in found if one.status == _PENDING], rules),
        **{
            name: _page(listed, member.offset, after if name == show else None, limit)
            for name, listed in lists.items()
        },
    )


def own_bookings(
    view: View, caller: Caller, rules: Rules, *, after: str | None = None, limit: int = 50
) -> ShownOwn:
    """A customer's own bookings, the newest first. Raises Problem, CallFailure."""
    found = customer_bookings(view, caller, rules)
    return ShownOwn(as_of=said(view.now), bookings=_page(found, None, after, limit))


def calendar(
    view: View, caller: Caller, rules: Rules, first: date | None, last: date | None
) -> ShownCalendar:
    """Each local day from ``first`` to ``last``, both included (none: today and the six days that follow), with what
    was taken of it. Raises Problem, CallFailure."""
    member = member_of(view, caller, rules)
    today = local_day(view.now, member.offset)
    first = first or today
    if not EARLIEST_INSTANT.date() <= first < LATEST_INSTANT.date():
        raise Problem(422, "not_valid", [Wrong("no_day", "from")])
    last = last or first + timedelta(days=6)
    if last < first:
        raise Problem(422, "not_valid", [Wrong("days_turned", "to")])
    if last - first >= timedelta(days=LONGEST_CALENDAR):
        raise Problem(422, "not_valid", [Wrong("days_too_many", "to", {"most": LONGEST_CALENDAR})])
    found, whole = provider_bookings(view, member, REVENUE_STATUSES, rules)
    taken = [(one.starts_at, one) for one in found if not one.is_test and one.starts_at is not None]
    taken.sort(key=lambda each: (each[0], each[1].booking_id))
    days: list[ShownDay] = []
    for number in range((last - first).days + 1):
        on = first + timedelta(days=number)
        theirs = [one for begins, one in taken if local_day(begins, member.offset) == on]
        minutes = [one.minutes for one in theirs]
        days.append(
            ShownDay(
                date=on.isoformat(),
                bookings=[_booking(one, member.offset) for one in theirs],
                booked_minutes=None if None in minutes else sum(m for m in minutes if m is not None),
            )
        )
    undated = [one for one in found if one.starts_at is None and one.status in _TOOK and not one.is_test]
    return ShownCalendar(
        as_of=said(view.now),
        zone=member.zone.name,
        is_whole=whole,
        days=days,
        undated=[_booking(one, member.offset) for one in undated],
    )


def _checked(show: str | None, after: str | None) -> None:
    if show is not None and show not in LISTS:
        raise Problem(422, "not_valid", [Wrong("no_list", "show", {"lists": ", ".join(LISTS)})])
    if after is not None and show is None:
        raise Problem(422, "not_valid", [Wrong("after_of_none", "after")])


def _list_of(booking: Booking, now: datetime) -> str | None:
    """Scheduled is what was taken for later and has not begun; accepted what was taken else and is not over."""
    if booking.status == BookingStatus.COMPLETED.value:
        return "completed"
    if booking.status not in _TOOK:
        return None
    later = booking.mode == Mode.SCHEDULED.value and (booking.starts_at is None or booking.starts_at > now)
    return "scheduled" if later else "accepted"


def _open(view: View, member: Member, pending: Sequence[Booking], rules: Rules) -> list[ShownRequest]:
    """Open requests, in the order in which they came to this provider."""
    offers = _offers_to(view, member)
    named = {one.booking_id: one for one in pending}
    missing = [offer.booking_id for offer in offers if offer.booking_id not in named]
    named |= {one.booking_id: one for one in bookings_named(view, missing, member, rules)}
    offered = _offered(view, [one.booking_id for one in pending])
    waiting: list[tuple[datetime, str, Booking, Offer | None]] = []
    for offer in offers:
        booking = named.get(offer.booking_id)
        if booking is not None and booking.status == _PENDING:
            waiting.append((offer.offered_at, offer.offer_id, booking, offer))
    for booking in pending:
        if booking.booking_id not in offered:
            waiting.append((booking.created_at, booking.booking_id, booking, None))
    waiting.sort(key=lambda one: one[:2])
    return [
        _request(place, booking, offer, member, view.now)
        for place, (_, _, booking, offer) in enumerate(waiting, start=1)
    ]


def _offers_to(view: View, member: Member) -> list[Offer]:
    """The open offers to a provider."""
    if not view.has(OFFERS, "providerId"):
        return []
    rows = view.rows(
        OFFERS,
        [
            Query.equal("providerId", [member.provider_id]),
            Query.equal("state", [OfferState.OFFERED.value]),
            Query.order_asc("offeredAt"),
            Query.limit(PAGE),
        ],
    )
    return [offer_of(row) for row in rows if str(row.get("providerId")) == member.provider_id]


def _offered(view: View, bookings: Sequence[str]) -> set[str]:
    """Which of these bookings were offered to anybody."""
    if not view.has(OFFERS, "bookingId"):
        return set()
    found: set[str] = set()
    for first in range(0, len(bookings), PAGE):
        asked = [Query.equal("bookingId", list(bookings[first : first + PAGE]))]
        found |= {str(row.get("bookingId")) for row in every_row(view, OFFERS, asked)}
    return found


def _request(
    place: int, booking: Booking, offer: Offer | None, member: Member, now: datetime
) -> ShownRequest:
    deadline = offer.deadline if offer is not None else booking.deadline_at
    left = None if deadline is None else max(0, int((deadline - now).total_seconds()))
    return ShownRequest(
        **_booking(booking, member.offset).model_dump(),
        position=place,
        offer_id=offer.offer_id if offer else None,
        round=offer.round if offer else None,
        deadline=z(deadline),
        seconds_left=left,
        is_past_deadline=None if deadline is None else deadline <= now,
    )


def _page(found: Sequence[Booking], offset: int | None, after: str | None, limit: int) -> ShownList:
    """The first of those that come after a place in the list; it stays that place whatever comes and goes."""
    if after is not None:
        place = tuple(after.split(_JOINT))
        if len(place) != len(_place(None)):
            raise Problem(422, "not_valid", [Wrong("after_unknown", "after")])
        found = [one for one in found if _place(one) < place]
    some = found[:limit]
    more = len(found) > limit
    return ShownList(
        items=[_booking(one, offset) for one in some], next=_JOINT.join(_place(some[-1])) if more else None
    )


def _place(one: Booking | None) -> tuple[str, str]:
    """Where a booking stands in a list whose newest comes first."""
    return ("", "") if one is None else (str(one.row.get("$createdAt")), one.booking_id)


def _booking(one: Booking, offset: int | None) -> ShownBooking:
    local = None
    if one.starts_at is not None and offset is not None:
        local = (one.starts_at + timedelta(minutes=offset)).strftime("%Y-%m-%dT%H:%M")
    return ShownBooking(
        booking_id=one.booking_id,
        origin=one.origin,
        status=one.status,
        mode=one.mode,
        minutes=one.minutes,
        amount_idr=one.amount_idr,
        created_at=said(one.created_at),
        starts_at=z(one.starts_at),
        ends_at=z(one.ends_at),
        local_start=local,
    )
