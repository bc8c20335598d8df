"""Transactions: calls staged one by one, carried out together or not at all. No HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.server import errors
from sandbox.server.apis import Words
from sandbox.server.errors import Failure
from sandbox.server.rows.writing import RowWriter
from sandbox.storage.clock import stamp, unique_id
from sandbox.storage.records import StoredTable
from sandbox.storage.store import Store

ACTIONS = (
    "create", "update", "upsert", "delete", "increment", "decrement", "bulkCreate", "bulkUpdate",
    "bulkUpsert", "bulkDelete",
)  # fmt: skip

TRANSACTION_SIZE = 100


@dataclass
class Transaction:
    id: str
    created: str
    expires: datetime
    started: str
    updated: str
    status: str = "pending"
    operations: list[dict[str, Any]] = field(default_factory=list)

    def served(self) -> dict[str, Any]:
        return {
            "$id": self.id, "$createdAt": self.created, "$updatedAt": self.updated, "status": self.status,
            "operations": len(self.operations), "expiresAt": stamp(self.expires),
        }  # fmt: skip

    def add(self, operations: Sequence[dict[str, Any]]) -> None:
        """Stage more. Raises Failure where it would be too many."""
        held = len(self.operations)
        if held + len(operations) > TRANSACTION_SIZE:
            raise Failure(
                400,
                "transaction_limit_exceeded",
                f"Transaction already has {held} operations, adding {len(operations)} would exceed the maximum "
                f"of {TRANSACTION_SIZE}",
            )
        self.operations += operations


def transaction_missing(identity: str) -> Failure:
    return Failure(
        404, "transaction_not_found", f"Transaction with the requested ID '{identity}' could not be found."
    )


def run_operation(rows: RowWriter, action: str, identity: str, data: Any) -> None:
    match action:
        case "create":
            rows.create(identity or data.get("$id", "unique()"), data, [])
        case "update":
            rows.update(identity, data, None)
        case "upsert":
            rows.upsert(identity or data.get("$id", "unique()"), data, None)
        case "delete":
            rows.delete(identity)
        case "increment" | "decrement":
            key = data.get("column") or data.get("attribute")
            sign = 1 if action == "increment" else -1
            rows.increment(identity, key, data.get("value", 1), data.get("max" if sign > 0 else "min"), sign)
        case "bulkCreate":
            rows.create_many(data)
        case "bulkUpsert":
            rows.upsert_many(data)
        case "bulkUpdate":
            rows.update_many(data["data"], data["queries"])
        case _:
            rows.delete_many(data["queries"])


class Transactions:
    """Those of one project, by id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Transaction] = {}

    def open(self, seconds: int) -> Transaction:
        """A new one, that expires after so many seconds."""
        now = self._store.clock.now()
        transaction = Transaction(
            unique_id(), stamp(now), now + timedelta(seconds=seconds), stamp(now), stamp(now)
        )
        self._by_id[transaction.id] = transaction
        return transaction

    def all(self) -> list[Transaction]:
        """Every one, by the order they were opened in."""
        return list(self._by_id.values())

    def get(self, identity: str, pending: bool = True) -> Transaction:
        """One that is there and, if it is to be ``pending``, can still be added to. Raises Failure."""
        transaction = self._by_id.get(identity)
        if transaction is None:
            raise transaction_missing(identity)
        if pending and transaction.status != "pending":
            raise Failure(
                400, "transaction_not_ready", "The transaction is not ready yet. Please try again later."
            )
        if pending and self._store.clock.now() > transaction.expires:
            raise Failure(
                410, "transaction_expired", "The transaction has expired. Please create a new transaction."
            )
        return transaction

    def delete(self, identity: str) -> None:
        """Forget one. Raises Failure where it is not there."""
        del self._by_id[self.get(identity, pending=False).id]

    def stage(
        self, name: str, words: Words, table: StoredTable, action: str, identity: str, data: Any
    ) -> dict[str, Any]:
        """Keep a call for the commit of the transaction it names; the answer, as if it were done."""
        transaction = self.get(name)
        if action in ("update", "delete") and self._store.get(table, identity) is None:
            staged = any(
                o["rowId"] == identity and o["action"] in ("create", "upsert") for o in transaction.operations
            )
            if not staged:
                raise errors.row_missing(words, identity)
        transaction.add(
            [
                {
                    "action": action,
                    "databaseId": table.database,
                    "tableId": table.id,
                    "rowId": identity,
                    "data": data,
                }
            ]
        )
        if action.startswith("bulk"):
            return {"total": len(data) if isinstance(data, list) else 0, words.rows: []}
        now = stamp(self._store.clock.now())
        return {
            "$id": identity, "$sequence": "", f"${words.table_id}": table.id,
            "$databaseId": table.database, "$createdAt": now, "$updatedAt": now, "$permissions": [],
            **(data if action in ("create", "update", "upsert") else {}),
        }  # fmt: skip

    def add(self, words: Words, transaction: Transaction, given: Sequence[Mapping[str, Any]]) -> None:
        """Stage operations as a request names them. Raises Failure where a table is not there."""
        prepared: list[dict[str, Any]] = []
        for item in given:
            database = self._store.databases.get(str(item.get("databaseId")))
            if database is None:
                raise errors.database_missing(str(item.get("databaseId")))
            table = str(item.get("tableId") or item.get("collectionId"))
            if table not in database.tables:
                raise errors.table_missing(words, table)
            prepared.append(
                {
                    "action": item["action"],
                    "databaseId": database.id,
                    "tableId": table,
                    "rowId": item.get("rowId") or item.get("documentId") or "",
                    "data": item.get("data") or {},
                }
            )
        transaction.add(prepared)
        transaction.updated = stamp(self._store.clock.now())

    def end(self, words: Words, transaction: Transaction, *, commit: bool) -> None:
        """Carry out what was staged, or forget it. Raises Failure where that cannot be."""
        if commit:
            self._commit(words, transaction)
        transaction.status = "committed" if commit else "failed"
        transaction.updated = stamp(self._store.clock.now())

    def _commit(self, words: Words, transaction: Transaction) -> None:
        """All or nothing. A row changed meanwhile by others is a conflict."""
        store = self._store
        conflict = Failure(
            409,
            "transaction_conflict",
            "The transaction has a conflict. Please resolve the conflict and try again.",
        )
        try:
            with store.writing():
                mine: set[tuple[str, str, str]] = set()
                for item in transaction.operations:
                    table = store.databases[item["databaseId"]].tables[item["tableId"]]
                    rows, identity, data = RowWriter(store, table, words), item["rowId"], item["data"]
                    who = (table.database, table.id, identity)
                    row = store.get_for_update(table, identity) if identity else None
                    if row is not None and who not in mine and row.updated > transaction.started:
                        raise conflict
                    mine.add(who)
                    run_operation(rows, item["action"], identity, data)
        except Failure as failure:
            transaction.status = "failed"
            raise conflict if failure.status in (404, 409) else failure from None
