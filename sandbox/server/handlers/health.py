"""The calls that say the server is there."""

from __future__ import annotations

from sandbox.server.apis import VERSION
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.project import Project


def health_version(project: Project, call: Call) -> Answer:
    return reply(200, {"version": VERSION})


def ping(project: Project, call: Call) -> Answer:
    return Answer(200, b"Pong!", "text/plain; charset=UTF-8")
