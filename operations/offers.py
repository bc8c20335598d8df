"""The offers that services made of a booking, as Appwrite has them now: what an operation does to the booking ends
them, too. What an offer is stands in marketplace/offers.py.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from appwrite.query import Query

from marketplace.collections import OFFERS
from marketplace.offers import OfferState, answered
from operations.action import Asking
from operations.fresh import change_of
from resources.appwrite.writing import Change, Row

_MOST: Final = 100


def open_offers(booking: Row, ask: Asking) -> list[Row]:
    """What was offered of a booking and nobody answered; nothing where there are no services. Raises CallFailure."""
    if not ask.has(OFFERS, "state"):
        return []
    waiting = Query.equal("state", [OfferState.OFFERED.value])
    return ask.rows(OFFERS, [Query.equal("bookingId", [str(booking["$id"])]), waiting, Query.limit(_MOST)])


def ended(
    offers: Sequence[Row], state: OfferState, at: datetime, *, accepted_by: str | None = None
) -> list[Change]:
    """The writes that end offers at an instant (naive UTC); that of a provider who accepted is accepted."""
    return [
        change_of(
            OFFERS,
            offer,
            answered(
                OfferState.ACCEPTED
                if accepted_by is not None and offer.get("providerId") == accepted_by
                else state,
                at,
            ),
        )
        for offer in offers
    ]
