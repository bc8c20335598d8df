"""One meaning, many attribute names: the alias table. A name with a dot is a key of an object in JSON text.

Reading the values does not live here (attributes.py).
"""

from __future__ import annotations

from typing import Final

_CURRENCY: Final = (
    "currency",
    "currencyCode",
    "Currency",
    "CURRENCY",
    "CurrencyCode",
    "currency_code",
    "currencycode",
    "priceCurrency",
)

ALIASES: Final[dict[str, tuple[str, ...]]] = {
    # any collection; Appwrite's own $createdAt comes last and is no attribute
    "creation": ("createdAt", "booking.createdAt"),
    # bookings and commission_records: what their amounts are in. Each that is written has a say.
    "currency": _CURRENCY,
    # bookings
    "booking.business_id": ("bookingId",),
    "booking.customer_name": (
        "customerName",
        "userName",
        "guestName",
        "hotelGuestName",
        "customerDetails.name",
    ),
    "booking.customer_phone": ("customerWhatsApp", "customerPhone", "customerphone", "customerDetails.phone"),
    "booking.customer_id": ("userId", "customerId", "customerDetails.id"),
    "booking.provider_id": (
        "assigned_therapist",
        "providerId",
        "therapistId",
        "businessId",
        "therapistDetails.id",
    ),
    "booking.provider_name": ("providerName", "therapistName", "businessName", "therapistDetails.name"),
    "booking.minutes": ("duration", "serviceDuration", "service", "serviceDetails.duration"),
    "booking.response_deadline": ("responseDeadline", "responcedeadline", "confirmationDeadline"),
    "booking.accepted_at": ("acceptedAt", "confirmedAt"),
    "booking.declined_at": ("declinedAt", "rejectedAt"),
    "booking.responded_at": ("respondedAt",),
    "booking.completed_at": ("completedAt",),
    "booking.cancelled_at": ("cancelledAt", "canceledAt"),
    "booking.cancelled_by": ("cancelledBy", "canceledBy", "cancelledByRole", "cancelledByType"),
    "booking.reason": (
        "declineReason",
        "cancellationReason",
        "cancelReason",
        "statusReason",
        "expirationReason",
    ),
    "booking.room": ("roomNumber", "roomnumber", "hotelRoomNumber"),
    "booking.location": (
        "location",
        "customerLocation",
        "locationDetails",
        "locationAddress",
        "address",
        "customerAddress",
        "hotelVillaId",
    ),
    "booking.status": ("bookingStatus", "status"),
    "booking.mode": ("mode", "bookingType", "metadata.bookingType"),
    "booking.amount": ("totalCost", "totalPrice", "totalAmount", "paymentAmount", "pricing.total", "price"),
    "booking.pricing_currency": tuple(f"pricing.{name}" for name in _CURRENCY),
    "booking.start": (
        "startTime",
        "scheduledTime",
        "scheduledDate",
        "date",
        "time",
        "bookingDateTime",
        "checkInDate",
    ),
    "booking.start_date": ("scheduledDate", "date", "bookingDate"),
    # of a booking that was handed over: who has it now, and who had it; an id of a provider or, of an app that makes
    # another booking of it, of that one
    "booking.handed_to": ("reassignedTo", "reassignedProviderId", "newProviderId", "newTherapistId"),
    "booking.handed_from": (
        "reassignedFrom",
        "previousProviderId",
        "previousTherapistId",
        "originalProviderId",
        "originalTherapistId",
    ),
    "booking.handed_to_booking": ("reassignedBookingId", "reassignedToBookingId", "newBookingId"),
    "booking.handed_from_booking": ("originalBookingId", "reassignedFromBookingId"),
    "booking.handed_at": ("reassignedAt",),
    # commission_records
    "commission.booking_ref": ("bookingId",),
    "commission.booking_doc_ref": ("bookingDocId",),
    "commission.base": ("bookingAmount", "serviceAmount", "totalPrice"),
    "commission.commission": ("commissionAmount", "adminCommission"),
    "commission.provider_id": ("therapistId", "providerId"),
    "commission.provider_name": ("therapistName", "providerName"),
    "commission.status": ("paymentStatus", "status"),
    "commission.proof": ("paymentProofUrl", "paymentProofImage"),
    "commission.fee": ("reactivationFeeAmount", "lateFee"),
    "commission.due": ("totalAmountDue", "totalDue"),
    # of its payment: the administrator who saw that the money came in
    "commission.verified_by": (
        "verifiedBy",
        "verifiedById",
        "verifiedByAdmin",
        "paymentVerifiedBy",
        "approvedBy",
    ),
    # chat_messages
    "message.room": ("conversationId", "roomId"),
    "message.text": ("message", "content", "originalText"),
    "message.sender_role": ("senderRole", "senderType"),
    "message.receiver_name": ("receiverName", "receivername"),
    "message.sent_at": ("timestamp", "sentAt"),
    # chat_rooms
    "room.provider_id": ("therapistId", "providerId"),
    "room.customer_id": ("customerId", "userId"),
    # reviews
    "review.customer_id": ("userId", "customerId", "reviewerId"),
    "review.provider_id": ("providerId", "therapistId"),
    "review.rating": ("rating", "stars"),
    # notifications
    "notification.recipient_id": ("recipientId", "userId"),
    "notification.channel": ("channel", "metadata.channel"),
    "notification.booking": ("bookingId", "metadata.bookingId"),
    "notification.read": ("read", "isRead"),
    # users
    "users.name": ("name",),
    "users.phone": ("phone", "whatsappNumber"),
    # therapists, places
    "provider.name": ("name", "providerName", "businessName"),
    "provider.phone": ("whatsappNumber", "phone"),
    "provider.last_seen_at": ("lastSeenAt", "lastSeen"),
    # of a place: how many bookings it takes at once
    "provider.capacity": (
        "capacity",
        "maxCapacity",
        "maximumCapacity",
        "maxConcurrentBookings",
        "simultaneousBookings",
        "beds",
        "bedCount",
        "numberOfBeds",
    ),
}

RECORD_REFERENCES: Final = (*ALIASES["commission.booking_ref"], *ALIASES["commission.booking_doc_ref"])
"""What a commission record refers to its booking by."""

JSON_PATHS: Final[dict[str, tuple[str, ...]]] = {
    attribute: tuple(
        sorted(
            {n.split(".", 1)[1] for names in ALIASES.values() for n in names if n.startswith(f"{attribute}.")}
        )
    )
    for attribute in sorted({n.split(".", 1)[0] for names in ALIASES.values() for n in names if "." in n})
}
"""Attribute holding an object as JSON text → the keys read from it, all in one parse."""
