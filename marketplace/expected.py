"""What a deployment should offer: the attributes of the canonical shape under any of their names, and the indexes worth
having. How a deployment is asked does not live here (resources/appwrite/examination.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from marketplace.aliases import ALIASES
from marketplace.collections import COLLECTIONS
from marketplace.rules import RESPONSE_MINUTES_IMMEDIATE, RESPONSE_MINUTES_SCHEDULED


@dataclass(frozen=True)
class ExpectedAttribute:
    """One meaning and the attributes that may carry it, the canonical name first. ``without``: what is lost where none
    is there; ``vital``: figures of money."""

    collection: str
    names: tuple[str, ...]
    without: str
    vital: bool = False

    def carried_by(self, attributes: frozenset[str]) -> tuple[str, ...]:
        """Those of its names that a deployment has (a path into JSON text: that has the text)."""
        return tuple(name for name in self.names if name.partition(".")[0] in attributes)


@dataclass(frozen=True)
class WantedIndex:
    """An index worth having. ``columns``: per column the names it may have, the canonical one first."""

    collection: str
    columns: tuple[tuple[str, ...], ...]
    descending: bool = False

    def on(self, attributes: frozenset[str]) -> tuple[str, ...] | None:
        """Its columns as this deployment calls them; None where it lacks one."""
        found = tuple(next((n for n in names if n in attributes), None) for names in self.columns)
        return tuple(name for name in found if name is not None) if None not in found else None


_ASSUMED_DEADLINE: Final = f"{RESPONSE_MINUTES_IMMEDIATE} or {RESPONSE_MINUTES_SCHEDULED} minutes are assumed"


def _names(canonical: str, meaning: str | None = None) -> tuple[str, ...]:
    """The canonical name, then its aliases."""
    more = ALIASES[meaning] if meaning else ()
    return (canonical, *(name for name in more if name != canonical))


def _of_bookings(collection: str) -> tuple[ExpectedAttribute, ...]:
    return tuple(
        ExpectedAttribute(collection, names, without, vital)
        for names, without, vital in (
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
        )
    )


EXPECTED: Final = (
    *_of_bookings("bookings"),
    *_of_bookings("hotel_bookings"),
    *(
        ExpectedAttribute("commission_records", names, without, vital)
        for names, without, vital in (
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
        )
    ),
    *(
        ExpectedAttribute("chat_messages", names, without)
        for names, without in (
            (ALIASES["message.room"], "messages belong to no room"),
            (("senderId",), "abuse is not seen"),
            (ALIASES["message.sender_role"], "customers and providers are not told apart in chats"),
            (("receiverId",), "unread messages of a provider are not counted"),
            (ALIASES["message.text"], "there is no text to show"),
            (("messageType",), "kinds of messages are unknown"),
            (("bookingId",), "messages belong to no booking"),
            (("isRead",), "unread messages are not counted"),
            (ALIASES["message.sent_at"], "Appwrite's $createdAt is taken as the time of sending"),
        )
    ),
    *(
        ExpectedAttribute("chat_rooms", names, without)
        for names, without in (
            (("bookingId",), "rooms belong to no booking"),
            (_names("customerId", "room.customer_id"), "rooms have no customer"),
            (ALIASES["room.provider_id"], "rooms have no provider"),
            (("status",), "rooms have the status unknown"),
        )
    ),
    *(
        ExpectedAttribute("notifications", names, without)
        for names, without in (
            (ALIASES["notification.recipient_id"], "notifications have no recipient"),
            (("sentAt",), "the delivery rate cannot be judged"),
            (("deliveredAt",), "the delivery rate cannot be judged"),
            (("failedAt",), "failures are not told from delays"),
        )
    ),
    *(
        ExpectedAttribute(collection, names, without)
        for collection in ("therapists", "places")
        for names, without in (
            (ALIASES["provider.name"], "providers are shown by their id"),
            (("status",), "restrictions are not compared"),
            (("timezone",), "the default time zone is used"),
            (("notificationsEnabled",), "member health does not see switched off notifications"),
            (("soundEnabled",), "member health does not see switched off sound"),
            (ALIASES["provider.last_seen_at"], "member health is unknown"),
        )
    ),
)  # fmt: skip
"""Attributes that are only "also seen" (domain.md) are not expected of every deployment."""

_CUSTOMER: Final = ("userId", "customerId")
_PROVIDER: Final = ("providerId", "therapistId", "assigned_therapist")
_STATUS: Final = ("status", "bookingStatus")
_ROOM: Final = ALIASES["message.room"]
_SENT: Final = ALIASES["message.sent_at"]

WANTED_INDEXES: Final = (
    WantedIndex("bookings", (_CUSTOMER,)),
    WantedIndex("bookings", (_STATUS,)),
    WantedIndex("bookings", (("createdAt",),), descending=True),
    WantedIndex("bookings", (ALIASES["booking.response_deadline"],)),
    WantedIndex("bookings", (_PROVIDER, _STATUS)),
    WantedIndex("bookings", (("source",), _STATUS)),
    WantedIndex("chat_messages", (_ROOM,)),
    WantedIndex("chat_messages", (_SENT,), descending=True),
    WantedIndex("chat_messages", (("senderId",),)),
    WantedIndex("chat_messages", (("isRead",),)),
    WantedIndex("chat_messages", (_ROOM, _SENT)),
    WantedIndex("commission_records", (ALIASES["commission.provider_id"],)),
    WantedIndex("commission_records", (ALIASES["commission.status"],)),
    WantedIndex("commission_records", (("paymentDeadline",),)),
    WantedIndex("commission_records", (("bookingId",),)),
)
"""They serve the app's own queries and the scans of bookwatch; without them both get slower as the tables grow."""

_ONE_NAME: Final = (
    "discountCode", "isTest", "providerType", "providerResponseStatus", "paymentMethod", "source", "mode",
    "bookingType", "scheduledTime", "chatWindowOpen", "commissionRate", "paymentDeadline", "paidAt", "verifiedAt",
    "paymentProofUploadedAt", "reactivationFeeRequired", "restrictedAt", "senderId", "receiverId", "receiverRole",
    "messageType", "bookingId", "isRead", "read", "expiresAt", "status", "recipientType", "type", "sentAt",
    "deliveredAt", "failedAt", "timezone", "city", "commissionPlan", "notificationsEnabled", "soundEnabled", "browser",
    "service", "duration", "serviceDuration",
)  # fmt: skip
NAMED: Final = frozenset(
    name.partition(".")[0]
    for names in (
        *ALIASES.values(),
        _ONE_NAME,
        *(e.names for e in EXPECTED),
        *(c.personal for c in COLLECTIONS),
    )
    for name in names
)
"""Every attribute that some rule reads or erases, whatever the collection: of a collection with more columns than are
mirrored these come first."""

CLOCK_SKEW_SECONDS: Final = 5.0
"""Above this, ages and health points judged by this machine's clock are visibly wrong."""
