"""The two APIs that serve the same data, by the names each uses for the same things."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "1.9.6"


@dataclass(frozen=True)
class Words:
    """The names one of the two APIs uses for the same things."""

    api: str  # the path's first segment
    sdk: str  # the name in messages about increments
    table: str
    tables: str
    table_id: str
    column: str
    columns: str
    row: str
    rows: str
    row_id: str
    row_security: str
    index: str  # prefix of the index errors' types
    row_reads: tuple[str, ...]
    row_writes: tuple[str, ...]
    table_reads: tuple[str, ...]
    table_writes: tuple[str, ...]


TABLES = Words(
    api="tablesdb", sdk="tablesDB", table="table", tables="tables", table_id="tableId", column="column",
    columns="columns", row="row", rows="rows", row_id="rowId", row_security="rowSecurity",
    index="column_index",
    row_reads=("rows.read", "documents.read"), row_writes=("rows.write", "documents.write"),
    table_reads=("tables.read", "collections.read"), table_writes=("tables.write", "collections.write"),
)  # fmt: skip

COLLECTIONS = Words(
    api="databases", sdk="databases", table="collection", tables="collections", table_id="collectionId",
    column="attribute", columns="attributes", row="document", rows="documents", row_id="documentId",
    row_security="documentSecurity", index="index", row_reads=("documents.read",),
    row_writes=("documents.write",), table_reads=("collections.read",), table_writes=("collections.write",),
)  # fmt: skip
