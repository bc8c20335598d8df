"""The tables of the simulated app: every attribute any of its writers uses, with Appwrite's column kinds.

What is written into them is decided in shapes/. Two names that differ only by case never share a table,
because Appwrite refuses the second one: ``customerphone`` and ``roomnumber`` live in hotel_bookings,
``receivername`` in admin_messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

ColumnKind = Literal["varchar", "text", "integer", "float", "boolean", "datetime", "enum"]
INTEGER_LIMIT = 2**63


@dataclass(frozen=True, slots=True)
class Column:
    """A column as Appwrite's API makes it. ``size`` for varchar (characters), ``elements`` for enum."""

    key: str
    kind: ColumnKind
    size: int | None = None
    required: bool = False
    elements: tuple[str, ...] | None = None
    array: bool = False

    def fits(self, value: Any) -> bool:
        """Whether Appwrite would take this value (None fits unless the column is required)."""
        if value is None:
            return not self.required
        if self.array:
            single = Column(self.key, self.kind, self.size, False, self.elements)
            return isinstance(value, list) and all(single.fits(v) for v in value)
        if self.kind == "boolean":
            return isinstance(value, bool)
        if self.kind == "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) < INTEGER_LIMIT
        if self.kind == "float":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        if not isinstance(value, str):
            return False
        if self.kind == "varchar":
            return len(value) <= (self.size or 0)
        if self.kind == "enum":
            return value in (self.elements or ())
        if self.kind == "datetime":
            return datetime.fromisoformat(value).tzinfo is not None
        return len(value) <= 16_383


def _varchar(size: int, *keys: str, required: bool = False) -> list[Column]:
    return [Column(key, "varchar", size, required) for key in keys]


def _of(kind: ColumnKind, *keys: str) -> list[Column]:
    return [Column(key, kind) for key in keys]


def _enum(key: str, *elements: str) -> Column:
    return Column(key, "enum", None, False, elements)


def _booking_columns(phone: str, room: str) -> tuple[Column, ...]:
    return (
        *_varchar(64, "bookingId", "userId", "customerId", "providerId", "therapistId", "businessId"),
        *_varchar(64, "assigned_therapist", "hotelVillaId"),
        *_varchar(32, "status", "bookingStatus", "providerResponseStatus"),
        *_varchar(96, "customerName", "userName", "guestName", "hotelGuestName", "providerName"),
        *_varchar(64, "customerWhatsApp", phone),
        *_of(
            "text", "customerDetails", "therapistDetails", "serviceDetails", "pricing", "booking", "metadata"
        ),
        *_of("text", "notes"),
        *_of("integer", "duration"),
        *_varchar(32, "serviceDuration", "service"),
        _enum("providerType", "therapist", "place"),
        *_varchar(40, "startTime", "scheduledTime", "bookingDateTime", "createdAt"),
        *_varchar(16, "scheduledDate", "date", "time", "bookingDate"),
        *_of("datetime", "checkInDate", "confirmedAt", "declinedAt", "cancelledAt"),
        *_varchar(40, "responseDeadline", "responcedeadline"),
        *_of("integer", "confirmationDeadline"),
        *_varchar(64, "reassignedFrom", "originalBookingId"),
        *_of("datetime", "reassignedAt"),
        *_varchar(40, "acceptedAt", "rejectedAt", "respondedAt", "completedAt"),
        *_varchar(
            128, "declineReason", "cancellationReason", "cancelReason", "statusReason", "expirationReason"
        ),
        *_varchar(32, room, "hotelRoomNumber"),
        *_of("integer", "price", "totalCost", "paymentAmount"),
        *_of("float", "totalPrice"),
        *_varchar(32, "totalAmount"),
        *_varchar(32, "source", "mode", "bookingType", "paymentMethod", "discountCode"),
        *_varchar(16, "currency"),
        *_of("boolean", "chatWindowOpen", "isTest"),
        *_varchar(160, "location"),
    )


