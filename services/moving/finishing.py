"""Confirming what was accepted, and completing it: the deadline of what is owed goes by when the service ended."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.app_rows import attribute, instant_like, instant_of
from marketplace.statuses import BookingStatus
from marketplace.telling import Told
from operations.calendar import most_at_once, takes_at_once
from operations.telling import Telling
from resources.appwrite.writing import Write
from services.callers import Caller
from services.moving.calendar import guard_of, passed, taken
from services.moving.charging import due_moved
from services.moving.freeing import freed
from services.moving.shapes import Moved, instant
from services.moving.standing import (
    BOOKINGS,
    CLAIMED,
    Standing,
    Terms,
    acting,
    allowed,
    guard_written,
    holding,
    room_now,
    standing,
)
from services.moving.turns import await_turn
from services.store import Decision, View

_CONFIRMED, _COMPLETED = BookingStatus.CONFIRMED.value, BookingStatus.COMPLETED.value


def confirm(view: View, caller: Caller, booking_id: str, terms: Terms) -> Decision[Moved]:
    """Either side confirms an accepted booking. Raises Problem, CallFailure."""
    booking = standing(view, booking_id, terms)
    caller = acting(booking, caller)
    allowed(booking, _CONFIRMED, caller)
    holding(booking, caller)
    tell = Telling(f"confirmed:{booking_id}", view.now, view)
    said = {"booking": booking_id}
    whose = booking.now.provider_id
    writes = [
        booking.changed(booking.status(_CONFIRMED, view)),
        *tell.room(booking.row, room_now(view, booking.row), Told.CONFIRMED),
        *tell.customer(booking.row, Told.CONFIRMED, said),
        *tell.provider(
            whose, booking.now.provider_type, Told.CONFIRMED, said, booking=booking.row, row=booking.row
        ),
    ]
    return Decision(Moved(booking_id=booking_id, status=_CONFIRMED, provider_id=whose), writes)


def complete(view: View, caller: Caller, booking_id: str, terms: Terms) -> Decision[Moved]:
    """The provider says that a service is over. Raises Problem, CallFailure."""
    booking = standing(view, booking_id, terms, provider_watched=True)
    allowed(booking, _COMPLETED, caller)
    holding(booking, caller)
    if booking.now.provider_id is not None:
        await_turn(view, booking.now.provider_id, booking_id)
    ended_at = _ended_at(view, booking)
    has = partial(view.has, BOOKINGS)
    data: dict[str, Any] = booking.status(_COMPLETED, view)
    if (when := attribute(ALIASES["booking.completed_at"], has)) is not None:
        data[when] = instant_like(booking.row.get(when), ended_at, booking.offset)
    account = booking.provider.row if booking.provider is not None else None
    due, due_at = due_moved(view, booking, account, accepted_at(booking), ended_at, terms)
    tell = Telling(f"completed:{booking_id}", view.now, view)
    guard: list[Write] = []
    whose = booking.now.provider_id
    if not view.gateway.has_transactions and whose is not None:
        # The sweeper finishes what dies in between. How long it took may rest on what else they accepted: that has to
        # hold before it is written.
        guard = [guard_written(view, booking, whose, CLAIMED), passed(view, whose)]
    writes = [
        *guard,
        booking.changed(data),
        *due,
        *freed(view, booking, booking.provider),
        *tell.room(booking.row, room_now(view, booking.row), Told.COMPLETED),
        *tell.customer(booking.row, Told.COMPLETED, {"booking": booking_id}),
    ]
    answer = Moved(
        booking_id=booking_id, status=_COMPLETED, provider_id=whose, commission_due=instant(due_at)
    )
    return Decision(answer, writes, claims=len(guard) + 1)


def _ended_at(view: View, booking: Standing) -> datetime:
    """When a service ended: now; where the provider had another one to carry out by then, when it was to end."""
    planned, provider = booking.now.ends_at, booking.provider
    if planned is None or provider is None or view.now <= planned:
        return view.now
    limit = takes_at_once(provider.row, provider.collection)
    if limit is None:
        return view.now
    guard_of(view, provider.provider_id)  # before the list, which it makes safe
    others = taken(view, provider.provider_id, planned, view.now, booking.offset, besides=booking.booking_id)
    return view.now if most_at_once(others, planned, view.now) < limit else planned


def accepted_at(booking: Standing) -> datetime:
    """The moment whose day the policy goes by."""
    for name in ALIASES["booking.accepted_at"]:
        if (at := instant_of(booking.row.get(name), booking.offset)) is not None:
            return at
    return booking.now.created_at
