"""Declining and cancelling: a decline ends an offer, a cancellation the booking, with what it was charged."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like
from marketplace.offers import Offer, OfferState
from marketplace.queue import answer_time
from marketplace.statuses import BookingStatus
from marketplace.telling import Told
from operations.telling import Telling
from resources.appwrite.writing import Write
from services.callers import Caller
from services.moving.charging import taken_back
from services.moving.freeing import freed
from services.moving.shapes import Moved, instant
from services.moving.standing import (
    BOOKINGS,
    LEAVING,
    RELEASED,
    Standing,
    Terms,
    acting,
    allowed,
    guard_written,
    holding,
    refused,
    room_now,
    standing,
)
from services.problems import Problem, Wrong
from services.queue.next_offer import offered_on
from services.store import Decision, Underway, View

_DECLINED, _CANCELLED = BookingStatus.DECLINED.value, BookingStatus.CANCELLED.value
_REASONS: Final = ("cancellationReason", "cancelReason", "statusReason")


def decline(
    view: View, caller: Caller, booking_id: str, terms: Terms, reason: str | None = None
) -> Decision[Moved]:
    """Say no to an offer: the next provider is asked, or the booking ends with its last offer. Raises Problem,
    CallFailure."""
    booking = standing(view, booking_id, terms)
    allowed(booking, _DECLINED, caller)
    offer = _offer_of(view, booking, caller)
    after, taker, deadline, writes = offered_on(
        view, booking, offer, OfferState.DECLINED, terms, reason=reason
    )
    answer = Moved(
        booking_id=booking_id,
        status=after.value,
        provider_id=taker.provider_id if taker is not None else None,
        response_deadline=instant(deadline),
    )
    return Decision(answer, writes, claims=3, resumes=True)


def _offer_of(view: View, booking: Standing, caller: Caller) -> Offer | None:
    """The open offer that a provider answers; None where an app asked them without one. Raises Problem (409)."""
    whose = caller.provider_id or ""
    if booking.is_claimed:
        raise Underway
    offer = booking.offered_to(whose)
    if offer is not None:
        deadline = offer.deadline
    elif booking.asked_by_the_row(whose):
        deadline = booking.now.response_deadline or booking.now.created_at + answer_time(booking.now.mode)
    else:
        raise refused(booking, "not_offered")
    if view.now >= deadline:
        raise refused(booking, "too_late")
    return offer


def cancel(
    view: View, caller: Caller, booking_id: str, terms: Terms, reason: str | None = None
) -> Decision[Moved]:
    """End a booking: what it was charged is taken back, its provider is free again, both sides are told. Raises
    Problem, CallFailure."""
    booking = standing(view, booking_id, terms, provider_watched=True)
    caller = acting(booking, caller)
    rule = allowed(booking, _CANCELLED, caller)
    holding(booking, caller)
    if rule.reason and not reason:
        raise Problem(422, "not_valid", [Wrong("reason_wanted", "/reason")])
    if booking.is_claimed and booking.now.status == BookingStatus.PENDING.value:
        raise Underway
    has = partial(view.has, BOOKINGS)
    data: dict[str, Any] = booking.status(_CANCELLED, view)
    if (when := attribute(ALIASES["booking.cancelled_at"], has)) is not None:
        data[when] = instant_like(booking.row.get(when), view.now, booking.offset)
    if (who := attribute(ALIASES["booking.cancelled_by"], has)) is not None:
        data[who] = caller.actor.value
    if reason is not None and (why := attribute(_REASONS, has)) is not None:
        data[why] = reason
    writes = [
        *leaving(view, booking),
        booking.changed(data),
        *taken_back(view, booking),
        *booking.withdrawn(view),
        *(released(view, booking) if view.gateway.has_transactions else []),
        *(
            freed(view, booking, booking.provider)
            if booking.now.status != BookingStatus.PENDING.value
            else []
        ),
        *_told_cancelled(view, booking),
    ]
    return Decision(Moved(booking_id=booking_id, status=_CANCELLED), writes, claims=2)


def leaving(view: View, booking: Standing) -> list[Write]:
    """On a server without transactions: the guard says that an acceptance is given up, before anything else does; what
    a dead process left of that is finished by the sweeper."""
    if view.gateway.has_transactions or booking.holder is None:
        return []
    return [guard_written(view, booking, booking.holder, LEAVING)]


def released(view: View, booking: Standing) -> list[Write]:
    """The guard of an acceptance is nobody's any more."""
    return [guard_written(view, booking, None, RELEASED)] if booking.holder is not None else []


def _told_cancelled(view: View, booking: Standing) -> list[Write]:
    tell = Telling(f"cancelled:{booking.booking_id}", view.now, view)
    said = {"booking": booking.booking_id}
    writes: list[Write] = [
        *tell.room(booking.row, room_now(view, booking.row), Told.CANCELLED),
        *tell.customer(booking.row, Told.CANCELLED, said),
    ]
    waiting = [booking.now.provider_id] if not booking.open_offers else []
    for whose in dict.fromkeys((*waiting, *(offer.provider_id for offer in booking.open_offers))):
        told = Telling(f"cancelled:{booking.booking_id}:{whose}", view.now, view)
        writes += told.provider(
            whose, booking.now.provider_type, Told.CANCELLED, said, booking=booking.row, row=booking.row
        )
    return writes
