"""Who is offered a booking next, how long its customer may have to wait, and how often it is offered: rules alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Final

from marketplace.app_rows import text_at, word
from marketplace.commission import MILLION
from marketplace.offers import Offer
from marketplace.rules import EARLIEST_INSTANT, RESPONSE_MINUTES_IMMEDIATE, RESPONSE_MINUTES_SCHEDULED
from marketplace.statuses import PROVIDER_STATUS, Mode, ProviderStatus

MOST_OFFERS: Final = 5
"""So often a booking is offered at most, the first time included."""
PRICE_BAND_PPM: Final = 200_000
"""A provider whose price is at most so far from the first one's, in millionths of it, is of the same price band."""
DISPATCHER_DEAD_AFTER: Final = timedelta(minutes=5)
"""An offer that stands open so long past its deadline is seen by no dispatcher: the booking is expired without one."""
BUSY_BEFORE: Final = timedelta(hours=2)
"""A provider is busy from so long before a service on."""
FEWEST_ANSWERS: Final = 3
"""Fewer answers than this do not tell how long a provider takes."""


def answer_time(mode: str) -> timedelta:
    """How long a provider has to answer an offer."""
    scheduled = mode == Mode.SCHEDULED.value
    return timedelta(minutes=RESPONSE_MINUTES_SCHEDULED if scheduled else RESPONSE_MINUTES_IMMEDIATE)


def in_band(price_idr: int, of_idr: int) -> bool:
    """Whether a price is of the band of another.

    >>> in_band(300_000, 250_000), in_band(300_001, 250_000), in_band(200_000, 250_000)
    (True, False, True)
    """
    return abs(price_idr - of_idr) * MILLION <= of_idr * PRICE_BAND_PPM


def is_free(provider: Mapping[str, object]) -> bool:
    """Whether a provider may be offered what they did not ask for: on line, not busy, not restricted."""
    return provider_status(provider) == ProviderStatus.AVAILABLE.value


def provider_status(provider: Mapping[str, object]) -> str:
    """The state of an account, as its row says it."""
    return word(text_at(provider, "status"), PROVIDER_STATUS)


@dataclass(frozen=True)
class Candidate:
    """A provider who could be offered a booking. ``offered_at``: when they were last offered any (naive UTC), None if
    never."""

    provider_id: str
    offered_at: datetime | None


def in_turn(candidates: Iterable[Candidate], asked: frozenset[str]) -> list[Candidate]:
    """Those who were not asked yet, the one first who was offered something longest ago."""
    return sorted(
        (candidate for candidate in candidates if candidate.provider_id not in asked),
        key=lambda c: (c.offered_at is not None, c.offered_at or EARLIEST_INSTANT, c.provider_id),
    )


def typical_answer(offers: Iterable[Offer]) -> timedelta | None:
    """How long a provider takes to answer: the median of the offers that were answered; None of too few."""
    took = [
        (o.answered_at - o.offered_at).total_seconds()
        for o in offers
        if o.answered_at is not None and o.state in ("accepted", "declined")
    ]
    return timedelta(seconds=median(took)) if len(took) >= FEWEST_ANSWERS else None


def expected_wait(position: int, typical: timedelta | None, deadline: datetime, at: datetime) -> timedelta:
    """How long a customer may have to wait for an answer: a typical one for each request before theirs and for their
    own, the whole time where that is not known; never longer than until the deadline."""
    left = max(deadline - at, timedelta(0))
    return left if typical is None else min(typical * position, left)
