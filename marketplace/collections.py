"""The collections of the marketplace, each declared once: whether it is read and must be there, which attributes are
personal, published and expected, how its rows refer to people and to each other, how core derives it.

The form of a record is in collection.py. The id a deployment gives a collection is a setting and does not live here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from marketplace.aliases import ALIASES
from marketplace.collection import (
    Beside,
    Category,
    Collection,
    CoreRows,
    ExpectedAttribute,
    Form,
    PersonKeys,
    WantedIndex,
)
from marketplace.rules import RESPONSE_MINUTES_IMMEDIATE, RESPONSE_MINUTES_SCHEDULED

OFFERS: Final = "booking_offers"
"""The collection of offers (offers.py)."""


def _names(canonical: str, meaning: str | None = None) -> tuple[str, ...]:
    """The canonical name, then its aliases."""
    more = ALIASES[meaning] if meaning else ()
    return (canonical, *(name for name in more if name != canonical))


def _expected(
    *rows: tuple[tuple[str, ...], str] | tuple[tuple[str, ...], str, bool],
) -> tuple[ExpectedAttribute, ...]:
    """Of rows of (names, what is lost without, whether that is money: no where it is left out)."""
    return tuple(ExpectedAttribute(row[0], row[1], len(row) > 2 and row[2]) for row in rows)


def _forms(**names: tuple[str, ...]) -> MappingProxyType[str, Form]:
    """Attribute → form, of attributes by the form's name."""
    return MappingProxyType({name: Form[form.upper()] for form, listed in names.items() for name in listed})


# bookings and hotel_bookings -------------------------------------------------------------------------------

_ASSUMED_DEADLINE: Final = f"{RESPONSE_MINUTES_IMMEDIATE} or {RESPONSE_MINUTES_SCHEDULED} minutes are assumed"
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
    *ALIASES["booking.cancelled_by"],
    "booking",
    "metadata",
    "message",
)

_BOOKING_EXPECTED: Final = _expected(
    (
        _names("status", "booking.status"),
        "every booking has the status unknown and earns nothing",
        True,
    ),
    (_names("totalCost", "booking.amount"), "no booking has an amount", True),
    (_names("providerId", "booking.provider_id"), "bookings have no provider", True),
    (
        _names("bookingId", "booking.business_id"),
        "records that refer to it by bookingId are orphans",
        False,
    ),
    (_names("userId", "booking.customer_id"), "customers are told apart by their phone only", False),
    (("providerType",), "therapists and places are not told apart", False),
    (_names("providerName", "booking.provider_name"), "providers are shown by their id", False),
    (
        _names("duration", "booking.minutes"),
        "minutes are unknown, and the deadlines that rest on them",
        False,
    ),
    (_names("startTime", "booking.start"), "hours of start and deadlines are unknown", False),
    (("createdAt",), "Appwrite's $createdAt is taken as the creation", False),
    (_names("responseDeadline", "booking.response_deadline"), _ASSUMED_DEADLINE, False),
    (("source",), "sources are guessed from mode and chat, else unknown", False),
    (("chatWindowOpen",), "bookings of the chat window are recognised by their source only", False),
    (_names("mode", "booking.mode"), "immediate and scheduled are guessed from the start", False),
    (
        _names("customerName", "booking.customer_name"),
        "test bookings are not recognised by name",
        False,
    ),
    (_names("customerWhatsApp", "booking.customer_phone"), "customers have no phone", False),
    (
        _names("acceptedAt", "booking.accepted_at"),
        "acceptance is known only when a run observes it",
        False,
    ),
)  # fmt: skip

_BOOKING_KEYS: Final = PersonKeys(owner=ALIASES["booking.customer_id"], own_booking=("_id", "bookingId"))
_BOOKING_PUBLISHED: Final = _forms(
    id=(*ALIASES["booking.business_id"], *ALIASES["booking.customer_id"]),
    booking=(*ALIASES["booking.handed_to_booking"], *ALIASES["booking.handed_from_booking"]),
    provider_or_booking=(*ALIASES["booking.handed_to"], *ALIASES["booking.handed_from"]),
    provider=ALIASES["booking.provider_id"],
    booking_status=ALIASES["booking.status"],
    code=("paymentMethod",),
)
_CUSTOMER: Final = ("userId", "customerId")
_PROVIDER: Final = ("providerId", "therapistId", "assigned_therapist")
_STATUS: Final = ("status", "bookingStatus")


