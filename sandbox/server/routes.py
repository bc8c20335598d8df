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
from sandbox.server.handlers import account as on_account
from sandbox.server.handlers import buckets as on_buckets
from sandbox.server.handlers import columns as on_columns
from sandbox.server.handlers import databases as on_databases
from sandbox.server.handlers import files as on_files
from sandbox.server.handlers import health as on_health
from sandbox.server.handlers import indexes as on_indexes
from sandbox.server.handlers import relationships as on_relationships
from sandbox.server.handlers import rows as on_rows
from sandbox.server.handlers import tables as on_tables
from sandbox.server.handlers import transactions as on_transactions
from sandbox.server.handlers import users as on_users
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


def _file_routes() -> list[Route]:
    buckets = ("storage", "buckets")
    bucket = (*buckets, "{bucketId}")
    files = (*bucket, "files")
    file = (*files, "{fileId}")
    see, change = ("files.read",), ("files.write",)
    return [
        Route("GET", buckets, on_buckets.list_buckets, ("buckets.read",), TABLES),
        Route("POST", buckets, on_buckets.create_bucket, ("buckets.write",), TABLES),
        Route("GET", bucket, on_buckets.get_bucket, ("buckets.read",), TABLES),
        Route("PUT", bucket, on_buckets.update_bucket, ("buckets.write",), TABLES),
        Route("DELETE", bucket, on_buckets.delete_bucket, ("buckets.write",), TABLES),
        Route("GET", files, on_files.list_files, see, TABLES),
        Route("POST", files, on_files.create_file, change, TABLES, 60),
        Route("GET", file, on_files.get_file, see, TABLES),
        Route("PUT", file, on_files.update_file, change, TABLES, 60),
        Route("DELETE", file, on_files.delete_file, change, TABLES, 60),
        Route("GET", (*file, "download"), on_files.read_file("attachment"), see, TABLES),
        Route("GET", (*file, "view"), on_files.read_file("inline"), see, TABLES),
    ]


def _people_routes() -> list[Route]:
    users, see, change = ("users",), ("users.read",), ("users.write",)
    user, account = ("users", "{userId}"), ("account",)
    own = ("account",)
    return [
        Route("GET", users, on_users.list_users, see, TABLES),
        Route("POST", users, on_users.create_user, change, TABLES),
        Route("GET", user, on_users.get_user, see, TABLES),
        Route("DELETE", user, on_users.delete_user, change, TABLES),
        Route("PUT", (*user, "labels"), on_users.update_labels, change, TABLES),
        Route("PATCH", (*user, "status"), on_users.update_status, change, TABLES),
        Route("POST", (*user, "sessions"), on_users.create_session, change, TABLES),
        Route("DELETE", (*user, "sessions"), on_users.delete_sessions, change, TABLES),
        Route("POST", (*user, "jwts"), on_users.create_token, change, TABLES),
        Route("GET", account, on_account.get_account, own, TABLES),
        Route("POST", (*account, "sessions", "email"), on_account.create_session, ANYBODY, TABLES),
        Route("DELETE", (*account, "sessions", "{sessionId}"), on_account.delete_session, own, TABLES),
        Route("POST", (*account, "jwts"), on_account.create_token, own, TABLES),
        Route("POST", (*account, "jwt"), on_account.create_token, own, TABLES),
    ]


def _health_routes() -> list[Route]:
    see = ("health.read",)
    database = on_health.health_of("Console.DB (console)", "Projects.DB (database_db_main)")
    return [
        Route("GET", ("health", "version"), on_health.health_version, ("public",), TABLES),
        Route("GET", ("health",), on_health.health_of_server, see, TABLES),
        Route("GET", ("health", "db"), database, see, TABLES),
        Route("GET", ("health", "cache"), on_health.health_of("Cache"), see, TABLES),
        Route("GET", ("health", "pubsub"), on_health.health_of("PubSub (pubsub)"), see, TABLES),
        Route("GET", ("health", "storage"), on_health.health_of_server, see, TABLES),
        Route("GET", ("health", "storage", "local"), on_health.health_of_server, see, TABLES),
        Route("GET", ("health", "anti-virus"), on_health.health_of_antivirus, see, TABLES),
        Route("GET", ("health", "queue", "failed", "{name}"), on_health.health_of_queue, see, TABLES),
        Route("GET", ("health", "stats"), on_health.health_of_server, ("root",), TABLES),
    ]


ANYBODY = ("public", *ALL_SCOPES)
ROUTES = [
    *_file_routes(),
    *_people_routes(),
    *_health_routes(),
    *_routes(TABLES),
    *_routes(COLLECTIONS),
    Route("GET", ("ping",), on_health.ping, ANYBODY, TABLES),
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
