"""The guard of a provider's calendar, that lets two bookings not pass each other. Which bookings take their time, and
how many at once, stands in operations/calendar.py.

Whoever gives a provider a booking to carry out, or takes one away, changes the guard; so that a decision that rests on
which bookings there are is taken again where another one came between.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marketplace.booking_rows import BookingNow
from marketplace.operations import calendar_guard_id
from operations import calendar
from operations.calendar import GUARDS, passing
from resources.appwrite.writing import Change, Create, Row, Write
from services.store import View


def taken(
    view: View,
    provider_id: str,
    starts_at: datetime,
    ends_at: datetime,
    offset_minutes: int,
    *,
    besides: str | None = None,
) -> list[BookingNow]:
    """The bookings that take some of a provider's time, as operations/calendar.py has it. Raises CallFailure."""
    return calendar.taken(view, view.now, provider_id, starts_at, ends_at, offset_minutes, besides=besides)


def guard_of(view: View, provider_id: str) -> Row | None:
    """The guard of a provider's calendar; watched. Raises CallFailure."""
    return view.row(GUARDS, calendar_guard_id(provider_id))


def passed(view: View, provider_id: str, **more: Any) -> Write:
    """The write that takes a provider's guard: nobody decided on their bookings since it was read. Raises
    CallFailure."""
    guard, row_id = guard_of(view, provider_id), calendar_guard_id(provider_id)
    data = passing(guard, provider_id, view.now, **more)
    if guard is None:
        return Create(GUARDS, row_id, data)
    return Change(GUARDS, row_id, data, str(guard["$updatedAt"]))
