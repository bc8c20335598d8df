"""The server's time: its instants as Appwrite writes them, ids that rise with it."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The server's time: the real one, or ahead of it where the data it serves ends in the future."""

    def __init__(self, until: datetime | None = None) -> None:
        ahead = (until - datetime.now(UTC)) if until else timedelta()
        self.offset = max(ahead, timedelta())

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


def stamp(at: datetime) -> str:
    """An instant as Appwrite writes it: UTC, milliseconds (cut, not rounded)."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds")


def unique_id() -> str:
    """An id like those of ``ID.unique()``: 20 hexadecimal digits, rising with time."""
    micros = time.time_ns() // 1000
    return f"{micros // 1_000_000:08x}{micros % 1_000_000:05x}{secrets.token_hex(4)[:7]}"
