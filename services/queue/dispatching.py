"""The dispatcher: looks for offers that nobody answered, and passes their bookings on. Any number of them may run; what
they know stands in rows alone."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import instant_like
from marketplace.collections import OFFERS
from marketplace.offers import OfferState
from resources.appwrite.paging import every_row
from services.going_on import Aside, Round
from services.moving.standing import Terms
from services.queue.ending import end_offer
from services.store import Gateway, carry_out

EVERY_S: Final = 1.0


def dispatch_once(
    gateway: Gateway, now: Callable[[], datetime], terms: Terms, aside: Aside | None = None
) -> Round:
    """End every offer whose deadline is past, the oldest first; one that fails does not hold up those behind it. Raises
    CallFailure where not even a list can be had."""
    done = Round(aside or Aside())
    for offer_id in _over(gateway, now):
        ends = partial(end_offer, offer_id=offer_id, terms=terms)
        done.do(offer_id, lambda ends=ends: carry_out(gateway, now, ends) is not None)
        if done.is_hopeless:
            break
    return done


def _over(gateway: Gateway, now: Callable[[], datetime]) -> list[str]:
    """The ids of the open offers whose deadline is past, as they stand when the round begins."""
    asked = [
        Query.equal("state", [OfferState.OFFERED.value]),
        Query.less_than_equal("deadline", instant_like(None, now())),
        Query.order_asc("deadline"),
        Query.order_asc("$id"),
    ]
    return [str(row["$id"]) for row in every_row(gateway, OFFERS, asked)]
