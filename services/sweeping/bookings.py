"""Bookings that were left half made on a server without transactions: what was counted of one that never came to be is
taken back, what should stand beside one that did is made.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import instant_like, meaning
from marketplace.booking_rows import read_bookings
from marketplace.discounts import DISCOUNTS, discount_of
from marketplace.rates import WINDOW, Rate
from marketplace.statuses import BookingStatus
from resources.appwrite.paging import every_row
from resources.appwrite.writing import Row, Write
from services.booking.beside import beside, missing
from services.booking.customers import BOOKINGS
from services.booking.discounts import Code
from services.booking.providers import provider_of
from services.going_on import Aside, Round
from services.rates import COUNTERS, counted_in, rewritten
from services.store import Decision, Gateway, View, carry_out

LEFT_AFTER: Final = timedelta(minutes=1)
"""Who has not come further by then is dead."""


def sweep(gateway: Gateway, now: Callable[[], datetime], zone: str, aside: Aside | None = None) -> Round:
    """Look through what was counted lately; what is done are rows written. ``zone``: of providers who say none. Raises
    CallFailure where not even a list can be had."""
    done = Round(aside or Aside())
    if gateway.has_transactions:
        return done

    def settled(key: str, decide: Callable[[View], Decision[int]]) -> bool:
        return done.do(key, lambda: carry_out(gateway, now, decide))

    for counter in _lately(gateway, COUNTERS, now(), Query.equal("kind", [Rate.BOOKINGS.value])):
        row_id = str(counter["$id"])
        if settled(row_id, partial(_counted, row_id=row_id)):
            for one in counted_in(counter):
                if one.booking:
                    settled(one.booking, partial(_finished, booking_id=one.booking, zone=zone))
    if gateway.has(DISCOUNTS, "latest"):
        for code in _lately(gateway, DISCOUNTS, now()):
            settled(str(code["$id"]), partial(_used, row_id=str(code["$id"])))
    return done


def _counted(view: View, row_id: str) -> Decision[int]:
    """A customer's row without what never came to be."""
    row = view.row(COUNTERS, row_id)
    if row is None:
        return Decision(0)
    found = counted_in(row)
    gone = _gone(view, [one.booking for one in found if one.booking and _is_left(one.at, view.now)])
    still = [one for one in found if one.booking not in gone]
    return _decided([rewritten(row, still, view.now)] if len(still) < len(found) else [])


def _used(view: View, row_id: str) -> Decision[int]:
    """A code's row without uses for bookings that never came to be."""
    row = view.row(DISCOUNTS, row_id)
    discount = discount_of(row) if row is not None else None
    if row is None or discount is None:
        return Decision(0)
    code = Code(discount, row)
    gone = _gone(view, [use.booking for use in code.latest if _is_left(use.at, view.now)])
    return _decided([code.giving_back(gone)] if gone else [])


def _finished(view: View, booking_id: str, zone: str) -> Decision[int]:
    """What should stand beside a booking that waits for its answer."""
    row = view.row(BOOKINGS, booking_id)
    provider_id = meaning(row, "booking.provider_id") if row is not None else None
    provider = provider_of(view, provider_id, zone) if provider_id is not None else None
    if row is None or provider is None:
        return Decision(0)
    offset = provider.zone.offset_minutes
    (booking,) = read_bookings([row], offset)
    if booking.status != BookingStatus.PENDING.value or not _is_left(booking.created_at, view.now):
        return Decision(0)
    return _decided(
        missing(view, booking_id, beside(view, row, booking, provider.row, provider.kind, offset))
    )


def _decided(writes: Sequence[Write]) -> Decision[int]:
    return Decision(len(writes), writes)


def _is_left(at: datetime, now: datetime) -> bool:
    return at <= now - LEFT_AFTER


def _gone(view: View, bookings: Sequence[str]) -> set[str]:
    """Those of some bookings that are not there."""
    if not bookings:
        return set()
    found = view.gateway.fresh((BOOKINGS, booking) for booking in bookings)
    return {booking for (_, booking), row in found.items() if row is None}


def _lately(gateway: Gateway, collection: str, now: datetime, *queries: str) -> Iterator[Row]:
    """The rows that were written in the latest window."""
    since = Query.greater_than("$updatedAt", instant_like(None, now - WINDOW))
    yield from every_row(gateway, collection, [since, *queries])
