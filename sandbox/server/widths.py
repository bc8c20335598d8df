"""Bytes of a row in MariaDB, as Appwrite counts them."""

from __future__ import annotations

from sandbox.server.columns import RELATIONSHIP, integer_bits, is_list, text_size
from sandbox.storage.records import StoredColumn, StoredTable

ROW_MAX = 65535  # bytes
VARCHAR_MAX = 16381


def row_width(table: StoredTable) -> int:
    """Bytes of a row in MariaDB, as Appwrite counts them."""
    return 1067 + sum(column_width(column) for column in table.columns.values())


def column_width(column: StoredColumn) -> int:
    """Bytes of a column in a row; what is kept outside the row takes a pointer."""
    if column.kind == RELATIONSHIP:
        return 0 if is_list(column) else 255 * 4 + 1
    if column.array or column.kind in ("text", "mediumtext", "longtext", "point", "line", "polygon"):
        return 20
    if column.is_text:
        size = text_size(column)
        return 20 if size > VARCHAR_MAX else size * 4 + (1 if size <= 255 else 2)
    fixed = {"integer": integer_bits(column) // 8, "bigint": 8, "float": 8, "boolean": 1, "datetime": 7}
    return fixed[column.kind]
