"""Ibis expressions by which a mart says whether a day, a month or a cohort is final. The numbers are in
marketplace/cohorts.py.
"""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import bookings_read, zones_read
from assets.marts.later import ibis
from marketplace.cohorts import LAST_ZONE


def begins(day: Any) -> Any:
    """The instant (naive UTC) from which a local day has begun in every zone of Indonesia."""
    return day.cast("timestamp") - ibis.interval(minutes=LAST_ZONE.offset_minutes)


def ends(last_day: Any) -> Any:
    """The instant (naive UTC) at which a local day is over in every zone of Indonesia."""
    return begins(last_day + ibis.interval(days=1))


def month_of(day: Any) -> Any:
    """The first day of a local day's month."""
    return day.truncate("M")


def is_final(old_enough: Any, all_read: Any) -> Any:
    """True: final; false: too young; null: old enough, and not all that it rests on was read."""
    return ibis.cases((~old_enough, False), (all_read, True), else_=ibis.null("boolean"))


def dated_bookings_read(scans: Any) -> Any:
    """Whether every booking there is was read and has its local day: a scalar, never null."""
    return bookings_read(scans) & zones_read(scans)
