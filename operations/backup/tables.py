"""The tables of a database as its server tells of them, whichever of its two languages it speaks: tables, columns and
rows, or collections, attributes and documents. Reads definitions; no row.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import quote

from appwrite.query import Query

from marketplace.collections import COLLECTIONS
from operations.backup.rows import Relation
from resources.appwrite.columns import columns_of
from resources.appwrite.failures import Malformed
from resources.appwrite.gateway import Gateway, json_object
from resources.raw.column_types import Column
from resources.settings import Settings

TABLES_A_CALL: Final = 100
_UNTOLD: Final = frozenset({"$createdAt", "$updatedAt", "status", "error", "$id"})
"""Of a column or an index: what another one made like it has of its own."""
_MANY_OF_OWN: Final = frozenset({"oneToMany", "manyToMany"})


@dataclass(frozen=True)
class Words:
    """What one language of the API calls things."""

    tables: str
    table_id: str
    columns: str
    rows: str
    row_id: str
    row_security: str
    related: str
    root: str


WORDS: Final = {
    "tablesdb": Words(
        "tables", "tableId", "columns", "rows", "rowId", "rowSecurity", "relatedTable", "/tablesdb"
    ),
    "databases": Words(
        "collections",
        "collectionId",
        "attributes",
        "documents",
        "documentId",
        "documentSecurity",
        "relatedCollection",
        "/databases",
    ),
}


@dataclass(frozen=True)
class Table:
    """A table of the database, in the words of tables. ``columns`` and ``indexes``: as served, without what another one
    made like it would have of its own."""

    id: str
    name: str
    enabled: bool
    row_security: bool
    permissions: tuple[str, ...]
    columns: tuple[dict[str, Any], ...]
    indexes: tuple[dict[str, Any], ...]
    created_at: str = ""

    @property
    def readable(self) -> list[Column]:
        """Its columns as a reader of rows takes them."""
        return columns_of(self.columns)

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Its relationship columns."""
        return relations_of(self.columns)


def relations_of(columns: Any) -> tuple[Relation, ...]:
    """The relationship columns among some."""
    return tuple(
        Relation(
            str(column["key"]), column.get("side") != "child", column.get("relationType") in _MANY_OF_OWN
        )
        for column in columns
        if column.get("type") == "relationship"
    )


def database_settings(settings: Settings, database: str | None = None) -> Settings:
    """The settings by which a table is asked for by its own id, as the server lists it."""
    changed: dict[str, Any] = {"tables": {}}
    if database is not None:
        changed["appwrite_database_id"] = database
    return settings.model_copy(update=changed)


def path_of(gateway: Gateway, template: str, table: str = "") -> str:
    """A path of the API, of the gateway's database and a table by its own id."""
    return template.format(database=quote(gateway.database, safe=""), table=quote(table, safe=""))


def list_tables(gateway: Gateway) -> list[Table]:
    """Every table of the gateway's database, those bookwatch never reads included. Raises CallFailure."""
    words = WORDS[gateway.settings.appwrite_api]
    path = path_of(gateway, gateway.api.tables)
    found: dict[str, Table] = {}
    while True:

        def decode(body: bytes, kind: str) -> tuple[list[dict[str, Any]], object]:
            told = json_object(body, kind)
            listed = told.get(words.tables)
            if not isinstance(listed, list):
                raise Malformed
            return cast("list[dict[str, Any]]", listed), told.get("total")

        queries = [Query.limit(TABLES_A_CALL), *([Query.offset(len(found))] if found else [])]
        listed, total = gateway.client.request("ping", "", "get", path, {"queries": queries}, decode).value
        before = len(found)
        for entry in listed:
            table = table_of(entry, words)
            found.setdefault(table.id, table)
        if len(found) == before or (isinstance(total, int) and len(found) >= total):
            return list(found.values())


def table_of(entry: dict[str, Any], words: Words) -> Table:
    """A table as an answer has it. Raises Malformed."""
    identity = entry.get("$id")
    columns, indexes = entry.get(words.columns), entry.get("indexes")
    if not isinstance(identity, str) or not isinstance(columns, list) or not isinstance(indexes, list):
        raise Malformed
    return Table(
        identity,
        str(entry.get("name") or identity),
        bool(entry.get("enabled", True)),
        bool(entry.get(words.row_security, False)),
        tuple(str(one) for one in entry.get("$permissions") or ()),
        tuple(_plain(one, words) for one in cast("list[dict[str, Any]]", columns) if _stands(one)),
        tuple(_plain(one, words) for one in cast("list[dict[str, Any]]", indexes) if _stands(one)),
        str(entry.get("$createdAt") or ""),
    )


def _stands(entry: dict[str, Any]) -> bool:
    """Whether a column or an index is there: one that is being made, or could not be, is none of the table's yet."""
    return entry.get("status", "available") == "available"


def _plain(entry: dict[str, Any], words: Words) -> dict[str, Any]:
    kept = {name: value for name, value in entry.items() if name not in _UNTOLD}
    if words.columns in kept:
        kept["columns"] = kept.pop(words.columns)
    if words.related in kept:
        kept["relatedTable"] = kept.pop(words.related)
    return kept


def reading_order(tables: list[Table], settings: Settings) -> list[Table]:
    """The tables in the order they are read: what refers to rows before what it refers to, so that the row meant, which
    was made earlier, is read later. Tables nobody knows first."""
    ranks = {settings.table_id(collection.name): place for place, collection in enumerate(COLLECTIONS)}
    return sorted(tables, key=lambda table: (-ranks.get(table.id, len(ranks)), table.id))
