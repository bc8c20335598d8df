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


class Source(StrEnum):
    """Where in the app a booking was made; as above."""

    BOOKING_BUTTON = "bookingButton"
    CHAT_WINDOW = "chatWindow"
    MENU_SLIDER = "menuSlider"
    PRICE_SLIDER = "priceSlider"
    SCHEDULED = "scheduled"
    DIRECT = "direct"
    UNKNOWN = UNKNOWN


class Mode(StrEnum):
    """For when a booking is; as above."""

    IMMEDIATE = "immediate"
    SCHEDULED = "scheduled"
    UNKNOWN = UNKNOWN


class RoomStatus(StrEnum):
    """What a chat room is; as above."""

    ACTIVE = "active"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    UNKNOWN = UNKNOWN


class Role(StrEnum):
    """Who writes in a chat; as above."""

    CUSTOMER = "customer"
    THERAPIST = "therapist"
    ADMIN = "admin"
    SYSTEM = "system"
    UNKNOWN = UNKNOWN


class MessageKind(StrEnum):
    """What a message is; as above."""

    TEXT = "text"
    BOOKING = "booking"
    SYSTEM = "system"
    STATUS_UPDATE = "status-update"
    UNKNOWN = UNKNOWN


class ProviderStatus(StrEnum):
    """What an account is; as above. None stands for a word that is none of these."""

    AVAILABLE = "AVAILABLE"
    BUSY = "BUSY"
    OFFLINE = "OFFLINE"
    RESTRICTED = "RESTRICTED"


class ProviderType(StrEnum):
    """What a provider is; as above."""

    THERAPIST = "therapist"
    PLACE = "place"


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


def spellings(*statuses: str) -> list[str]:
    """The words of states of a booking, as a query asks for them: Appwrite minds neither case nor blanks at the end."""
    words = [word.strip() for status in statuses for word in BOOKING_WORDS[status].split(",")]
    return [*dict.fromkeys(word.replace("_", joint) for word in words for joint in ("_", "-", " ", ""))]


def normalised(word: str) -> str:
    """The form in which words are compared."""
    return "".join(c for c in word.lower() if not c.isspace() and c not in "_-")


BOOKING_WORDS: Final[Mapping[str, str]] = {
    BookingStatus.PENDING: "pending, pending_accept, idle, registering, searching, waiting, waiting_for_location",
    BookingStatus.ACCEPTED: "accepted, active, on_the_way",
    BookingStatus.CONFIRMED: "confirmed, in_progress, payment_received",
    BookingStatus.COMPLETED: "completed, done, finished",
    BookingStatus.CANCELLED: "cancelled, canceled",
    BookingStatus.DECLINED: "declined, rejected",
    BookingStatus.EXPIRED: "expired, timeout",
    BookingStatus.REASSIGNED: "reassigned",
}
"""The words of a booking's status, as apps write them: canonical → words."""
BOOKING_STATUS: Final = _table(BOOKING_WORDS)
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
        Source.BOOKING_BUTTON: "bookingButton, button, booknow, platform",
        Source.CHAT_WINDOW: "chatWindow, chat",
        Source.MENU_SLIDER: "menuSlider, menu",
        Source.PRICE_SLIDER: "priceSlider",
        Source.SCHEDULED: "scheduled",
        Source.DIRECT: "direct, manual, whatsapp, share, profile, search",
    }
)
SOURCES: Final = values(*Source)

MODE: Final = _table({Mode.IMMEDIATE: "immediate, book_now, now", Mode.SCHEDULED: "scheduled"})
MODES: Final = values(*Mode)

ROOM_STATUS: Final = _table(
    {
        RoomStatus.ACTIVE: "active",
        RoomStatus.COMPLETED: "completed",
        RoomStatus.CANCELLED: "cancelled, canceled",
    }
)
ROOM_STATUSES: Final = values(*RoomStatus)

ROLE: Final = _table(
    {
        Role.CUSTOMER: "customer, user, guest",
        Role.THERAPIST: "therapist, provider, place",  # the provider's side of a conversation
        Role.ADMIN: "admin",
        Role.SYSTEM: "system",
    }
)
ROLES: Final = values(*Role)

MESSAGE_KIND: Final = _table({kind: kind.value for kind in MessageKind if kind is not MessageKind.UNKNOWN})
MESSAGE_KINDS: Final = values(*MessageKind)

PROVIDER_STATUS: Final = _table({status: status.value for status in ProviderStatus})
PROVIDER_STATUSES: Final = values(*ProviderStatus)

PROVIDER_TYPE: Final = _table(
    {ProviderType.THERAPIST: "therapist, therapists", ProviderType.PLACE: "place, places"}
)
PROVIDER_TYPES: Final = values(*ProviderType)

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
