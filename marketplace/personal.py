"""What of a booking or a message is personal, read from a batch. Where it is kept does not live here."""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.phones import e164

#: Something that begins as phone numbers here do, of digits and what people put between them.
_NUMBER: Final = re.compile(r"(?<![\w.,/-])(?:\+|0|62|8)[\d .()-]{7,}\d")
#: Fewer are a date or an amount.
_PHONE_DIGITS: Final = range(9, 16)
HIDDEN_NUMBER: Final = "(phone number)"
HIDDEN_MAIL: Final = "(e-mail address)"
_MAIL: Final = r"[^\s@<>()\"',;:]+@[^\s@<>()\"',;:]+\.[^\s@<>()\"',;:]+"
_DIGITS: Final = (
    r"\+?(?:\(\+?\d{1,5}\)[\s.-]{0,3})?"
    r"\d(?:[\s\u200b\u202a-\u202e()./\\_:,;|*~\u2010-\u2015\u2212+-]{0,8}\d){8,}"
)
_HAS_CONTACT: Final = rf"@|{_DIGITS}"


def private_bookings(attributes: Attributes) -> pl.DataFrame:
    """customer_name, customer_phone (E.164 or null), phone_reason, room_number, location, decline_words."""
    phone, reason = e164(attributes.first(ALIASES["booking.customer_phone"]))
    return pl.DataFrame(
        {
            "customer_name": attributes.first(ALIASES["booking.customer_name"]),
            "customer_phone": phone,
            "phone_reason": reason,
            "room_number": attributes.first(ALIASES["booking.room"]),
            "location": attributes.first(ALIASES["booking.location"]),
            "decline_words": attributes.first(ALIASES["booking.reason"]),
        }
    )


def private_contacts(attributes: Attributes, whose: str) -> pl.DataFrame:
    """name, phone (E.164 or null), phone_reason of the accounts of ``whose``: "users" or "provider"."""
    phone, reason = e164(attributes.first(ALIASES[f"{whose}.phone"]))
    return pl.DataFrame(
        {"name": attributes.first(ALIASES[f"{whose}.name"]), "phone": phone, "phone_reason": reason}
    )


def private_messages(attributes: Attributes) -> pl.Series:
    """The text of each message."""
    return attributes.first(ALIASES["message.text"])


def without_phones(text: str) -> str:
    """A sentence that a person of the staff wrote, without what reads like a phone number in it."""

    def hide(found: re.Match[str]) -> str:
        digits = sum(letter.isdigit() for letter in found[0])
        return HIDDEN_NUMBER if digits in _PHONE_DIGITS else found[0]

    return _NUMBER.sub(hide, text)


def without_contact(text: str) -> str:
    """A sentence that a person of the staff wrote, without phone numbers and e-mail addresses."""
    return re.sub(_MAIL, HIDDEN_MAIL, without_phones(text))


def without_contacts(names: pl.Series) -> pl.Series:
    """Names of businesses without the phone numbers and e-mail addresses that people write in them.

    As many digits as a phone has are one wherever they stand ("Spa-0812…", "wa.me/62812…"): no name needs them.
    """
    # Polars' expressions take time in step with the text; a name may be megabytes long before it is set aside.
    telling = names.str.contains(_HAS_CONTACT).fill_null(False)
    if not telling.any():
        return names
    where = telling.arg_true()
    told = names.gather(where).str.replace_all(_MAIL, HIDDEN_MAIL).str.replace_all(_DIGITS, HIDDEN_NUMBER)
    return names.clone().scatter(where, told)
