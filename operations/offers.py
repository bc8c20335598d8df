"""The offers of a booking that services keep beside it (marketplace/offers.py): what an operation ends of them, or
adds, when it moves the booking. Of a booking that services never offered there are none."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from appwrite.query import Query

from marketplace.offers import OFFERS, OfferState, answered, offer_of, offer_row
from operations.action import Asking
from operations.fresh import change_of
from resources.appwrite.writing import Change, Create, Row, Write

_MOST_OFFERS: Final = 100


def offers_of(booking: Row, ask: Asking) -> list[Row]:
    """Every offer of a booking. Raises CallFailure."""
    if not ask.has(OFFERS, "state"):
        return []
    return ask.rows(OFFERS, [Query.equal("bookingId", [str(booking["$id"])]), Query.limit(_MOST_OFFERS)])


def open_ones(offers: Sequence[Row]) -> list[Row]:
    """Those that nobody answered."""
    return [offer for offer in offers if offer_of(offer).is_open]


def ended(offers: Sequence[Row], state: OfferState, at: datetime) -> list[Change]:
    """The writes that end offers. ``at``: naive UTC."""
    return [change_of(OFFERS, offer, answered(state, at)) for offer in offers]


def accepted(booking: Row, provider: str, at: datetime, ask: Asking) -> list[Change]:
    """The writes by which a provider took a booking: their own open offer was accepted, those of others are taken back.
    Raises CallFailure."""
    offers = open_ones(offers_of(booking, ask))
    theirs = [offer for offer in offers if offer_of(offer).provider_id == provider]
    others = [offer for offer in offers if offer_of(offer).provider_id != provider]
    return [*ended(theirs, OfferState.ACCEPTED, at), *ended(others, OfferState.WITHDRAWN, at)]


def handed_on(
    booking: Row, provider: str, kind: str, at: datetime, deadline: datetime, ask: Asking
) -> list[Write]:
    """The writes by which a booking that services offered goes to a provider whom an administrator names: who was asked
    is not any more, and its dispatcher knows whom it waits for. Raises CallFailure."""
    offers = offers_of(booking, ask)
    if not offers:
        return []
    rounds = [offer_of(offer).round for offer in offers]
    row_id, data = offer_row(str(booking["$id"]), provider, kind, max(rounds) + 1, at, deadline)
    return [Create(OFFERS, row_id, data), *ended(open_ones(offers), OfferState.WITHDRAWN, at)]
