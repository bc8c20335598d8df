"""The calls about transactions."""

from __future__ import annotations

from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import boolean
from sandbox.server.project import Project
from sandbox.server.transactions import ACTIONS
from sandbox.server.values import is_int, numeric, range_rule


def open_transaction(project: Project, call: Call) -> Answer:
    ttl = numeric(call.given.get("ttl", 300))
    if not is_int(ttl) or not 60 <= int(ttl or 0) <= 3600:
        raise errors.argument_invalid("ttl", range_rule(60, 3600))
    return reply(201, project.transactions.open(int(ttl or 0)).served())


def create_operations(project: Project, call: Call) -> Answer:
    transaction = project.transactions.get(call.path["transactionId"])
    operations = call.given.get("operations") or []
    if not isinstance(operations, list) or any(
        not isinstance(o, dict) or o.get("action") not in ACTIONS for o in operations
    ):
        raise errors.argument_invalid("operations", "Value must be a valid array of operations")
    project.transactions.add(call.words, transaction, operations)
    return reply(201, transaction.served())


def get_transaction(project: Project, call: Call) -> Answer:
    return reply(200, project.transactions.get(call.path["transactionId"], pending=False).served())


def list_transactions(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [transaction.served() for transaction in project.transactions.all()]

    fields = {"status": "varchar", "expiresAt": "datetime"}
    return catalogue_answer(call, items, "transactions", fields, "$id", "Transaction")


def update_transaction(project: Project, call: Call) -> Answer:
    commit, rollback = boolean(call, "commit", False), boolean(call, "rollback", False)
    if not commit and not rollback:
        raise errors.bad_request("Either commit or rollback must be true")
    if commit and rollback:
        raise errors.bad_request("Cannot commit and rollback at the same time")
    transaction = project.transactions.get(call.path["transactionId"])
    project.transactions.end(call.words, transaction, commit=commit)
    return reply(200, transaction.served())


def delete_transaction(project: Project, call: Call) -> Answer:
    project.transactions.delete(call.path["transactionId"])
    return Answer(204)
