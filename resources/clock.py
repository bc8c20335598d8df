"""The one clock every rule reads. Durations (time.perf_counter) and the server's Date header are not its business."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True)
class Clock:
    """Now, in UTC. ``frozen`` (BOOKWATCH_NOW) stops it, so that a replay gives the same rows every time."""

    frozen: datetime | None = None

    def now(self) -> datetime:
        """The current instant: aware, UTC."""
        if self.frozen is not None:
            return self.frozen.astimezone(UTC) if self.frozen.tzinfo else self.frozen.replace(tzinfo=UTC)
        return datetime.now(UTC)

    def naive_now(self) -> datetime:
        """The current instant as the naive UTC that DuckDB's TIMESTAMP holds."""
        return self.now().replace(tzinfo=None)
