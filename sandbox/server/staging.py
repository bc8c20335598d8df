"""What the calls staged in a transaction make of the rows of a table, for reads that name it. Carries nothing out.

Staged creates, updates, upserts and deletes show; increments and bulk changes by queries do not. Filters are not
applied to what is staged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.server.apis import Words
from sandbox.server.queries.in_memory import holds
from sandbox.server.queries.language import FILTERS, Query
from sandbox.storage.clock import unique_id
from sandbox.storage.records import StoredTable

ROW_ACTIONS = ("create", "update", "upsert", "delete")


@dataclass
class Operation:
    """One staged call. ``at``: when, as Appwrite writes it; a row changed after it is a conflict."""

    action: str
    database: str
    table: str
    row: str
    data: Any
    at: str


@dataclass
class StagedRow:
    action: str  # create, update, upsert, delete
    data: dict[str, Any]


class Staged:
    """By table and id: what the rows of one transaction come to."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], dict[str, StagedRow]] = {}

    def of(self, table: StoredTable) -> dict[str, StagedRow]:
        return self._rows.get((table.database, table.id), {})

    def add(self, operation: Operation) -> None:
        rows = self._rows.setdefault((operation.database, operation.table), {})
        if operation.action in ROW_ACTIONS:
            self._one(rows, operation.action, operation.row, operation.data)
        elif operation.action in ("bulkCreate", "bulkUpsert"):
            for item in operation.data:
                self._one(rows, "create" if operation.action == "bulkCreate" else "upsert", item["$id"], item)

    def _one(self, rows: dict[str, StagedRow], action: str, identity: str, data: Mapping[str, Any]) -> None:
        known = rows.get(identity)
        if action in ("update", "upsert") and known is not None and known.action != "delete":
            known.data.update(data)
        else:
            rows[identity] = StagedRow(action, dict(data))


def with_ids(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Rows of a bulk call, each with the id it will have."""
    return [{**item, "$id": _id_of(item)} for item in items]


def _id_of(item: Mapping[str, Any]) -> str:
    given = item.get("$id", "unique()")
    return unique_id() if given == "unique()" else str(given)


def shown(
    words: Words,
    table: StoredTable,
    identity: str,
    staged: StagedRow,
    committed: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """A staged row as it is answered: over what stands, or without defaults, ``$sequence`` and dates."""
    head = committed or {
        "$id": identity, "$sequence": "", f"${words.table_id}": table.id, "$databaseId": table.database,
        "$createdAt": "", "$updatedAt": "",
    }  # fmt: skip
    return {**head, **staged.data, "$id": head["$id"]}


def overlaid(
    words: Words, table: StoredTable, staged: Mapping[str, StagedRow], page: bytes, queries: Sequence[Query]
) -> bytes:
    """A page of a list with what is staged of its table: changed, gone, and at its end what is new."""
    answer = orjson.loads(page)
    rows: dict[str, dict[str, Any]] = {row["$id"]: row for row in answer[words.rows]}
    filters = [query for query in queries if query.method in FILTERS]
    for identity, item in staged.items():
        before = rows.get(identity)
        if item.action == "delete":
            answer["total"] -= rows.pop(identity, None) is not None
        elif before is not None:
            rows[identity] = shown(words, table, identity, item, before)
        elif item.action != "update":
            row = rows[identity] = shown(words, table, identity, item)
            answer["total"] += all(holds(query, row) for query in filters)
    answer[words.rows] = list(rows.values())
    return orjson.dumps(answer)
