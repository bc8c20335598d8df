"""What tests may order under /control, outside /v1: faults, changes between pages, keys, trusted rows."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.server.app import Api
from sandbox.server.calls import Answer, reply, send_answer
from sandbox.server.errors import VERSION
from sandbox.server.values import parse_instant
from sandbox.store import (
    Row,
    StoredColumn,
    StoredDatabase,
    StoredTable,
    plain_number,
    stamp,
    stored_columns_blank,
)

FAULT_KINDS = ("status", "latency", "reset", "truncate", "html", "empty", "stall", "skew", "memory")
DEATHS = ("reset", "status", "stall")
ERROR_TYPES = {
    401: ("user_unauthorized", "The current user is not authorized to perform the requested action."),
    403: ("general_access_forbidden", "Access to this API is forbidden."),
    404: ("general_not_found", "The requested resource could not be found."),
    408: ("database_timeout", "Database timed out. Try adjusting your queries or adding an index."),
    429: (
        "general_rate_limit_exceeded",
        "Rate limit for the current endpoint has been exceeded. Please try again after some time.",
    ),
    500: ("general_unknown", "Internal Server Error"),
    503: ("general_service_unavailable", "Service unavailable"),
}
ERROR_PAGE = b"<!DOCTYPE html>\n<html><head><title>Error</title></head><body><h1>Error</h1></body></html>\n"


@dataclass
class FaultRule:
    """One fault: what, how often, on which requests, how many times at most."""

    kind: str
    rate: float = 1.0  # share of the matching requests
    status: int = 503  # of kinds status and html, and of a death by status
    retry_after: float | None = None  # seconds, of kind status
    seconds: float = 0.0  # of latency, stall and a death by it (0: until the caller goes), and skew
    keep: float = 0.5  # share of the body that arrives, of kind truncate
    bytes: int = 0  # of kind memory: the largest answer a worker has room for
    death: str = "reset"  # of kind memory: what the caller sees of it: reset, status or stall
    path: str = ""  # a part of the path
    table: str = ""  # the table's id
    method: str = ""
    skip: int = 0  # matching requests left alone first
    count: int | None = None  # at most so many
    seen: int = field(default=0)
    done: int = field(default=0)

    def matches(self, method: str, path: str) -> bool:
        if self.method and self.method.upper() != method:
            return False
        if self.path and self.path not in path:
            return False
        return not self.table or f"/{self.table}/" in f"{path}/"


@dataclass
class PageStep:
    """What is done to rows after the n-th list of ``table``: touch, insert and delete."""

    table: str
    after: int = 1
    touch: list[str] = field(default_factory=list)  # ids whose $updatedAt becomes now
    update: list[dict[str, Any]] = field(default_factory=list)  # rows with $id and the attributes to change
    insert: list[dict[str, Any]] = field(default_factory=list)  # rows with $id and attributes
    delete: list[str] = field(default_factory=list)
    done: bool = field(default=False)


class Control:
    """The outermost ASGI application: /control, and /v1 behind the faults in force."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.rules: list[FaultRule] = []
        self.chance = random.Random(1)
        self.steps: list[PageStep] = []
        self.lists: dict[str, int] = {}
        self.requests = 0
        self.injected: dict[str, int] = {}
        self.lock = threading.Lock()
        api.listed = self.listed
        self.app = Starlette(
            routes=[
                Route("/control/{path:path}", self.control, methods=["GET", "PUT", "POST", "DELETE"]),
                Mount("/", app=api),
            ]
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path: str = scope.get("path", "")
        if scope["type"] != "http" or path.startswith("/control/"):
            await self.app(scope, receive, send)
        elif not self.rules:
            self.requests += 1
            await self.app(scope, receive, send)
        else:
            await self.faulty(scope, receive, send, path)

    # -- faults --

    def chosen(self, method: str, path: str) -> list[FaultRule]:
        result: list[FaultRule] = []
        with self.lock:
            self.requests += 1
            for rule in self.rules:
                if not rule.matches(method, path):
                    continue
                rule.seen += 1
                if rule.seen <= rule.skip or (rule.count is not None and rule.done >= rule.count):
                    continue
                if rule.rate < 1 and self.chance.random() >= rule.rate:
                    continue
                rule.done += 1
                if rule.kind != "memory":  # whether it bites is known when the answer is
                    self.bite(rule)
                result.append(rule)
        return result

    def bite(self, rule: FaultRule) -> None:
        self.injected[rule.kind] = self.injected.get(rule.kind, 0) + 1

    async def faulty(self, scope: Any, receive: Any, send: Any, path: str) -> None:
        truncate: FaultRule | None = None
        memory: FaultRule | None = None
        for rule in self.chosen(scope["method"], path):
            match rule.kind:
                case "latency":
                    await asyncio.sleep(rule.seconds)
                case "stall" | "reset":
                    if rule.kind == "stall":
                        await asyncio.sleep(rule.seconds or 86400)
                    _transport(send).abort()
                    await asyncio.sleep(0.01)  # let the server see that the connection is gone
                    return
                case "truncate":
                    truncate = rule
                case "memory":
                    memory = rule
                case "status":
                    await self.answer(send, fault_answer(rule), rule)
                    return
                case "html":
                    await self.answer(send, Answer(rule.status, ERROR_PAGE, "text/html; charset=UTF-8"), rule)
                    return
                case "empty":
                    await self.answer(send, Answer(200, b""), rule)
                    return
                case _:
                    pass
        if memory is not None:
            await self.within_memory(memory, scope, receive, send)
            return
        if truncate is None:
            await self.app(scope, receive, send)
            return

        async def cut(message: Any) -> None:
            body = message.get("body", b"")
            if message["type"] == "http.response.body" and body:
                await send({**message, "body": body[: int(len(body) * truncate.keep)], "more_body": True})
                _transport(send).close()
            else:
                await send(message)

        await self.app(scope, receive, cut)
        await asyncio.sleep(0.01)

    async def within_memory(self, rule: FaultRule, scope: Any, receive: Any, send: Any) -> None:
        """Answer, unless the answer is larger than a worker's memory: it then dies as ``rule.death`` says."""
        died = False

        async def weighed(message: Any) -> None:
            nonlocal died
            if message["type"] == "http.response.start":
                size = int(dict(message["headers"]).get(b"content-length", b"0"))
                died = size > rule.bytes
            if not died:
                await send(message)

        await self.app(scope, receive, weighed)
        if not died:
            return
        with self.lock:
            self.bite(rule)
        if rule.death == "status":
            await self.answer(send, fault_answer(rule), rule)
            return
        if rule.death == "stall":
            await asyncio.sleep(rule.seconds or 86400)
        _transport(send).abort()
        await asyncio.sleep(0.01)  # let the server see that the connection is gone

    async def answer(self, send: Any, answer: Answer, rule: FaultRule) -> None:
        extra = []
        if rule.retry_after is not None:
            extra.append((b"retry-after", f"{rule.retry_after:g}".encode()))
        await send_answer(send, answer, self.api.date_header(), extra)

    # -- between pages --

    def listed(self, table: StoredTable) -> None:
        if not self.steps:
            return
        with self.lock:
            self.lists[table.id] = self.lists.get(table.id, 0) + 1
            due = [
                step
                for step in self.steps
                if not step.done and step.table == table.id and step.after <= self.lists[table.id]
            ]
            for step in due:
                step.done = True
        for step in due:
            self.carry_out(table, step)

    def carry_out(self, table: StoredTable, step: PageStep) -> None:
        store = self.api.store
        now = stamp(store.clock.now())
        with store.writing():
            for identity, change in [
                *((identity, {}) for identity in step.touch),
                *((item["$id"], item) for item in step.update),
            ]:
                row = store.get_for_update(table, identity)
                if row is not None:
                    row.data |= {k: plain_number(v) for k, v in change.items() if k[0] != "$"}
                    row.updated = change.get("$updatedAt", now)
                    store.replace(table, [row])
            for identity in step.delete:
                row = store.get_for_update(table, identity)
                if row is not None:
                    store.delete(table, [row.sequence])
            if step.insert:
                store.insert(table, [_new_row(table, item, now) for item in step.insert])

    # -- routes --

    async def control(self, request: Request) -> Response:
        body = await request.body()
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                self.api.pool,
                self.order,
                request.method,
                request.path_params["path"].strip("/"),
                orjson.loads(body) if body else {},
            )
        except (ValueError, TypeError, KeyError) as wrong:
            answer = reply(400, {"message": f"{type(wrong).__name__}: {wrong}"})
        return Response(answer.body, answer.status, media_type="application/json")

    def order(self, method: str, path: str, given: Any) -> Answer:
        api, store = self.api, self.api.store
        match method, path:
            case "PUT", "faults":
                self.put_faults(given)
            case "DELETE", "faults":
                self.put_faults({"rules": []})
            case "GET", "faults":
                return reply(200, {"requests": self.requests, "injected": self.injected})
            case "PUT", "between-pages":
                steps = [_build(PageStep, item) for item in given["steps"]]
                with self.lock:
                    self.steps, self.lists = steps, {}
            case "DELETE", "between-pages":
                with self.lock:
                    self.steps, self.lists = [], {}
            case "GET", "between-pages":
                return reply(200, {"lists": self.lists, "done": sum(step.done for step in self.steps)})
            case "POST", "keys":
                return reply(201, {"key": api.add_key(given["scopes"])})
            case "POST", "tables":
                database = store.databases[given["database"]]
                table = make_table(api, database, given["table"], given["columns"])
                return reply(201, {"table": table.id})
            case "POST", "rows/bulk":
                table = store.databases[given["database"]].tables[given["table"]]
                return reply(
                    201, {"loaded": store.bulk_load(table, map(_with_instants(store), given["rows"]))}
                )
            case "PUT", "clock":
                at = parse_instant(given["at"])
                if at is None:
                    raise ValueError("at must be an instant")
                store.clock.offset = at - datetime.now(UTC)
            case _:
                return reply(404, {"message": f"No control route {method} {path}"})
        return Answer(204)

    def put_faults(self, given: Mapping[str, Any]) -> None:
        rules = [_build(FaultRule, item) for item in given["rules"]]
        for rule in rules:
            if rule.kind not in FAULT_KINDS:
                raise ValueError(f"kind must be one of {', '.join(FAULT_KINDS)}")
            if rule.death not in DEATHS:
                raise ValueError(f"death must be one of {', '.join(DEATHS)}")
        with self.lock:
            self.rules = [rule for rule in rules if rule.kind != "skew"]
            self.chance = random.Random(given.get("seed", 1))
            self.injected = {}
            self.requests = 0
            self.api.skew = timedelta(seconds=sum(rule.seconds for rule in rules if rule.kind == "skew"))


