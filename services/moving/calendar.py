"""A provider's time: which bookings take it, how many at once, and the guard that lets two of them not pass each other.

Whoever gives a provider a booking to carry out, or takes one away, changes the guard; so that a decision that rests on
which bookings there are is taken again where another one came between.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import instant_like, text_at
from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_TYPES
from marketplace.commission import REVENUE_STATUSES
from marketplace.instants import default_offsets
from marketplace.operations import calendar_guard_id
from marketplace.services import LARGEST_CAPACITY
from marketplace.statuses import BookingStatus, ProviderType, spellings
from marketplace.zones import resolve
from resources.appwrite.writing import Change, Create, Row, Write
from services.paging import every_row
from services.store import View

GUARDS: Final = "service_guards"
CALENDAR: Final = "calendar"
_MOMENT: Final = timedelta(microseconds=1)
DEFAULT_OFFSET: Final = default_offsets(1)[0]
"""Minutes east of UTC where a provider says no zone."""
_ENDED_SINCE: Final = timedelta(days=2)
"""A service that ended is looked at so long: it may have ended after another one was to begin."""
_OPEN: Final = spellings(BookingStatus.ACCEPTED, BookingStatus.CONFIRMED)
_DONE: Final = spellings(BookingStatus.COMPLETED)


def offset_of(provider: Row | None) -> int:
    """Minutes east of UTC of a provider's zone, else of the marketplace's."""
    zone = resolve(written) if provider is not None and (written := text_at(provider, "timezone")) else None
    return zone.offset_minutes if zone is not None else DEFAULT_OFFSET


def takes_at_once(provider: Row, collection: str) -> int | None:
    """How many bookings a provider carries out at once: a therapist one, a place what it says; None where it says
    nothing that can be believed."""
    if PROVIDER_TYPES[collection] != ProviderType.PLACE.value:
        return 1
    for name in ALIASES["provider.capacity"]:
        if (text := text_at(provider, name)) is not None:
            return int(text) if text.isdecimal() and 0 < int(text) <= LARGEST_CAPACITY else None
    return None


def taken(
    view: View,
    provider_id: str,
    starts_at: datetime,
    ends_at: datetime,
    offset_minutes: int,
    *,
    besides: str | None = None,
) -> list[BookingNow]:
    """The bookings that take some of a provider's time in [starts_at, ends_at): accepted, confirmed, or completed and
    ended later than that; of every collection and spelling. ``offset_minutes``: the provider's zone, in which an app's
    bare times are; ``besides``: one that does not count. Raises CallFailure."""
    found: dict[tuple[str, str], Row] = {}
    for collection in BOOKING_COLLECTIONS:
        for row in _bookings(view, collection, provider_id, min(starts_at, view.now) - _ENDED_SINCE):
            found[collection, str(row["$id"])] = row
    bookings = read_bookings(list(found.values()), offset_minutes)
    return [
        booking
        for booking in bookings
        if booking.booking_id != besides
        and booking.provider_id == provider_id
        and booking.status in REVENUE_STATUSES
        and booking.overlaps(starts_at, ends_at)
    ]


def most_at_once(bookings: Sequence[BookingNow], starts_at: datetime, ends_at: datetime) -> int:
    """How many of some bookings there are at the fullest moment of [starts_at, ends_at)."""
    moments = {starts_at} | {
        b.starts_at for b in bookings if b.starts_at is not None and b.starts_at >= starts_at
    }
    counts = [sum(b.overlaps(at, at + _MOMENT) for b in bookings) for at in moments if at < ends_at]
    return max(counts, default=0)


def _bookings(view: View, collection: str, provider_id: str, since: datetime) -> Iterable[Row]:
    names = [n for n in ALIASES["booking.provider_id"] if "." not in n and view.has(collection, n)]
    states = [n for n in ALIASES["booking.status"] if view.has(collection, n)]
    if not names or not states:
        return
    whose = _any([Query.equal(name, [provider_id]) for name in names])
    ended = Query.greater_than("$updatedAt", instant_like(None, since))
    which = _any(
        [
            *(Query.equal(name, _OPEN) for name in states),
            *(Query.and_queries([Query.equal(name, _DONE), ended]) for name in states),
        ]
    )
    yield from every_row(view, collection, [whose, which])


def _any(queries: Sequence[str]) -> str:
    return queries[0] if len(queries) == 1 else Query.or_queries(list(queries))


# The guard ----------------------------------------------------------------------------------------------


def guard_of(view: View, provider_id: str) -> Row | None:
    """The guard of a provider's calendar; watched. Raises CallFailure."""
    return view.row(GUARDS, calendar_guard_id(provider_id))


def passed(view: View, provider_id: str, **more: Any) -> Write:
    """The write that takes a provider's guard: nobody decided on their bookings since it was read. Raises
    CallFailure."""
    guard, row_id = guard_of(view, provider_id), calendar_guard_id(provider_id)
    data: dict[str, Any] = {
        "kind": CALENDAR,
        "providerId": provider_id,
        "version": int(guard.get("version") or 0) + 1 if guard is not None else 1,
        "at": instant_like(None, view.now),
        **more,
    }
    if guard is None:
        return Create(GUARDS, row_id, data)
    return Change(GUARDS, row_id, data, str(guard["$updatedAt"]))