def _booking(name: str, *, required: bool = False, indexes: tuple[WantedIndex, ...] = ()) -> Collection:
    return Collection(
        name,
        ingested=True,
        required=required,
        personal=_BOOKING_PERSONAL,
        category=Category.BOOKING,
        keys=_BOOKING_KEYS,
        published=_BOOKING_PUBLISHED,
        expected=_BOOKING_EXPECTED,
        indexes=indexes,
        core=CoreRows(
            "bookings",
            "booking_id",
            ("origin", name),
            ("provider_id", "customer_id"),
            ("business_id",),
            beside=(
                Beside("booking_events"),
                Beside("booking_providers", ("from_provider_id", "to_provider_id")),
                Beside(
                    "booking_handovers",
                    ("handed_from_ref", "handed_to_ref"),
                    ("from_booking_ref", "to_booking_ref"),
                ),
            ),
        ),
    )


# therapists and places -------------------------------------------------------------------------------------

_PROVIDER_EXPECTED: Final = _expected(
    (ALIASES["provider.name"], "providers are shown by their id"),
    (("status",), "restrictions are not compared"),
    (("timezone",), "the default time zone is used"),
    (("notificationsEnabled",), "member health does not see switched off notifications"),
    (("soundEnabled",), "member health does not see switched off sound"),
    (ALIASES["provider.last_seen_at"], "member health is unknown"),
)  # fmt: skip


def _providers(name: str, kind: str) -> Collection:
    return Collection(
        name,
        ingested=True,
        personal=("whatsappNumber", "phone", "email", "coordinates", "location"),
        published=_forms(city=("city",), browser=("browser",), code=("commissionPlan",)),
        expected=_PROVIDER_EXPECTED,
        core=CoreRows(
            "providers", "provider_id", ("provider_type", kind), beside=(Beside("provider_states"),)
        ),
    )


# the rest --------------------------------------------------------------------------------------------------

