"""The HTTP face: which routes there are, who may call them, and the thread that answers. No call's own work."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import unquote

import orjson

from sandbox.server import errors
from sandbox.server.calls import Access, Answer, Call, read_body, read_query, reply, send_answer
from sandbox.server.catalogue import (
    COLUMN_KINDS,
    create_column,
    create_database,
    create_index,
    create_table,
    delete_column,
    delete_database,
    delete_index,
    delete_table,
    get_column,
    get_database,
    get_index,
    get_table,
    list_columns,
    list_databases,
    list_indexes,
    list_tables,
    update_column,
    update_database,
    update_table,
)
from sandbox.server.errors import COLLECTIONS, TABLES, VERSION, Failure, Words
from sandbox.server.row_calls import (
    create_rows,
    delete_row,
    delete_rows,
    get_row,
    increment,
    list_rows,
    update_row,
    update_rows,
    upsert_row,
    upsert_rows,
)
from sandbox.server.rows import Rows
from sandbox.server.transactions import (
    Transaction,
    create_operations,
    delete_transaction,
    get_transaction,
    list_transactions,
    open_transaction,
    update_transaction,
)
from sandbox.server.values import (
    RELATIONSHIP,
    UID_RULE,
    is_uid,
)  # fmt: skip
from sandbox.store import (
    Store,
    StoredDatabase,
    StoredTable,
)

LOG = logging.getLogger(__name__)
GUEST_SCOPES = frozenset(("public", "rows.read", "rows.write", "documents.read", "documents.write"))
READ_SCOPES = ("rows.read", "tables.read", "documents.read", "collections.read")
ALL_SCOPES = (
    "databases.read", "databases.write", "tables.read", "tables.write", "collections.read",
    "collections.write", "columns.read", "columns.write", "attributes.read", "attributes.write",
    "indexes.read", "indexes.write",
    "rows.read", "rows.write", "documents.read", "documents.write", "health.read",
)  # fmt: skip
NOT_FOUND_PAGE = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Page not found</title></head>\n'
    b"<body><h1>404 Not Found</h1><p>Route not found.</p></body>\n</html>\n"
)  # fmt: skip


Handler = Callable[["Api", Call], Answer]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: tuple[str, ...]  # segments; {name} takes any
    handler: Handler
    scopes: tuple[str, ...]
    words: Words
    rate: int = 0  # writes say how many are allowed a minute


class Api:
    """Everything under /v1, as an ASGI application."""

    def __init__(self, store: Store, project: str) -> None:
        self.store, self.project = store, project
        self.keys: dict[str, Access] = {}
        self.skew = timedelta()
        self.transactions: dict[str, Transaction] = {}
        self.guest_calls: dict[tuple[str, str, str], list[float]] = {}
        self.guest_lock = threading.Lock()
        self.listed: Callable[[StoredTable], None] | None = None  # told of each list of rows (see control.py)
        self.pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="sandbox")
        self._tree: dict[Any, Any] = {}
        for route in ROUTES:
            node = self._tree
            for segment in route.pattern:
                node = node.setdefault("{}" if segment.startswith("{") else segment, {})
            node[("route", route.method)] = route

    def add_key(self, scopes: Sequence[str], secret: str | None = None) -> str:
        """Make a key of these scopes known; its secret."""
        secret = secret or f"standard_{secrets.token_hex(64)}"
        self.keys[secret] = Access(frozenset(scopes), secret)
        return secret

    # -- ASGI --

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1").split("?")[0]
        path = path[3:] if path.startswith("/v1/") else "?"
        answer, extra = await asyncio.get_running_loop().run_in_executor(
            self.pool,
            self.answer,
            scope["method"],
            path,
            scope["query_string"].decode("latin-1"),
            headers,
            body,
        )
        await send_answer(send, answer, self.date_header(), extra)

    def date_header(self) -> bytes:
        return format_datetime(
            (self.store.clock.now() + self.skew).replace(microsecond=0), usegmt=True
        ).encode()

    def answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, list[tuple[bytes, bytes]]]:
        """One request's answer and the headers that go with it."""
        if method == "OPTIONS" and path != "?":  # what a browser asks first, of any route
            return Answer(204), []
        route, names = self.find(method, path)
        if route is None:
            return Answer(404, NOT_FOUND_PAGE, "text/html; charset=UTF-8"), []
        extra = warning_headers(headers)
        try:
            given = (
                read_query(query)
                if method in ("GET", "HEAD")
                else read_body(headers.get("content-type", ""), body)
            )
            access = self.identify(headers)
            host = headers.get("host", "127.0.0.1").rsplit(":", 1)[0]
            if not set(route.scopes) & access.scopes:
                if access.is_key:
                    who = f"app.{headers.get('x-appwrite-project', '')}@service.{host} (role: applications)"
                else:
                    who = "User (role: guests)"
                missing = orjson.dumps(list(route.scopes)).decode()
                raise Failure(401, "general_unauthorized_scope", f"{who} missing scopes ({missing})")
            if route.rate:
                extra += self.rate_headers(route, access, path)
            call = Call(route.words, names, given, access, host, path)
            return route.handler(self, call), extra
        except Failure as failure:
            return reply(failure.status, failure.body()), extra
        except Exception:
            LOG.exception("%s %s failed", method, path)
            unknown = Failure(500, "general_unknown", "Server Error")
            return reply(unknown.status, unknown.body()), extra

    def find(self, method: str, path: str) -> tuple[Route | None, dict[str, str]]:
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

    def identify(self, headers: Mapping[str, str]) -> Access:
        project, secret = headers.get("x-appwrite-project"), headers.get("x-appwrite-key")
        if not project:
            if secret:
                raise Failure(
                    403,
                    "project_id_missing",
                    "When using project API key, make sure to pass x-appwrite-project header with your "
                    "project ID.",
                )
        elif project != self.project:
            raise Failure(
                404,
                "project_not_found",
                "Project with the requested ID could not be found. Please check the value of the "
                "X-Appwrite-Project header to ensure the correct project ID is being used.",
            )
        return self.keys.get(secret or "", Access(GUEST_SCOPES))

    def rate_headers(self, route: Route, access: Access, path: str) -> list[tuple[bytes, bytes]]:
        """The headers of a limited route. Keys are not limited; a guest past the limit is refused."""
        now, remaining = time.time(), route.rate
        if not access.is_key:
            with self.guest_lock:
                calls = self.guest_calls.setdefault((route.method, path, "guest"), [])
                calls[:] = [at for at in calls if at > now - 60]
                if len(calls) >= route.rate:
                    raise Failure(
                        429,
                        "general_rate_limit_exceeded",
                        "Rate limit for the current endpoint has been exceeded. Please try again after "
                        "some time.",
                    )
                calls.append(now)
                remaining = route.rate - len(calls)
        return [
            (b"x-ratelimit-limit", b"%d" % route.rate),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % (int(now) // 60 * 60 + 60)),
        ]

    # -- what a path names --

    def database(self, call: Call) -> StoredDatabase:
        identity = call.path["databaseId"]
        if not is_uid(identity):
            raise errors.argument_invalid("databaseId", UID_RULE)
        database = self.store.databases.get(identity)
        if database is None or not (database.enabled or call.access.is_key):
            raise errors.database_missing(identity)
        return database

    def table(self, call: Call) -> StoredTable:
        identity = call.path["tableId"]
        if not is_uid(identity):
            raise errors.argument_invalid(call.words.table_id, UID_RULE)
        table = self.database(call).tables.get(identity)
        if table is None or not (table.enabled or call.access.is_key):
            raise errors.table_missing(call.words, identity)
        return table

    def rows(self, call: Call) -> Rows:
        return Rows(self.store, self.table(call), call.words)

    def row_id(self, call: Call) -> str:
        identity = call.path["rowId"]
        if not is_uid(identity):
            raise errors.argument_invalid(call.words.row_id, UID_RULE)
        return identity

    def guest_role(self, call: Call, table: StoredTable) -> str | None:
        """None: every row may be read; else the role a row must name. Raises Failure."""
        if call.access.is_key or any(f'read("{role}")' in table.permissions for role in ("any", "guests")):
            return None
        if table.row_security:
            return "any"
        raise errors.unauthorized()

    def guest_may(self, call: Call, table: StoredTable, action: str) -> None:
        if call.access.is_key:
            return
        named = [p for p in table.permissions if p.startswith(f"{action}(")]
        if not named:
            raise errors.unauthorized(f"No permissions provided for action '{action}'")
        if not any(f'{action}("{role}")' in named for role in ("any", "guests")):
            raise errors.unauthorized(
                f'Missing "{action}" permission for role "guests". Only "{orjson.dumps(named).decode()}" '
                'scopes are allowed and "["any","guests"]" was given.'
            )


def warning_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """What a caller is told who speaks the format of a newer server; it is answered all the same."""
    asked = headers.get("x-appwrite-response-format", "")
    if re.fullmatch(r"\d+(\.\d+)*", asked) is None or _version(asked) <= _version(VERSION):
        return []
    told = (
        f"The current SDK is built for Appwrite {asked}. However, the current Appwrite server version is {VERSION}. "
        "Please downgrade your SDK to match the Appwrite version: https://appwrite.io/docs/sdks"
    )
    return [(b"x-appwrite-warning", told.encode())]


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def health_version(api: Api, call: Call) -> Answer:
    return reply(200, {"version": VERSION})


def ping(api: Api, call: Call) -> Answer:
    return Answer(200, b"Pong!", "text/plain; charset=UTF-8")


def _routes(words: Words) -> list[Route]:
    reads, writes = words.table_reads, words.table_writes
    database = (words.api, "{databaseId}")
    tables = (*database, words.tables)
    table = (*tables, "{tableId}")
    columns, indexes, rows = (*table, words.columns), (*table, "indexes"), (*table, words.rows)
    row = (*rows, "{rowId}")
    transactions = (words.api, "transactions")
    transaction = (*transactions, "{transactionId}")
    see, change = words.row_reads, words.row_writes
    result = [
        Route("GET", rows, list_rows, see, words),
        Route("GET", row, get_row, see, words),
        Route("POST", rows, create_rows, change, words, 120),
        Route("PUT", rows, upsert_rows, change, words, 120),
        Route("PATCH", rows, update_rows, change, words, 120),
        Route("DELETE", rows, delete_rows, change, words, 60),
        Route("PATCH", row, update_row, change, words, 120),
        Route("PUT", row, upsert_row, change, words, 120),
        Route("DELETE", row, delete_row, change, words, 60),
        Route("PATCH", (*row, "{column}", "increment"), increment(1), change, words, 120),
        Route("PATCH", (*row, "{column}", "decrement"), increment(-1), change, words, 120),
        Route("GET", (words.api,), list_databases, ("databases.read",), words),
        Route("POST", (words.api,), create_database, ("databases.write",), words),
        Route("GET", database, get_database, ("databases.read",), words),
        Route("PUT", database, update_database, ("databases.write",), words),
        Route("DELETE", database, delete_database, ("databases.write",), words),
        Route("GET", tables, list_tables, reads, words),
        Route("POST", tables, create_table, writes, words),
        Route("GET", table, get_table, reads, words),
        Route("PUT", table, update_table, writes, words),
        Route("DELETE", table, delete_table, writes, words),
        Route("GET", columns, list_columns, reads, words),
        Route("GET", (*columns, "{key}"), get_column, reads, words),
        Route("DELETE", (*columns, "{key}"), delete_column, writes, words),
        Route("GET", indexes, list_indexes, reads, words),
        Route("POST", indexes, create_index, writes, words),
        Route("GET", (*indexes, "{key}"), get_index, reads, words),
        Route("DELETE", (*indexes, "{key}"), delete_index, writes, words),
        Route("GET", transactions, list_transactions, see, words),
        Route("POST", transactions, open_transaction, change, words),
        Route("GET", transaction, get_transaction, see, words),
        Route("PATCH", transaction, update_transaction, change, words),
        Route("DELETE", transaction, delete_transaction, change, words),
        Route("POST", (*transaction, "operations"), create_operations, change, words),
    ]
    result.append(
        Route("POST", (*columns, RELATIONSHIP), _of_kind(create_column, RELATIONSHIP), writes, words)
    )
    for kind in COLUMN_KINDS:
        result.append(Route("POST", (*columns, kind), _of_kind(create_column, kind), writes, words))
        result.append(Route("PATCH", (*columns, kind, "{key}"), _of_kind(update_column, kind), writes, words))
    return result


def _of_kind(handler: Handler, kind: str) -> Handler:
    def named(api: Api, call: Call) -> Answer:
        call.path["kind"] = kind
        return handler(api, call)

    return named


ROUTES = [
    *_routes(TABLES),
    *_routes(COLLECTIONS),
    Route("GET", ("health", "version"), health_version, ("public",), TABLES),
    Route("GET", ("ping",), ping, ("public", *ALL_SCOPES), TABLES),
]
