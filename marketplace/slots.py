"""When a provider is free: half-open intervals, and the starts of a day that a service fits in. Which bookings take a
provider's time is told by who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

SLOT_STEP: Final = timedelta(minutes=30)
"""From one start that is shown to the next; a booking may begin between them."""
LONGEST_LOOK: Final = timedelta(days=7)
"""As much of the calendar is shown at once."""

Interval = tuple[datetime, datetime]
"""[from, to), naive UTC."""


def at_once(start: datetime, end: datetime, taken: Iterable[Interval]) -> int:
    """The most of ``taken`` that there are at one moment of [start, end); touching is none."""
    inside = [(max(start, a), min(end, b)) for a, b in taken if a < end and b > start and a < b]
    # Of an end and a start at one instant the end comes first: the interval is half-open.
    changes = sorted([(a, 1) for a, _ in inside] + [(b, -1) for _, b in inside])
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


def is_free(start: datetime, end: datetime, taken: Iterable[Interval], takes: int | None) -> bool:
    """Whether one more fits. ``takes``: how many at once (None: nobody said a limit)."""
    return takes is None or at_once(start, end, taken) < takes


def starts_between(
    first: datetime,
    last: datetime,
    length: timedelta,
    taken: Iterable[Interval],
    takes: int | None,
    *,
    step: timedelta = SLOT_STEP,
    not_before: datetime | None = None,
) -> Iterator[datetime]:
    """The free starts in [first, last), a step apart from ``first`` on, none before ``not_before``."""
    held = list(taken)
    start = first
    while start < last:
        if (not_before is None or start >= not_before) and is_free(start, start + length, held, takes):
            yield start
        start += step
