"""Who speaks in a chat room, how long an answer may take, and whether one can still write. Word tables of roles and
kinds are in statuses.py."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from marketplace.statuses import MessageKind, Role, RoomStatus, values

HUMAN_ROLES: Final = values(Role.CUSTOMER, Role.THERAPIST)
"""The two sides of a room. What the app or an administrator writes is no answer of theirs."""
AUTOMATIC_KINDS: Final = values(MessageKind.SYSTEM, MessageKind.STATUS_UPDATE)
"""Messages that the app writes in somebody's name."""
REPLY_WITHIN: Final = timedelta(minutes=10)
"""A room whose first message waited longer for the other side counts as unanswered in that time."""
ROOM_STAYS: Final = timedelta(hours=24)
"""How long the room of a completed service stays open where it does not say so itself."""
CLOSED_ROOMS: Final = values(RoomStatus.COMPLETED, RoomStatus.CANCELLED)
"""In such a room nobody waits any more."""


class Chat(StrEnum):
    """Whether one can write in the chat of a booking. ``none``: it has no room. ``unknown``: rooms were not read, or
    a room is not surely this booking's, or its status is none we know."""

    OPEN = "open"
    CLOSED = "closed"
    NONE = "none"
    UNKNOWN = "unknown"


def room_at(status: str, expires_at: datetime | None, at: datetime) -> Chat:
    """How a room stands at an instant; instants are naive UTC alike. Without an end it stays open."""
    if status in CLOSED_ROOMS or (expires_at is not None and expires_at <= at):
        return Chat.CLOSED
    return Chat.OPEN if status == RoomStatus.ACTIVE.value else Chat.UNKNOWN


def chat_of(rooms: Collection[Chat], *, read: bool) -> Chat:
    """How the chat of a booking stands by its rooms: open where one is. ``read``: every room there was when the booking
    was made has been read; where they were not, a booking without an open room may have one."""
    if Chat.OPEN in rooms:
        return Chat.OPEN
    if not read or Chat.UNKNOWN in rooms:
        return Chat.UNKNOWN
    return Chat.CLOSED if rooms else Chat.NONE
