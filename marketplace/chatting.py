"""What a chat allows: how long a message may be, how large a picture, where a place can be, how much is shown at
once, and when somebody is away. Who speaks, and until when a room is open, stands in chats.py."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MESSAGES_A_PAGE: Final = 50
"""Messages of a page, where nothing else is asked for."""
MESSAGES_A_PAGE_MOST: Final = 100
TEXT_MOST: Final = 2_000
"""Characters of a message."""
LABEL_MOST: Final = 120
"""Characters that name a place."""
IMAGE_MOST_BYTES: Final = 5_000_000
"""One request to Appwrite carries it: a picture is there whole, or not at all."""
WORDS_MOST: Final = 8
"""Words that one search looks for."""
SEARCH_MOST: Final = 100
"""Characters of what is searched for."""
AWAY_AFTER: Final = timedelta(minutes=5)
"""Who did nothing in a chat for so long is not looking at it."""
TOLD_AGAIN_AFTER: Final = timedelta(minutes=10)
"""Who was told of a message and did not come is not told of the next ones for so long."""

ATTACHMENTS: Final = "chat_attachments"
"""The bucket that pictures lie in."""


class Extra(StrEnum):
    """What a message may hold beside its text, as it is called in its ``metadata``."""

    LOCATION = "location"
    ATTACHMENT = "attachment"


def place_text(latitude: float, longitude: float, label: str) -> str:
    """What a message says that tells where somebody is, to a program that knows no places.

    >>> place_text(-8.65, 115.2167, "")
    '-8.650000, 115.216700'
    """
    return label or f"{latitude:.6f}, {longitude:.6f}"


def tells(seen: datetime | None, told: datetime | None, now: datetime) -> bool:
    """Whether the other side of a chat is told of a message: they were not ``seen`` in it of late, and were ``told`` of
    none since they were, or long ago. Instants are naive UTC alike."""
    if seen is not None and now - seen < AWAY_AFTER:
        return False
    return told is None or (seen is not None and seen > told) or now - told >= TOLD_AGAIN_AFTER
