"""Where a request stands with a provider: the open offers in the order they came."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from typing import Final

from appwrite.query import Query

from marketplace.collections import OFFERS
from marketplace.offers import Offer, OfferState, offer_of
from services.store import View

_PAGE: Final = 100


def open_offers(view: View, provider_id: str) -> list[Offer]:
    """What waits for a provider's answer, in the order it came. Raises CallFailure."""
    asked = [
        Query.equal("providerId", [provider_id]),
        Query.equal("state", [OfferState.OFFERED.value]),
        Query.order_asc("offeredAt"),
        Query.order_asc("$id"),
        Query.limit(_PAGE),
    ]
    found: list[Offer] = []
    after: list[str] = []
    while True:
        page = view.rows(OFFERS, [*asked, *after])
        found += [offer_of(row) for row in page]
        if len(page) < _PAGE:
            return [offer for offer in found if offer.deadline > view.now]
        after = [Query.cursor_after(str(page[-1]["$id"]))]


def position_to_come(view: View, provider_id: str) -> int:
    """The position of a request that a provider is sent now, from 1. Raises CallFailure."""
    return len(open_offers(view, provider_id)) + 1
