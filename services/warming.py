"""What the first request would wait for, done before anybody is told where to ask: what is loaded when it is first
used, and what is asked of the server once."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from marketplace.phones import e164_of
from messages.catalogue import LANGUAGES, say
from messages.message import Message
from resources.appwrite.failures import CallFailure
from services.accounts import OWNER_ATTRIBUTES, PROVIDER_COLLECTIONS
from services.api import described
from services.context import Services
from services.health import Examiner

_COLLECTIONS: Final = (
    *PROVIDER_COLLECTIONS,
    *("bookings", "chat_rooms", "chat_messages", "admin_messages", "commission_records", "notifications"),
)


def warm(services: Services, app: FastAPI) -> None:
    """Load and ask. What cannot be asked now is asked by whoever needs it."""
    described(app)
    e164_of("+6281234567890")
    for language in LANGUAGES:
        say(Message("services.unforeseen"), language)
    try:
        services.one(Examiner, Examiner).health()
        for collection in _COLLECTIONS:
            services.gateway.has(collection, OWNER_ATTRIBUTES[0])
        _ = services.gateway.has_transactions
    except CallFailure:
        return
