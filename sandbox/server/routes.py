"""Which call each path is, the scopes it asks for, the handler that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sandbox.server.apis import COLLECTIONS, TABLES, Words
from sandbox.server.calls import Answer, Call
from sandbox.server.columns import RELATIONSHIP
from sandbox.server.definitions import COLUMN_KINDS
from sandbox.server.handlers import columns as on_columns
from sandbox.server.handlers import databases as on_databases
from sandbox.server.handlers import health as on_health
from sandbox.server.handlers import indexes as on_indexes
from sandbox.server.handlers import relationships as on_relationships
from sandbox.server.handlers import rows as on_rows
from sandbox.server.handlers import tables as on_tables
from sandbox.server.handlers import transactions as on_transactions
from sandbox.server.keys import ALL_SCOPES
from sandbox.server.project import Project

Handler = Callable[[Project, Call], Answer]


@dataclass(frozen=True)
class Route:
    """One call. ``pattern``: the segments of its path, {name} takes any."""

    method: str
    pattern: tuple[str, ...]
    handler: Handler
    scopes: tuple[str, ...]
    words: Words
    rate: int = 0  # writes say how many are allowed a minute


def _row_routes(words: Words, table: tuple[str, ...]) -> list[Route]:
    see, change = words.row_reads, words.row_writes
    rows = (*table, words.rows)
    row = (*rows, "{rowId}")
    return [
        Route("GET", rows, on_rows.list_rows, see, words),
        Route("GET", row, on_rows.get_row, see, words),
        Route("POST", rows, on_rows.create_rows, change, words, 120),
        Route("PUT", rows, on_rows.upsert_rows, change, words, 120),
        Route("PATCH", rows, on_rows.update_rows, change, words, 120),
        Route("DELETE", rows, on_rows.delete_rows, change, words, 60),
        Route("PATCH", row, on_rows.update_row, change, words, 120),
        Route("PUT", row, on_rows.upsert_row, change, words, 120),
        Route("DELETE", row, on_rows.delete_row, change, words, 60),
        Route("PATCH", (*row, "{column}", "increment"), on_rows.increment(1), change, words, 120),
        Route("PATCH", (*row, "{column}", "decrement"), on_rows.increment(-1), change, words, 120),
    ]


def _table_routes(words: Words, tables: tuple[str, ...]) -> list[Route]:
    reads, writes = words.table_reads, words.table_writes
    table = (*tables, "{tableId}")
    columns, indexes = (*table, words.columns), (*table, "indexes")
    result = [
        Route("GET", tables, on_tables.list_tables, reads, words),
        Route("POST", tables, on_tables.create_table, writes, words),
        Route("GET", table, on_tables.get_table, reads, words),
        Route("PUT", table, on_tables.update_table, writes, words),
        Route("DELETE", table, on_tables.delete_table, writes, words),
        Route("GET", columns, on_columns.list_columns, reads, words),
        Route("GET", (*columns, "{key}"), on_columns.get_column, reads, words),
        Route("DELETE", (*columns, "{key}"), on_columns.delete_column, writes, words),
        Route("GET", indexes, on_indexes.list_indexes, reads, words),
        Route("POST", indexes, on_indexes.create_index, writes, words),
        Route("GET", (*indexes, "{key}"), on_indexes.get_index, reads, words),
        Route("DELETE", (*indexes, "{key}"), on_indexes.delete_index, writes, words),
        Route("POST", (*columns, RELATIONSHIP), on_relationships.create_relation, writes, words),
    ]
    for kind in COLUMN_KINDS:
        create, update = on_columns.create_column(kind), on_columns.update_column(kind)
        result.append(Route("POST", (*columns, kind), create, writes, words))
        result.append(Route("PATCH", (*columns, kind, "{key}"), update, writes, words))
    return result + _row_routes(words, table)


def _routes(words: Words) -> list[Route]:
    see, change = words.row_reads[::-1], words.row_writes[::-1]  # named in this order
    database = (words.api, "{databaseId}")
    transactions = (words.api, "transactions")
    transaction = (*transactions, "{transactionId}")
    return [
        Route("GET", (words.api,), on_databases.list_databases, ("databases.read",), words),
        Route("POST", (words.api,), on_databases.create_database, ("databases.write",), words),
        Route("GET", database, on_databases.get_database, ("databases.read",), words),
        Route("PUT", database, on_databases.update_database, ("databases.write",), words),
        Route("DELETE", database, on_databases.delete_database, ("databases.write",), words),
        *_table_routes(words, (*database, words.tables)),
        Route("GET", transactions, on_transactions.list_transactions, see, words),
        Route("POST", transactions, on_transactions.open_transaction, change, words),
        Route("GET", transaction, on_transactions.get_transaction, see, words),
        Route("PATCH", transaction, on_transactions.update_transaction, change, words),
        Route("DELETE", transaction, on_transactions.delete_transaction, change, words),
        Route("POST", (*transaction, "operations"), on_transactions.create_operations, change, words),
    ]


ROUTES = [
    *_routes(TABLES),
    *_routes(COLLECTIONS),
    Route("GET", ("health", "version"), on_health.health_version, ("public",), TABLES),
    Route("GET", ("ping",), on_health.ping, ("public", *ALL_SCOPES), TABLES),
]


class Routes:
    """The routes as a tree, walked by the segments of a path."""

    def __init__(self) -> None:
        self._tree: dict[Any, Any] = {}
        for route in ROUTES:
            node = self._tree
            for segment in route.pattern:
                node = node.setdefault("{}" if segment.startswith("{") else segment, {})
            node[("route", route.method)] = route

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
        """The route of a request, with what its path names; None where there is none."""
        segments = path.strip("/").split("/")
        key = ("route", "GET" if method == "HEAD" else method)

        def walk(node: Any, depth: int) -> Route | None:
            if depth == len(segments):
                return node.get(key)
            for name in (segments[depth], "{}"):
                if name in node and (found := walk(node[name], depth + 1)) is not None:
                    return found
            return None

        route = walk(self._tree, 0)
        if route is None:
            return None, {}
        return route, {
            name[1:-1]: unquote(segment)
            for name, segment in zip(route.pattern, segments, strict=True)
            if name.startswith("{")
        }
