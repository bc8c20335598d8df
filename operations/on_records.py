"""What the kinds have in common that change a commission record and tell its provider: what they read besides, the
news, that there is no way back. When a record is to be changed, and into what, stands with each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from marketplace.app_rows import key_of, meaning
from marketplace.collections import RECORDS
from marketplace.telling import Told
from messages.message import Message
from operations.action import Action, Asking, Moment, Skip
from operations.fresh import UPDATED_AT, arguments, instant_in, moved, no_way_back, not_earning, now
from operations.telling import Telling
from resources.appwrite.writing import Create, Row, Write

_OF_LATE: Final = (
    UPDATED_AT,
    "booking_id",
    "origin",
    "provider_id",
    "provider_type",
    "deadline_at",
    "owed_idr",
)
"""What a plan carries of every late record; a column that is null is left out."""


class OnRecords:
    """A kind that changes a commission record."""

    collection = RECORDS

    def reads(self, action: Action) -> Iterable[tuple[str, str]]:
        """The booking it is of, where the plan names one."""
        given = action.proposed.arguments
        return [(given["origin"], given["booking_id"])] if "origin" in given else []

    def undo(self, action: Action, row: Row, ask: Asking, moment: Moment) -> Sequence[Write] | Skip:
        return no_way_back(action)


def news(
    action: Action,
    row: Row,
    ask: Asking,
    moment: Moment,
    kind: Told,
    said: Mapping[str, Any],
    booking: Row | None = None,
) -> Sequence[Create]:
    """What the provider of a record is told."""
    given = action.proposed.arguments
    whose = key_of(meaning(row, "commission.provider_id"), given.get("provider_id"))
    tell = Telling(action.action_id, now(moment), ask)
    return tell.provider(whose, given.get("provider_type"), kind, {**said}, booking=booking, row=row)


def of_late(row: Mapping[str, Any], *names: str, **more: object) -> dict[str, str]:
    """What a plan carries of a late record: what is asked of every one, and some columns more."""
    return arguments(row, *_OF_LATE, *names, **more)


def late_booking(action: Action, row: Row, ask: Asking) -> Row | Skip:
    """The booking of a late record as it is now; why not, where the record moved on or nothing is owed any more."""
    given = action.proposed.arguments
    booking = ask.row(given["origin"], given["booking_id"])
    if (skip := moved(action, row) or not_earning(booking, given["booking_id"])) is not None:
        return skip
    assert booking is not None  # not_earning tells of one that is gone
    return booking


def not_late_yet(action: Action, moment: Moment) -> Skip | None:
    """Why a record is not past its deadline by the clock of the application."""
    deadline = instant_in(action.proposed.arguments["deadline_at"])
    if deadline is None or deadline >= now(moment):
        return Skip(Message("acting.not_yet", {"row": action.proposed.row_id}))
    return None


def decided(action: Action) -> dict[str, Any]:
    """What is told of a payment that was decided: of which booking, and how much."""
    given = action.proposed.arguments
    return {
        "booking": given.get("booking_ref"),
        "amount": int(given["commission_idr"]) if "commission_idr" in given else None,
    }
