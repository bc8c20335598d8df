"""A second booking of one customer and provider, moments after the first: the rule of the pipeline's anomalies, asked
before one is made, and before a booking goes to another provider.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from marketplace.booking_rows import BookingNow, read_bookings
from marketplace.services import ANOMALY_LIMITS
from marketplace.statuses import BookingStatus, values
from resources.appwrite.writing import Row, Write
from services.booking.customers import DEFAULT_OFFSET, Customer, whose
from services.store import View

STANDING: Final = values(BookingStatus.PENDING, BookingStatus.ACCEPTED, BookingStatus.CONFIRMED)
"""A booking in one of these is told again instead of a second one."""


def close(one: datetime, other: datetime) -> bool:
    """Whether two bookings are so close that the later is taken for the earlier again; the limit included."""
    return abs(one - other) <= ANOMALY_LIMITS.duplicate


def close_ones(found: Iterable[BookingNow], provider_id: str, at: datetime) -> list[BookingNow]:
    """Those with a provider that are close to an instant and were not cancelled, the first first: with
    them, one more is a duplicate."""
    return sorted(
        (
            booking
            for booking in found
            if (booking.provider_id or "").lower() == provider_id.lower()
            and booking.status != BookingStatus.CANCELLED.value
            and close(booking.created_at, at)
        ),
        key=lambda booking: (booking.created_at, booking.booking_id),
    )


def standing_with(view: View, booking: Row, provider_id: str) -> BookingNow | None:
    """Another booking that its customer has with a provider, made so close to this one that, were this one that
    provider's, it would be a duplicate; None where there is none. Its customer's row is watched. Raises CallFailure."""
    customer = _customer(view, booking)
    if customer is None:
        return None
    (this,) = read_bookings([booking], customer.offset_minutes)
    found = close_ones(customer.bookings, provider_id, this.created_at)
    return next((other for other in found if other.booking_id != this.booking_id), None)


def moved_to(view: View, booking: Row, provider_id: str, at: datetime) -> list[Write]:
    """The write that goes with giving a booking to another provider: of the row that its customer's next booking
    changes, too, so that the two cannot pass each other unseen. ``at``: now. Nothing where the row knows no such
    booking. Raises CallFailure."""
    customer = _customer(view, booking)
    if customer is None:
        return []
    mine = str(booking["$id"])
    found = [replace(one, provider=provider_id) if one.booking == mine else one for one in customer.counted]
    return [] if found == customer.counted else [customer.write(found, at)]


def _customer(view: View, booking: Row) -> Customer | None:
    found = whose(booking)
    return Customer(view, found, DEFAULT_OFFSET) if found is not None else None
