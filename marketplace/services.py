"""Limits of the service figures and of suspicious use: what counts as a duplicate booking and as abuse."""

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
#: Roles whose messages are the app's own, not a user's.
AUTOMATIC_ROLES: Final = ("system", "admin")
#: Percentiles shown of response times.
MEDIAN: Final = 0.5
TAIL: Final = 0.95
