"""Transactions: calls staged one by one, carried out together or not at all. No HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from sandbox.server import errors
from sandbox.server.apis import COLLECTIONS, Words
from sandbox.server.errors import Failure
from sandbox.server.rows.writing import RowWriter
from sandbox.server.staging import Operation, Staged, StagedRow, shown, with_ids
from sandbox.storage.clock import stamp, unique_id
from sandbox.storage.records import Row, StoredTable
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
    updated: str
    owner: str | None  # whose it is, where not a key's: keys may end anybody's
    status: str = "pending"
    count: int = 0  # of operations, which are forgotten when it has ended
    operations: list[Operation] = field(default_factory=list)
    staged: Staged = field(default_factory=Staged)

    def served(self) -> dict[str, Any]:
        return {
            "$id": self.id, "$createdAt": self.created, "$updatedAt": self.updated, "status": self.status,
            "operations": self.count, "expiresAt": stamp(self.expires),
        }  # fmt: skip

    def check_room(self, more: int) -> None:
        """Raises Failure where so many more would be too many."""
        held = len(self.operations)
        if held + more > TRANSACTION_SIZE:
            raise Failure(
                400,
                "transaction_limit_exceeded",
                f"Transaction already has {held} operations, adding {more} would exceed the maximum "
                f"of {TRANSACTION_SIZE}",
            )

    def add(self, operations: Sequence[Operation]) -> None:
        """Stage more."""
        self.operations += operations
        self.count = len(self.operations)
        for operation in operations:
            self.staged.add(operation)


def transaction_missing(identity: str) -> Failure:
    return Failure(
        404, "transaction_not_found", f"Transaction with the requested ID '{identity}' could not be found."
    )


def expired() -> Failure:
    return Failure(
        410,
        "transaction_expired",
        "The transaction has expired. Please create a new transaction and try again.",
    )


def conflict() -> Failure:
    return Failure(
        409,
        "transaction_conflict",
        "The transaction has a conflict. Please resolve the conflict and try again.",
    )


def run_operation(rows: RowWriter, action: str, identity: str, data: Any) -> None:
    match action:
        case "create":
            rows.create(identity, data, data.get("$permissions") or [])
        case "update":
            rows.update(identity, data, data.get("$permissions"))
        case "upsert":
            rows.upsert(identity, data, data.get("$permissions"))
        case "delete":
            rows.delete(identity)
        case "increment" | "decrement":
            sign = 1 if action == "increment" else -1
            limit = data.get("max" if sign > 0 else "min")
            rows.increment(identity, _column_of(data), data.get("value", 1), limit, sign)
        case "bulkCreate":
            rows.create_many(data)
        case "bulkUpsert":
            rows.upsert_many(data)
        case "bulkUpdate":
            rows.update_many(data["data"], data["queries"])
        case _:
            rows.delete_many(data["queries"])


def _column_of(data: Mapping[str, Any]) -> str:
    return str(data.get("column") or data.get("attribute"))


class Transactions:
    """Those of one project, by id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._by_id: dict[str, Transaction] = {}

    def open(self, seconds: int, owner: str | None) -> Transaction:
        """A new one, that expires after so many seconds."""
        now = self._store.clock.now()
        transaction = Transaction(
            unique_id(), stamp(now), now + timedelta(seconds=seconds), stamp(now), owner
        )
        self._by_id[transaction.id] = transaction
        return transaction

    def all(self, owner: str | None) -> list[Transaction]:
        """Those of who calls, by the order they were opened in."""
        return [one for one in list(self._by_id.values()) if owner in (None, one.owner)]

    def get(self, identity: str, owner: str | None, pending: bool = True) -> Transaction:
        """One that is there, for who calls, and, if it is to be ``pending``, can be added to. Raises Failure."""
        transaction = self._by_id.get(identity)
        if transaction is None or owner not in (None, transaction.owner):
            raise transaction_missing(identity)
        if pending and transaction.status != "pending":
            raise Failure(
                400, "transaction_not_ready", "The transaction is not ready yet. Please try again later."
            )
        if pending and self._store.clock.now() > transaction.expires:
            raise expired()
        return transaction

    def delete(self, identity: str, owner: str | None) -> None:
        """Forget one. Raises Failure where it is not there."""
        del self._by_id[self.get(identity, owner, pending=False).id]

    def staged_in(self, identity: str, table: StoredTable) -> dict[str, StagedRow]:
        """What is staged of a table's rows, for a read; nothing where there is no such transaction."""
        transaction = self._by_id.get(identity)
        if transaction is None or transaction.status != "pending":
            return {}
        return transaction.staged.of(table)

    def _staging_moment(self) -> str:
        """Now, with what is answered from here on a moment later: a write that follows is told from one before."""
        at = stamp(self._store.clock.now())
        while stamp(self._store.clock.now()) == at:
            time.sleep(0.0002)  # of the millisecond that stamps are written in
        return at

    def stage(
        self,
        name: str,
        owner: str | None,
        words: Words,
        table: StoredTable,
        action: str,
        identity: str,
        data: Any,
    ) -> dict[str, Any]:
        """Keep a call for the commit of the transaction it names; the answer, as if it were done."""
        transaction = self.get(name, owner)
        committed = self._store.get_text(table, identity) if action == "update" else None
        if action in ("update", "delete") and not self._is_there(transaction, table, identity):
            raise errors.row_missing(words, identity)
        transaction.check_room(1)
        if action in ("create", "upsert") and identity == "unique()":
            identity = unique_id()
        if action in ("bulkCreate", "bulkUpsert"):
            data = with_ids(data)
        operation = Operation(action, table.database, table.id, identity, data, self._staging_moment())
        transaction.add([operation])
        if action.startswith("bulk"):
            return {"total": len(data) if isinstance(data, list) else 0, words.rows: []}
        if action in ("increment", "decrement"):
            data = {_column_of(data): data["value"]}
            return shown(words, table, identity, StagedRow("update", data))
        if action == "update":
            kept = transaction.staged.of(table)[identity]
            return shown(words, table, identity, kept, orjson.loads(committed) if committed else None)
        return shown(words, table, identity, StagedRow(action, {"$permissions": [], **data}))

    def _is_there(self, transaction: Transaction, table: StoredTable, identity: str) -> bool:
        staged = transaction.staged.of(table).get(identity)
        if staged is not None:
            return staged.action != "delete"
        return self._store.get_text(table, identity) is not None

    def add(
        self,
        transaction: Transaction,
        given: Sequence[Mapping[str, Any]],
        check: Callable[[StoredTable, str, str], None] | None,
        permissions: Sequence[str] = (),
    ) -> None:
        """Stage operations as a request names them, all or none. ``check``: asked of each, raises Failure;
        ``permissions``: of rows that are made without any. Raises Failure."""
        prepared: list[Operation] = []
        trial = Staged()
        at = self._staging_moment()
        for item in given:
            database = self._store.databases.get(str(item["databaseId"]))
            if database is None:
                raise errors.database_missing(str(item["databaseId"]))
            name = str(item.get("tableId") or item.get("collectionId"))
            table = database.tables.get(name)
            if table is None:
                raise errors.table_missing(COLLECTIONS, name)
            action: str = item["action"]
            data: Any = item.get("data") or {}
            identity = str(item.get("rowId") or item.get("documentId") or "")
            if check is not None:
                check(table, action, identity)
            if action == "create" and permissions and "$permissions" not in data:
                data = {**data, "$permissions": list(permissions)}
            if action in ("update", "delete"):
                staged = trial.of(table).get(identity)
                there = staged.action != "delete" if staged else self._is_there(transaction, table, identity)
                if not there:
                    raise errors.row_missing(COLLECTIONS, identity)
            if action == "upsert" or (action == "create" and identity in ("", "unique()")):
                # of an upsert the row's id is not read, only that of its data
                identity = data.get("$id", "unique()")
                identity = unique_id() if identity == "unique()" else str(identity)
            if action in ("bulkCreate", "bulkUpsert"):
                data = with_ids(data)
            operation = Operation(action, database.id, table.id, identity, data, at)
            prepared.append(operation)
            trial.add(operation)
        transaction.check_room(len(prepared))
        transaction.add(prepared)
        transaction.updated = stamp(self._store.clock.now())

    def end(self, words: Words, transaction: Transaction, *, commit: bool) -> None:
        """Carry out what was staged, or forget it. Raises Failure where that cannot be."""
        with self._store.lock:  # of two that would end it at once the second is told that it is not ready
            self.get(transaction.id, None)
            try:
                if commit:
                    self._commit(words, transaction)
            finally:
                transaction.operations, transaction.staged = [], Staged()
            transaction.status = "committed" if commit else "failed"
        transaction.updated = stamp(self._store.clock.now())

    def _commit(self, words: Words, transaction: Transaction) -> None:
        """All or nothing. A row changed meanwhile by others is a conflict."""
        transaction.status = "committing"
        writers: dict[tuple[str, str], RowWriter] = {}
        mine: set[tuple[str, str, str]] = set()
        with self._store.writing():
            for item in transaction.operations:
                place = (item.database, item.table)
                try:
                    writer = writers.get(place) or self._writer(words, item)
                    writers[place] = writer
                    writer.guard = _guard(item, mine)
                    run_operation(writer, item.action, item.row, item.data)
                except Failure as failure:
                    told = as_told_at_commit(failure, item.row)
                    if told.status < 500:  # after a 500 it stays as it is for ever
                        transaction.status = "failed"
                    raise told from None
                mine.add((*place, item.row.lower()))
                if item.action in ("bulkCreate", "bulkUpsert"):
                    mine.update((*place, row["$id"].lower()) for row in item.data)

    def _writer(self, words: Words, item: Operation) -> RowWriter:
        database = self._store.databases.get(item.database)
        table = database.tables.get(item.table) if database is not None else None
        if table is None:
            raise errors.row_invalid(COLLECTIONS, "Missing collection attribute $collection")
        return RowWriter(self._store, table, words)


def _guard(item: Operation, mine: set[tuple[str, str, str]]) -> Any:
    """Asked of each row before it is changed: raises Failure where others changed it since ``item`` was staged."""

    def check(row: Row) -> None:
        who = (item.database, item.table, row.id.lower())
        if who not in mine and row.updated > item.at:
            raise conflict()
        mine.add(who)

    return check


def as_told_at_commit(failure: Failure, identity: str) -> Failure:
    """What a commit answers for what the call itself would have been refused for: the words of documents."""
    if failure.status == 409:
        return conflict()
    if failure.status == 404:
        return errors.row_missing(COLLECTIONS, identity)
    if isinstance(failure, errors.LimitReached):
        told = f"Attribute value exceeds {failure.edge} limit: {failure.bound}"
        return Failure(400, "attribute_limit_exceeded", told)
    if failure.kind == "attribute_type_invalid":
        return Failure(500, "general_unknown", "Server Error")
    kind = failure.kind.replace("row_", "document_", 1) if failure.kind.startswith("row_") else failure.kind
    return Failure(failure.status, kind, failure.message)
