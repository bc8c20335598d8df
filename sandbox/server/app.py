"""The HTTP face: a request comes in, an answer goes out. No call's own work."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from sandbox.server.apis import VERSION
from sandbox.server.calls import Access, Answer, Call, reply
from sandbox.server.errors import Failure
from sandbox.server.keys import Keys
from sandbox.server.project import Project
from sandbox.server.rates import Rates
from sandbox.server.routes import Route, Routes
from sandbox.server.wire import read_body, read_multipart, read_query, send_answer
from sandbox.storage.store import Store

LOCAL = ("localhost", "127.0.0.1", "::1")
LOG = logging.getLogger(__name__)
NOT_FOUND_PAGE = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Page not found</title></head>\n'
    b"<body><h1>404 Not Found</h1><p>Route not found.</p></body>\n</html>\n"
)  # fmt: skip


class Api:
    """Everything under /v1, as an ASGI application. ``skew``: how far its Date header is off."""

    def __init__(self, store: Store, project: str) -> None:
        self.project = Project(store)
        self.keys = Keys(project, self.project.people, store.clock)
        self.skew = timedelta()
        self.pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="sandbox")
        self._rates, self._routes = Rates(), Routes()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts: list[bytes] = []
        while True:
            message = await receive()
            parts.append(message.get("body", b""))
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
            b"".join(parts),
        )
        await send_answer(send, answer, self.date_header(), extra, scope["method"])

    def date_header(self) -> bytes:
        """The server's time, as far off as it is told to be."""
        now = self.project.store.clock.now() + self.skew
        return format_datetime(now.replace(microsecond=0), usegmt=True).encode()

    def answer(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Answer, list[tuple[bytes, bytes]]]:
        """One request's answer, with the headers that go with it."""
        if method == "OPTIONS" and path != "?":  # what a browser asks first, of any route
            return Answer(204), cors_headers(headers, preflight=True)
        route, names = self._routes.find(method, path)
        if route is not None and "transactions" in route.pattern and not self.project.settings.transactions:
            route = None
        if route is None:
            return Answer(404, NOT_FOUND_PAGE, "text/html; charset=UTF-8"), []
        extra = warning_headers(headers) + cors_headers(headers)
        try:
            kind, file = headers.get("content-type", ""), None
            if method in ("GET", "HEAD"):
                given = read_query(query)
            elif kind.startswith("multipart/form-data"):
                given, file = read_multipart(kind, body)
            else:
                given = read_body(kind, body)
            access = self.keys.identify(headers)
            if not access.is_key:
                check_origin(headers)
            host = headers.get("host", "127.0.0.1").rsplit(":", 1)[0]
            check_scopes(route, access, headers, host)
            if route.rate:
                extra += self._rates.headers(route.method, path, route.rate, access)
            self.project.written.call(route.method, route.pattern)
            return route.handler(self.project, Call(route.words, names, given, access, headers, file)), extra
        except Failure as failure:
            return reply(failure.status, failure.body()), extra
        except Exception:  # the outermost edge: as Appwrite, it answers 500 and goes on
            LOG.exception("%s %s failed", method, path)
            unknown = Failure(500, "general_unknown", "Server Error")
            return reply(unknown.status, unknown.body()), extra


def check_scopes(route: Route, access: Access, headers: Mapping[str, str], host: str) -> None:
    """Raises Failure where the caller has none of the scopes that the route asks for."""
    if set(route.scopes) & access.scopes:
        return
    if access.is_key:
        who = f"app.{headers.get('x-appwrite-project', '')}@service.{host} (role: applications)"
    elif access.user is not None:
        who = f"{access.user['email']} (role: users)"
    else:
        who = "User (role: guests)"
    missing = orjson.dumps(list(route.scopes)).decode()
    raise Failure(401, "general_unauthorized_scope", f"{who} missing scopes ({missing})")


def check_origin(headers: Mapping[str, str]) -> None:
    """Raises Failure where a page of another site calls, without a key."""
    name = urlsplit(headers.get("origin", "")).hostname
    if name is not None and name not in LOCAL:
        told = (
            f"Invalid Origin. Register your new client ({name}) as a new Web platform on your project console"
        )
        raise Failure(403, "general_unknown_origin", f"{told} dashboard")


def cors_headers(headers: Mapping[str, str], preflight: bool = False) -> list[tuple[bytes, bytes]]:
    """What a browser is told of who may call from its page; before the call everybody may."""
    origin = headers.get("origin", "")
    allowed = [(b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE"),
               (b"access-control-allow-credentials", b"true"), (b"access-control-max-age", b"86400")]  # fmt: skip
    if not origin:
        return [(b"access-control-allow-origin", b"*")]
    if preflight or urlsplit(origin).hostname in LOCAL:
        allowed.append((b"access-control-allow-origin", origin.encode()))
    return allowed


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
