"""Bookings that wait for an answer nobody is asked for: whoever took back that one expired or was cancelled put its
state back, and its offers had ended. The next provider is asked.

A booking that services never offered is its app's; one for which nobody is left to be asked stays with the person who
took it back.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import changed_at, instant_like, text_at
from marketplace.collections import OFFERS
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus, spellings
from resources.appwrite.paging import PAGE, every_row
from resources.appwrite.writing import Row
from services.going_on import Aside, Round
from services.moving.standing import BOOKINGS, CLAIMED, LEAVING, Standing, Terms, standing
from services.problems import Problem
from services.queue.next_offer import offered_on
from services.store import Decision, Gateway, View, carry_out

LEFT_AFTER: Final = timedelta(minutes=1)
"""Who changed a booking so lately may be at it still."""
LOOKED_BACK: Final = timedelta(days=1)
"""A booking that nobody changed for longer is not looked for: it waits for a person."""
_PENDING: Final = BookingStatus.PENDING.value


def sweep_unasked(
    gateway: Gateway, now: Callable[[], datetime], terms: Terms, aside: Aside | None = None
) -> Round:
    """Ask somebody for each. Raises CallFailure where not even a list can be had."""
    done = Round(aside or Aside())
    for booking_id in _unasked(gateway, now()):
        decide = partial(asked_again, booking_id=booking_id, terms=terms)
        done.do(booking_id, lambda decide=decide: carry_out(gateway, now, decide))
        if done.is_hopeless:
            break
    return done


def asked_again(view: View, booking_id: str, terms: Terms) -> Decision[bool]:
    """Ask the next provider for a booking that waits with no open offer. Raises CallFailure."""
    try:
        booking = standing(view, booking_id, terms)
    except Problem:
        return Decision(False)  # it is gone
    if not _waits_in_vain(booking, view.now):
        return Decision(False)
    status, _, _, writes = offered_on(view, booking, None, OfferState.EXPIRED, terms)
    if status is not BookingStatus.PENDING:
        return Decision(False)
    return Decision(True, writes, claims=3, resumes=True)


def _waits_in_vain(booking: Standing, now: datetime) -> bool:
    if booking.now.status != _PENDING or booking.open_offers or not booking.offers:
        return False
    if text_at(booking.guard or {}, "state") in (CLAIMED, LEAVING):
        return False  # a move in the middle: moves.py finishes it or takes it back
    changed = changed_at(booking.row)
    if changed is None or changed > now - LEFT_AFTER:
        return False
    whose, until = booking.now.provider_id, booking.now.response_deadline
    # An operation hands a booking over by its row alone: until its deadline that provider may answer.
    return not (whose is not None and booking.asked_by_the_row(whose) and until is not None and until > now)


def _unasked(gateway: Gateway, now: datetime) -> list[str]:
    """Bookings changed within the last day that are pending, were offered to somebody, and are to nobody now."""
    waiting = [str(row["$id"]) for row in _pending(gateway, now)]
    found: list[str] = []
    for first in range(0, len(waiting), PAGE):
        some = waiting[first : first + PAGE]
        offers = list(every_row(gateway, OFFERS, [Query.equal("bookingId", some)]))
        offered = {text_at(offer, "bookingId") for offer in offers}
        is_open = {text_at(o, "bookingId") for o in offers if text_at(o, "state") == OfferState.OFFERED.value}
        found += [booking for booking in some if booking in offered - is_open]
    return found


def _pending(gateway: Gateway, now: datetime) -> Iterator[Row]:
    names = [n for n in ALIASES["booking.status"] if "." not in n and gateway.has(BOOKINGS, n)]
    if not names or not gateway.has(OFFERS, "bookingId"):
        return
    states: Sequence[str] = [Query.equal(name, spellings(BookingStatus.PENDING)) for name in names]
    asked = [
        states[0] if len(states) == 1 else Query.or_queries(list(states)),
        Query.greater_than("$updatedAt", instant_like(None, now - LOOKED_BACK)),
        Query.less_than("$updatedAt", instant_like(None, now - LEFT_AFTER)),
    ]
    yield from every_row(gateway, BOOKINGS, asked)