def fault_answer(rule: FaultRule) -> Answer:
    kind, message = ERROR_TYPES.get(rule.status, ("general_unknown", "Server Error"))
    return reply(rule.status, {"message": message, "code": rule.status, "type": kind, "version": VERSION})


def make_table(
    api: Api, database: StoredDatabase, name: str, columns: Sequence[Mapping[str, Any]]
) -> StoredTable:
    """A table at once: columns as {key, kind, size, required, array, elements}."""
    table = api.store.create_table(database, name, name)
    for item in columns:
        api.store.create_column(table, _build(StoredColumn, item))
    return table


def _build(kind: type[Any], item: Mapping[str, Any]) -> Any:
    known = {f.name for f in fields(kind)}
    unknown = sorted(set(item) - known)
    if unknown:
        raise ValueError(f"unknown: {', '.join(unknown)}")
    return kind(**item)


def _with_instants(store: Any) -> Any:
    now = stamp(store.clock.now())
    return lambda row: {"$createdAt": now, "$updatedAt": row.get("$createdAt", now), **row}


def _new_row(table: StoredTable, item: Mapping[str, Any], now: str) -> Row:
    data = stored_columns_blank(table) | {k: plain_number(v) for k, v in item.items() if k[0] != "$"}
    return Row(item["$id"], data, item.get("$createdAt", now), item.get("$updatedAt", now))


def _transport(send: Any) -> Any:
    """The connection itself: uvicorn's ``send`` is a method of its request cycle."""
    return send.__self__.transport
