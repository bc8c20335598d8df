"""Where a request stands with a provider: the open offers in the order they came."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Final

from appwrite.query import Query

from marketplace.collections import OFFERS
from marketplace.offers import Offer, OfferState, offer_of
from resources.appwrite.paging import every_row
from services.store import View

_PAGE: Final = 100


def open_offers(view: View, provider_id: str) -> list[Offer]:
    """What waits for a provider's answer, in the order it came. Raises CallFailure."""
    asked = [
        Query.equal("providerId", [provider_id]),
        Query.equal("state", [OfferState.OFFERED.value]),
        Query.order_asc("offeredAt"),
        Query.order_asc("$id"),
    ]
    found = map(offer_of, every_row(view, OFFERS, asked))
    return [offer for offer in found if offer.deadline > view.now]


def position_to_come(view: View, provider_id: str) -> int:
    """The position of a request that a provider is sent now, from 1. Raises CallFailure."""
    return len(open_offers(view, provider_id)) + 1
