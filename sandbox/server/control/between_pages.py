"""Changes to rows between two pages of a list, as a test ordered them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.storage.clock import stamp
from sandbox.storage.documents import plain_number, stored_columns_blank
from sandbox.storage.records import Row, StoredTable
from sandbox.storage.store import Store


@dataclass
class PageStep:
    """What is done to rows after the n-th list of ``table``: touch, insert and delete."""

    table: str
    after: int = 1
    touch: list[str] = field(default_factory=list)  # ids whose $updatedAt becomes now
    update: list[dict[str, Any]] = field(default_factory=list)  # rows with $id and the attributes to change
    insert: list[dict[str, Any]] = field(default_factory=list)  # rows with $id and attributes
    delete: list[str] = field(default_factory=list)
    done: bool = field(default=False)


class BetweenPages:
    """The steps in force. ``lists``: how often each table was listed since they were put."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._steps: list[PageStep] = []
        self._lock = threading.Lock()
        self.lists: dict[str, int] = {}

    def put(self, steps: list[PageStep]) -> None:
        """Put steps in force; the counts start anew."""
        with self._lock:
            self._steps, self.lists = steps, {}

    @property
    def done(self) -> int:
        """How many of the steps were carried out."""
        return sum(step.done for step in self._steps)

    def listed(self, table: StoredTable) -> None:
        """A list of the table was answered: what is due after it is done."""
        if not self._steps:
            return
        with self._lock:
            self.lists[table.id] = self.lists.get(table.id, 0) + 1
            due = [
                step
                for step in self._steps
                if not step.done and step.table == table.id and step.after <= self.lists[table.id]
            ]
            for step in due:
                step.done = True
        for step in due:
            self._carry_out(table, step)

    def _carry_out(self, table: StoredTable, step: PageStep) -> None:
        store = self._store
        now = stamp(store.clock.now())
        with store.writing():
            for identity, change in [
                *((identity, {}) for identity in step.touch),
                *((item["$id"], item) for item in step.update),
            ]:
                row = store.get_for_update(table, identity)
                if row is not None:
                    row.data |= {k: plain_number(v) for k, v in change.items() if k[0] != "$"}
                    row.updated = change.get("$updatedAt", now)
                    store.replace(table, [row])
            for identity in step.delete:
                row = store.get_for_update(table, identity)
                if row is not None:
                    store.delete(table, [row.sequence])
            if step.insert:
                store.insert(table, [_new_row(table, item, now) for item in step.insert])


def _new_row(table: StoredTable, item: Mapping[str, Any], now: str) -> Row:
    data = stored_columns_blank(table) | {k: plain_number(v) for k, v in item.items() if k[0] != "$"}
    return Row(item["$id"], data, item.get("$createdAt", now), item.get("$updatedAt", now))
