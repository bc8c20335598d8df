"""Word tables: what is written → the canonical value. Case, spaces, ``_`` and ``-`` are ignored."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

UNKNOWN: Final = "unknown"


class BookingStatus(StrEnum):
    """What a booking is. Columns hold the plain word (``value``): no engine knows an enumeration of ours."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DECLINED = "declined"
    EXPIRED = "expired"
    REASSIGNED = "reassigned"
    UNKNOWN = UNKNOWN


class CommissionStatus(StrEnum):
    """What a commission record is; as above."""

    PENDING = "pending"
    AWAITING_VERIFICATION = "awaiting_verification"
    PAID = "paid"
    REJECTED = "rejected"
    OVERDUE = "overdue"
    CANCELLED = "cancelled"
    REVERSED = "reversed"
    UNKNOWN = UNKNOWN


def values(*words: StrEnum) -> tuple[str, ...]:
    """The plain words, for columns."""
    return tuple(word.value for word in words)


def _table(words: Mapping[str, str]) -> dict[str, str]:
    """{canonical: "word, word"} → {normalised word: canonical}; refuses a word that means two things."""
    table: dict[str, str] = {}
    for canonical, listed in words.items():
        for word in listed.split(","):
            key = normalised(word)
            if table.setdefault(key, str(canonical)) != canonical:
                raise ValueError(f"the word {key} stands for two values")
    return table


def normalised(word: str) -> str:
    """The form in which words are compared."""
    return "".join(c for c in word.lower() if not c.isspace() and c not in "_-")


BOOKING_STATUS: Final = _table(
    {
        BookingStatus.PENDING: "pending, pending_accept, idle, registering, searching, waiting, waiting_for_location",
        BookingStatus.ACCEPTED: "accepted, active, on_the_way",
        BookingStatus.CONFIRMED: "confirmed, in_progress, payment_received",
        BookingStatus.COMPLETED: "completed, done, finished",
        BookingStatus.CANCELLED: "cancelled, canceled",
        BookingStatus.DECLINED: "declined, rejected",
        BookingStatus.EXPIRED: "expired, timeout",
        BookingStatus.REASSIGNED: "reassigned",
    }
)
BOOKING_STATUSES: Final = values(*BookingStatus)

COMMISSION_STATUS: Final = _table(
    {
        CommissionStatus.PENDING: "pending, pending_collection, accepted, unpaid",
        CommissionStatus.AWAITING_VERIFICATION: "awaiting_verification, submitted",
        CommissionStatus.PAID: "paid, verified, confirmed, completed, partially_refunded, partial_refund",
        CommissionStatus.REJECTED: "rejected",
        CommissionStatus.OVERDUE: "overdue, expired",
        CommissionStatus.CANCELLED: "cancelled, canceled",
        CommissionStatus.REVERSED: "reversed, refunded",
    }
)
COMMISSION_STATUSES: Final = values(*CommissionStatus)
PARTLY_REFUNDED: Final = _table({CommissionStatus.PAID: "partially_refunded, partial_refund"})
"""Of the words of a record that is paid, those that say that some of it went back, and not how much."""
NOT_LIVE_STATUSES: Final = values(CommissionStatus.CANCELLED, CommissionStatus.REVERSED)

SOURCE: Final = _table(
    {
        "bookingButton": "bookingButton, button, booknow, platform",
        "chatWindow": "chatWindow, chat",
        "menuSlider": "menuSlider, menu",
        "priceSlider": "priceSlider",
        "scheduled": "scheduled",
        "direct": "direct, manual, whatsapp, share, profile, search",
    }
)
SOURCES: Final = (*dict.fromkeys(SOURCE.values()), UNKNOWN)

MODE: Final = _table({"immediate": "immediate, book_now, now", "scheduled": "scheduled"})
MODES: Final = (*dict.fromkeys(MODE.values()), UNKNOWN)

ROOM_STATUS: Final = _table(
    {"active": "active", "completed": "completed", "cancelled": "cancelled, canceled"}
)
ROOM_STATUSES: Final = (*dict.fromkeys(ROOM_STATUS.values()), UNKNOWN)

ROLE: Final = _table(
    {
        "customer": "customer, user, guest",
        "therapist": "therapist, provider, place",  # the provider's side of a conversation
        "admin": "admin",
        "system": "system",
    }
)
ROLES: Final = (*dict.fromkeys(ROLE.values()), UNKNOWN)

MESSAGE_KIND: Final = _table(
    {"text": "text", "booking": "booking", "system": "system", "status-update": "status-update"}
)
MESSAGE_KINDS: Final = (*dict.fromkeys(MESSAGE_KIND.values()), UNKNOWN)

PROVIDER_STATUS: Final = _table({s: s for s in ("AVAILABLE", "BUSY", "OFFLINE", "RESTRICTED")})
PROVIDER_STATUSES: Final = tuple(PROVIDER_STATUS.values())

PROVIDER_TYPE: Final = _table({"therapist": "therapist, therapists", "place": "place, places"})
PROVIDER_TYPES: Final = tuple(dict.fromkeys(PROVIDER_TYPE.values()))

CURRENCY: Final = _table({"IDR": "IDR, Rp, Rp., rupiah"})
"""The spellings of rupiah. Any other word is another currency."""

FLAG: Final = _table({"true": "true, yes, 1, on, y, t", "false": "false, no, 0, off, n, f"})


def canonical(text: pl.Series, table: dict[str, str]) -> pl.Series:
    """Text (null for empty) → canonical value, null where the word is not in the table."""
    # Here, not above: every command knows the words, and those that read no rows do without Polars.
    import polars as pl

    from marketplace.text import nulls

    if text.null_count() == len(text):
        return nulls(len(text), pl.String)
    key = text.str.to_lowercase().str.replace_all(r"[\s_-]", "")
    return key.replace_strict(table, default=None, return_dtype=pl.String)


def flags(text: pl.Series) -> pl.Series:
    """Text → Boolean, null where empty or not a yes or no."""
    return canonical(text, FLAG) == "true"
