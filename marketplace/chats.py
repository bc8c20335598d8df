"""Who speaks in a chat room and how long an answer may take. Word tables of roles and kinds are in statuses.py."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from marketplace.statuses import MessageKind, Role, RoomStatus, values

HUMAN_ROLES: Final = values(Role.CUSTOMER, Role.THERAPIST)
"""The two sides of a room. What the app or an administrator writes is no answer of theirs."""
AUTOMATIC_KINDS: Final = values(MessageKind.SYSTEM, MessageKind.STATUS_UPDATE)
"""Messages that the app writes in somebody's name."""
REPLY_WITHIN: Final = timedelta(minutes=10)
"""A room whose first message waited longer for the other side counts as unanswered in that time."""
CLOSED_ROOMS: Final = values(RoomStatus.COMPLETED, RoomStatus.CANCELLED)
"""In such a room nobody waits any more."""
