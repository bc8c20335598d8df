"""Limits of the service figures and of suspicious use: what counts as a duplicate booking and as abuse, and the
steps in which response times are counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final


@dataclass(frozen=True)
class AnomalyLimits:
    """A second booking of one customer and provider within ``duplicate``, or more than so many rows of one
    user in ``window``."""

    duplicate: timedelta = timedelta(minutes=5)
    window: timedelta = timedelta(hours=1)
    bookings: int = 5
    messages: int = 30


ANOMALY_LIMITS: Final = AnomalyLimits()
#: Bookings a place may say it takes at once; more is no capacity but a mistake.
LARGEST_CAPACITY: Final = 1_000
#: Roles whose messages are the app's own, not a user's.
AUTOMATIC_ROLES: Final = ("system", "admin")
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
RESPONSE_BUCKETS: Final = (
    ResponseBucket(1, "under 30 s", 0, 30),
    ResponseBucket(2, "30 to 60 s", 30, 60),
    ResponseBucket(3, "1 to 2 min", 60, 120),
    ResponseBucket(4, "2 to 5 min", 120, 300),
    ResponseBucket(5, "5 to 10 min", 300, 600),
    ResponseBucket(6, "10 to 30 min", 600, 1800),
    ResponseBucket(7, "30 to 60 min", 1800, 3600),
    ResponseBucket(8, "1 h and more", 3600, None),
)
#: Expired, or pending past the response deadline: shown after the buckets.
NEVER_ANSWERED: Final = ResponseBucket(9, "never answered", 0, None)
#: The line of the distribution that counts every source.
ALL_SOURCES: Final = "all"
