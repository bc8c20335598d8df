"""The API: its routes, found by folder, behind what every request goes through. No rule lives here.

Nothing of it calls home or loads a file from elsewhere: its documentation is a page of its own (api_page.py).
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, MutableMapping
from typing import Any, Final, cast

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from marketplace.json_values import is_nested_deep
from resources.own_hosts import OwnHosts
from resources.version import bookwatch_version
from services import routes
from services.answers import MEDIA_TYPE, ProblemBody, install_answers, problem_answer
from services.api_page import page_of
from services.commands import KEY, LONGEST_KEY
from services.context import Services
from services.noting import note_request
from services.patience import answered_within
from services.problems import Problem

LARGEST_BODY: Final = 64 * 1024
LARGEST_UPLOAD: Final = 11 * 1024 * 1024
"""Of a body in parts: an image of ten megabytes, and what stands around it."""
PREFLIGHT_S: Final = 600
"""How long a browser need not ask again whether it may ask."""
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Problems that any request may be answered with, beside those of what it asks.
ANY_REQUEST: Final = {
    400: "It cannot be read.",
    413: "It is larger than is taken.",
    422: "Something in it is not valid; `errors` has all of it.",
    500: "Something unforeseen failed.",
}
#: And any request that a caller has to be known for.
ANY_CALLER: Final = {
    401: "No valid JWT of Appwrite's.",
    403: "Known, and not allowed.",
    404: "There is none that the caller may see.",
    409: "It is not so any more; `state` has what it is.",
    429: "Too many; Retry-After says when it may be asked again.",
    502: "The marketplace's server refuses it.",
    503: "The marketplace's server does not answer, or whether it was done cannot be told: ask again with the same"
    " Idempotency-Key.",
}


def routers() -> Iterator[APIRouter]:
    """The routers of every subject, by the folder routes/."""
    for found in sorted(pkgutil.iter_modules(routes.__path__), key=lambda module: module.name):
        yield cast("APIRouter", importlib.import_module(f"{routes.__name__}.{found.name}").ROUTER)


def make_app(services: Services, hosts: Iterable[str] = ()) -> AsgiApp:
    """The API of a marketplace. ``hosts``: own names beside those of loopback."""
    return at_the_edge(inner_app(services), services, hosts)


def at_the_edge(app: FastAPI, services: Services, hosts: Iterable[str] = ()) -> AsgiApp:
    """The same behind what every request goes through."""
    edge: Any = Edge(app, services)
    origins = services.settings.services_origins
    if origins:
        edge = CORSMiddleware(
            edge,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT"),
            allow_headers=("Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID"),
            expose_headers=("Retry-After", "X-Request-Id"),
            max_age=PREFLIGHT_S,
        )
    return OwnHosts(edge, hosts, origins)


def inner_app(services: Services) -> FastAPI:
    """The routes, with their problems and their description."""
    app = FastAPI(
        title="bookwatch: bookings and chats",
        version=bookwatch_version(),
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        description="Bookings, offers, money and chats of the marketplace, right at the moment they happen."
        " Instants are ISO 8601 with an offset; amounts whole rupiah.",
    )
    app.state.services = services
    install_answers(app)
    for router in routers():
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        return described(app)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:  # pyright: ignore[reportUnusedFunction] - FastAPI calls it
        policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
        return HTMLResponse(page_of(described(app)), headers=policy)

    return app


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI of an app, with every problem it may answer."""
    if app.openapi_schema is not None:
        return app.openapi_schema
    told = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas = told.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemBody.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for methods in told["paths"].values():
        for operation in methods.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "Idempotency-Key":
                    form = {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": LONGEST_KEY,
                        "pattern": f"^{KEY.pattern}$",
                    }
                    parameter |= {"required": True, "schema": form}
            own = {code: answer for code, answer in operation["responses"].items() if code != "422"}
            problems = ANY_REQUEST | (ANY_CALLER if operation.get("security") else {})
            for status, said in sorted(problems.items()):
                own.setdefault(str(status), {"description": said, "content": content})
            for status, answer in own.items():
                if status == "429" or (status == "503" and operation.get("security")):
                    answer.setdefault(
                        "headers",
                        {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}},
                    )
            operation["responses"] = own
    app.openapi_schema = told
    return told


class Edge:
    """What every request goes through: an id, a bound on its body and its time, a note."""

    def __init__(self, app: AsgiApp, services: Services) -> None:
        self.app, self.services = app, services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, at = time.perf_counter(), self.services.settings.clock.naive_now()
        request = Request(scope)
        asked = request.headers.get("x-request-id", "")
        identity = asked if _REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        scope["bookwatch.request_id"] = identity
        status, seconds, ended = 0, 0.0, False

        async def told(message: MutableMapping[str, Any]) -> None:
            nonlocal status, seconds, ended
            if message["type"] == "http.response.start":
                # Until it is answered: a stream of events goes on for as long as somebody listens.
                status, seconds = int(message["status"]), time.perf_counter() - began
                message["headers"] = [
                    *message["headers"],
                    (b"x-request-id", identity.encode()),
                    (b"x-content-type-options", b"nosniff"),
                    (b"cache-control", b"no-store"),
                ]
            await send(message)
            if message["type"] == "http.response.body":
                ended = not message.get("more_body", False)

        try:
            await self._passed(request, scope, receive, told)
        except Exception:  # noqa: BLE001 - the outermost edge
            # What a library says may hold values, and a server that is handed it prints it: the answer was made of it
            # further in; one that is on its way is cut off.
            if not ended:
                raise CutOff from None
        finally:
            route = getattr(scope.get("route"), "path", "") or "/unknown"
            code = str(scope.get("bookwatch.code", "")) or ("" if status else "cut_off")
            method = request.method if route != "/unknown" else "GET"
            taken = seconds or time.perf_counter() - began
            note_request(self.services.notes, at, method, route, taken, status or 500, code)

    async def _passed(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        in_parts = request.headers.get("content-type", "").startswith("multipart/")
        most = LARGEST_UPLOAD if in_parts else LARGEST_BODY
        length = request.headers.get("content-length", "")
        if length.isascii() and length.isdigit() and int(length) > most:
            await problem_answer(request, Problem(413, "too_large"))(scope, receive, send)
            return
        size = 0
        read: list[bytes] = []

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal size
            message = await receive()
            body = message.get("body", b"")
            size += len(body)
            if size > most:
                raise HTTPException(413)
            if not in_parts:
                read.append(body)
                # A reader that goes down into it ends at the bound of Python's stack, where whatever else this
                # process does just then fails too.
                if not message.get("more_body", False) and is_nested_deep(b"".join(read)):
                    raise HTTPException(400)
            return message

        with answered_within():
            await self.app(scope, bounded, send)


class CutOff(Exception):
    """An answer broke off: its connection is to be closed, so that nobody takes it for whole."""