_PROVIDER = (
    *_varchar(96, "name", required=True),
    *_varchar(64, "whatsappNumber", "city", "timezone", "commissionPlan", "browser"),
    _enum("status", "AVAILABLE", "BUSY", "OFFLINE", "RESTRICTED"),
    *_of("boolean", "notificationsEnabled", "soundEnabled", "isVerified"),
    *_of("datetime", "lastSeenAt", "createdAt"),
    *_of("text", "pricing", "description"),
    *_of("float", "rating"),
    Column("languages", "varchar", 8, array=True),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "users": (
        *_varchar(96, "name", "email"),
        *_varchar(64, "phone", "country"),
        _enum("role", "customer", "therapist", "place", "admin"),
        *_of("datetime", "createdAt", "lastLoginAt"),
    ),
    "therapists": _PROVIDER,
    "places": (*_PROVIDER, *_varchar(160, "address")),
    "hotels": (*_varchar(96, "name", "area"), *_varchar(64, "contactPhone"), *_of("integer", "rooms")),
    "bookings": _booking_columns("customerPhone", "roomNumber"),
    "hotel_bookings": _booking_columns("customerphone", "roomnumber"),
    "chat_rooms": (
        *_varchar(64, "bookingId", "customerId", "therapistId"),
        *_varchar(96, "customerName", "therapistName"),
        *_varchar(32, "status"),
        *_of("datetime", "expiresAt", "createdAt"),
    ),
    "chat_messages": (
        *_varchar(64, "conversationId", "roomId", "receiverId", "bookingId"),
        *_varchar(64, "senderId", required=True),
        *_varchar(96, "senderName", "receiverName"),
        *_varchar(32, "senderRole", "senderType", "receiverRole", "messageType"),
        *_of("text", "message", "content", "originalText", "metadata"),
        *_of("boolean", "isRead"),
        *_of("datetime", "timestamp"),
    ),
    "admin_messages": (
        *_varchar(64, "senderId", "receiverId"),
        *_varchar(96, "senderName", "receivername"),
        *_of("text", "message"),
        *_of("datetime", "timestamp"),
        *_of("boolean", "isRead"),
    ),
    "reviews": (
        *_varchar(64, "bookingId", "userId", "providerId"),
        *_of("integer", "rating"),
        *_of("text", "comment"),
        *_of("datetime", "createdAt"),
    ),
    "notifications": (
        *_varchar(64, "recipientId", "bookingId"),
        _enum("recipientType", "customer", "therapist", "place", "admin"),
        *_varchar(48, "type"),
        *_varchar(160, "title"),
        *_of("text", "message", "metadata"),
        *_of("datetime", "sentAt", "deliveredAt", "failedAt"),
        *_of("boolean", "read"),
    ),
    "commission_records": (
        *_varchar(64, "bookingId", "bookingDocId", "therapistId", "providerId"),
        *_varchar(96, "therapistName"),
        *_varchar(40, "bookingDate", "serviceDate", "createdAt", "paymentDeadline"),
        *_of("integer", "bookingAmount", "adminCommission"),
        *_of("float", "serviceAmount", "commissionAmount", "commissionRate"),
        *_varchar(32, "totalPrice"),
        *_varchar(32, "paymentStatus", "status", "source"),
        *_varchar(16, "currency"),
        *_of("datetime", "paidAt", "paymentProofUploadedAt", "verifiedAt", "restrictedAt"),
        *_varchar(200, "paymentProofUrl", "paymentProofImage"),
        *_of("boolean", "reactivationFeeRequired", "isTest"),
        *_of("integer", "reactivationFeeAmount", "lateFee", "totalAmountDue", "totalDue"),
    ),
    "bank_details": (
        *_varchar(64, "providerId", "bankName"),
        *_varchar(96, "accountHolder"),
        *_varchar(40, "accountNumber"),
    ),
    "payment_transactions": (
        *_varchar(64, "bookingId", "commissionId", "providerId", "reference"),
        *_of("integer", "amount"),
        _enum("method", "bank_transfer", "qris", "cash"),
        *_varchar(32, "status"),
        *_of("datetime", "createdAt"),
    ),
    "image_assets": (*_varchar(64, "name"), *_varchar(200, "url")),
    "login_backgrounds": (*_varchar(64, "name"), *_varchar(200, "url")),
    "translations": (*_varchar(96, "key"), *_varchar(8, "language"), *_of("text", "value")),
}
