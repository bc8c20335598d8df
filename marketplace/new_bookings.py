"""A booking and its chat room as services write them: the canonical attributes, and nothing else.

What may be booked, and for how much, does not live here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from marketplace.aliases import ALIASES
from marketplace.app_rows import Has, attribute, instant_like
from marketplace.booking_rows import BookingNow
from marketplace.chats import ROOM_STAYS
from marketplace.entries import Told
from marketplace.statuses import BookingStatus, Mode, RoomStatus

_THOUSAND: Final = 1_000

CANONICAL: Final = (
    *("bookingId", "userId", "status", "duration", "providerId", "providerType", "providerName", "service"),
    *("startTime", "price", "createdAt", "responseDeadline", "source", "chatWindowOpen", "mode"),
    *("scheduledTime", "customerName", "customerWhatsApp", "bookingType", "hotelVillaId", "roomNumber"),
    *("totalCost", "discountCode", "isTest", "location", "metadata"),
)
"""All a new booking may have (docs/domain.md)."""


@dataclass(frozen=True)
class NewBooking:
    """What was booked. Instants are naive UTC, amounts rupiah (``price_idr``: before the discount), the phone E.164."""

    booking_id: str
    user_id: str
    provider_id: str
    provider_type: str
    provider_name: str | None
    minutes: int
    starts_at: datetime
    price_idr: int
    amount_idr: int
    discount_code: str | None
    made_at: datetime
    deadline: datetime
    source: Told
    mode: Told
    chat_window_open: bool
    customer_name: str
    phone: str
    location: str | None = None
    hotel_id: str | None = None
    room_number: str | None = None
    is_test: bool = False

    @property
    def as_read(self) -> BookingNow:
        """What its row will say."""
        return BookingNow(
            booking_id=self.booking_id,
            status=BookingStatus.PENDING.value,
            provider_id=self.provider_id,
            provider_type=self.provider_type,
            customer_id=self.user_id,
            source=self.source.value,
            mode=self.mode.value,
            minutes=self.minutes,
            amount_idr=self.amount_idr,
            before_idr=self.price_idr if self.discount_code is not None else None,
            created_at=self.made_at,
            starts_at=self.starts_at,
            ends_at=self.starts_at + timedelta(minutes=self.minutes),
            completed_at=None,
            response_deadline=self.deadline,
            is_test=self.is_test,
        )


def in_thousands(idr: int) -> int:
    """A price in thousands of rupiah, half up: what the price column holds.

    >>> in_thousands(202_500)
    203
    """
    return (idr + _THOUSAND // 2) // _THOUSAND


def booking_row(new: NewBooking, has: Has) -> dict[str, Any]:
    """The attributes of a new booking, those that the collection has, each under the first of its names; nothing that
    is empty."""
    scheduled = new.mode.value == Mode.SCHEDULED.value
    start = instant_like(None, new.starts_at)
    data: dict[str, Any] = {
        "bookingId": new.booking_id,
        "userId": new.user_id,
        "status": BookingStatus.PENDING.value,
        "duration": new.minutes,
        "service": str(new.minutes),
        "providerId": new.provider_id,
        "providerType": new.provider_type,
        "providerName": new.provider_name,
        "startTime": start,
        "scheduledTime": start if scheduled else None,
        "price": in_thousands(new.price_idr),
        "totalCost": new.amount_idr,
        "discountCode": new.discount_code,
        "createdAt": instant_like(None, new.made_at),
        "responseDeadline": instant_like(None, new.deadline),
        "source": new.source.value,
        "mode": new.mode.value,
        "bookingType": new.mode.value,
        "chatWindowOpen": new.chat_window_open,
        "customerName": new.customer_name,
        "customerWhatsApp": new.phone,
        "location": new.location,
        "hotelVillaId": new.hotel_id,
        "roomNumber": new.room_number,
        "isTest": new.is_test,
        "metadata": json.dumps({"sourceRule": new.source.rule, "modeRule": new.mode.rule}),
    }
    return _named(data, _MEANINGS, has)


def room_row(
    booking_id: str, booking: Mapping[str, Any], ends_at: datetime, made_at: datetime, has: Has
) -> dict[str, Any]:
    """The attributes of the chat room of a new booking. ``booking``: customer_id, customer_name, provider_id,
    provider_name."""
    data: dict[str, Any] = {
        "bookingId": booking_id,
        "customerId": booking["customer_id"],
        "customerName": booking["customer_name"],
        "therapistId": booking["provider_id"],
        "therapistName": booking["provider_name"],
        "status": RoomStatus.ACTIVE.value,
        "expiresAt": instant_like(None, ends_at + ROOM_STAYS),
        "createdAt": instant_like(None, made_at),
    }
    return _named(data, _ROOM_MEANINGS, has)


_MEANINGS: Final = {
    "userId": "booking.customer_id",
    "duration": "booking.minutes",
    "providerName": "booking.provider_name",
    "startTime": "booking.start",
    "responseDeadline": "booking.response_deadline",
    "customerName": "booking.customer_name",
    "customerWhatsApp": "booking.customer_phone",
    "roomNumber": "booking.room",
    "location": "booking.location",
    "totalCost": "booking.amount",
}
_ROOM_MEANINGS: Final = {"customerId": "room.customer_id", "therapistId": "room.provider_id"}


def _named(data: Mapping[str, Any], meanings: Mapping[str, str], has: Has) -> dict[str, Any]:
    """Attributes under the names that the collection has: the canonical one, else the next of its meaning that no other
    one of them has."""
    row: dict[str, Any] = {}
    for name, value in data.items():
        if value is None:
            continue
        names = (
            (name, *(other for other in ALIASES[meanings[name]] if other not in data))
            if name in meanings
            else (name,)
        )
        used = attribute(names, has)
        if used is not None:
            row[used] = value
    return row
