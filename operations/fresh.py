"""What the kinds ask of a row before they write to it, and how a plan carries what they compare it with. Which rows are
planned stands with each kind, what is told of it in telling.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.app_rows import booking_status, changed_at, record_status, text_at
from marketplace.commission import (
    REVENUE_STATUSES,
    SUBMITTED_STATUS,
    UNPAID_STATUSES,
)
from messages.message import Message
from operations.action import Action, Moment, Skip
from resources.appwrite.writing import Change, Row

UPDATED_AT = "updated_at"
"""The argument of a plan that says which version of its row it is of."""


def naive(at: datetime) -> datetime:
    """An instant as the tables have them: naive UTC."""
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def instant(at: datetime | None) -> str:
    """An instant of a table as a plan carries it; '' for none."""
    return at.isoformat() + "Z" if at is not None else ""


def instant_in(written: str) -> datetime | None:
    """What ``instant`` wrote."""
    return datetime.fromisoformat(written.removesuffix("Z")) if written else None


def now(moment: Moment) -> datetime:
    """The moment's instant, naive UTC."""
    return naive(moment.now)


def arguments(row: Mapping[str, Any], *names: str, **more: object) -> dict[str, str]:
    """Columns of a published row, and more, as a plan carries them; what is null is left out."""
    values = {name: row[name] for name in names} | more
    return {
        name: instant(value) if isinstance(value, datetime) else str(value)
        for name, value in values.items()
        if value is not None
    }


def moved(action: Action, row: Row) -> Skip | None:
    """Why a row is not the one that was planned on: it was written since the snapshot. Everything that was published of
    it would have to be read again; the next snapshot does."""
    if instant(changed_at(row)) == action.proposed.arguments.get(UPDATED_AT):
        return None
    return Skip(Message("acting.moved", {"row": action.proposed.row_id}))


def is_now(action: Action, status: str) -> Skip:
    """The answer where a row is in another state by now."""
    return Skip(Message("acting.is_now", {"row": action.proposed.row_id, "status": status}))


def not_earning(booking: Row | None, booking_id: str) -> Skip | None:
    """Why nothing is owed on a booking by now: it is gone, or does not earn."""
    if booking is None:
        return Skip(Message("acting.gone", {"row": booking_id}))
    status = booking_status(booking)
    if status in REVENUE_STATUSES:
        return None
    return Skip(Message("acting.is_now", {"row": booking_id, "status": status}))


def is_unpaid(record: Row) -> bool:
    """Whether a record, as it stands now, is unpaid by its status and says nothing of a payment."""
    return record_status(record) in (*UNPAID_STATUSES, SUBMITTED_STATUS) and text_at(record, "paidAt") is None


def changed(action: Action, row: Row, data: Mapping[str, Any]) -> Change:
    """A change of the action's own row, as it was read."""
    return Change(action.proposed.collection, action.proposed.row_id, data, str(row["$updatedAt"]))


def change_of(collection: str, row: Row, data: Mapping[str, Any]) -> Change:
    """A change of another row that was read."""
    return Change(collection, str(row["$id"]), data, str(row["$updatedAt"]))


def no_way_back(action: Action) -> Skip:
    """Undoing what the business has no way back from: a new action is the answer."""
    return Skip(Message("acting.no_way_back", {"operation": action.operation.value}))


def keys_of(booking: Row) -> list[str]:
    """What a record may refer to a booking by."""
    own = [str(booking["$id"])]
    business = text_at(booking, ALIASES["booking.business_id"][0])
    return own if business is None or business == own[0] else [*own, business]
