"""What the first requests would wait for one after the other, done before it is said that requests are taken: sentences
are read from their files, the columns of collections are asked for, what reads rows is loaded."""

from __future__ import annotations

from typing import Final

from marketplace.booking_rows import read_bookings
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.menus import menu_of
from messages.catalogue import LANGUAGES, say
from messages.message import Message
from resources.appwrite.failures import CallFailure
from services.accounts import PROVIDER_COLLECTIONS
from services.context import Services
from services.tables import TABLES

_ASKED_FOR: Final = (
    *BOOKING_COLLECTIONS,
    *PROVIDER_COLLECTIONS,
    *("chat_rooms", "chat_messages", "notifications"),
    RECORDS,
    *(table.name for table in TABLES),
)


def warm(services: Services) -> None:
    """Do it. A server that does not answer now is asked again by who needs it."""
    for language in LANGUAGES:
        say(Message("services.not_signed_in"), language)
    # A row that is not written as services write it, so that the rules for columns are run once, too.
    read_bookings([{"$id": "none", "price": "1", "customerName": "-", "createdAt": "2026-01-01 10:00"}], 0)
    menu_of({"pricing": '{"60": "150.000"}'})
    try:
        _ = services.gateway.has_transactions
        for collection in _ASKED_FOR:
            services.gateway.has(collection, "$id")
    except CallFailure:
        return
