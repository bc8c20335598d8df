"""An offer of a booking to a provider: its attributes, its states, and the clock it runs on.

A booking is one row however often it is offered; each time is a row of ``booking_offers``. Who is offered it next
stands in queue.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from marketplace.app_rows import instant_like, text_at
from marketplace.operations import offer_id
from marketplace.statuses import values

ATTRIBUTES: Final = (
    "bookingId",
    "providerId",
    "providerType",
    "round",
    "state",
    "offeredAt",
    "deadline",
    "answeredAt",
)
"""All an offer has; ``round`` is a whole number from 1, instants are text with Z, ``answeredAt`` is null while it is
open."""


class OfferState(StrEnum):
    """What became of an offer. Columns hold the plain word (``value``)."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    """The booking was cancelled, handed over or accepted by somebody else before it was answered."""


OFFER_STATES: Final = values(*OfferState)


@dataclass(frozen=True)
class Offer:
    """One row. Instants are naive UTC."""

    offer_id: str
    booking_id: str
    provider_id: str
    provider_type: str | None
    round: int
    state: str
    offered_at: datetime
    deadline: datetime
    answered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.state == OfferState.OFFERED.value


def offer_row(
    booking_id: str,
    provider_id: str,
    provider_type: str | None,
    round_number: int,
    offered_at: datetime,
    deadline: datetime,
) -> tuple[str, dict[str, Any]]:
    """(``$id``, attributes) of a new offer. ``round_number``: 1 for the first provider a booking is offered to, one
    more for each that follows; instants naive UTC."""
    return offer_id(booking_id, provider_id, round_number), {
        "bookingId": booking_id,
        "providerId": provider_id,
        "providerType": provider_type,
        "round": round_number,
        "state": OfferState.OFFERED.value,
        "offeredAt": instant_like(None, offered_at),
        "deadline": instant_like(None, deadline),
    }


def answered(state: OfferState, at: datetime) -> dict[str, Any]:
    """The attributes that end an offer. ``at``: naive UTC."""
    return {"state": state.value, "answeredAt": instant_like(None, at)}


def offer_of(row: Mapping[str, Any]) -> Offer:
    """An offer as it was written. Raises ValueError for a row that no service wrote."""
    offered_at, deadline = (instant_at(row, name) for name in ("offeredAt", "deadline"))
    booking, provider, state = (text_at(row, name) for name in ("bookingId", "providerId", "state"))
    if offered_at is None or deadline is None or booking is None or provider is None or state is None:
        raise ValueError("not an offer")
    return Offer(
        str(row["$id"]),
        booking,
        provider,
        text_at(row, "providerType"),
        int(row["round"]),
        state,
        offered_at,
        deadline,
        instant_at(row, "answeredAt"),
    )


def instant_at(row: Mapping[str, Any], name: str) -> datetime | None:
    """An instant of a row that services alone write, naive UTC."""
    written = row.get(name)
    if not isinstance(written, str):
        return None
    at = datetime.fromisoformat(written)
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo is not None else at
