"""What an operation writes to be read by people: a message in a booking's room, a notification to its customer or its
provider. The kinds of news are in marketplace/telling.py, their sentences in messages/told.toml.

A message in a room is read by both sides, so no sentence has a place for a name, a phone or an address.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from marketplace.aliases import ALIASES
from marketplace.app_rows import (
    attribute,
    instant_like,
    language_of,
    meaning,
    names_somebody,
    readers,
    text_at,
)
from marketplace.collections import PROVIDER_COLLECTIONS, PROVIDER_TYPES
from marketplace.operations import told_id
from marketplace.statuses import MessageKind, ProviderType, Role
from marketplace.telling import NEWS, PROVIDERS_READ, Audience, Told
from messages.catalogue import LANGUAGES, say
from messages.message import Arg, Message
from operations.action import Action, Asking
from operations.fresh import keys_of
from resources.appwrite.writing import Create, Row

ROOMS, MESSAGES, NOTIFICATIONS = "chat_rooms", "chat_messages", "notifications"
Args = Mapping[str, Arg]


def sentence(kind: Told, audience: Audience, args: Args | None = None) -> Message:
    """What is told of a kind of news to those who read it."""
    return Message(f"told.{kind.value}.{audience.value}", args or {})


def room_of(booking: Row, room_id: str | None, ask: Asking) -> Row | None:
    """The room of a booking, as it stands now, if it is that: it names the booking, and no other customer. Raises
    CallFailure."""
    room = ask.row(ROOMS, room_id) if room_id else None
    if room is None or text_at(room, "bookingId") not in keys_of(booking):
        return None
    theirs, whose = meaning(room, "room.customer_id"), meaning(booking, "booking.customer_id")
    return room if theirs is None or whose is None or theirs == whose else None


@dataclass(frozen=True)
class Telling:
    """What one action tells, at an instant (naive UTC); ``key`` is its own: told twice, it stands once. Every
    method gives what is to be written, nothing where nobody can be told or the collection has no place for it. Raises
    CallFailure."""

    key: str
    at: datetime
    ask: Asking

    def room(self, booking: Row, room: Row | None, kind: Told) -> list[Create]:
        """A message of the system in the room of a booking, in every language."""
        has = partial(self.ask.has, MESSAGES)
        text, where = attribute(ALIASES["message.text"], has), attribute(ALIASES["message.room"], has)
        if room is None or text is None or where is None:
            return []
        data: dict[str, Any] = {where: str(room["$id"])}
        data[text] = "\n".join(say(sentence(kind, Audience.ROOM), language) for language in LANGUAGES)
        if (role := attribute(ALIASES["message.sender_role"], has)) is not None:
            data[role] = Role.SYSTEM.value
        if (sent := attribute(ALIASES["message.sent_at"], has)) is not None:
            data[sent] = instant_like(None, self.at)
        more = {
            "senderId": Role.SYSTEM.value,
            "messageType": MessageKind.STATUS_UPDATE.value,
            "bookingId": str(booking["$id"]),
            "isRead": False,
        }
        data |= {name: value for name, value in more.items() if has(name)}
        row_id = told_id(self.key, Audience.ROOM.value)
        return [Create(MESSAGES, row_id, data, readers(room))]

    def customer(self, booking: Row, kind: Told, args: Args | None = None) -> list[Create]:
        """A notification to the customer of a booking, in their language."""
        who = meaning(booking, "booking.customer_id")
        said = self._said(kind, Audience.CUSTOMER, language_of(booking), args)
        return self._notification(who, Role.CUSTOMER.value, kind, said, booking, booking)

    def provider(
        self,
        provider_id: str | None,
        provider_type: str | None,
        kind: Told,
        args: Args | None = None,
        *,
        booking: Row | None = None,
        row: Row | None = None,
    ) -> list[Create]:
        """A notification to a provider; ``row``: one whose permissions may name them."""
        said = self._said(kind, Audience.PROVIDER, PROVIDERS_READ, args)
        what = provider_type or ProviderType.THERAPIST.value
        return self._notification(provider_id, what, kind, said, booking, row)

    def _said(self, kind: Told, audience: Audience, language: str, args: Args | None) -> dict[str, str]:
        """Title and words, and whom of this action they are for."""
        return {
            "title": say(Message(f"told.{kind.value}.title"), language),
            "message": say(sentence(kind, audience, args), language),
            "about": f"{kind.value}:{audience.value}",
        }

    def _notification(
        self,
        who: str | None,
        what: str,
        kind: Told,
        said: Mapping[str, str],
        booking: Row | None,
        row: Row | None,
    ) -> list[Create]:
        has = partial(self.ask.has, NOTIFICATIONS)
        recipient = attribute(ALIASES["notification.recipient_id"], has)
        if recipient is None or who is None or not names_somebody(who):
            return []
        data: dict[str, Any] = {recipient: who}
        if (is_read := attribute(ALIASES["notification.read"], has)) is not None:
            data[is_read] = False
        more = {
            "recipientType": what,
            "type": NEWS[kind.value].type,
            "title": said["title"],
            "message": said["message"],
            "sentAt": instant_like(None, self.at),
            "bookingId": str(booking["$id"]) if booking is not None else None,
        }
        data |= {name: value for name, value in more.items() if value is not None and has(name)}
        row_id = told_id(self.key, said["about"])
        return [Create(NOTIFICATIONS, row_id, data, readers(row or {}, who))]


def was_told(action: Action, kinds: Mapping[Told, Audience], ask: Asking) -> bool:
    """Whether anything that an action told stands at Appwrite. Raises CallFailure."""
    if ask.row(MESSAGES, told_id(action.action_id, Audience.ROOM.value)) is not None:
        return True
    return any(
        ask.row(NOTIFICATIONS, told_id(action.action_id, f"{kind.value}:{audience.value}")) is not None
        for kind, audience in kinds.items()
    )


def collection_of(provider_type: str | None) -> str | None:
    """The collection of providers of a type."""
    return next((c for c in PROVIDER_COLLECTIONS if PROVIDER_TYPES[c] == provider_type), None)


def provider_row(provider_id: str | None, provider_type: str | None, ask: Asking) -> tuple[str, Row] | None:
    """(collection, row) of a provider: of the collection of its type, else of the first that has the id. Raises
    CallFailure."""
    if not provider_id:
        return None
    likely = collection_of(provider_type)
    for collection in sorted(PROVIDER_COLLECTIONS, key=lambda c: c != likely):
        if (row := ask.row(collection, provider_id)) is not None:
            return collection, row
    return None
