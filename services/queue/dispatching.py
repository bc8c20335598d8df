"""The dispatcher: looks for offers that nobody answered, and passes their bookings on. Any number of them may run; what
they know stands in rows alone."""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import instant_like
from marketplace.collections import OFFERS
from marketplace.offers import OfferState
from resources.appwrite.failures import TransientFailure
from services.moving.standing import Terms
from services.queue.ending import end_offer
from services.store import Gateway, carry_out

EVERY_S: Final = 1.0
_PAGE: Final = 100
_MOST_FAILURES: Final = 20
"""A server that does not answer so often in a row is left alone until the next round."""


@dataclass
class Dispatched:
    """What a round did. ``failed``: offers that could not be ended now; the next round looks at them again."""

    ended: int = 0
    failed: int = 0
    first_failure: Exception | None = None


def dispatch_once(gateway: Gateway, now: Callable[[], datetime], terms: Terms) -> Dispatched:
    """End every offer whose deadline is past, the oldest first; one that fails does not hold up those behind it. Raises
    CallFailure where not even a list can be had."""
    done, in_a_row = Dispatched(), 0
    for offer_id in _over(gateway, now):
        try:
            ended = carry_out(gateway, now, partial(end_offer, offer_id=offer_id, terms=terms))
        except Exception as failure:  # noqa: BLE001 - whatever one offer is, those behind it are not it
            done.failed += 1
            done.first_failure = done.first_failure or failure
            # Of what only this offer's rows are, any number may stand before those that can be ended.
            in_a_row += isinstance(failure, TransientFailure)
            if in_a_row >= _MOST_FAILURES:
                break
            continue
        in_a_row = 0
        done.ended += ended is not None
    return done


def _over(gateway: Gateway, now: Callable[[], datetime]) -> Iterator[str]:
    """The ids of the open offers whose deadline is past, as they stand when the round begins."""
    asked = [
        Query.equal("state", [OfferState.OFFERED.value]),
        Query.less_than_equal("deadline", instant_like(None, now())),
        Query.order_asc("deadline"),
        Query.order_asc("$id"),
        Query.limit(_PAGE),
    ]
    found: list[str] = []
    after: list[str] = []
    while True:
        page = gateway.rows(OFFERS, [*asked, *after])
        found += [str(row["$id"]) for row in page]
        if len(page) < _PAGE:
            break
        after = [Query.cursor_after(str(page[-1]["$id"]))]
    yield from found
