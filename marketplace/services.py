"""Limits of the service figures and of suspicious use: what counts as a duplicate booking and as abuse, and the
steps in which response times are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import Final

from marketplace.durations import between, short
from marketplace.statuses import Role, values


class Anomaly(StrEnum):
    """What is odd about bookings or about use. Columns hold the plain word (``value``), as with statuses."""

    DUPLICATE_BOOKING = "duplicate_booking"
    OVERLAPPING_BOOKINGS = "overlapping_bookings"
    ABUSE_BOOKINGS = "abuse_bookings"
    ABUSE_MESSAGES = "abuse_messages"


ANOMALIES: Final = values(*Anomaly)


@dataclass(frozen=True)
class AnomalyLimits:
    """A second booking of one customer and provider within ``duplicate``, or more than so many rows of one
    user in ``window``."""

    duplicate: timedelta = timedelta(minutes=5)
    window: timedelta = timedelta(hours=1)
    bookings: int = 5
    messages: int = 30


ANOMALY_LIMITS: Final = AnomalyLimits()
#: So long a request is answered as it was the first time it came with its key; later it is a new one.
REQUESTS_KEPT: Final = timedelta(days=7)
#: Bookings a place may say it takes at once; more is no capacity but a mistake.
LARGEST_CAPACITY: Final = 1_000
#: The stars of a review, both included.
WORST_RATING: Final = 1
BEST_RATING: Final = 5
#: Fewer ratings than this say nothing of a provider.
FEWEST_RATINGS: Final = 3
#: Roles whose messages are the app's own, not a user's.
AUTOMATIC_ROLES: Final = values(Role.SYSTEM, Role.ADMIN)
#: Percentiles shown of response times.
MEDIAN: Final = 0.5
TAIL: Final = 0.95


@dataclass(frozen=True)
class ResponseBucket:
    """Responses of ``from_s`` seconds up to, and not including, ``to_s`` (None: without end)."""

    number: int
    label: str
    from_s: int
    to_s: int | None


#: The days of creation whose response times are counted.
RESPONSE_WINDOW: Final = timedelta(days=30)
#: Where one bucket ends and the next begins, in seconds.
_RESPONSE_STEPS: Final = (30, 60, 120, 300, 600, 1_800, 3_600)


def _bucket(number: int, from_s: int, to_s: int | None) -> ResponseBucket:
    start = timedelta(seconds=from_s)
    if to_s is None:
        return ResponseBucket(number, f"{short(start)} and more", from_s, to_s)
    end = timedelta(seconds=to_s)
    label = between(start, end, " to ") if from_s else f"under {short(end)}"
    return ResponseBucket(number, label, from_s, to_s)


RESPONSE_BUCKETS: Final = tuple(
    _bucket(number, from_s, to_s)
    for number, (from_s, to_s) in enumerate(pairwise((0, *_RESPONSE_STEPS, None)), 1)
    if from_s is not None
)
#: Expired, or pending past the response deadline: shown after the buckets.
NEVER_ANSWERED: Final = ResponseBucket(len(RESPONSE_BUCKETS) + 1, "never answered", 0, None)
#: The line of the distribution that counts every source.
ALL_SOURCES: Final = "all"
