"""What the kinds have in common that change a booking: the rows its plan names besides; and of those by which the clock
moves it into another state the news and the way back. When a booking is to be moved stands with each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.app_rows import booking_status, status_written
from marketplace.statuses import BOOKING_STATUS, BookingStatus
from marketplace.telling import Audience, Told
from marketplace.transitions import Actor, states_before
from messages.message import Message
from operations.action import Action, Asking, Moment, Skip
from operations.fresh import changed, is_now, moved, now
from operations.telling import ROOMS, Telling, collection_of, room_of, was_told
from resources.appwrite.writing import Create, Row, Write


def room_named(action: Action) -> list[tuple[str, str]]:
    """The room of its booking, where the plan names one, as (collection, id)."""
    room = action.proposed.arguments.get("room_id")
    return [(ROOMS, room)] if room else []


def provider_named(action: Action) -> list[tuple[str, str]]:
    """The provider of its booking, where the plan names one, as (collection, id)."""
    given = action.proposed.arguments
    account, provider = collection_of(given.get("provider_type")), given.get("provider_id")
    return [(account, provider)] if account and provider else []


class ByClock(ABC):
    """A kind by which the clock moves a booking into the state ``into``; ``told``: its room and its customer are."""

    collection = "bookings"
    into: BookingStatus
    told: Told

    @property
    def states(self) -> list[str]:
        """The states from which the clock may."""
        return [*states_before(self.into.value, Actor.CLOCK)]

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        return room_named(action)

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        """Back to what it was, if nobody was told."""
        status = booking_status(row)
        if status != self.into.value:
            return is_now(action, status)
        if was_told(action, {self.told: Audience.CUSTOMER}, ask):
            return Skip(Message("acting.was_told", {"row": action.proposed.row_id}))
        before = str(action.proposed.before["status"])
        return [changed(action, row, self._state(action, row, ask, before) | self.taken_back(row))]

    @abstractmethod
    def taken_back(self, row: Row) -> dict[str, Any]:
        """What else of a row is undone beside its state."""

    def may_not(self, action: Action, row: Row) -> Skip | None:
        """Why the clock may not move it: it was written since the plan, or is in another state by now."""
        if (skip := moved(action, row)) is not None:
            return skip
        status = booking_status(row)
        return None if status in self.states else is_now(action, status)

    def state(self, action: Action, row: Row, ask: Asking) -> dict[str, Any]:
        """The attributes that say that it is in its new state."""
        return self._state(action, row, ask, self.into.value)

    @staticmethod
    def _state(action: Action, row: Row, ask: Asking, status: str) -> dict[str, Any]:
        has = partial(ask.has, action.proposed.collection)
        return {**status_written(row, ALIASES["booking.status"], BOOKING_STATUS, status, has)}

    def news(
        self, action: Action, row: Row, ask: Asking, moment: Moment, said: dict[str, Any] | None = None
    ) -> list[Create]:
        """What its room and its customer are told."""
        tell = Telling(action.action_id, now(moment), ask)
        room = room_of(row, action.proposed.arguments.get("room_id"), ask)
        return [*tell.room(row, room, self.told), *tell.customer(row, self.told, said)]
