"""Rows that stand in quarantine, among them those that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.raw.column_types import Position

LONGEST_PAUSE = timedelta(hours=1)
"""Between two tries of a row that cannot be read; the first comes with the next run, then after ever longer pauses."""


@dataclass(frozen=True)
class FirstRow:
    """The row that comes next, as far as it can be told. ``position``: where it stands among those that are followed;
    ``content``: a JSON object of what was to be had of it."""

    row_id: str | None
    position: Position
    updated_at: datetime | None
    content: str = "{}"


@dataclass(frozen=True)
class Unread:
    """A row that was set aside because it cannot be read. Instants are naive UTC."""

    row_id: str
    updated_at: datetime | None
    first_seen_at: datetime
    last_tried_at: datetime

    def due(self, now: datetime) -> bool:
        """Whether to try it again: at the next run, and then after twice the time it has been known for."""
        pause = min(LONGEST_PAUSE, self.last_tried_at - self.first_seen_at)
        return now - self.last_tried_at >= pause
