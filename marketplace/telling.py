"""What people are told when something was done for them: the kinds, who is told, and in which languages. The sentences
stand in messages/told.toml; who writes them to Appwrite does not live here.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from marketplace.registry import Registry


class Told(StrEnum):
    """A kind of news; the word is part of its sentences' codes."""

    EXPIRED = "expired"
    ACCEPTED = "accepted"
    TAKEN = "taken"
    """To those who wait for the answer of the provider, who gave it themselves."""
    DECLINED = "declined"
    """Everybody who was asked said no, or nothing."""
    OFFERED_ON = "offered_on"
    """To those who wait, when the next provider is asked."""
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REASSIGNED = "reassigned"
    """To those who had the booking: its customer, its room."""
    HANDED_ON = "handed_on"
    """To the provider who had it."""
    OFFERED = "offered"
    """To the provider who has it now."""
    PAYMENT_DUE = "payment_due"
    OVERDUE = "overdue"
    LATE_FEE = "late_fee"
    RESTRICTED = "restricted"
    RESTORED = "restored"
    PAYMENT_CONFIRMED = "payment_confirmed"
    PAYMENT_REJECTED = "payment_rejected"
    MESSAGE = "message"
    """There is something to read in a chat; not what."""


class Audience(StrEnum):
    """Who reads it. What is told in a room both sides read: it is said in every language."""

    ROOM = "room"
    CUSTOMER = "customer"
    PROVIDER = "provider"


@dataclass(frozen=True)
class News:
    """A kind of news: ``type``, the word a notification of it has in the app; ``to``: who is told."""

    kind: Told
    type: str
    to: frozenset[Audience]


_ALL: Final = frozenset(Audience)
_PROVIDER: Final = frozenset({Audience.PROVIDER})
_WAITING: Final = frozenset({Audience.ROOM, Audience.CUSTOMER})

NEWS: Final[Registry[str, News]] = Registry(
    (
        News(Told.EXPIRED, "booking_expired", frozenset({Audience.ROOM, Audience.CUSTOMER})),
        News(Told.ACCEPTED, "booking_accepted", _ALL),
        News(Told.TAKEN, "booking_accepted", _WAITING),
        News(Told.DECLINED, "booking_declined", _WAITING),
        News(Told.OFFERED_ON, "booking_offered_on", _WAITING),
        News(Told.CONFIRMED, "booking_confirmed", _ALL),
        News(Told.COMPLETED, "booking_completed", _WAITING),
        News(Told.CANCELLED, "booking_cancelled", _ALL),
        News(Told.REASSIGNED, "booking_reassigned", frozenset({Audience.ROOM, Audience.CUSTOMER})),
        News(Told.HANDED_ON, "booking_reassigned", _PROVIDER),
        News(Told.OFFERED, "booking_offered", _PROVIDER),
        News(Told.PAYMENT_DUE, "commission_due", _PROVIDER),
        News(Told.OVERDUE, "commission_overdue", _PROVIDER),
        News(Told.LATE_FEE, "late_fee", _PROVIDER),
        News(Told.RESTRICTED, "account_restricted", _PROVIDER),
        News(Told.RESTORED, "account_restored", _PROVIDER),
        News(Told.PAYMENT_CONFIRMED, "payment_confirmed", _PROVIDER),
        News(Told.PAYMENT_REJECTED, "payment_rejected", _PROVIDER),
        News(Told.MESSAGE, "new_message", frozenset({Audience.CUSTOMER, Audience.PROVIDER})),
    ),
    key=lambda news: news.kind.value,
)

PROVIDERS_READ: Final = "id"
"""The language of a provider's notifications; a customer's is their own (app_rows.language_of)."""
EXPIRY_REASON: Final = "no answer in time"
"""What a booking says of why it expired: read as no_response by decline_reasons.py."""
