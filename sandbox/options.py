"""What ``python -m sandbox serve`` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATABASE = "marketplace"


@dataclass(frozen=True)
class Options:
    """What ``python -m sandbox serve`` was told."""

    port: int = 0
    host: str = "127.0.0.1"
    seed: int = 7
    days: int = 60
    until: datetime | None = None
    live: bool = False
    empty: bool = False
    as_json: bool = False
    data: Path | None = None
    die_with_parent: bool = False
    bookings: int = 0
    messages: int = 0


def read_instant(text: str) -> datetime:
    """An ISO instant; without a zone it is UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def options_from(arguments: Any) -> Options:
    return Options(
        arguments.port, arguments.host, arguments.seed, arguments.days, arguments.until, arguments.live,
        arguments.empty, arguments.json, arguments.data, arguments.die_with_parent, arguments.bookings,
        arguments.messages,
    )  # fmt: skip
