"""What is told of a booking that stands: to its customer, its provider, an administrator."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from datetime import datetime
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import instant_like, meaning
from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.collections import OFFERS
from marketplace.offers import offer_of
from marketplace.operations import room_id
from marketplace.statuses import BookingStatus
from marketplace.transitions import Actor
from resources.appwrite.writing import Row
from services.booking.customers import BOOKINGS
from services.booking.providers import provider_of
from services.booking.shapes import Booked, BookingTold
from services.callers import Caller
from services.moving.standing import is_customer
from services.problems import Problem
from services.queue.positions import open_offers
from services.store import View

_MOST_ROUNDS: Final = 100


def booked(view: View, booking: BookingNow, *, duplicate: bool | None) -> Booked:
    """The answer of a booking that was made before. Raises CallFailure."""
    return Booked(
        booking_id=booking.booking_id,
        room_id=room_of(view, booking.booking_id),
        amount_idr=booking.amount_idr,
        source=booking.source,
        mode=booking.mode,
        response_deadline=_written(booking.response_deadline),
        queue_position=_position(view, booking),
        duplicate=duplicate,
    )


def booking_told(view: View, caller: Caller, booking_id: str, zone: str) -> BookingTold:
    """A booking as it stands now, to whom it is of. ``zone``: of providers who say none. Raises Problem (404 also where
    it is somebody else's), CallFailure."""
    row = view.glance(BOOKINGS, booking_id)
    if row is None or not (_is_theirs(row, caller) or _is_asked(view, caller, booking_id)):
        raise Problem(404, "not_found")
    provider_id = meaning(row, "booking.provider_id")
    provider = provider_of(view, provider_id, zone) if provider_id else None
    offset = provider.zone.offset_minutes if provider is not None else 0
    (booking,) = read_bookings([row], offset)
    return BookingTold(
        booking_id=booking.booking_id,
        room_id=room_of(view, booking.booking_id),
        status=booking.status,
        provider_id=booking.provider_id,
        provider_type=booking.provider_type,
        minutes=booking.minutes,
        starts_at=_written(booking.starts_at),
        ends_at=_written(booking.ends_at),
        amount_idr=booking.amount_idr,
        source=booking.source,
        mode=booking.mode,
        created_at=_written(booking.created_at),
        response_deadline=_written(booking.response_deadline),
        queue_position=_position(view, booking),
    )


def room_of(view: View, booking_id: str) -> str | None:
    """The chat room of a booking: ours, else the one that names it; None where it has none. Raises CallFailure."""
    ours = room_id(BOOKINGS, booking_id)
    if view.glance("chat_rooms", ours) is not None:
        return ours
    rows = view.rows("chat_rooms", [Query.equal("bookingId", [booking_id]), Query.limit(1)])
    return str(rows[0]["$id"]) if rows else None


def _position(view: View, booking: BookingNow) -> int:
    """Where it stands with the provider who is to answer it, from 1; 0 where it waits for nobody."""
    if booking.status != BookingStatus.PENDING.value:
        return 0
    rows = view.rows(OFFERS, [Query.equal("bookingId", [booking.booking_id]), Query.limit(_MOST_ROUNDS)])
    mine = next((offer for offer in map(offer_of, rows) if offer.is_open), None)
    if mine is None:
        return 0
    offers = open_offers(view, mine.provider_id)
    return next((n for n, offer in enumerate(offers, 1) if offer.offer_id == mine.offer_id), 0)


def _is_theirs(row: Row, caller: Caller) -> bool:
    if caller.actor is Actor.ADMIN or is_customer(caller, meaning(row, "booking.customer_id")):
        return True
    return caller.provider_id is not None and caller.provider_id == meaning(row, "booking.provider_id")


def _is_asked(view: View, caller: Caller, booking_id: str) -> bool:
    """Whether a provider is offered it now."""
    if caller.provider_id is None:
        return False
    return any(one.booking_id == booking_id for one in open_offers(view, caller.provider_id))


def _written(at: datetime | None) -> str | None:
    return str(instant_like(None, at)) if at is not None else None
