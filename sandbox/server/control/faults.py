"""Faults: answers that come late, cut, wrong or not at all, as a test ordered them."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sandbox.server.apis import VERSION
from sandbox.server.app import Api
from sandbox.server.calls import Answer, reply
from sandbox.server.control.orders import record_of
from sandbox.server.wire import send_answer

FAULT_KINDS = ("status", "latency", "reset", "truncate", "html", "empty", "stall", "skew", "memory", "after")
DEATHS = ("reset", "status", "stall", "late")
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
    seconds: float = 0.0  # of latency, stall, a death by it (0: until the caller goes) or late, and skew
    keep: float = 0.5  # share of the body that arrives, of kind truncate
    bytes: int = 0  # of kind memory: the largest answer a worker has room for
    death: str = (
        "reset"  # of memory and after: what the caller sees of it: reset, status, stall; of after also late
    )
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


class Faults:
    """ASGI: ``app`` behind the faults in force. ``injected``: how often each kind bit."""

    def __init__(self, app: Callable[..., Awaitable[None]], api: Api) -> None:
        self._app, self._api = app, api
        self._rules: list[FaultRule] = []
        self._chance = random.Random(1)
        self._lock = threading.Lock()
        self.requests = 0
        self.injected: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._rules:
            await self._faulty(scope, receive, send, scope.get("path", ""))
        else:
            self.requests += 1
            await self._app(scope, receive, send)

    def put(self, given: Mapping[str, Any]) -> None:
        """Put rules in force; the counts start anew. Raises ValueError where there is no such fault."""
        rules = [record_of(FaultRule, item) for item in given["rules"]]
        for rule in rules:
            if rule.kind not in FAULT_KINDS:
                raise ValueError(f"kind must be one of {', '.join(FAULT_KINDS)}")
            if rule.death not in DEATHS:
                raise ValueError(f"death must be one of {', '.join(DEATHS)}")
        with self._lock:
            self._rules = [rule for rule in rules if rule.kind != "skew"]
            self._chance = random.Random(given.get("seed", 1))
            self.injected = {}
            self.requests = 0
            self._api.skew = timedelta(seconds=sum(rule.seconds for rule in rules if rule.kind == "skew"))

    def _chosen(self, method: str, path: str) -> list[FaultRule]:
        result: list[FaultRule] = []
        with self._lock:
            self.requests += 1
            for rule in self._rules:
                if not rule.matches(method, path):
                    continue
                rule.seen += 1
                if rule.seen <= rule.skip or (rule.count is not None and rule.done >= rule.count):
                    continue
                if rule.rate < 1 and self._chance.random() >= rule.rate:
                    continue
                rule.done += 1
                if rule.kind != "memory":  # whether it bites is known when the answer is
                    self._bite(rule)
                result.append(rule)
        return result

    def _bite(self, rule: FaultRule) -> None:
        self.injected[rule.kind] = self.injected.get(rule.kind, 0) + 1

    async def _faulty(self, scope: Any, receive: Any, send: Any, path: str) -> None:
        truncate: FaultRule | None = None
        memory: FaultRule | None = None
        after: FaultRule | None = None
        for rule in self._chosen(scope["method"], path):
            match rule.kind:
                case "latency":
                    await asyncio.sleep(rule.seconds)  # the fault itself: an answer that comes late
                case "stall" | "reset":
                    if rule.kind == "stall":
                        # The fault itself: an answer that never comes.
                        await asyncio.sleep(rule.seconds or 86400)
                    _transport(send).abort()
                    await asyncio.sleep(0.01)  # let the server see that the connection is gone
                    return
                case "truncate":
                    truncate = rule
                case "memory":
                    memory = rule
                case "after":
                    after = rule
                case "status":
                    await self._answer(send, fault_answer(rule), rule)
                    return
                case "html":
                    await self._answer(
                        send, Answer(rule.status, ERROR_PAGE, "text/html; charset=UTF-8"), rule
                    )
                    return
                case "empty":
                    await self._answer(send, Answer(200, b""), rule)
                    return
                case _:
                    pass
        if after is not None:
            await self._then_fails(after, scope, receive, send)
            return
        if memory is not None:
            await self._within_memory(memory, scope, receive, send)
            return
        if truncate is None:
            await self._app(scope, receive, send)
            return

        async def cut(message: Any) -> None:
            body = message.get("body", b"")
            if message["type"] == "http.response.body" and body:
                await send({**message, "body": body[: int(len(body) * truncate.keep)], "more_body": True})
                _transport(send).close()
            else:
                await send(message)

        await self._app(scope, receive, cut)
        await asyncio.sleep(0.01)  # let the server see that the connection is gone

    async def _then_fails(self, rule: FaultRule, scope: Any, receive: Any, send: Any) -> None:
        """Carry the request out whole; what it came to is answered late, or never."""
        held: list[Any] = []

        async def hold(message: Any) -> None:
            held.append(message)

        await self._app(scope, receive, hold)
        if rule.death == "late":
            await asyncio.sleep(rule.seconds)  # the fault itself: an answer that comes late
            for message in held:
                await send(message)
            return
        await self._die(rule, send)

    async def _within_memory(self, rule: FaultRule, scope: Any, receive: Any, send: Any) -> None:
        """Answer, unless the answer is larger than a worker's memory: it then dies as ``rule.death`` says."""
        died = False

        async def weighed(message: Any) -> None:
            nonlocal died
            if message["type"] == "http.response.start":
                size = int(dict(message["headers"]).get(b"content-length", b"0"))
                died = size > rule.bytes
            if not died:
                await send(message)

        await self._app(scope, receive, weighed)
        if not died:
            return
        with self._lock:
            self._bite(rule)
        await self._die(rule, send)

    async def _die(self, rule: FaultRule, send: Any) -> None:
        if rule.death == "status":
            await self._answer(send, fault_answer(rule), rule)
            return
        if rule.death == "stall":
            await asyncio.sleep(rule.seconds or 86400)  # the fault itself: an answer that never comes
        _transport(send).abort()
        await asyncio.sleep(0.01)  # let the server see that the connection is gone

    async def _answer(self, send: Any, answer: Answer, rule: FaultRule) -> None:
        extra = []
        if rule.retry_after is not None:
            extra.append((b"retry-after", f"{rule.retry_after:g}".encode()))
        await send_answer(send, answer, self._api.date_header(), extra)


def fault_answer(rule: FaultRule) -> Answer:
    kind, message = ERROR_TYPES.get(rule.status, ("general_unknown", "Server Error"))
    return reply(rule.status, {"message": message, "code": rule.status, "type": kind, "version": VERSION})


def _transport(send: Any) -> Any:
    """The connection itself: uvicorn's ``send`` is a method of its request cycle."""
    return send.__self__.transport
