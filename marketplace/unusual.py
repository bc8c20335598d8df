"""What is watched for being unusual, against what it is held, and how unlikely is too unlikely: as data. The arithmetic
of it stands in expectation.py, the figures are counted in assets/marts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from typing import Final

from marketplace.collections import (
    BOOKING_COLLECTIONS,
    HAPPENING_COLLECTIONS,
    MESSAGE_COLLECTIONS,
    NOTIFICATION_COLLECTIONS,
)
from marketplace.commission import COMMISSION_COLLECTION
from marketplace.health import DELIVERY_ALLOWANCE
from marketplace.registry import Registry
from marketplace.statuses import values


class Usualness(StrEnum):
    """How an hour of a series stands. Columns hold the plain word (``value``), as with statuses."""

    USUAL = "usual"
    UNUSUAL = "unusual"
    UNKNOWN = "unknown"


class Side(StrEnum):
    """On which side of what is expected a figure is told of."""

    LOW = "low"
    HIGH = "high"
    BOTH = "both"


class Unjudged(StrEnum):
    """Why an hour's state is unknown."""

    HOLIDAY = "holiday"
    HISTORY = "history"
    UNREAD = "unread"


STATES: Final = values(*Usualness)
UNJUDGED: Final = values(*Unjudged)

HOUR: Final = timedelta(hours=1)
HOURS_A_WEEK: Final = 7 * 24
#: The weeks an hour's expectation is made from, and under how many of them it is not told.
WEEKS: Final = 8
LEAST_WEEKS: Final = 4
#: The days whose hours are judged; those that were unusual are shown. One more before them fills the longest span.
SHOWN_DAYS: Final = 7
JUDGED_HOURS: Final = (SHOWN_DAYS + 1) * 24
#: How far back things are counted: what a thing's allowance moves the hours by lies before them.
COUNTED_BACK: Final = WEEKS * HOURS_A_WEEK * HOUR + (JUDGED_HOURS + 2) * HOUR
#: Hours whose sum is judged: one hour tells a collapse, a day a change that no hour of it tells.
SPANS: Final = (1, 3, 6, 12, 24)
#: The hour that is open now is judged only where it was read until lately: what is not read is not silent.
READ_WITHIN: Final = timedelta(minutes=10)
#: low and high hold so much of what is to be expected.
INTERVAL: Final = 0.99

#: A span is unusual below this likelihood. Twenty series × 720 hours × five spans, which overlap, and every minute
#: of the open hour are some 200,000 looks that count a month: by chance 0.02 false alarms a month among them all. Ten
#: times as much room is left for what no distribution has: one lively evening is in messages, rows and notifications.
UNLIKELY: Final = 1e-7
#: A silence of bookings is, below this: nobody booked while 10.1 bookings were to be expected (-ln of it, and a little
#: for what eight weeks leave open), so that it is told before 12 are lost also where the weeks were poor by chance.
#: Each booking ends one such silence, 15,000 a month by source and in all: 1 false alarm a month, if bookings come as
#: unevenly as chance has it; measured is less (docs/performance.md).
SILENT: Final = 8e-5
#: The code of what is told of a series that was unusual and cannot be told any more: its alert is not over.
UNSEEN: Final = "unusual.unseen"
#: The certainty with which a share is unusual that is only suspected: above it the exact distribution is not asked.
SUSPECT: Final = 3.5


@dataclass(frozen=True)
class Series:
    """A figure by the hour. ``shares``: it is one of so many, else a number of things. ``unit``: what is counted, of a
    share its denominator. ``rests_on``: the collections it is counted from. ``allowance``: how long after its hour a
    thing is complete. ``side``: where it is told of. ``silent``: below which likelihood nothing at all is unusual."""

    name: str
    unit: str
    rests_on: tuple[str, ...]
    shares: bool = False
    side: Side = Side.BOTH
    allowance: timedelta = timedelta(0)
    silent: float = UNLIKELY


#: A request is answered, declined or expired half an hour after it was made: the longest default deadline.
_ANSWERED: Final = timedelta(minutes=30)

SERIES: Final = Registry(
    (
        Series("bookings", "bookings", BOOKING_COLLECTIONS, silent=SILENT),
        Series("acceptance", "answers", BOOKING_COLLECTIONS, shares=True, side=Side.LOW, allowance=_ANSWERED),
        Series("cancellation", "ended bookings", BOOKING_COLLECTIONS, shares=True, side=Side.HIGH),
        Series(
            "response_time", "answers", BOOKING_COLLECTIONS, shares=True, side=Side.HIGH, allowance=_ANSWERED
        ),
        Series("messages", "messages", MESSAGE_COLLECTIONS),
        Series(
            "delivery",
            "notifications",
            NOTIFICATION_COLLECTIONS,
            shares=True,
            side=Side.LOW,
            allowance=DELIVERY_ALLOWANCE,
        ),
        Series("payments", "payments", (COMMISSION_COLLECTION,)),
        Series("rows", "rows", ()),
    ),
    key=lambda series: series.name,
)
#: The collections whose rows are counted as they arrive: those whose rows core has.
ARRIVING: Final = HAPPENING_COLLECTIONS


@cache
def holidays_of(year: int) -> frozenset[date]:
    """Indonesia's public holidays of a year, and the days of leave that the government adds to them."""
    from holidays import country_holidays  # loaded where hours are judged, not by every command

    return frozenset(country_holidays("ID", years=year, categories=("public", "government")))


def is_holiday(day: date) -> bool:
    """Whether a local day is one on which nothing can be expected from ordinary weeks."""
    return day in holidays_of(day.year)
