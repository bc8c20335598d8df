"""How many writes a server has been asked for, and how many rows they came to. Counts those of calls alone."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any


class Written:
    """``calls``: requests that are no reads, by method and route, refused ones too."""

    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    def call(self, method: str, pattern: tuple[str, ...]) -> None:
        if method not in ("GET", "HEAD", "OPTIONS"):
            with self._lock:
                self._calls[f"{method} /{'/'.join(pattern)}"] += 1

    def told(self, rows: dict[tuple[str, str], Counter[str]]) -> dict[str, Any]:
        """As the control answers it; ``rows``: by database and table, how many were created, changed, deleted."""
        return {
            "writes": sum(sum(counts.values()) for counts in rows.values()),
            "calls": sum(self._calls.values()),
            "by_route": dict(self._calls),
            "by_table": {
                database: {table: dict(counts) for (at, table), counts in rows.items() if at == database}
                for database, _ in rows
            },
        }

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()
