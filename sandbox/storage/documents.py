"""A row as the JSON text that is kept: the text that is served, so that a page of 1,000 rows is a join of texts."""

from __future__ import annotations

from typing import Any

import orjson

from sandbox.storage.records import Row, StoredTable

SYSTEM_COLUMNS = {"$id": "id", "$sequence": "seq", "$createdAt": "created", "$updatedAt": "updated"}


def plain_number(value: Any) -> Any:
    """A whole float as an integer, as PHP writes it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, list):
        return [plain_number(v) for v in value]
    return value


def row_text(table: StoredTable, row: Row) -> tuple[str, int]:
    """The row's JSON text as served by tablesdb, and how many characters its system fields take."""
    head = (
        # ids, instants and roles are of a checked alphabet
        f'{{"$tableId":"{table.id}","$databaseId":"{table.database}","$id":"{row.id}",'
        f'"$sequence":"{row.sequence}","$createdAt":"{row.created}","$updatedAt":"{row.updated}",'
        f'"$permissions":{orjson.dumps(row.permissions).decode() if row.permissions else "[]"}'
    )
    tail = orjson.dumps(row.data).decode()
    return (head + "," + tail[1:] if row.data else head + "}"), len(head)


def parse_row(text: bytes | str) -> Row:
    """A stored text as a Row."""
    document = orjson.loads(text)
    data = {k: v for k, v in document.items() if k[0] != "$"}
    return Row(
        document["$id"], data, document["$createdAt"], document["$updatedAt"], document["$permissions"],
        int(document["$sequence"]),
    )  # fmt: skip


def column_path(key: str) -> str:
    """The SQL expression of an attribute. Keys are of a checked alphabet (letters, digits, . - _)."""
    return f"json_extract(doc,'$.\"{key}\"')"


def stored_columns_blank(table: StoredTable) -> dict[str, Any]:
    """A row's attributes before anything is given: defaults, else null."""
    return {c.key: plain_number(c.default) for c in table.columns.values()}


def unique_expression(table: StoredTable, key: str) -> str:
    """What a unique index compares: a text without regard to case and to blanks at its end."""
    column = table.columns.get(key)
    if column is None or not column.is_text:
        return indexed_expression(table, key)
    return f"rtrim({column_path(key)}) COLLATE NOCASE"


def indexed_expression(table: StoredTable, key: str) -> str:
    if key in SYSTEM_COLUMNS:
        return SYSTEM_COLUMNS[key]
    column = table.columns[key]
    return column_path(key) + (" COLLATE NOCASE" if column.is_text else "")
