"""What is served of a database, a table, a column, an index."""

from __future__ import annotations

from typing import Any

from sandbox.server.apis import Words
from sandbox.server.columns import RELATIONSHIP, bounds
from sandbox.server.widths import ROW_MAX, row_width
from sandbox.storage.records import StoredColumn, StoredDatabase, StoredIndex, StoredTable


def served_database(database: StoredDatabase) -> dict[str, Any]:
    return {
        "$id": database.id, "name": database.name, "$createdAt": database.created,
        "$updatedAt": database.updated, "enabled": database.enabled, "type": database.kind,
    }  # fmt: skip


def served_table(words: Words, table: StoredTable, now: str) -> dict[str, Any]:
    return {
        "$id": table.id, "$createdAt": table.created, "$updatedAt": table.updated,
        "$permissions": table.permissions, "databaseId": table.database, "name": table.name,
        "enabled": table.enabled, words.row_security: table.row_security,
        words.columns: [served_column(words, column) for column in table.columns.values()],
        "indexes": [served_index(words, index, index.status(now)) for index in table.indexes.values()],
        "bytesMax": ROW_MAX, "bytesUsed": row_width(table),
    }  # fmt: skip


def served_column(words: Words, column: StoredColumn, status: str = "available") -> dict[str, Any]:
    if column.kind == RELATIONSHIP:
        return served_relation(words, column, status)
    result: dict[str, Any] = {
        "key": column.key, "type": column.type, "status": status, "error": "", "required": column.required,
        "array": column.array, "$createdAt": column.created, "$updatedAt": column.updated,
        "default": column.default,
    }  # fmt: skip
    if column.kind in ("enum", "email", "url", "ip"):
        result["format"] = column.kind
        if column.kind == "enum":
            result["elements"] = column.elements
    elif column.kind in ("text", "mediumtext", "longtext"):
        result["encrypt"] = column.encrypt  # the kind is the size: none is served
    elif column.is_text:
        result |= {"size": column.size, "encrypt": column.encrypt}
    elif column.kind in ("integer", "bigint", "float"):
        result["min"], result["max"] = bounds(column)
    elif column.kind == "datetime":
        result["format"] = ""
    elif column.kind in ("point", "line", "polygon"):
        result["type"] = {"line": "linestring"}.get(column.kind, column.kind)
        result.pop("array")
        result["array"] = False
    return result


def served_relation(words: Words, column: StoredColumn, status: str) -> dict[str, Any]:
    return {
        "key": column.key, "type": RELATIONSHIP, "status": status, "error": "", "required": False, "array": False,
        "$createdAt": column.created, "$updatedAt": column.updated,
        f"related{words.table.title()}": column.related, "relationType": column.relation,
        "twoWay": column.two_way, "twoWayKey": column.two_way_key, "onDelete": column.on_delete,
        "side": column.side,
    }  # fmt: skip


def served_index(words: Words, index: StoredIndex, status: str) -> dict[str, Any]:
    return {
        "$id": index.key, "$createdAt": index.created, "$updatedAt": index.updated, "key": index.key,
        "type": index.type, "status": status, "error": index.error if status == "failed" else "",
        words.columns: index.columns, "lengths": index.lengths, "orders": index.orders,
    }  # fmt: skip
