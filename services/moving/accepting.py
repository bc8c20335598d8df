"""Accepting: of any number of acceptances of a booking one comes to stand, with all that goes with it."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like
from marketplace.hand_over import now_with, room_with
from marketplace.offers import OfferState
from marketplace.queue import BUSY_BEFORE, answer_time, provider_status
from marketplace.statuses import BookingStatus, ProviderStatus
from marketplace.telling import Told
from marketplace.transitions import Actor
from operations.calendar import most_at_once, offset_of, takes_at_once
from operations.fresh import change_of
from operations.records import due_said
from operations.telling import ROOMS, Telling
from resources.appwrite.writing import Change, Row, Write
from services.booking.duplicates import moved_to, standing_with
from services.callers import Caller
from services.moving.calendar import guard_of, passed, taken
from services.moving.charging import Charged, charged
from services.moving.shapes import Moved, instant
from services.moving.standing import (
    BOOKINGS,
    CLAIMED,
    SETTLED,
    Provider,
    Standing,
    Terms,
    allowed,
    guard_written,
    provider_of,
    readers_with,
    refused,
    room_now,
    standing,
)
from services.moving.turns import await_turn
from services.store import Decision, Underway, View

_ACCEPTED = BookingStatus.ACCEPTED.value


def accept(view: View, caller: Caller, booking_id: str, terms: Terms) -> Decision[Moved]:
    """Accept a booking: by the provider who is asked for it, before the deadline of their offer; by an administrator on
    behalf of them. Raises Problem, CallFailure."""
    booking = standing(view, booking_id, terms, provider_watched=True, calendar_of=caller.provider_id)
    rule = allowed(booking, _ACCEPTED, caller)
    whose = _who(booking, caller)
    if not (booking.is_claimed and booking.holder == whose):
        deadline = _deadline(booking, whose)
        if caller.actor in rule.in_time and deadline is not None and view.now >= deadline:
            raise refused(booking, "too_late")
    return acceptance(view, booking, whose, terms, by=caller.actor)


def acceptance(view: View, booking: Standing, whose: str, terms: Terms, *, by: Actor) -> Decision[Moved]:
    """What an acceptance by a provider writes, where there is nothing against it. Raises Problem (409),
    CallFailure."""
    begun = booking.is_claimed and booking.holder == whose
    """On a server without transactions: an acceptance of theirs that is not written to its end."""
    taker = booking.provider
    if taker is None or taker.provider_id != whose:
        taker = provider_of(view, whose, booking.now.provider_type, watched=True)
    if taker is None:
        raise refused(booking, "no_such_provider")
    if provider_status(taker.row) == ProviderStatus.RESTRICTED.value:
        raise refused(booking, "provider_restricted")
    await_turn(view, whose, booking.booking_id)
    at_once, limit = _time_taken(view, booking, taker), takes_at_once(taker.row, taker.collection)
    if limit is not None and at_once >= limit:
        raise refused(booking, "time_taken")

    if whose != booking.now.provider_id and standing_with(view, booking.row, whose) is not None:
        raise refused(booking, "had_already")

    version = int((booking.guard or {}).get("version") or 0) + (0 if begun else 1)
    money = charged(view, booking, taker, terms, version)
    offer = booking.offered_to(whose)
    claims: list[Write] = []
    if not begun:
        state = SETTLED if view.gateway.has_transactions else CLAIMED
        claims.append(guard_written(view, booking, whose, state))
    if offer is not None:
        claims.append(booking.ended(offer, OfferState.ACCEPTED, view))
    claims.append(passed(view, whose, bookingId=booking.booking_id))
    full = limit is not None and at_once + 1 >= limit
    writes = [
        *claims,
        *([money.record] if money.record is not None else []),
        *money.others,
        _accepted(view, booking, taker),
        *(_busy(taker, booking, view.now) if full else []),
        *booking.withdrawn(view, but=offer.offer_id if offer is not None else None),
        *(moved_to(view, booking.row, whose, view.now) if whose != booking.now.provider_id else []),
        *told_accepted(view, booking, taker, money, f"{whose}:{version}", by),
    ]
    answer = Moved(
        booking_id=booking.booking_id,
        status=_ACCEPTED,
        provider_id=whose,
        commission_idr=money.charge.commission_idr if money.charge is not None else 0,
        commission_due=instant(money.charge.deadline_at) if money.charge is not None else None,
    )
    return Decision(answer, writes, claims=len(claims), resumes=True)


def _who(booking: Standing, caller: Caller) -> str:
    """The provider for whom a caller accepts. Raises Problem (409)."""
    if caller.actor is Actor.PROVIDER and caller.provider_id is not None:
        return caller.provider_id
    asked = [offer.provider_id for offer in booking.open_offers[-1:]] or [booking.now.provider_id or ""]
    return asked[0]


def _deadline(booking: Standing, whose: str) -> datetime | None:
    """Until when a provider may accept. Raises Problem (409) where they are not asked."""
    if booking.is_claimed and booking.holder != whose:
        raise Underway
    offer = booking.offered_to(whose)
    if offer is not None:
        return offer.deadline
    if not booking.asked_by_the_row(whose):
        raise refused(booking, "not_offered")
    return booking.now.response_deadline or booking.now.created_at + answer_time(booking.now.mode)


def _time_taken(view: View, booking: Standing, taker: Provider) -> int:
    """How many accepted bookings a provider has at the fullest moment of this one; 0 where its time is not known."""
    starts_at, ends_at = booking.now.starts_at, booking.now.ends_at
    if starts_at is None or ends_at is None:
        return 0
    guard_of(view, taker.provider_id)  # before the list, which it makes safe
    zone = offset_of(taker.row)
    others = taken(view, taker.provider_id, starts_at, ends_at, zone, besides=booking.booking_id)
    return most_at_once(others, starts_at, ends_at)


def _accepted(view: View, booking: Standing, taker: Provider) -> Change:
    has = partial(view.has, BOOKINGS)
    data: dict[str, Any] = booking.status(_ACCEPTED, view)
    for names in (ALIASES["booking.accepted_at"], ALIASES["booking.responded_at"]):
        if (name := attribute(names, has)) is not None:
            data[name] = instant_like(booking.row.get(name), view.now, booking.offset)
    if taker.provider_id == booking.now.provider_id:
        return booking.changed(data)
    data |= now_with(booking.row, taker.row, taker.kind, has)
    return booking.changed(data, readers_with(booking.row, booking.now.customer_id, taker.row))


def _busy(taker: Provider, booking: Standing, at: datetime) -> list[Change]:
    """A provider who is on line is busy, where the service begins soon."""
    starts_at, ends_at = booking.now.starts_at, booking.now.ends_at
    if starts_at is None or ends_at is None or starts_at - at > BUSY_BEFORE or ends_at <= at:
        return []
    if provider_status(taker.row) != ProviderStatus.AVAILABLE.value:
        return []
    return [change_of(taker.collection, taker.row, {"status": ProviderStatus.BUSY.value})]


def told_accepted(
    view: View, booking: Standing, taker: Provider, money: Charged, key: str, by: Actor
) -> list[Write]:
    """The room goes with the booking; both sides are told."""
    tell = Telling(f"accepted:{booking.booking_id}:{key}", view.now, view)
    kind = Told.ACCEPTED if by is Actor.ADMIN else Told.TAKEN
    said = {"booking": booking.booking_id}
    room = room_now(view, booking.row)
    writes: list[Write] = []
    if room is not None and taker.provider_id != booking.now.provider_id:
        moved, room = room_moved(room, booking, taker)
        writes += moved
    writes += tell.room(booking.row, room, kind)
    writes += tell.customer(booking.row, kind, said)
    if by is Actor.ADMIN:
        writes += tell.provider(taker.provider_id, taker.kind, kind, said, booking=booking.row, row=taker.row)
    if money.charge is not None and money.charge.deadline_at is not None:
        writes += tell.provider(
            taker.provider_id,
            taker.kind,
            Told.PAYMENT_DUE,
            due_said(money.charge),
            booking=booking.row,
            row=taker.row,
        )
    return writes


def room_moved(room: Row, booking: Standing, taker: Provider) -> tuple[list[Change], Row]:
    """The write that takes a room to another provider, and the room as it is then."""
    data, permissions = room_with(room, taker.row), readers_with(room, booking.now.customer_id, taker.row)
    if not data and permissions is None:
        return [], room
    moved = {**room, **data, **({"$permissions": permissions} if permissions is not None else {})}
    return [Change(ROOMS, str(room["$id"]), data, str(room["$updatedAt"]), permissions)], moved
