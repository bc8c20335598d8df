"""The calls that say the server is there, and that its parts are."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.server.apis import VERSION
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.project import Project


def health_version(project: Project, call: Call) -> Answer:
    return reply(200, {"version": VERSION})


def health_of(*parts: str) -> Callable[[Project, Call], Answer]:
    """The call that says each of these parts passes."""

    def handler(project: Project, call: Call) -> Answer:
        statuses = [_passing(part) for part in parts]
        return reply(200, {"total": len(statuses), "statuses": statuses})

    return handler


def health_of_server(project: Project, call: Call) -> Answer:
    return reply(200, _passing(""))


def health_of_antivirus(project: Project, call: Call) -> Answer:
    return reply(200, {"version": "", "status": "disabled"})


def health_of_queue(project: Project, call: Call) -> Answer:
    return reply(200, {"size": 0})


def _passing(name: str) -> dict[str, object]:
    return {"name": name, "ping": 1, "status": "pass"}


def ping(project: Project, call: Call) -> Answer:
    return Answer(200, b"Pong!", "text/plain; charset=UTF-8")
