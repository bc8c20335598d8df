"""What the first request would wait for, done before anybody is told where to ask: what is loaded when it is first
used, and what is asked of the server once."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from marketplace.booking_rows import read_bookings
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.menus import menu_of
from marketplace.phones import e164_of
from messages.catalogue import LANGUAGES, say
from messages.message import Message
from resources.appwrite.failures import CallFailure
from services.accounts import OWNER_ATTRIBUTES, PROVIDER_COLLECTIONS
from services.api import described
from services.context import Services
from services.health import Examiner
from services.tables import TABLES

_COLLECTIONS: Final = (
    *BOOKING_COLLECTIONS,
    *PROVIDER_COLLECTIONS,
    *("chat_rooms", "chat_messages", "admin_messages", "notifications"),
    RECORDS,
    *(table.name for table in TABLES),
)


def warm(services: Services, app: FastAPI) -> None:
    """Load and ask. What cannot be asked now is asked by whoever needs it."""
    described(app)
    e164_of("+6281234567890")
    for language in LANGUAGES:
        say(Message("services.unforeseen"), language)
    # A row that is not written as services write it, so that the rules for columns are run once, too.
    read_bookings([{"$id": "none", "price": "1", "customerName": "-", "createdAt": "2026-01-01 10:00"}], 0)
    menu_of({"pricing": '{"60": "150.000"}'})
    try:
        services.one(Examiner, Examiner).health()
        for collection in _COLLECTIONS:
            services.gateway.has(collection, OWNER_ATTRIBUTES[0])
        _ = services.gateway.has_transactions
    except CallFailure:
        return
