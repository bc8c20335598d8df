"""Handing a booking over, for an administrator: what was accepted is taken back, and the new provider is asked."""

from __future__ import annotations

from functools import partial

from marketplace.collections import OFFERS
from marketplace.hand_over import handed_over
from marketplace.offers import offer_row
from marketplace.queue import answer_time, provider_status
from marketplace.statuses import BookingStatus, ProviderStatus
from marketplace.telling import Told
from operations.records import local
from operations.telling import Telling
from resources.appwrite.writing import Change, Create, Write
from services.booking.duplicates import moved_to, standing_with
from services.callers import Caller
from services.moving.accepting import room_moved
from services.moving.charging import taken_back
from services.moving.ending import leaving, released
from services.moving.freeing import freed
from services.moving.shapes import Moved, instant
from services.moving.standing import (
    BOOKINGS,
    Provider,
    Standing,
    Terms,
    allowed,
    provider_of,
    readers_with,
    refused,
    room_now,
    standing,
)
from services.problems import Problem, Wrong
from services.queue.next_offer import round_claimed
from services.store import Decision, Underway, View

_REASSIGNED, _PENDING = BookingStatus.REASSIGNED.value, BookingStatus.PENDING.value


def reassign(view: View, caller: Caller, booking_id: str, terms: Terms, to: str) -> Decision[Moved]:
    """Hand a booking over to another provider, who is asked anew, whoever was asked before. Raises Problem,
    CallFailure."""
    booking = standing(view, booking_id, terms, provider_watched=True)
    allowed(booking, _REASSIGNED, caller)
    taker = provider_of(view, to, booking.now.provider_type, watched=True)
    if taker is None:
        raise Problem(422, "not_valid", [Wrong("no_such_provider", "/providerId")])
    if taker.provider_id == booking.now.provider_id:
        raise Problem(422, "not_valid", [Wrong("same_provider", "/providerId")])
    if provider_status(taker.row) == ProviderStatus.RESTRICTED.value:
        raise refused(booking, "provider_restricted")
    if booking.is_claimed and booking.now.status == _PENDING:
        raise Underway
    if standing_with(view, booking.row, taker.provider_id) is not None:
        raise refused(booking, "had_already")
    deadline = view.now + answer_time(booking.now.mode)
    number = booking.round + 1
    row_id, offer = offer_row(booking_id, taker.provider_id, taker.kind, number, view.now, deadline)
    has = partial(view.has, BOOKINGS)
    data = handed_over(booking.row, taker.row, taker.kind, view.now, deadline, booking.offset, has)
    may_read = readers_with(booking.row, booking.now.customer_id, taker.row)
    held = booking.now.status != _PENDING
    claims = [*round_claimed(view, booking, taker, number), *leaving(view, booking)]
    writes: list[Write] = [
        *claims,
        # Before the booking is theirs to answer, so that at every moment an open offer tells that it waits.
        Create(OFFERS, row_id, offer, may_read),
        booking.changed(data, may_read),
        *taken_back(view, booking),
        *booking.withdrawn(view),
        *(released(view, booking) if view.gateway.has_transactions else []),
        *(freed(view, booking, booking.provider) if held else []),
        *moved_to(view, booking.row, taker.provider_id, view.now),
        *_told(view, booking, taker, row_id, local(deadline, booking.offset)),
    ]
    answer = Moved(
        booking_id=booking_id,
        status=_PENDING,
        provider_id=taker.provider_id,
        response_deadline=instant(deadline),
    )
    return Decision(answer, writes, claims=len(claims) + 2)


def _told(view: View, booking: Standing, taker: Provider, key: str, deadline: str | None) -> list[Write]:
    tell, said = Telling(key, view.now, view), {"booking": booking.booking_id}
    room = room_now(view, booking.row)
    moved: list[Change] = []
    if room is not None:
        moved, room = room_moved(room, booking, taker)
    return [
        *moved,
        *tell.room(booking.row, room, Told.REASSIGNED),
        *tell.customer(booking.row, Told.REASSIGNED, said),
        *tell.provider(
            booking.now.provider_id,
            booking.now.provider_type,
            Told.HANDED_ON,
            said,
            booking=booking.row,
            row=booking.row,
        ),
        *tell.provider(
            taker.provider_id,
            taker.kind,
            Told.OFFERED,
            {**said, "deadline": deadline},
            booking=booking.row,
            row=taker.row,
        ),
    ]
