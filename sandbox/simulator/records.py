"""The commission records that were written, each with its row. What is written into them is the actors'."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.journal import Journal
from sandbox.simulator.world import Record

TABLE = "commission_records"


class Records:
    """Every record there ever was, by id."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.by_id: dict[str, Record] = {}

    def write(self, at: int, record: Record, data: dict[str, Any]) -> None:
        """A new one."""
        self.by_id[record.id] = record
        self._journal.write(at, TABLE, record.id, data)

    def change(self, at: int, record: Record, data: dict[str, Any]) -> None:
        """Attributes of one that stands."""
        record.changed = at
        self._journal.change(at, TABLE, record.id, data)

    def delete(self, at: int, record: Record) -> None:
        """One goes."""
        record.deleted = at
        self._journal.delete(at, TABLE, record.id)
