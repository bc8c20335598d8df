"""The routes under /control: each order is carried out as it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from sandbox.server.app import Api
from sandbox.server.calls import Answer, reply
from sandbox.server.control.between_pages import BetweenPages, PageStep
from sandbox.server.control.faults import Faults
from sandbox.server.control.orders import record_of
from sandbox.server.settings import ServerSettings
from sandbox.server.values import parse_instant
from sandbox.storage.clock import stamp
from sandbox.storage.records import StoredColumn, StoredDatabase, StoredTable
from sandbox.storage.store import Store


class Control:
    """The outermost ASGI application: /control, and /v1 behind the faults in force.

    ``disturb``: takes what is to disturb the marketplace from now on; None where it does not go on.
    """

    def __init__(self, api: Api, disturb: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        self._api, self._disturb = api, disturb
        self.between_pages = BetweenPages(api.project.store)
        api.project.listed = self.between_pages.listed
        self._app = Starlette(
            routes=[
                Route("/control/{path:path}", self._control, methods=["GET", "PUT", "POST", "DELETE"]),
                Mount("/", app=api),
            ]
        )
        self.faults = Faults(self._app, api)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        spared = scope["type"] != "http" or scope.get("path", "").startswith("/control/")
        await (self._app if spared else self.faults)(scope, receive, send)

    async def _control(self, request: Request) -> Response:
        body = await request.body()
        try:
            answer = await asyncio.get_running_loop().run_in_executor(
                self._api.pool,
                self.order,
                request.method,
                request.path_params["path"].strip("/"),
                orjson.loads(body) if body else {},
            )
        except (ValueError, TypeError, KeyError) as wrong:
            answer = reply(400, {"message": f"{type(wrong).__name__}: {wrong}"})
        return Response(answer.body, answer.status, media_type="application/json")

    def order(self, method: str, path: str, given: Any) -> Answer:
        """Carry one out. Raises ValueError, TypeError or KeyError where it is wrong."""
        store = self._api.project.store
        match method, path:
            case "PUT", "faults":
                self.faults.put(given)
            case "DELETE", "faults":
                self.faults.put({"rules": []})
            case "GET", "faults":
                return reply(200, {"requests": self.faults.requests, "injected": self.faults.injected})
            case "PUT", "between-pages":
                self.between_pages.put([record_of(PageStep, item) for item in given["steps"]])
            case "DELETE", "between-pages":
                self.between_pages.put([])
            case "GET", "between-pages":
                return reply(200, {"lists": self.between_pages.lists, "done": self.between_pages.done})
            case ("PUT" | "DELETE") as verb, "disturbances":
                if self._disturb is None:
                    raise ValueError("the marketplace does not go on: start it with --live")
                self._disturb(given if verb == "PUT" else {})
            case "GET", "writes":
                return reply(200, self._api.project.written.told(store.written()))
            case "DELETE", "writes":
                self._api.project.written.forget()
                store.forget_written()
            case "GET", "settings":
                return reply(200, asdict(self._api.project.settings))
            case "PUT", "settings":
                self._api.project.settings = record_of(ServerSettings, given)
            case "POST", "keys":
                return reply(201, {"key": self._api.keys.add(given["scopes"])})
            case "POST", "tables":
                database = store.databases[given["database"]]
                table = make_table(store, database, given["table"], given["columns"])
                return reply(201, {"table": table.id})
            case "POST", "rows/bulk":
                table = store.databases[given["database"]].tables[given["table"]]
                return reply(
                    201, {"loaded": store.bulk_load(table, map(_with_instants(store), given["rows"]))}
                )
            case "GET", "clock":
                return reply(200, {"now": stamp(store.clock.now())})
            case "PUT", "clock" if "by" in given:
                store.clock.offset += timedelta(seconds=given["by"])
            case "PUT", "clock":
                at = parse_instant(given["at"])
                if at is None:
                    raise ValueError("at must be an instant")
                store.clock.offset = at - datetime.now(UTC)
            case _:
                return reply(404, {"message": f"No control route {method} {path}"})
        return Answer(204)


def make_table(
    store: Store, database: StoredDatabase, name: str, columns: Sequence[Mapping[str, Any]]
) -> StoredTable:
    """A table at once: columns as {key, kind, size, required, array, elements}."""
    with store.writing():  # the catalogue is written once, and not once for each column
        table = store.create_table(database, name, name)
        for item in columns:
            store.create_column(table, record_of(StoredColumn, item))
    return table


def _with_instants(store: Any) -> Any:
    now = stamp(store.clock.now())
    return lambda row: {"$createdAt": now, "$updatedAt": row.get("$createdAt", now), **row}
