"""A provider's time: which bookings take it, how many at once, and whether they are on line again where one took it no
longer. By rows as they are now; who may give a provider a booking, and in which order, is not known here.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from appwrite.query import Query

from marketplace.aliases import ALIASES
from marketplace.app_rows import instant_like, text_at
from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_TYPES
from marketplace.commission import REVENUE_STATUSES
from marketplace.instants import default_offsets
from marketplace.queue import BUSY_BEFORE, provider_status
from marketplace.services import LARGEST_CAPACITY
from marketplace.statuses import BookingStatus, ProviderStatus, ProviderType, spellings
from marketplace.zones import resolve
from operations.fresh import change_of
from resources.appwrite.paging import every_row
from resources.appwrite.writing import Change, Row

GUARDS: Final = "service_guards"
CALENDAR: Final = "calendar"
_MOMENT: Final = timedelta(microseconds=1)
DEFAULT_OFFSET: Final = default_offsets(1)[0]
"""Minutes east of UTC where a provider says no zone."""
_ENDED_SINCE: Final = timedelta(days=2)
"""A service that ended is looked at so long: it may have ended after another one was to begin."""
_OPEN: Final = spellings(BookingStatus.ACCEPTED, BookingStatus.CONFIRMED)
_DONE: Final = spellings(BookingStatus.COMPLETED)


class Listing(Protocol):
    """Rows as they are now. Both raise CallFailure."""

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]: ...
    def has(self, collection: str, attribute: str) -> bool: ...


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
    ask: Listing,
    at: datetime,
    provider_id: str,
    starts_at: datetime,
    ends_at: datetime,
    offset_minutes: int,
    *,
    besides: str | None = None,
) -> list[BookingNow]:
    """The bookings that take some of a provider's time in [starts_at, ends_at): accepted, confirmed, or completed and
    ended later than that; of every collection and spelling. ``offset_minutes``: the provider's zone, in which an app's
    bare times are; ``at``: now; ``besides``: one that does not count. Raises CallFailure."""
    found: dict[tuple[str, str], Row] = {}
    for collection in BOOKING_COLLECTIONS:
        for row in _bookings(ask, collection, provider_id, min(starts_at, at) - _ENDED_SINCE):
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


def _bookings(ask: Listing, collection: str, provider_id: str, since: datetime) -> Iterable[Row]:
    names = [n for n in ALIASES["booking.provider_id"] if "." not in n and ask.has(collection, n)]
    states = [n for n in ALIASES["booking.status"] if ask.has(collection, n)]
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
    yield from every_row(ask, collection, [whose, which])


def _any(queries: Sequence[str]) -> str:
    return queries[0] if len(queries) == 1 else Query.or_queries(list(queries))


def available_again(
    ask: Listing,
    at: datetime,
    provider: Row,
    collection: str,
    starts_at: datetime | None,
    *,
    besides: str,
) -> list[Change]:
    """The write by which a provider is on line again whom a booking made busy that they do not carry out any more; none
    where another one takes their time soon, or they are not busy. ``starts_at``: of the booking, ``besides``: its id.
    Raises CallFailure."""
    soon = at + BUSY_BEFORE
    if provider_status(provider) != ProviderStatus.BUSY.value or starts_at is None or starts_at > soon:
        return []
    others = taken(ask, at, str(provider["$id"]), at, soon, offset_of(provider), besides=besides)
    if most_at_once(others, at, soon) >= (takes_at_once(provider, collection) or 1):
        return []
    return [change_of(collection, provider, {"status": ProviderStatus.AVAILABLE.value})]


def passing(guard: Row | None, provider_id: str, at: datetime, **more: Any) -> dict[str, Any]:
    """The attributes of a provider's guard once somebody gave them a booking, or took one away."""
    return {
        "kind": CALENDAR,
        "providerId": provider_id,
        "version": int(guard.get("version") or 0) + 1 if guard is not None else 1,
        "at": instant_like(None, at),
        **more,
    }
