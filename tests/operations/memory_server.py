"""The acting gateway on an app whose rows stand in memory: the same calls, with or without transactions, without a
network. Holds no test; what a real server answers is tried on the sandbox.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from resources.appwrite.failures import PermanentFailure
from resources.appwrite.writing import Change, Create, Write
from tests.operations.app import App


class MemoryServer:
    """An app, its open transactions, and how often each row was written. Called, it is a gateway to itself: what dies
    with a process is none of it."""

    def __init__(self, app: App, *, transactions: bool) -> None:
        self.app, self.has_transactions = app, transactions
        self.writes: Counter[tuple[str, str]] = Counter()
        self._transactions: dict[str, tuple[str, list[Write]]] = {}
        self._seen: dict[str, dict[tuple[str, str], Any]] = {}

    def __call__(self, *_: object) -> MemoryServer:
        return self

    def __enter__(self) -> MemoryServer:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    # Asking ---------------------------------------------------------------------------------------------

    def forget(self) -> None:
        pass

    def read(self, wanted: Iterable[tuple[str, str]]) -> None:
        list(wanted)

    def fresh(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Mapping[str, Any] | None]:
        return {key: self.row(*key) for key in wanted}

    def row(self, collection: str, row_id: str) -> Mapping[str, Any] | None:
        return copy.deepcopy(self.app.row(collection, row_id))

    def rows(self, collection: str, queries: Sequence[str]) -> list[Mapping[str, Any]]:
        return copy.deepcopy(self.app.rows(collection, queries))

    def has(self, collection: str, attribute: str) -> bool:
        return self.app.has(collection, attribute)

    def server_now(self) -> datetime:
        return self.app.now.replace(tzinfo=UTC)

    # Writing --------------------------------------------------------------------------------------------

    def create(self, write: Create) -> None:
        if self.app.row(write.collection, write.row_id) is not None:
            raise PermanentFailure("create_row", "bad_request", status=409, error_type="row_already_exists")
        self._write([write])

    def change(self, write: Change) -> None:
        row = self.app.row(write.collection, write.row_id)
        if row is None or row["$updatedAt"] != write.seen:
            raise PermanentFailure("change_row", "bad_request", status=409, error_type="row_update_conflict")
        self._write([write])

    def _write(self, writes: Sequence[Write]) -> None:
        self.app.write(writes)
        self.writes.update((write.collection, write.row_id) for write in writes)

    def open_transaction(self) -> str:
        identity = f"t{len(self._transactions)}"
        self._transactions[identity] = ("pending", [])
        return identity

    def stage(self, transaction: str, writes: Sequence[Write]) -> None:
        self._transactions[transaction] = ("pending", [*self._transactions[transaction][1], *writes])

    def commit(self, transaction: str) -> None:
        status, writes = self._transactions[transaction]
        assert status == "pending"
        self._write(writes)
        self._transactions[transaction] = ("committed", writes)

    def roll_back(self, transaction: str) -> bool:
        self._transactions[transaction] = ("failed", [])
        return True

    def status_of(self, transaction: str) -> str:
        return self._transactions[transaction][0]