_ROOM_EXPECTED: Final = _expected(
    (("bookingId",), "rooms belong to no booking"),
    (_names("customerId", "room.customer_id"), "rooms have no customer"),
    (ALIASES["room.provider_id"], "rooms have no provider"),
    (("status",), "rooms have the status unknown"),
)  # fmt: skip
_MESSAGE_EXPECTED: Final = _expected(
    (ALIASES["message.room"], "messages belong to no room"),
    (("senderId",), "abuse is not seen"),
    (ALIASES["message.sender_role"], "customers and providers are not told apart in chats"),
    (("receiverId",), "unread messages of a provider are not counted"),
    (ALIASES["message.text"], "there is no text to show"),
    (("messageType",), "kinds of messages are unknown"),
    (("bookingId",), "messages belong to no booking"),
    (("isRead",), "unread messages are not counted"),
    (ALIASES["message.sent_at"], "Appwrite's $createdAt is taken as the time of sending"),
)  # fmt: skip
_NOTIFICATION_EXPECTED: Final = _expected(
    (ALIASES["notification.recipient_id"], "notifications have no recipient"),
    (("sentAt",), "the delivery rate cannot be judged"),
    (("deliveredAt",), "the delivery rate cannot be judged"),
    (("failedAt",), "failures are not told from delays"),
)  # fmt: skip
_REVIEW_EXPECTED: Final = _expected(
    (ALIASES["review.rating"], "providers have no rating"),
    ((*ALIASES["review.provider_id"], "bookingId"), "reviews are of no provider"),
)
_RECORD_EXPECTED: Final = _expected(
    ((*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"]),
     "no record finds its booking: every one is an orphan", True),
    (ALIASES["commission.commission"], "no record has an amount", True),
    (ALIASES["commission.base"], "records in thousands are not recognised", True),
    (ALIASES["commission.status"], "nothing counts as paid or overdue", True),
    (ALIASES["commission.provider_id"], "the record's provider is not compared", False),
    (("commissionRate",), "a wrong rate is seen as a wrong amount", False),
    (("paymentDeadline",), "deadlines are not compared", False),
    (("source",), "the record's source is not compared", False),
    (("createdAt",), "Appwrite's $createdAt is taken as the creation", False),
)  # fmt: skip

_OFFER_EXPECTED: Final = _expected(
    (("bookingId",), "offers belong to no booking"),
    (("providerId",), "offers are made to nobody"),
    (("state",), "what became of an offer is unknown"),
    (("offeredAt",), "how long an answer took is unknown"),
    (("deadline",), "offers that nobody answered are not seen before they are expired"),
    (("answeredAt",), "how long an answer took is unknown"),
)  # fmt: skip

_ROOM: Final = ALIASES["message.room"]
_SENT: Final = ALIASES["message.sent_at"]

COLLECTIONS: Final[tuple[Collection, ...]] = (
    Collection(
        "users",
        ingested=True,
        personal=("name", "email", "phone", "whatsappNumber", "address", "location"),
        keys=PersonKeys(owner=("_id", "userId", "customerId")),
    ),
    _providers("therapists", "therapist"),
    _providers("places", "place"),
    Collection("hotels"),
    _booking(
        "bookings",
        required=True,
        indexes=(
            WantedIndex((_CUSTOMER,)),
            WantedIndex((_STATUS,)),
            WantedIndex((("createdAt",),), descending=True),
            WantedIndex((ALIASES["booking.response_deadline"],)),
            WantedIndex((_PROVIDER, _STATUS)),
            WantedIndex((("source",), _STATUS)),
        ),
    ),
    _booking("hotel_bookings"),
    Collection(
        "chat_rooms",
        ingested=True,
        personal=("customerName", "customerPhone", "customerWhatsApp"),
        category=Category.CHAT,
        keys=PersonKeys(
            owner=ALIASES["room.customer_id"],
            booking=("bookingId",),
            own_room=("_id", "roomId", "conversationId"),
        ),
        links=("bookingId",),
        published=_forms(
            booking=("bookingId",),
            id=ALIASES["room.customer_id"],
            provider=ALIASES["room.provider_id"],
            room_status=("status",),
        ),
        expected=_ROOM_EXPECTED,
        core=CoreRows("chat_rooms", "room_id", None, ("provider_id", "customer_id"), ("booking_ref",)),
    ),
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
        category=Category.CHAT,
        keys=PersonKeys(
            owner=("senderId",),
            addressee=("receiverId",),
            booking=("bookingId",),
            room=_ROOM,
            authors=ALIASES["message.sender_role"],
        ),
        links=("bookingId", *_ROOM),
        published=_forms(room=_ROOM, booking=("bookingId",), provider=("senderId", "receiverId")),
        expected=_MESSAGE_EXPECTED,
        indexes=(
            WantedIndex((_ROOM,)),
            WantedIndex((_SENT,), descending=True),
            WantedIndex((("senderId",),)),
            WantedIndex((("isRead",),)),
            WantedIndex((_ROOM, _SENT)),
        ),
        core=CoreRows(
            "messages", "message_id", None, ("sender_id", "receiver_id"), ("conversation_id", "booking_ref")
        ),
    ),
    Collection("admin_messages", category=Category.CHAT),
    Collection(
        "reviews",
        ingested=True,
        personal=(
            *("userName", "customerName", "reviewerName", "customerPhone", "customerEmail"),
            *("comment", "review", "reviewText", "title", "message", "content", "feedback", "reply"),
        ),
        keys=PersonKeys(owner=ALIASES["review.customer_id"], booking=("bookingId",)),
        published=_forms(
            booking=("bookingId",),
            id=ALIASES["review.customer_id"],
            provider=ALIASES["review.provider_id"],
        ),
        expected=_REVIEW_EXPECTED,
        core=CoreRows("reviews", "review_id", None, ("provider_id", "customer_id"), ("booking_ref",)),
    ),
    Collection(
        "notifications",
        ingested=True,
        personal=("title", "message", "body", "data"),
        keys=PersonKeys(owner=ALIASES["notification.recipient_id"], booking=("bookingId",)),
        links=("bookingId",),
        published=_forms(
            provider=ALIASES["notification.recipient_id"],
            booking=ALIASES["notification.booking"],
            code=("recipientType", "type", *ALIASES["notification.channel"]),
        ),
        expected=_NOTIFICATION_EXPECTED,
        core=CoreRows("notifications", "notification_id", None, ("recipient_id",), ("booking_ref",)),
    ),
    Collection(
        "commission_records",
        ingested=True,
        required=True,
        personal=("customerName", "customerPhone", "booking"),
        category=Category.PAYMENT,
        keys=PersonKeys(owner=("customerId", "userId"), booking=("bookingId", "bookingDocId")),
        published=_forms(
            booking=(*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"]),
            provider=ALIASES["commission.provider_id"],
            commission_status=ALIASES["commission.status"],
            id=ALIASES["commission.verified_by"],
        ),
        expected=_RECORD_EXPECTED,
        indexes=(
            WantedIndex((ALIASES["commission.provider_id"],)),
            WantedIndex((ALIASES["commission.status"],)),
            WantedIndex((("paymentDeadline",),)),
            WantedIndex((("bookingId",),)),
        ),
        core=CoreRows(
            "commissions",
            "commission_id",
            None,
            ("provider_id",),
            ("booking_ref", "booking_doc_ref"),
            borrows=True,
        ),
    ),
    Collection("bank_details"),
    Collection(
        "payment_transactions",
        ingested=True,
        personal=("customerName", "payerName", "userName", "customerPhone"),
        category=Category.PAYMENT,
        keys=PersonKeys(owner=("userId", "customerId", "payerId"), booking=("bookingId", "bookingDocId")),
    ),
    Collection("image_assets"),
    Collection("login_backgrounds"),
    Collection("translations"),
    Collection(
        OFFERS,
        ingested=True,
        of_services=True,
        category=Category.BOOKING,
        links=("bookingId",),
        published=_forms(booking=("bookingId",), provider=("providerId",), code=("state",)),
        expected=_OFFER_EXPECTED,
        indexes=(
            WantedIndex((("bookingId",),)),
            WantedIndex((("providerId",), ("state",))),
            WantedIndex((("state",), ("deadline",))),
            WantedIndex((("providerId",), ("offeredAt",)), descending=True),
        ),
        core=CoreRows("booking_offers", "offer_id", None, ("provider_id",), ("booking_id",)),
    ),
    Collection(
        "service_guards",
        ingested=True,
        of_services=True,
        personal=("seen",),
        category=Category.BOOKING,
        keys=PersonKeys(owner=("customerId",), booking=("bookingId",)),
    ),
    Collection(
        "service_counters",
        ingested=True,
        of_services=True,
        personal=("instants",),
        keys=PersonKeys(owner=("userId",)),
    ),
    Collection("service_requests", ingested=True, of_services=True, fleeting=True, personal=("answer",)),
    Collection("discount_codes", ingested=True, of_services=True, category=Category.PAYMENT),
)
"""bank_details is never ingested. Attributes that are only "also seen" (domain.md) are not expected of every
deployment. Indexes serve the app's own queries and the scans of bookwatch: without them both get slower."""

BY_NAME: Final = {collection.name: collection for collection in COLLECTIONS}
if len(BY_NAME) != len(COLLECTIONS):
    raise ValueError("a collection is registered twice")

INGESTED: Final = tuple(collection.name for collection in COLLECTIONS if collection.ingested)
REQUIRED: Final = tuple(collection.name for collection in COLLECTIONS if collection.required)
OF_SERVICES: Final = tuple(collection.name for collection in COLLECTIONS if collection.of_services)


def _derived(table: str) -> tuple[str, ...]:
    return tuple(c.name for c in COLLECTIONS if c.core and c.core.table == table)


BOOKING_COLLECTIONS: Final = _derived("bookings")
PROVIDER_COLLECTIONS: Final = _derived("providers")
ROOM_COLLECTIONS: Final = _derived("chat_rooms")
MESSAGE_COLLECTIONS: Final = _derived("messages")
NOTIFICATION_COLLECTIONS: Final = _derived("notifications")
HAPPENING_COLLECTIONS: Final = tuple(
    c.name for c in COLLECTIONS if c.core and c.name not in (*PROVIDER_COLLECTIONS, *OF_SERVICES)
)
"""Those in which core has a row for each thing that happens, in every marketplace; a provider is not one."""
PROVIDER_TYPES: Final = {
    c.name: c.core.scope[1] for c in COLLECTIONS if c.core and c.core.scope and c.core.table == "providers"
}
"""What a row of each collection of providers is."""
USERS: Final = "users"
RECORDS: Final = "commission_records"
LINK_REFERENCES: Final = {collection.name: collection.links for collection in COLLECTIONS if collection.links}
"""What rows of other collections name their booking (or their room) by."""


def category_of(name: str) -> Category:
    """Of the errors of a collection, or of a table of core that is derived from one; ``appwrite`` for any other."""
    for collection in COLLECTIONS:
        if collection.name == name or (collection.core and collection.core.table == name):
            return collection.category
    return Category.APPWRITE
