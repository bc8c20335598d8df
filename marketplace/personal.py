"""What of a booking or a message is personal, read from a batch. Where it is kept does not live here."""

from __future__ import annotations

import polars as pl

from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.collections import BY_NAME
from marketplace.phones import e164


def personal_attributes(collection: str) -> frozenset[str]:
    """Attributes of a collection whose values may never leave raw and the private file."""
    known = BY_NAME.get(collection)
    return frozenset(known.personal) if known else frozenset()


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


def private_messages(attributes: Attributes) -> pl.Series:
    """The text of each message."""
    return attributes.first(ALIASES["message.text"])
