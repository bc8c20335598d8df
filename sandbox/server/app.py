"""The HTTP face: routes, who may call them, parameters, answers. Rows are rows.py's work."""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from sandbox.server import errors
from sandbox.server.errors import COLLECTIONS, TABLES, VERSION, Failure, Words
from sandbox.server.queries import parse_queries, plan_rows, select_catalogue
from sandbox.server.rows import ROW_PERMISSIONS, Rows
from sandbox.server.values import (
    INT64,
    KEY_RULE,
    UID_RULE,
    aggregate,
    bounds,
    integer_bits,
    integer_rule,
    is_int,
    is_key,
    is_number,
    is_uid,
    numeric,
    permission_refusal,
    range_rule,
    refusal,
    stored_item,
    text_rule,
    text_size,
)  # fmt: skip
from sandbox.store import (
    STRINGS,
    Store,
    StoredColumn,
    StoredDatabase,
    StoredIndex,
    StoredTable,
    stamp,
    unique_id,
)

LOG = logging.getLogger(__name__)
TABLE_PERMISSIONS = ("create", "read", "update", "delete", "write")
GUEST_SCOPES = frozenset(("public", "rows.read", "rows.write", "documents.read", "documents.write"))
COLUMN_KINDS = (
    "string", "varchar", "text", "mediumtext", "longtext", "integer", "bigint", "float", "boolean",
    "datetime", "enum", "email", "url", "ip", "point", "line", "polygon",
)  # fmt: skip
STRING_MAX = 1073741824
VARCHAR_MAX = 16381
ENCRYPT_MIN = 150
ROW_MAX = 65535  # bytes
INDEX_MAX = 768
QUERIES_RULE = (
    "Value must a valid array no longer than 100 items and Value must be a valid string and at least 1 "
    "chars and no longer than 4096 chars"
)
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


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=UTF-8"


@dataclass(frozen=True)
class Access:
    """One API key, or the guest (no secret)."""

    scopes: frozenset[str]
    secret: str = ""

    @property
    def is_key(self) -> bool:
        return bool(self.secret)


@dataclass
class Call:
    """One request, read."""

    words: Words
    path: dict[str, str]
    given: dict[str, Any]
    access: Access
    host: str
    url: str


Handler = Callable[["Api", Call], Answer]


@dataclass(frozen=True)
class Route:
    method: str
    pattern: tuple[str, ...]  # segments; {name} takes any
    handler: Handler
    scopes: tuple[str, ...]
    words: Words
    rate: int = 0  # writes say how many are allowed a minute


@dataclass
class Transaction:
    id: str
    created: str
    expires: datetime
    started: str
    updated: str
    status: str = "pending"
    operations: list[dict[str, Any]] = field(default_factory=list)

    def served(self) -> dict[str, Any]:
        return {
            "$id": self.id, "$createdAt": self.created, "$updatedAt": self.updated, "status": self.status,
            "operations": len(self.operations), "expiresAt": stamp(self.expires),
        }  # fmt: skip


def reply(status: int, body: Any) -> Answer:
    return Answer(status, body if isinstance(body, bytes) else orjson.dumps(body))


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
        route, names = self.find(method, path)
        if route is None:
            return Answer(404, NOT_FOUND_PAGE, "text/html; charset=UTF-8"), []
        extra: list[tuple[bytes, bytes]] = []
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
                extra = self.rate_headers(route, access, path)
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


