"""What waits for a provider, as the API tells it: to the provider and to administrators all of it, to a customer their
own requests alone."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from appwrite.query import Query
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from marketplace.app_rows import meaning
from marketplace.collections import OFFERS
from marketplace.offers import offer_of
from marketplace.queue import expected_wait, typical_answer
from marketplace.transitions import Actor
from services.callers import Caller
from services.moving.shapes import instant
from services.moving.standing import BOOKINGS, is_customer, provider_of
from services.problems import Problem
from services.queue.positions import open_offers
from services.store import View

_ANSWERS: Final = 20


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Waiting(_Shape):
    """A request that waits. ``position``: from 1, in the order they came."""

    booking_id: str
    position: int
    expected_wait_seconds: int
    offered_at: str
    deadline: str


class Queue(_Shape):
    """A provider's queue. ``waiting``: how many requests there are; ``requests``: those that the caller may see."""

    provider_id: str
    waiting: int
    requests: Sequence[Waiting]


def queue_of(view: View, caller: Caller, provider_id: str) -> Queue:
    """What waits for a provider. Raises Problem (404), CallFailure."""
    if provider_of(view, provider_id, None) is None:
        raise Problem(404, "not_found")
    if caller.actor is Actor.PROVIDER and caller.provider_id != provider_id:
        raise Problem(404, "not_found")
    offers = open_offers(view, provider_id)
    seen = {offer.booking_id for offer in offers}
    if caller.actor is Actor.CUSTOMER:
        rows = view.gateway.fresh((BOOKINGS, booking) for booking in seen) if seen else {}
        seen = {
            key[1]
            for key, row in rows.items()
            if row is not None and is_customer(caller, meaning(row, "booking.customer_id"))
        }
    typical = typical_answer(map(offer_of, _answered(view, provider_id))) if seen else None
    return Queue(
        provider_id=provider_id,
        waiting=len(offers),
        requests=[
            Waiting(
                booking_id=offer.booking_id,
                position=position,
                expected_wait_seconds=round(
                    expected_wait(position, typical, offer.deadline, view.now).total_seconds()
                ),
                offered_at=instant(offer.offered_at) or "",
                deadline=instant(offer.deadline) or "",
            )
            for position, offer in enumerate(offers, 1)
            if offer.booking_id in seen
        ],
    )


def _answered(view: View, provider_id: str) -> Sequence[dict[str, object]]:
    """A provider's latest answers."""
    return [
        dict(row)
        for row in view.rows(
            OFFERS,
            [
                Query.equal("providerId", [provider_id]),
                Query.equal("state", ["accepted", "declined"]),
                Query.order_desc("offeredAt"),
                Query.limit(_ANSWERS),
            ],
        )
    ]
