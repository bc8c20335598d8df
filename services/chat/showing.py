"""A message and a room as the API shows them. Whoever may see one does not live here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, cast

from pydantic import BaseModel, Field

from marketplace.aliases import ALIASES
from marketplace.app_rows import Row, meaning, text_at, word
from marketplace.chatting import Extra
from marketplace.statuses import MESSAGE_KIND, ROLE
from services.chat.conversation import Entry
from services.chat.place import BEFORE_ALL, After, Place, stamp


class Location(BaseModel):
    """A place that somebody tells the other side."""

    lat: float = Field(ge=-90, le=90, description="Degrees north.")
    lng: float = Field(ge=-180, le=180, description="Degrees east.")
    label: str = ""


class Attachment(BaseModel):
    """A picture that goes with a message; ``attachmentId``: to be got by."""

    attachmentId: str
    contentType: str
    bytes: int


class MessageShown(BaseModel):
    """A message of a conversation. ``cursor``: its place, for ``before``, ``after`` and ``upTo``."""

    messageId: str
    cursor: str
    sentAt: str
    senderRole: str = Field(description="customer, therapist, admin, system or unknown")
    senderId: str | None = None
    senderName: str | None = None
    mine: bool = Field(description="Whether the caller wrote it.")
    kind: str = Field(description="text, booking, system, status-update or unknown")
    text: str
    isRead: bool
    location: Location | None = None
    attachment: Attachment | None = None


class MessagePage(BaseModel):
    """Messages, oldest first. ``more``: whether there are further ones, the way that was asked for; ``before``: the
    cursor of older ones, none where there are none; ``after``: of those to come; ``events``: where a stream of events
    goes on from this page, of a page at the newest end."""

    messages: list[MessageShown]
    more: bool
    before: str | None = None
    after: str | None = None
    events: str | None = None


def shown(entry: Entry, mine: frozenset[str]) -> MessageShown:
    """``mine``: the ids that the caller writes under, in lower case."""
    row = entry.row
    sender = text_at(row, "senderId")
    extra = extras(row)
    return MessageShown(
        messageId=str(row["$id"]),
        cursor=entry.place.cursor,
        sentAt=stamp(entry.place.at),
        senderRole=word(meaning(row, "message.sender_role"), ROLE),
        senderId=sender,
        senderName=text_at(row, "senderName"),
        mine=sender is not None and sender.lower() in mine,
        kind=word(text_at(row, "messageType"), MESSAGE_KIND) if text_at(row, "messageType") else "text",
        text=text_of(row),
        isRead=row.get("isRead") is True,
        location=_location(extra.get(Extra.LOCATION.value)),
        attachment=_attachment(extra.get(Extra.ATTACHMENT.value)),
    )


def text_of(row: Row) -> str:
    """What a message says, under whatever name."""
    for name in ALIASES["message.text"]:
        value = row.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def extras(row: Row) -> dict[str, Any]:
    """What a message holds beside its text; nothing where it cannot be read."""
    try:
        told: object = json.loads(str(row.get("metadata") or "{}"))
    except ValueError:
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def _location(told: object) -> Location | None:
    try:
        return Location.model_validate(told) if isinstance(told, dict) else None
    except ValueError:
        return None


def _attachment(told: object) -> Attachment | None:
    try:
        return Attachment.model_validate(told) if isinstance(told, dict) else None
    except ValueError:
        return None


def page_of(
    found: Sequence[Entry],
    mine: frozenset[str],
    *,
    older: bool,
    more: bool,
    events: str | None = None,
    after: After | None = None,
) -> MessagePage:
    """A page of messages in their order. ``older``, ``more``: whether there are; ``after``: what was asked for. From
    the newest end on, what comes to be seen late is told to whoever goes on."""
    if after is None and found:
        # What stands before the page was given, or will be by the pages before it.
        first = found[0].place
        floor = Place(first.at, first.sequence - 1) if older else BEFORE_ALL
        after = After(found[-1].place, floor)
    return MessagePage(
        messages=[shown(entry, mine) for entry in found],
        more=more,
        before=found[0].place.cursor if found and older else None,
        after=after.with_given(entry.place for entry in found).cursor if after is not None else None,
        events=events,
    )


class RoomShown(BaseModel):
    """A chat room of the caller's."""

    roomId: str
    bookingId: str | None
    state: str = Field(description="open, closed or unknown")
    expiresAt: str | None
    withName: str | None = Field(description="Whom it is with, as their account calls them.")


class RoomPage(BaseModel):
    """Rooms, the newest first. ``before``: the cursor of older ones."""

    rooms: list[RoomShown]
    before: str | None = None