async def send_answer(
    send: Any, answer: Answer, date: bytes, extra: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    headers = [
        (b"date", date),
        (b"server", b"Appwrite"),
        (b"x-appwrite-project-region", b"default"),
        (b"access-control-allow-origin", b"*"),
        *extra,
    ]
    # the SDK reads a content type of every answer, so those without a body have one too
    kind = answer.content_type if answer.status != 204 else "text/html; charset=UTF-8"
    headers.append((b"content-type", kind.encode()))
    headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


# -- parameters --


def read_query(text: str) -> dict[str, Any]:
    """A query string as PHP reads it: ``name[0]=a`` and ``name[]=a`` make lists."""
    result: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found = re.fullmatch(r"([^\[]+)\[([^\]]*)\]", name)
        if found is None:
            result[name] = value
            continue
        kept = result.get(found[1])
        values = kept if isinstance(kept, list) else []
        result[found[1]] = [*values, value]
    return result


def read_body(content_type: str, body: bytes) -> dict[str, Any]:
    """A body's parameters; one that cannot be read has none."""
    if not body:
        return {}
    if "json" in content_type or not content_type:
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return {}
        return value if isinstance(value, dict) else {}
    return read_query(body.decode("utf-8", "replace"))


def required(call: Call, name: str) -> Any:
    if call.given.get(name) is None:
        raise Failure(400, "general_argument_invalid", f'Param "{name}" is not optional.')
    return call.given[name]


def boolean(call: Call, name: str, default: bool | None = None) -> bool:
    value = call.given.get(name)
    if value is None:
        if default is None:
            required(call, name)
        return bool(default)
    if not isinstance(value, bool):
        raise errors.argument_invalid(name, "Value must be a valid boolean")
    return value


def text(call: Call, name: str, longest: int, default: str | None = None, shortest: int = 1) -> str:
    value = call.given.get(name, default)
    if value is None:
        required(call, name)
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise errors.argument_invalid(name, text_rule(longest, shortest))
    return value


def new_id(call: Call, name: str) -> str:
    value = required(call, name)
    if value != "unique()" and not is_key(value):
        raise errors.argument_invalid(name, KEY_RULE)
    return unique_id() if value == "unique()" else value


def key_of(call: Call, name: str = "key") -> str:
    value = required(call, name)
    if not is_key(value):
        raise errors.argument_invalid(name, KEY_RULE)
    return value


def query_texts(call: Call) -> list[str]:
    value = call.given.get("queries")
    if value is None:
        return []
    if (
        not isinstance(value, list)
        or len(value) > 100
        or any(not isinstance(item, str) or not 1 <= len(item) <= 4096 for item in value)
    ):
        raise errors.argument_invalid("queries", QUERIES_RULE)
    return value


def wants_total(call: Call) -> bool:
    """``total``: the text false is not empty, so PHP takes it for true; 0 is what turns the count off."""
    value = call.given.get("total", True)
    if value not in (True, False, 1, 0, "1", "0", "true", "false") or value is None:
        raise errors.argument_invalid("total", "Value must be a valid boolean")
    return value not in (False, 0, "0")


def check_ttl(call: Call) -> None:
    if "ttl" in call.given:
        number = numeric(call.given["ttl"])
        if not is_int(number) or not 0 <= (number or 0) <= 86400:
            raise errors.argument_invalid("ttl", range_rule(0, 86400))


def permissions_of(call: Call, allowed: tuple[str, ...], kept: tuple[str, ...]) -> list[str] | None:
    value = call.given.get("permissions")
    if value is None:
        return None
    why = permission_refusal(value, allowed)
    if why:
        raise errors.argument_invalid("permissions", f"{why} or null")
    return aggregate(value, kept)


def data_of(call: Call) -> dict[str, Any]:
    value = call.given.get("data")
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise errors.argument_invalid("data", "Value must be a valid JSON string") from None
    if value is None or value == []:
        return {}
    if not isinstance(value, dict | list):
        raise errors.argument_invalid("data", "Value must be a valid JSON string")
    return value if isinstance(value, dict) else {str(place): item for place, item in enumerate(value)}


def rows_of(call: Call) -> list[dict[str, Any]]:
    value = call.given.get(call.words.rows)
    if value is None:
        return []
    items: list[Any] = []
    for item in value if isinstance(value, list) else [None]:
        if isinstance(item, str):
            try:
                item = orjson.loads(item)
            except orjson.JSONDecodeError:
                item = None
        items.append(item)
    if len(items) > 100 or any(not isinstance(item, dict | list) for item in items):
        raise errors.argument_invalid(
            call.words.rows,
            "Value must a valid array no longer than 100 items and Value must be a valid JSON string",
        )
    return [item if isinstance(item, dict) else {} for item in items]


# -- what is served of databases, tables, columns, indexes --


def served_database(database: StoredDatabase) -> dict[str, Any]:
    return {
        "$id": database.id, "name": database.name, "$createdAt": database.created,
        "$updatedAt": database.updated, "enabled": database.enabled, "type": database.kind,
    }  # fmt: skip


def served_table(words: Words, table: StoredTable) -> dict[str, Any]:
    return {
        "$id": table.id, "$createdAt": table.created, "$updatedAt": table.updated,
        "$permissions": table.permissions, "databaseId": table.database, "name": table.name,
        "enabled": table.enabled, words.row_security: table.row_security,
        words.columns: [served_column(column) for column in table.columns.values()],
        "indexes": [served_index(words, index) for index in table.indexes.values()],
        "bytesMax": ROW_MAX, "bytesUsed": row_width(table),
    }  # fmt: skip


def row_width(table: StoredTable) -> int:
    """Bytes of a row in MariaDB, as Appwrite counts them."""
    return 1067 + sum(column_width(column) for column in table.columns.values())


def column_width(column: StoredColumn) -> int:
    """Bytes of a column in a row; what is kept outside the row takes a pointer."""
    if column.array or column.kind in ("text", "mediumtext", "longtext", "point", "line", "polygon"):
        return 20
    if column.is_text:
        size = text_size(column)
        return 20 if size > VARCHAR_MAX else size * 4 + (1 if size <= 255 else 2)
    fixed = {"integer": integer_bits(column) // 8, "bigint": 8, "float": 8, "boolean": 1, "datetime": 7}
    return fixed[column.kind]


def served_column(column: StoredColumn, status: str = "available") -> dict[str, Any]:
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


def served_index(words: Words, index: StoredIndex, status: str = "available") -> dict[str, Any]:
    return {
        "$id": index.key, "$createdAt": index.created, "$updatedAt": index.updated, "key": index.key,
        "type": index.type, "status": status, "error": "", words.columns: index.columns,
        "lengths": index.lengths, "orders": index.orders,
    }  # fmt: skip


def catalogue_answer(
    call: Call,
    items: Sequence[Mapping[str, Any]],
    name: str,
    allowed: Sequence[str],
    identity: str,
    label: str,
) -> Answer:
    texts = query_texts(call)
    search = call.given.get("search")
    if search:
        items = [i for i in items if str(search).lower() in f"{i.get('name', '')} {i.get('$id', '')}".lower()]
    try:
        chosen, total = select_catalogue(items, texts, allowed, identity, label)
    except Failure as failure:
        if failure.kind == "general_query_invalid":
            raise errors.argument_invalid("queries", failure.message) from None
        raise
    return reply(200, {"total": total if wants_total(call) else 0, name: chosen})


# -- handlers: databases --


def list_databases(api: Api, call: Call) -> Answer:
    items = [served_database(database) for database in api.store.databases.values()]
    return catalogue_answer(call, items, "databases", ("name",), "$id", "Database")


def create_database(api: Api, call: Call) -> Answer:
    identity, name = new_id(call, "databaseId"), text(call, "name", 128)
    enabled = boolean(call, "enabled", True)
    with api.store.lock:
        if identity in api.store.databases:
            raise errors.database_exists(identity)
        kind = "tablesdb" if call.words is TABLES else "legacy"
        return reply(201, served_database(api.store.create_database(identity, name, kind, enabled)))


def get_database(api: Api, call: Call) -> Answer:
    return reply(200, served_database(api.database(call)))


def update_database(api: Api, call: Call) -> Answer:
    database = api.database(call)
    with api.store.writing():
        api.store.save_catalogue()
        database.name = text(call, "name", 128, database.name)
        database.enabled = boolean(call, "enabled", True)
        database.updated = stamp(api.store.clock.now())
    return reply(200, served_database(database))


def delete_database(api: Api, call: Call) -> Answer:
    api.store.delete_database(api.database(call).id)
    return Answer(204)


# -- handlers: tables --


def list_tables(api: Api, call: Call) -> Answer:
    items = [served_table(call.words, table) for table in api.database(call).tables.values()]
    allowed = ("name", "enabled", call.words.row_security)
    return catalogue_answer(call, items, call.words.tables, allowed, "$id", call.words.table.title())


def create_table(api: Api, call: Call) -> Answer:
    words = call.words
    identity, name = new_id(call, words.table_id), text(call, "name", 128)
    permissions = permissions_of(call, TABLE_PERMISSIONS, ("read", "create", "update", "delete"))
    security, enabled = boolean(call, words.row_security, False), boolean(call, "enabled", True)
    database = api.database(call)
    columns = [column_from_definition(call, item) for item in call.given.get(words.columns) or []]
    with api.store.writing():
        if identity in database.tables:
            raise errors.table_exists(words, identity)
        table = api.store.create_table(database, identity, name, permissions or [], security, enabled)
        for column in columns:
            if column.key in table.columns:
                raise errors.column_exists(words, column.key)
            api.store.create_column(table, column)
        for item in call.given.get("indexes") or []:
            names = item.get(words.columns) or item.get("attributes") or []
            make_index(api, call, table, item.get("key"), item.get("type"), names, item.get("orders") or [],
                       item.get("lengths") or [])  # fmt: skip
    return reply(201, served_table(words, table))


def column_from_definition(call: Call, item: Mapping[str, Any]) -> StoredColumn:
    """A column given with its table: its type, or the format of a string, names its kind."""
    kind = item.get("format") or {"double": "float", "linestring": "line"}.get(
        str(item.get("type")), item.get("type")
    )
    if kind not in COLUMN_KINDS:
        raise errors.argument_invalid(call.words.columns, f"Unknown type: {kind}")
    inner = Call(
        call.words,
        {**call.path, "kind": str(kind)},
        {"required": False, **item},
        call.access,
        call.host,
        call.url,
    )
    return column_of(inner, str(kind))


def get_table(api: Api, call: Call) -> Answer:
    return reply(200, served_table(call.words, api.table(call)))


def update_table(api: Api, call: Call) -> Answer:
    permissions = permissions_of(call, TABLE_PERMISSIONS, ("read", "create", "update", "delete"))
    table = api.table(call)
    with api.store.writing():
        api.store.save_catalogue()
        table.name = text(call, "name", 128, table.name)
        table.row_security = boolean(call, call.words.row_security, False)
        table.enabled = boolean(call, "enabled", True)
        if permissions is not None:
            table.permissions = permissions
        table.updated = stamp(api.store.clock.now())
    return reply(200, served_table(call.words, table))


def delete_table(api: Api, call: Call) -> Answer:
    api.store.delete_table(api.table(call))
    return Answer(204)


# -- handlers: columns --


def list_columns(api: Api, call: Call) -> Answer:
    items = [served_column(column) for column in api.table(call).columns.values()]
    allowed = ("key", "type", "size", "required", "array", "status", "error")
    return catalogue_answer(call, items, call.words.columns, allowed, "key", call.words.column.title())


def get_column(api: Api, call: Call) -> Answer:
    return reply(200, served_column(existing_column(api, call, api.table(call))))


def existing_column(api: Api, call: Call, table: StoredTable) -> StoredColumn:
    key = call.path["key"]
    if not is_key(key):
        raise errors.argument_invalid("key", KEY_RULE)
    column = table.columns.get(key)
    if column is None:
        raise errors.column_missing(call.words, key)
    return column


def whole(call: Call, name: str, low: int, high: int) -> int:
    number = numeric(required(call, name))
    if not is_int(number) or not low <= int(number or 0) <= high:
        raise errors.argument_invalid(name, range_rule(low, high))
    return int(number or 0)


def limit_of(call: Call, name: str, kind: str) -> int | float | None:
    value = call.given.get(name)
    if value is None:
        return None
    if kind == "float" and not is_number(value):
        raise errors.argument_invalid(name, "Value must be a valid float or null")
    if kind != "float" and (not is_int(value) or not -INT64 <= value < INT64):
        raise errors.argument_invalid(name, f"{integer_rule(64)} or null")
    return value


def column_of(call: Call, kind: str, key: str | None = None) -> StoredColumn:
    """The column a request describes. Raises Failure."""
    words = call.words
    column = StoredColumn(key or key_of(call), kind)
    if kind == "string":
        column.size = whole(call, "size", 1, STRING_MAX)
    elif kind == "varchar":
        column.size = whole(call, "size", 1, VARCHAR_MAX)
    if kind == "enum":
        elements = required(call, "elements")
        if (
            not isinstance(elements, list)
            or len(elements) > 100
            or any(not isinstance(e, str) or not 1 <= len(e) <= 255 for e in elements)
        ):
            raise errors.argument_invalid(
                "elements",
                "Value must a valid array no longer than 100 items and Value must be a valid string and at "
                "least 1 chars and no longer than 255 chars",
            )
        column.elements = elements
    column.required = boolean(call, "required")
    column.array = boolean(call, "array", False)
    column.encrypt = boolean(call, "encrypt", False)
    if column.encrypt and kind in ("string", "varchar") and (column.size or 0) < ENCRYPT_MIN:
        raise errors.bad_request(
            f"Size too small. Encrypted strings require a minimum size of {ENCRYPT_MIN} characters."
        )
    if kind in ("integer", "bigint", "float"):
        column.minimum, column.maximum = limit_of(call, "min", kind), limit_of(call, "max", kind)
        low, high = bounds(column)
        if low > high:
            raise errors.column_failure(
                words, "value_invalid", "Minimum value must be lesser than maximum value"
            )
    check_default(call, column)
    return column


def check_default(call: Call, column: StoredColumn) -> None:
    """Take the request's default into the column. Raises Failure where it does not fit."""
    default = call.given.get("default")
    if default is None:
        column.default = None
        return
    words, kind = call.words, column.kind
    rule = _default_rule(column, default)
    if rule:
        raise errors.argument_invalid("default", f"{rule} or null")
    if kind == "enum" and default not in (column.elements or ()):
        raise errors.column_failure(words, "value_invalid", "Default value not found in elements")
    why = refusal(column, default)
    if why:
        raise errors.column_failure(words, "value_invalid", why.split(". ", 1)[1])
    if column.required:
        raise errors.column_failure(
            words, "default_unsupported", f"Cannot set default value for required {words.column}"
        )
    if column.array:
        raise errors.column_failure(
            words, "default_unsupported", f"Cannot set default value for array {words.columns}"
        )
    column.default = stored_item(column, default)


def _default_rule(column: StoredColumn, default: Any) -> str | None:
    """Why a default is not even of its parameter's type; None if it is."""
    kind = column.kind
    if kind in ("integer", "bigint"):
        return None if is_int(default) and -INT64 <= default < INT64 else integer_rule(64)
    if kind == "float":
        return None if is_number(default) else "Value must be a valid float"
    if kind == "enum":
        return None if isinstance(default, str) and default else text_rule(0, 1)
    if kind in STRINGS and kind not in ("email", "url", "ip"):
        return None if isinstance(default, str) else text_rule(0)
    why = refusal(column, default)  # of the rest the parameter's own check is the value's
    return why.split(". ", 1)[1] if why else None


def create_column(api: Api, call: Call) -> Answer:
    kind = call.path["kind"]
    if kind == "relationship":
        raise errors.bad_request("Relationships are not served by the sandbox.")
    column = column_of(call, kind)
    table = api.table(call)
    with api.store.writing():
        if column.key.lower() in (key.lower() for key in table.columns):
            raise errors.column_exists(call.words, column.key)
        if row_width(table) + column_width(column) > ROW_MAX:
            raise errors.column_failure(
                call.words,
                "limit_exceeded",
                f"The maximum number or size of {call.words.columns} for {call.words.table} '{table.id}' has "
                "been reached.",
            )
        api.store.create_column(table, column)
    return reply(202, served_column(column, "processing"))


def update_column(api: Api, call: Call) -> Answer:
    words, kind = call.words, call.path["kind"]
    if call.given.get("newKey") is not None:
        key_of(call, "newKey")
    table = api.table(call)
    with api.store.writing():
        api.store.save_catalogue()  # a refusal half-way puts the catalogue back as it was
        column = existing_column(api, call, table)
        if column.kind != kind:
            raise errors.column_failure(words, "type_invalid", f"The {words.column} type is invalid.")
        column.required = boolean(call, "required")
        if kind == "enum":
            elements = required(call, "elements")
            if not elements:
                raise errors.column_failure(words, "value_invalid", "Enum elements must not be empty")
            column.elements = [str(element) for element in elements]
        if kind in ("integer", "bigint", "float"):
            low, high = limit_of(call, "min", kind), limit_of(call, "max", kind)
            changed = StoredColumn(column.key, kind, minimum=column.minimum if low is None else low,
                                   maximum=column.maximum if high is None else high)  # fmt: skip
            if bounds(changed)[0] > bounds(changed)[1]:
                raise errors.column_failure(
                    words, "value_invalid", "Minimum value must be lesser than maximum value"
                )
            column.minimum, column.maximum = changed.minimum, changed.maximum
        if kind in ("string", "varchar") and call.given.get("size") is not None:
            column.size = whole(call, "size", 1, STRING_MAX if kind == "string" else VARCHAR_MAX)
        check_default(call, column)
        column.updated = stamp(api.store.clock.now())
        new_key = call.given.get("newKey")
        if new_key and new_key != column.key:
            if new_key in table.columns:
                raise errors.column_exists(words, new_key)
            api.store.rename_column(table, column, new_key)
    return reply(200, served_column(column))


def delete_column(api: Api, call: Call) -> Answer:
    table = api.table(call)
    with api.store.writing():
        api.store.delete_column(table, existing_column(api, call, table).key)
    return Answer(204)


# -- handlers: indexes --


def list_indexes(api: Api, call: Call) -> Answer:
    items = [served_index(call.words, index) for index in api.table(call).indexes.values()]
    return catalogue_answer(call, items, "indexes", ("key", "type", "status", "error"), "key", "Index")


def get_index(api: Api, call: Call) -> Answer:
    return reply(200, served_index(call.words, existing_index(api, call)))


def existing_index(api: Api, call: Call) -> StoredIndex:
    index = api.table(call).indexes.get(call.path["key"])
    if index is None:
        raise errors.index_missing(call.words, call.path["key"])
    return index


def create_index(api: Api, call: Call) -> Answer:
    words = call.words
    key, kind, names = key_of(call), required(call, "type"), required(call, words.columns)
    if kind not in ("key", "fulltext", "unique", "spatial"):
        raise errors.argument_invalid("type", "Value must be one of (key, fulltext, unique, spatial)")
    if not isinstance(names, list) or len(names) > 100 or any(not isinstance(n, str) for n in names):
        raise errors.argument_invalid(
            words.columns, f"Value must a valid array no longer than 100 items and {KEY_RULE}"
        )
    index = make_index(
        api,
        call,
        api.table(call),
        key,
        kind,
        names,
        call.given.get("orders") or [],
        call.given.get("lengths") or [],
    )
    return reply(202, served_index(words, index, "processing"))


def make_index(
    api: Api, call: Call, table: StoredTable, key: Any, kind: Any, names: Sequence[str],
    orders: Sequence[Any], lengths: Sequence[Any],
) -> StoredIndex:  # fmt: skip
    words = call.words
    if not names:
        raise errors.index_invalid(words, "No attributes provided for index")
    total = 0
    for place, name in enumerate(names):
        column = table.columns.get(name)
        if column is None and name not in ("$id", "$createdAt", "$updatedAt"):
            raise errors.index_column_unknown(words, name)
        if column is not None and column.array:
            raise Failure(
                400, "index_invalid", "Creating indexes on array attributes is not currently supported."
            )
        is_text = name == "$id" or (column is not None and column.is_text)
        if kind == "fulltext":
            if not is_text:
                raise errors.index_invalid(
                    words, f'Attribute "{name}" cannot be part of a fulltext index, must be of type string'
                )
            continue
        size = (
            (255 if column is None else text_size(column))
            if is_text
            else (2 if column and column.kind == "float" else 1)
        )
        given = lengths[place] if place < len(lengths) and lengths[place] else 0
        if given > size:
            raise errors.index_invalid(
                words, f'Index length {given} is larger than the size for {name}: {size}"'
            )
        total += (given or size) if is_text else size
    if len(set(map(str.lower, names))) != len(names):
        raise errors.index_invalid(words, "Duplicate attributes provided")
    if kind != "fulltext" and total > INDEX_MAX:
        raise errors.index_invalid(words, f"Index length is longer than the maximum: {INDEX_MAX}")
    with api.store.writing():
        if key in table.indexes:
            raise errors.index_exists(words, key)
        kept = [int(lengths[place] or 0) if place < len(lengths) else 0 for place in range(len(names))]
        return api.store.create_index(table, key, kind, list(names), [str(o) for o in orders if o], kept)


def delete_index(api: Api, call: Call) -> Answer:
    table = api.table(call)
    api.store.delete_index(table, existing_index(api, call).key)
    return Answer(204)


# -- handlers: rows --


def list_rows(api: Api, call: Call) -> Answer:
    texts = query_texts(call)
    total = wants_total(call)
    check_ttl(call)
    rows = api.rows(call)
    parsed = parse_queries(texts)
    role = api.guest_role(call, rows.table)
    body = rows.listed(plan_rows(rows.table, parsed), total, role)
    if api.listed is not None:
        api.listed(rows.table)
    return Answer(200, body)


def get_row(api: Api, call: Call) -> Answer:
    identity, texts = api.row_id(call), query_texts(call)
    rows = api.rows(call)
    return Answer(200, rows.get(identity, texts, api.guest_role(call, rows.table)))


def create_rows(api: Api, call: Call) -> Answer:
    words = call.words
    identity = call.given.get(words.row_id)
    if identity is not None and identity != "unique()" and not is_key(identity):
        raise errors.argument_invalid(words.row_id, KEY_RULE)
    data = data_of(call)
    permissions = permissions_of(call, (*ROW_PERMISSIONS, "write"), ROW_PERMISSIONS)
    many = rows_of(call)
    if not data and not many:
        raise errors.row_data_missing(words)
    if data and many:
        raise errors.bad_request(f"You can only send one of the following parameters: data, {words.rows}")
    if data and not identity:
        raise errors.row_data_missing(
            words, f"{words.row.title()} ID is required when creating a single {words.row}."
        )
    if many and identity:
        raise errors.bad_request(
            f'Param "{words.row_id}" is not allowed when creating multiple {words.rows}, '
            'set "$id" on each instead.'
        )
    if many and permissions:
        raise errors.bad_request(
            f'Param "permissions" is disallowed when creating multiple {words.rows}, '
            'set "$permissions" on each instead'
        )
    if many and not call.access.is_key:
        raise Failure(
            401,
            "general_unauthorized_scope",
            "The current user or API key does not have the required scopes to access the requested resource.",
        )
    rows = api.rows(call)
    api.guest_may(call, rows.table, "create")
    staged = stage(api, call, rows, "bulkCreate" if many else "create", identity or "", many or data)
    if staged is not None:
        return reply(201, staged)
    if many:
        return Answer(201, rows.create_many(many))
    return Answer(201, rows.create(str(identity), data, permissions or []))


def upsert_rows(api: Api, call: Call) -> Answer:
    many = rows_of(call)
    required(call, call.words.rows)
    rows = api.rows(call)
    staged = stage(api, call, rows, "bulkUpsert", "", many)
    return reply(200, staged) if staged is not None else Answer(200, rows.upsert_many(many))


def update_rows(api: Api, call: Call) -> Answer:
    data, texts = data_of(call), query_texts(call)
    if not data:
        raise errors.row_payload_missing(call.words)
    rows = api.rows(call)
    parse_queries(texts)
    staged = stage(api, call, rows, "bulkUpdate", "", {"data": data, "queries": texts})
    return reply(200, staged) if staged is not None else Answer(200, rows.update_many(data, texts))


def delete_rows(api: Api, call: Call) -> Answer:
    texts = query_texts(call)
    rows = api.rows(call)
    parse_queries(texts)
    staged = stage(api, call, rows, "bulkDelete", "", {"queries": texts})
    return reply(200, staged) if staged is not None else Answer(200, rows.delete_many(texts))


def update_row(api: Api, call: Call) -> Answer:
    identity, data = api.row_id(call), data_of(call)
    permissions = permissions_of(call, (*ROW_PERMISSIONS, "write"), ROW_PERMISSIONS)
    if not data and permissions is None:
        raise errors.row_payload_missing(call.words)
    rows = api.rows(call)
    api.guest_may(call, rows.table, "update")
    staged = stage(api, call, rows, "update", identity, data)
    return reply(200, staged) if staged is not None else Answer(200, rows.update(identity, data, permissions))


def upsert_row(api: Api, call: Call) -> Answer:
    identity, data = api.row_id(call), data_of(call)
    permissions = permissions_of(call, (*ROW_PERMISSIONS, "write"), ROW_PERMISSIONS)
    if not data and permissions is None:
        raise errors.row_payload_missing(call.words)
    rows = api.rows(call)
    api.guest_may(call, rows.table, "create")
    staged = stage(api, call, rows, "upsert", identity, data)
    return reply(200, staged) if staged is not None else Answer(200, rows.upsert(identity, data, permissions))


def delete_row(api: Api, call: Call) -> Answer:
    identity = api.row_id(call)
    rows = api.rows(call)
    api.guest_may(call, rows.table, "delete")
    if stage(api, call, rows, "delete", identity, {}) is None:
        rows.delete(identity)
    return Answer(204)


def increment(sign: int) -> Handler:
    def handler(api: Api, call: Call) -> Answer:
        identity, key, edge = api.row_id(call), call.path["column"], "max" if sign > 0 else "min"
        value = call.given.get("value", 1)
        for name, given in (("value", value), (edge, call.given.get(edge))):
            if given is not None and numeric(given) is None:
                raise errors.argument_invalid(name, "Value must be a valid number")
        rows = api.rows(call)
        action = "increment" if sign > 0 else "decrement"
        staged = stage(
            api, call, rows, action, identity, {"column": key, "value": value, edge: call.given.get(edge)}
        )
        if staged is not None:
            return reply(200, staged)
        return Answer(200, rows.increment(identity, key, value, call.given.get(edge), sign))

    return handler


# -- handlers: transactions --

ACTIONS = (
    "create", "update", "upsert", "delete", "increment", "decrement", "bulkCreate", "bulkUpdate",
    "bulkUpsert", "bulkDelete",
)  # fmt: skip
TRANSACTION_SIZE = 100


def transaction_missing(identity: str) -> Failure:
    return Failure(
        404, "transaction_not_found", f"Transaction with the requested ID '{identity}' could not be found."
    )


def open_transaction(api: Api, call: Call) -> Answer:
    ttl = numeric(call.given.get("ttl", 300))
    if not is_int(ttl) or not 60 <= int(ttl or 0) <= 3600:
        raise errors.argument_invalid("ttl", range_rule(60, 3600))
    now = api.store.clock.now()
    transaction = Transaction(
        unique_id(), stamp(now), now + timedelta(seconds=int(ttl or 0)), stamp(now), stamp(now)
    )
    api.transactions[transaction.id] = transaction
    return reply(201, transaction.served())


def the_transaction(api: Api, identity: str, pending: bool = True) -> Transaction:
    transaction = api.transactions.get(identity)
    if transaction is None:
        raise transaction_missing(identity)
    if pending and transaction.status != "pending":
        raise Failure(
            400, "transaction_not_ready", "The transaction is not ready yet. Please try again later."
        )
    if pending and api.store.clock.now() > transaction.expires:
        raise Failure(
            410, "transaction_expired", "The transaction has expired. Please create a new transaction."
        )
    return transaction


def add_operations(transaction: Transaction, operations: Sequence[dict[str, Any]]) -> None:
    held = len(transaction.operations)
    if held + len(operations) > TRANSACTION_SIZE:
        raise Failure(
            400,
            "transaction_limit_exceeded",
            f"Transaction already has {held} operations, adding {len(operations)} would exceed the maximum "
            f"of {TRANSACTION_SIZE}",
        )
    transaction.operations += operations


def stage(api: Api, call: Call, rows: Rows, action: str, identity: str, data: Any) -> dict[str, Any] | None:
    """Keep a call that names a transaction for its commit, answering as if done; None where it names none."""
    name = call.given.get("transactionId")
    if not name:
        return None
    transaction = the_transaction(api, str(name))
    if action in ("update", "delete") and api.store.get(rows.table, identity) is None:
        staged = any(
            o["rowId"] == identity and o["action"] in ("create", "upsert") for o in transaction.operations
        )
        if not staged:
            raise errors.row_missing(call.words, identity)
    add_operations(
        transaction,
        [
            {
                "action": action,
                "databaseId": rows.table.database,
                "tableId": rows.table.id,
                "rowId": identity,
                "data": data,
            }
        ],
    )
    if action.startswith("bulk"):
        return {"total": len(data) if isinstance(data, list) else 0, call.words.rows: []}
    now = stamp(api.store.clock.now())
    return {
        "$id": identity, "$sequence": "", f"${call.words.table_id}": rows.table.id,
        "$databaseId": rows.table.database, "$createdAt": now, "$updatedAt": now, "$permissions": [],
        **(data if action in ("create", "update", "upsert") else {}),
    }  # fmt: skip


def create_operations(api: Api, call: Call) -> Answer:
    transaction = the_transaction(api, call.path["transactionId"])
    operations = call.given.get("operations") or []
    if not isinstance(operations, list) or any(
        not isinstance(o, dict) or o.get("action") not in ACTIONS for o in operations
    ):
        raise errors.argument_invalid("operations", "Value must be a valid array of operations")
    prepared: list[dict[str, Any]] = []
    for item in operations:
        database = api.store.databases.get(str(item.get("databaseId")))
        if database is None:
            raise errors.database_missing(str(item.get("databaseId")))
        table = str(item.get("tableId") or item.get("collectionId"))
        if table not in database.tables:
            raise errors.table_missing(call.words, table)
        prepared.append(
            {
                "action": item["action"],
                "databaseId": database.id,
                "tableId": table,
                "rowId": item.get("rowId") or item.get("documentId") or "",
                "data": item.get("data") or {},
            }
        )
    add_operations(transaction, prepared)
    transaction.updated = stamp(api.store.clock.now())
    return reply(201, transaction.served())


def get_transaction(api: Api, call: Call) -> Answer:
    return reply(200, the_transaction(api, call.path["transactionId"], pending=False).served())


def list_transactions(api: Api, call: Call) -> Answer:
    items = [transaction.served() for transaction in api.transactions.values()]
    return catalogue_answer(call, items, "transactions", ("status", "expiresAt"), "$id", "Transaction")


def update_transaction(api: Api, call: Call) -> Answer:
    commit, rollback = boolean(call, "commit", False), boolean(call, "rollback", False)
    if not commit and not rollback:
        raise errors.bad_request("Either commit or rollback must be true")
    if commit and rollback:
        raise errors.bad_request("Cannot commit and rollback at the same time")
    transaction = the_transaction(api, call.path["transactionId"])
    if rollback:
        transaction.status = "failed"
    else:
        commit_transaction(api, call.words, transaction)
        transaction.status = "committed"
    transaction.updated = stamp(api.store.clock.now())
    return reply(200, transaction.served())


def commit_transaction(api: Api, words: Words, transaction: Transaction) -> None:
    """Carry out what was staged, all or nothing. A row changed meanwhile by others is a conflict."""
    conflict = Failure(
        409,
        "transaction_conflict",
        "The transaction has a conflict. Please resolve the conflict and try again.",
    )
    try:
        with api.store.writing():
            mine: set[tuple[str, str, str]] = set()
            for item in transaction.operations:
                table = api.store.databases[item["databaseId"]].tables[item["tableId"]]
                rows, identity, data = Rows(api.store, table, words), item["rowId"], item["data"]
                who = (table.database, table.id, identity)
                row = api.store.get_for_update(table, identity) if identity else None
                if row is not None and who not in mine and row.updated > transaction.started:
                    raise conflict
                mine.add(who)
                run_operation(rows, item["action"], identity, data)
    except Failure as failure:
        transaction.status = "failed"
        raise conflict if failure.status in (404, 409) else failure from None


def run_operation(rows: Rows, action: str, identity: str, data: Any) -> None:
    match action:
        case "create":
            rows.create(identity or data.get("$id", "unique()"), data, [])
        case "update":
            rows.update(identity, data, None)
        case "upsert":
            rows.upsert(identity or data.get("$id", "unique()"), data, None)
        case "delete":
            rows.delete(identity)
        case "increment" | "decrement":
            key = data.get("column") or data.get("attribute")
            sign = 1 if action == "increment" else -1
            rows.increment(identity, key, data.get("value", 1), data.get("max" if sign > 0 else "min"), sign)
        case "bulkCreate":
            rows.create_many(data)
        case "bulkUpsert":
            rows.upsert_many(data)
        case "bulkUpdate":
            rows.update_many(data["data"], data["queries"])
        case _:
            rows.delete_many(data["queries"])


def delete_transaction(api: Api, call: Call) -> Answer:
    del api.transactions[the_transaction(api, call.path["transactionId"], pending=False).id]
    return Answer(204)


# -- handlers: the server itself --


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
