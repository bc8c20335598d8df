"""What ``python -m sandbox serve`` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATABASE = "marketplace"
Outages = tuple[tuple[str, datetime, datetime], ...]
Levels = tuple[tuple[float, datetime, datetime], ...]


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
    outages: Outages = ()
    acceptance: Levels = ()
    demand: Levels = ()


def read_instant(text: str) -> datetime:
    """An ISO instant; without a zone it is UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def read_level(text: str) -> tuple[float, datetime, datetime]:
    """FACTOR:FROM/TO. Raises ValueError."""
    factor, begins, ends = read_outage(text)
    return float(factor), begins, ends


def read_outage(text: str) -> tuple[str, datetime, datetime]:
    """SOURCE:FROM/TO. Raises ValueError."""
    what, _, span = text.partition(":")
    begins, _, ends = span.partition("/")
    return what, read_instant(begins), read_instant(ends)


def options_from(arguments: Any) -> Options:
    return Options(
        arguments.port, arguments.host, arguments.seed, arguments.days, arguments.until, arguments.live,
        arguments.empty, arguments.json, arguments.data, arguments.die_with_parent, arguments.bookings,
        arguments.messages, tuple(arguments.outage), tuple(arguments.acceptance), tuple(arguments.demand),
    )  # fmt: skip
