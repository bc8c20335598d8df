"""Word tables: what is written → the canonical value. Case, spaces, ``_`` and ``-`` are ignored."""

from __future__ import annotations

from typing import Final

import polars as pl

from marketplace.text import nulls

UNKNOWN: Final = "unknown"


def _table(words: dict[str, str]) -> dict[str, str]:
    """{canonical: "word, word"} → {normalised word: canonical}; refuses a word that means two things."""
    table: dict[str, str] = {}
    for canonical, listed in words.items():
        for word in listed.split(","):
            key = normalised(word)
            if table.setdefault(key, canonical) != canonical:
                raise ValueError(f"the word {key} stands for two values")
    return table


def normalised(word: str) -> str:
    """The form in which words are compared."""
    return "".join(c for c in word.lower() if not c.isspace() and c not in "_-")


BOOKING_STATUS: Final = _table(
    {
        "pending": "pending, pending_accept, idle, registering, searching, waiting, waiting_for_location",
        "accepted": "accepted, active, on_the_way",
        "confirmed": "confirmed, in_progress, payment_received",
        "completed": "completed, done, finished",
        "cancelled": "cancelled, canceled",
        "declined": "declined, rejected",
        "expired": "expired, timeout",
        "reassigned": "reassigned",
    }
)
BOOKING_STATUSES: Final = (*dict.fromkeys(BOOKING_STATUS.values()), UNKNOWN)

COMMISSION_STATUS: Final = _table(
    {
        "pending": "pending, pending_collection, accepted, unpaid",
        "awaiting_verification": "awaiting_verification, submitted",
        "paid": "paid, verified, confirmed, completed, partially_refunded, partial_refund",
        "rejected": "rejected",
        "overdue": "overdue, expired",
        "cancelled": "cancelled, canceled",
        "reversed": "reversed, refunded",
    }
)
COMMISSION_STATUSES: Final = (*dict.fromkeys(COMMISSION_STATUS.values()), UNKNOWN)
PARTLY_REFUNDED: Final = _table({"paid": "partially_refunded, partial_refund"})
"""Of the words of a record that is paid, those that say that some of it went back, and not how much."""
NOT_LIVE_STATUSES: Final = ("cancelled", "reversed")

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
    if text.null_count() == len(text):
        return nulls(len(text), pl.String)
    key = text.str.to_lowercase().str.replace_all(r"[\s_-]", "")
    return key.replace_strict(table, default=None, return_dtype=pl.String)


def flags(text: pl.Series) -> pl.Series:
    """Text → Boolean, null where empty or not a yes or no."""
    return canonical(text, FLAG) == "true"
