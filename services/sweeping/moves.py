"""Acceptances and what gives them up: the guard of each says what it was in the middle of.

With transactions there is never anything of this kind; a server that had none before may have left some.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import instant_like, text_at
from marketplace.commission import REVENUE_STATUSES
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus
from marketplace.transitions import Actor
from operations.calendar import GUARDS
from operations.telling import MESSAGES, NOTIFICATIONS
from resources.appwrite.paging import every_row
from resources.appwrite.writing import Create, Write
from services.going_on import Aside, Round
from services.moving.accepting import acceptance, told_accepted
from services.moving.charging import charged, due_moved, taken_back
from services.moving.finishing import accepted_at
from services.moving.freeing import freed
from services.moving.standing import (
    ACCEPTANCE,
    CLAIMED,
    LEAVING,
    RELEASED,
    SETTLED,
    Provider,
    Standing,
    Terms,
    guard_written,
    provider_of,
    standing,
)
from services.problems import Problem
from services.queue.next_offer import offered_on
from services.store import Decision, Gateway, View, carry_out

LEFT_AFTER: Final = timedelta(minutes=1)
"""A command that was begun so long ago goes on no more."""
_PENDING: Final = BookingStatus.PENDING.value


def sweep_moves(
    gateway: Gateway, now: Callable[[], datetime], terms: Terms, aside: Aside | None = None
) -> Round:
    """Finish or take back each acceptance that was begun and not written to its end. Raises CallFailure where not even
    a list can be had."""
    done = Round(aside or Aside())
    for booking_id in _left(gateway, now() - LEFT_AFTER):
        decide = partial(_settled, booking_id=booking_id, terms=terms)
        done.do(booking_id, lambda decide=decide: carry_out(gateway, now, decide))
        if done.is_hopeless:
            break
    return done


def _left(gateway: Gateway, before: datetime) -> list[str]:
    """The bookings whose acceptance was begun before an instant and not written to its end, as they stand when the
    round begins: what is settled meanwhile moves no page."""
    asked = [
        Query.equal("kind", [ACCEPTANCE]),
        Query.equal("state", [CLAIMED, LEAVING]),
        Query.less_than("at", instant_like(None, before)),
        Query.order_asc("at"),
        Query.order_asc("$id"),
    ]
    found = list(every_row(gateway, GUARDS, asked))
    return [booking for guard in found if (booking := text_at(guard, "bookingId")) is not None]


def _settled(view: View, booking_id: str, terms: Terms) -> Decision[bool]:
    """What is left to write of one. Raises Problem where a person has to look at its payment first, CallFailure."""
    booking = standing(view, booking_id, terms, provider_watched=True)
    state, whose = text_at(booking.guard or {}, "state"), booking.holder
    if state not in (CLAIMED, LEAVING) or whose is None:
        return Decision(False)
    theirs = booking.now.status in REVENUE_STATUSES and booking.now.provider_id == whose
    if theirs:
        rest = _rest(view, booking, whose, terms) if state == CLAIMED else booking.withdrawn(view)
        return Decision(True, [*rest, guard_written(view, booking, whose, SETTLED)], claims=len(rest) + 1)
    if state == CLAIMED and booking.now.status == _PENDING:
        return _finished_or_refused(view, booking, whose, terms)
    return Decision(True, _taken_back(view, booking, whose))


def _finished_or_refused(view: View, booking: Standing, whose: str, terms: Terms) -> Decision[bool]:
    """An acceptance in the middle: finished where nothing came between, else taken back, and the next is asked."""
    try:
        decision = acceptance(view, booking, whose, terms, by=Actor.PROVIDER)
    except Problem:
        return Decision(True, _undone(view, booking, whose, terms))
    return Decision(True, decision.writes, claims=decision.claims, resumes=True)


def _undone(view: View, booking: Standing, whose: str, terms: Terms) -> list[Write]:
    """The next provider is asked before the guard is nobody's: in between nobody else can accept."""
    offer = booking.offered_to(whose)
    asked = (
        offered_on(view, booking, offer, OfferState.EXPIRED, terms)[3] if not _others(booking, whose) else []
    )
    return [*taken_back(view, booking), *asked, guard_written(view, booking, None, RELEASED)]


def _others(booking: Standing, whose: str) -> bool:
    return any(offer.provider_id != whose for offer in booking.open_offers)


def _taken_back(view: View, booking: Standing, whose: str) -> list[Write]:
    """What an acceptance left of a booking that ended, or went to somebody else."""
    taker = provider_of(view, whose, booking.now.provider_type, watched=True)
    over = booking.now.status != _PENDING
    return [
        *taken_back(view, booking),
        *(booking.withdrawn(view) if over else []),
        *freed(view, booking, taker),
        guard_written(view, booking, None, RELEASED),
    ]


def _rest(view: View, booking: Standing, whose: str, terms: Terms) -> list[Write]:
    """What may be missing of an acceptance that stands: its record, the ends of its offers, the news."""
    taker = provider_of(view, whose, booking.now.provider_type)
    if taker is None:
        return []
    version = int((booking.guard or {}).get("version") or 0)
    money = charged(view, booking, taker, terms, version)
    told = told_accepted(view, booking, taker, money, f"{whose}:{version}", Actor.PROVIDER)
    return [
        *([money.record] if money.record is not None else []),
        *_due(view, booking, taker, terms),
        *booking.withdrawn(view),
        *(write for write in told if _is_missing(view, write)),
    ]


def _due(view: View, booking: Standing, taker: Provider, terms: Terms) -> Sequence[Write]:
    """The deadline of what is owed for a service that was completed."""
    if booking.now.completed_at is None:
        return ()
    return due_moved(view, booking, taker.row, accepted_at(booking), booking.now.completed_at, terms)[0]


def _is_missing(view: View, write: Write) -> bool:
    if not isinstance(write, Create) or write.collection not in (MESSAGES, NOTIFICATIONS):
        return False
    return view.glance(write.collection, write.row_id) is None
