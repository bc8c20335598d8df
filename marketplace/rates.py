"""How often somebody may: so many in any hour, counted exactly, by the instants of those that were let.

It is the rule of the anomalies (services.py) from the other side: what is let here is never found there. Where the
instants are kept does not live here.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from marketplace.services import ANOMALY_LIMITS


class Rate(StrEnum):
    """What is counted. Columns hold the plain word (``value``)."""

    BOOKINGS = "bookings"
    MESSAGES = "messages"


LIMITS: Final = {Rate.BOOKINGS: ANOMALY_LIMITS.bookings, Rate.MESSAGES: ANOMALY_LIMITS.messages}
WINDOW: Final = ANOMALY_LIMITS.window
_MINUTE_S: Final = 60


def fits(instants: Sequence[datetime], at: datetime, limit: int, window: timedelta = WINDOW) -> bool:
    """Whether one more at an instant is among no more than ``limit`` in any half-open window: of limit + 1 in a row it
    is one of, the last is a whole window after the first, or later. ``instants``: in any order, of clocks that may
    differ a little."""
    found = sorted(instants)
    where = bisect_right(found, at)
    found.insert(where, at)
    rows = range(max(0, where - limit), min(where, len(found) - limit - 1) + 1)
    return all(found[first + limit] - found[first] >= window for first in rows)


def free_at(instants: Sequence[datetime], at: datetime, limit: int, window: timedelta = WINDOW) -> datetime:
    """The first instant from ``at`` on at which one more fits.

    >>> noon = datetime(2026, 3, 15, 12)
    >>> free_at([noon, noon + timedelta(minutes=5)], noon + timedelta(minutes=10), 2)
    datetime.datetime(2026, 3, 15, 13, 0)
    """
    tried = (at, *(one + window for one in sorted(instants) if one + window > at))
    return next(moment for moment in tried if fits(instants, moment, limit, window))


def seconds_until(at: datetime, free: datetime) -> int:
    """Whole seconds to wait, 1 at least: after them it is free."""
    return max(1, math.ceil((free - at).total_seconds()))


def spoken(wait_s: int) -> int:
    """A wait as people say it, in seconds: in whole minutes, up, from one on.

    >>> spoken(45), spoken(61)
    (45, 120)
    """
    return wait_s if wait_s < _MINUTE_S else -(-wait_s // _MINUTE_S) * _MINUTE_S


def kept(instants: Sequence[datetime], at: datetime, window: timedelta = WINDOW) -> list[datetime]:
    """Those that still matter to what comes later, in order."""
    return sorted(one for one in instants if one > at - 2 * window)
