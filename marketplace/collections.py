"""The collections of the marketplace: which are read, which must be there, which attributes are personal.

The id a deployment gives a collection is a setting and does not live here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Collection:
    """``personal``: attributes that hold a person's name, phone, words or whereabouts (JSON objects
    included)."""

    name: str
    ingested: bool = False
    required: bool = False
    personal: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.required and not self.ingested:
            raise ValueError(f"{self.name} is required but not ingested")


_BOOKING_PERSONAL: Final = (
    "customerName",
    "userName",
    "guestName",
    "hotelGuestName",
    "customerDetails",
    "customerWhatsApp",
    "customerPhone",
    "customerphone",
    "customerEmail",
    "roomNumber",
    "roomnumber",
    "hotelRoomNumber",
    "location",
    "locationDetails",
    "customerLocation",
    "address",
    "customerAddress",
    "locationAddress",
    "coordinates",
    "latitude",
    "longitude",
    "notes",
    "specialRequests",
    "declineReason",
    "cancellationReason",
    "cancelReason",
    "statusReason",
    "expirationReason",
    "booking",
    "metadata",
    "message",
)

COLLECTIONS: Final = (
    Collection(
        "users", ingested=True, personal=("name", "email", "phone", "whatsappNumber", "address", "location")
    ),
    Collection(
        "therapists", ingested=True, personal=("whatsappNumber", "phone", "email", "coordinates", "location")
    ),
    Collection(
        "places", ingested=True, personal=("whatsappNumber", "phone", "email", "coordinates", "location")
    ),
    Collection("hotels"),
    Collection("bookings", ingested=True, required=True, personal=_BOOKING_PERSONAL),
    Collection("hotel_bookings", ingested=True, personal=_BOOKING_PERSONAL),
    Collection("chat_rooms", ingested=True, personal=("customerName", "customerPhone", "customerWhatsApp")),
    Collection(
        "chat_messages",
        ingested=True,
        required=True,
        personal=(
            "senderName",
            "receiverName",
            "receivername",
            "message",
            "content",
            "originalText",
            "translatedText",
            "metadata",
        ),
    ),
    Collection("admin_messages"),
    Collection(
        "reviews", ingested=True, personal=("userName", "customerName", "reviewerName", "comment", "review")
    ),
    Collection("notifications", ingested=True, personal=("title", "message", "body", "data")),
    Collection(
        "commission_records",
        ingested=True,
        required=True,
        personal=("customerName", "customerPhone", "booking"),
    ),
    Collection("bank_details"),
    Collection(
        "payment_transactions",
        ingested=True,
        personal=("customerName", "payerName", "userName", "customerPhone"),
    ),
    Collection("image_assets"),
    Collection("login_backgrounds"),
    Collection("translations"),
)
"""bank_details is never ingested."""

BY_NAME: Final = {collection.name: collection for collection in COLLECTIONS}
if len(BY_NAME) != len(COLLECTIONS):
    raise ValueError("a collection is registered twice")

INGESTED: Final = tuple(collection.name for collection in COLLECTIONS if collection.ingested)
REQUIRED: Final = tuple(collection.name for collection in COLLECTIONS if collection.required)
BOOKING_COLLECTIONS: Final = ("bookings", "hotel_bookings")
#: What a row of each collection of providers is.
PROVIDER_TYPES: Final = {"therapists": "therapist", "places": "place"}
PROVIDER_COLLECTIONS: Final = tuple(PROVIDER_TYPES)
ROOM_COLLECTIONS: Final = ("chat_rooms",)
USERS: Final = "users"
