"""The calls about transactions."""

from __future__ import annotations

from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import boolean
from sandbox.server.project import Project
from sandbox.server.rows.writing import ROW_PERMISSIONS
from sandbox.server.transactions import ACTIONS
from sandbox.server.values import is_int, numeric, range_rule


def open_transaction(project: Project, call: Call) -> Answer:
    ttl = numeric(call.given.get("ttl", 300))
    if not is_int(ttl) or not 60 <= int(ttl or 0) <= 3600:
        raise errors.argument_invalid("ttl", range_rule(60, 3600))
    return reply(201, project.transactions.open(int(ttl or 0), call.access.owner).served())


def create_operations(project: Project, call: Call) -> Answer:
    operations = call.given.get("operations") or []
    why = _operations_refusal(call, operations)
    if why:
        raise errors.argument_invalid("operations", f"Value must a valid array and {why}")
    if not operations:
        raise errors.bad_request("Operations array cannot be empty")
    transaction = project.transactions.get(call.path["transactionId"], call.access.owner, pending=False)
    if transaction.status != "pending":
        raise errors.bad_request("Invalid or non\u2011pending transaction")
    transaction = project.transactions.get(transaction.id, call.access.owner)
    given = project.owner_permissions(call, ROW_PERMISSIONS)
    project.transactions.add(transaction, operations, project.check_staged(call), given)
    return reply(201, transaction.served())


def _operations_refusal(call: Call, operations: Any) -> str | None:
    """Why operations are none; None where they are some, or an empty list."""
    if not isinstance(operations, list):
        return f"Missing required key: {call.words.table_id}"
    return next(filter(None, (_operation_refusal(call, item) for item in operations)), None)


def _operation_refusal(call: Call, item: Any) -> str | None:
    words = call.words
    if not isinstance(item, dict):
        return "Value must be an array"
    for key in ("databaseId", words.table_id, "action"):
        if key not in item:
            return f"Missing required key: {key}"
    action, data = item["action"], item.get("data")
    inner: dict[str, Any] = data if isinstance(data, dict) else {}
    if action not in ACTIONS:
        return f"Key 'action' must be one of: {', '.join(ACTIONS)}"
    if action in ("update", "upsert", "delete", "increment", "decrement") and not item.get(words.row_id):
        return f"Key '{words.row_id}' is required for action '{action}'"
    if action in ("bulkCreate", "bulkUpsert"):
        fits = isinstance(data, list) and all(isinstance(row, dict) for row in data)
        return None if fits else f"Key 'data' must be an array for {action}"
    if action != "delete" and not isinstance(data, dict):
        return f"Key 'data' is required for action '{action}'"
    wanted = {
        "increment": [words.column], "decrement": [words.column], "bulkUpdate": ["queries", "data"],
        "bulkDelete": ["queries"],
    }.get(action, [])  # fmt: skip
    for key in wanted:
        if key not in inner:
            return f"Key '{key}' is required in data for {action}"
    if action in ("increment", "decrement"):
        for key in ("value", "min", "max"):
            if inner.get(key) is not None and numeric(inner[key]) is None:
                return f"Key '{key}' must be a numeric value for {action}"
    return None


def get_transaction(project: Project, call: Call) -> Answer:
    return reply(
        200, project.transactions.get(call.path["transactionId"], call.access.owner, pending=False).served()
    )


def list_transactions(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [transaction.served() for transaction in project.transactions.all(call.access.owner)]

    fields = {"status": "varchar", "expiresAt": "datetime"}
    return catalogue_answer(call, items, "transactions", fields, "$id", "Transaction")


def update_transaction(project: Project, call: Call) -> Answer:
    commit, rollback = boolean(call, "commit", False), boolean(call, "rollback", False)
    if not commit and not rollback:
        raise errors.bad_request("Either commit or rollback must be true")
    if commit and rollback:
        raise errors.bad_request("Cannot commit and rollback at the same time")
    transaction = project.transactions.get(call.path["transactionId"], call.access.owner)
    project.transactions.end(call.words, transaction, commit=commit)
    return reply(200, transaction.served())


def delete_transaction(project: Project, call: Call) -> Answer:
    project.transactions.delete(call.path["transactionId"], call.access.owner)
    return Answer(204)
