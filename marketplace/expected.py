"""The attributes that some rule reads, whatever the collection: what a deployment should offer of each stands in its
record (collections.py). How a deployment is asked does not live here (resources/appwrite/examination.py).
"""

from __future__ import annotations

from typing import Final

from marketplace.aliases import ALIASES
from marketplace.collections import COLLECTIONS

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
        *(e.names for c in COLLECTIONS for e in c.expected),
        *(c.personal for c in COLLECTIONS),
    )
    for name in names
)
"""Every attribute that some rule reads or erases, whatever the collection: of a collection with more columns than are
mirrored these come first."""

CLOCK_SKEW_SECONDS: Final = 5.0
"""Above this, ages and health points judged by this machine's clock are visibly wrong."""
