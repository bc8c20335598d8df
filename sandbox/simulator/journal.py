"""What the app has written: each write becomes an event. What is written is decided by the actors."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any

from sandbox.simulator.events import Event
from sandbox.simulator.times import from_ms


class Journal:
    """The writes of the app, in their order, until they are taken. ``rows``: table -> rows that stand."""

    def __init__(self) -> None:
        self.ready: deque[Event] = deque()
        self.rows: Counter[str] = Counter()
        self.deleted_rows: dict[str, list[str]] = {}

    def write(self, at: int, table: str, row_id: str, data: dict[str, Any]) -> None:
        """A new row."""
        self.rows[table] += 1
        self.ready.append(Event(from_ms(at), "create", table, row_id, data))

    def change(self, at: int, table: str, row_id: str, data: dict[str, Any]) -> None:
        """Attributes of a row that stands."""
        self.ready.append(Event(from_ms(at), "update", table, row_id, data))

    def delete(self, at: int, table: str, row_id: str) -> None:
        """A row goes."""
        self.rows[table] -= 1
        self.deleted_rows.setdefault(table, []).append(row_id)
        self.ready.append(Event(from_ms(at), "delete", table, row_id, {}))
