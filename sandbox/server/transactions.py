"""Transactions: calls staged one by one, carried out together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, boolean, reply
from sandbox.server.catalogue import catalogue_answer
from sandbox.server.errors import Failure, Words
from sandbox.server.rows import Rows
from sandbox.server.values import (
    is_int,
    numeric,
    range_rule,
)  # fmt: skip
from sandbox.store import (
    stamp,
    unique_id,
)

if TYPE_CHECKING:
    from sandbox.server.app import Api

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


def transaction_missing(identity: str) -> Failure:
    return Failure(
        404, "transaction_not_found", f"Transaction with the requested ID '{identity}' could not be found."
    )


def open_transaction(api: Api, call: Call) -> Answer:
    ttl = numeric(call.given.get("ttl", 300))
    if not is_int(ttl) or not 60 <= int(ttl or 0) <= 3600:
        raise errors.argument_invalid("ttl", range_rule(60, 3600))
    now = api.store.clock.now()
    transaction = Transaction(
        unique_id(), stamp(now), now + timedelta(seconds=int(ttl or 0)), stamp(now), stamp(now)
    )
    api.transactions[transaction.id] = transaction
    return reply(201, transaction.served())


def the_transaction(api: Api, identity: str, pending: bool = True) -> Transaction:
    transaction = api.transactions.get(identity)
    if transaction is None:
        raise transaction_missing(identity)
    if pending and transaction.status != "pending":
        raise Failure(
            400, "transaction_not_ready", "The transaction is not ready yet. Please try again later."
        )
    if pending and api.store.clock.now() > transaction.expires:
        raise Failure(
            410, "transaction_expired", "The transaction has expired. Please create a new transaction."
        )
    return transaction


def add_operations(transaction: Transaction, operations: Sequence[dict[str, Any]]) -> None:
    held = len(transaction.operations)
    if held + len(operations) > TRANSACTION_SIZE:
        raise Failure(
            400,
            "transaction_limit_exceeded",
            f"Transaction already has {held} operations, adding {len(operations)} would exceed the maximum "
            f"of {TRANSACTION_SIZE}",
        )
    transaction.operations += operations


def stage(api: Api, call: Call, rows: Rows, action: str, identity: str, data: Any) -> dict[str, Any] | None:
    """Keep a call that names a transaction for its commit, answering as if done; None where it names none."""
    name = call.given.get("transactionId")
    if not name:
        return None
    transaction = the_transaction(api, str(name))
    if action in ("update", "delete") and api.store.get(rows.table, identity) is None:
        staged = any(
            o["rowId"] == identity and o["action"] in ("create", "upsert") for o in transaction.operations
        )
        if not staged:
            raise errors.row_missing(call.words, identity)
    add_operations(
        transaction,
        [
            {
                "action": action,
                "databaseId": rows.table.database,
                "tableId": rows.table.id,
                "rowId": identity,
                "data": data,
            }
        ],
    )
    if action.startswith("bulk"):
        return {"total": len(data) if isinstance(data, list) else 0, call.words.rows: []}
    now = stamp(api.store.clock.now())
    return {
        "$id": identity, "$sequence": "", f"${call.words.table_id}": rows.table.id,
        "$databaseId": rows.table.database, "$createdAt": now, "$updatedAt": now, "$permissions": [],
        **(data if action in ("create", "update", "upsert") else {}),
    }  # fmt: skip


def create_operations(api: Api, call: Call) -> Answer:
    transaction = the_transaction(api, call.path["transactionId"])
    operations = call.given.get("operations") or []
    if not isinstance(operations, list) or any(
        not isinstance(o, dict) or o.get("action") not in ACTIONS for o in operations
    ):
        raise errors.argument_invalid("operations", "Value must be a valid array of operations")
    prepared: list[dict[str, Any]] = []
    for item in operations:
        database = api.store.databases.get(str(item.get("databaseId")))
        if database is None:
            raise errors.database_missing(str(item.get("databaseId")))
        table = str(item.get("tableId") or item.get("collectionId"))
        if table not in database.tables:
            raise errors.table_missing(call.words, table)
        prepared.append(
            {
                "action": item["action"],
                "databaseId": database.id,
                "tableId": table,
                "rowId": item.get("rowId") or item.get("documentId") or "",
                "data": item.get("data") or {},
            }
        )
    add_operations(transaction, prepared)
    transaction.updated = stamp(api.store.clock.now())
    return reply(201, transaction.served())


def get_transaction(api: Api, call: Call) -> Answer:
    return reply(200, the_transaction(api, call.path["transactionId"], pending=False).served())


def list_transactions(api: Api, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [transaction.served() for transaction in api.transactions.values()]

    fields = {"status": "varchar", "expiresAt": "datetime"}
    return catalogue_answer(call, items, "transactions", fields, "$id", "Transaction")


def update_transaction(api: Api, call: Call) -> Answer:
    commit, rollback = boolean(call, "commit", False), boolean(call, "rollback", False)
    if not commit and not rollback:
        raise errors.bad_request("Either commit or rollback must be true")
    if commit and rollback:
        raise errors.bad_request("Cannot commit and rollback at the same time")
    transaction = the_transaction(api, call.path["transactionId"])
    if rollback:
        transaction.status = "failed"
    else:
        commit_transaction(api, call.words, transaction)
        transaction.status = "committed"
    transaction.updated = stamp(api.store.clock.now())
    return reply(200, transaction.served())


def commit_transaction(api: Api, words: Words, transaction: Transaction) -> None:
    """Carry out what was staged, all or nothing. A row changed meanwhile by others is a conflict."""
    conflict = Failure(
        409,
        "transaction_conflict",
        "The transaction has a conflict. Please resolve the conflict and try again.",
    )
    try:
        with api.store.writing():
            mine: set[tuple[str, str, str]] = set()
            for item in transaction.operations:
                table = api.store.databases[item["databaseId"]].tables[item["tableId"]]
                rows, identity, data = Rows(api.store, table, words), item["rowId"], item["data"]
                who = (table.database, table.id, identity)
                row = api.store.get_for_update(table, identity) if identity else None
                if row is not None and who not in mine and row.updated > transaction.started:
                    raise conflict
                mine.add(who)
                run_operation(rows, item["action"], identity, data)
    except Failure as failure:
        transaction.status = "failed"
        raise conflict if failure.status in (404, 409) else failure from None


def run_operation(rows: Rows, action: str, identity: str, data: Any) -> None:
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


def delete_transaction(api: Api, call: Call) -> Answer:
    del api.transactions[the_transaction(api, call.path["transactionId"], pending=False).id]
    return Answer(204)
