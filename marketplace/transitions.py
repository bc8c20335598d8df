"""Who may move a booking or a commission record from which state to which, and when the clock does. What else has to
hold of the row, and what is written when it moves, does not live here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from marketplace.statuses import BookingStatus, CommissionStatus


class Actor(StrEnum):
    """Who moves something. ``CLOCK``: time alone does, and bookwatch only writes it down."""

    CUSTOMER = "customer"
    PROVIDER = "provider"
    ADMIN = "admin"
    CLOCK = "clock"


@dataclass(frozen=True)
class Transition:
    """A move that is allowed. ``before``: the states it leads away from (None: nothing was there). ``in_time``: those
    of ``by`` who may only before the response deadline. ``reason``: it takes one."""

    before: frozenset[BookingStatus | None]
    after: BookingStatus
    by: frozenset[Actor]
    in_time: frozenset[Actor] = frozenset()
    reason: bool = False


def _from(*states: BookingStatus | None) -> frozenset[BookingStatus | None]:
    return frozenset(states)


_B = BookingStatus

BOOKING_TRANSITIONS: Final = (
    Transition(_from(None), _B.PENDING, frozenset({Actor.CUSTOMER})),
    Transition(
        _from(_B.PENDING),
        _B.ACCEPTED,
        # An administrator does it on behalf of a provider whom they spoke to, as long as nobody was told it expired.
        frozenset({Actor.PROVIDER, Actor.ADMIN}),
        in_time=frozenset({Actor.PROVIDER}),
    ),
    Transition(_from(_B.PENDING), _B.CANCELLED, frozenset({Actor.CUSTOMER, Actor.ADMIN})),
    Transition(_from(_B.PENDING), _B.REASSIGNED, frozenset({Actor.ADMIN})),
    # Each of these ends an offer, and the booking only with its last one. The clock declines what a provider's decline
    # ended and nobody wrote down.
    Transition(_from(_B.PENDING), _B.DECLINED, frozenset({Actor.PROVIDER, Actor.CLOCK})),
    Transition(_from(_B.PENDING), _B.EXPIRED, frozenset({Actor.CLOCK})),
    Transition(_from(_B.ACCEPTED), _B.CONFIRMED, frozenset({Actor.CUSTOMER, Actor.PROVIDER})),
    Transition(
        _from(_B.ACCEPTED),
        _B.CANCELLED,
        frozenset({Actor.CUSTOMER, Actor.PROVIDER, Actor.ADMIN}),
        reason=True,
    ),
    Transition(_from(_B.ACCEPTED), _B.REASSIGNED, frozenset({Actor.ADMIN})),
    Transition(_from(_B.ACCEPTED, _B.CONFIRMED), _B.COMPLETED, frozenset({Actor.PROVIDER, Actor.CLOCK})),
)
"""Anything else is refused, with the present state. From a completed booking nothing leads on: money is corrected by
records, not by status."""


COMPLETED_AFTER: Final = timedelta(minutes=15)
"""The clock completes a booking so long after its service was to end, where nobody said that it is over."""
COMPLETED_WITHIN: Final = timedelta(days=7)
"""What was to end longer ago is left to a person: nobody wants to be told of it by a machine that late."""


def may_move(before: str | None, after: str, by: Actor) -> bool:
    """Whether someone may move a booking from one state to another, whenever that is."""
    return any(before in t.before and after == t.after and by in t.by for t in BOOKING_TRANSITIONS)


def move(before: str | None, after: str, by: Actor) -> Transition | None:
    """The move by which someone leads a booking from one state to another; None where that is not allowed."""
    return next(
        (t for t in BOOKING_TRANSITIONS if before in t.before and after == t.after and by in t.by), None
    )


def ever_moves(after: str, by: Actor) -> bool:
    """Whether someone may lead a booking to a state, from whichever it is in."""
    return any(after == t.after and by in t.by for t in BOOKING_TRANSITIONS)


def states_before(after: str, by: Actor) -> tuple[str, ...]:
    """The states that someone may move a booking to another from, in the order of the words."""
    return tuple(status.value for status in BookingStatus if may_move(status.value, after, by))


_C = CommissionStatus
RECORD_TRANSITIONS: Final[dict[CommissionStatus, frozenset[CommissionStatus]]] = {
    # A proof was handed in, and it is in time: a late one stays on the record, which is overdue all the same.
    _C.AWAITING_VERIFICATION: frozenset({_C.PENDING, _C.REJECTED, _C.OVERDUE}),
    # Past its deadline; a proof that came late changes nothing of that, and stays on the record.
    _C.OVERDUE: frozenset({_C.PENDING, _C.REJECTED, _C.AWAITING_VERIFICATION}),
    _C.PAID: frozenset({_C.PENDING, _C.AWAITING_VERIFICATION, _C.REJECTED, _C.OVERDUE}),
    _C.REJECTED: frozenset({_C.AWAITING_VERIFICATION, _C.OVERDUE, _C.PENDING}),
    # Its booking ended after it was accepted: what was not paid is not owed, what was paid is given back.
    _C.CANCELLED: frozenset({_C.PENDING, _C.REJECTED, _C.OVERDUE}),
    _C.REVERSED: frozenset({_C.PAID}),
}
"""State of a commission record → the states it may come from. A record is never deleted, and its amount is no state."""


def record_may_move(before: str, after: str) -> bool:
    """Whether a commission record may go from one state to another."""
    return before in RECORD_TRANSITIONS.get(CommissionStatus(after), frozenset())
