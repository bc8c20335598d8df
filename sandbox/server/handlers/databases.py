"""The calls about databases."""

from __future__ import annotations

from typing import Any

from sandbox.server import errors
from sandbox.server.apis import TABLES
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import boolean, new_id, text
from sandbox.server.project import Project
from sandbox.server.served import served_database
from sandbox.storage.clock import stamp


def list_databases(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_database(database) for database in project.store.databases.values()]

    return catalogue_answer(call, items, "databases", {"name": "varchar"}, "$id", "Database")


def create_database(project: Project, call: Call) -> Answer:
    identity, name = new_id(call, "databaseId"), text(call, "name", 128)
    enabled = boolean(call, "enabled", True)
    with project.store.lock:
        if identity in project.store.databases:
            raise errors.database_exists(identity)
        kind = "tablesdb" if call.words is TABLES else "legacy"
        return reply(201, served_database(project.store.create_database(identity, name, kind, enabled)))


def get_database(project: Project, call: Call) -> Answer:
    return reply(200, served_database(project.database(call)))


def update_database(project: Project, call: Call) -> Answer:
    database = project.database(call)
    with project.store.writing():
        project.store.save_catalogue()
        database.name = text(call, "name", 128, database.name)
        database.enabled = boolean(call, "enabled", True)
        database.updated = stamp(project.store.clock.now())
    return reply(200, served_database(database))


def delete_database(project: Project, call: Call) -> Answer:
    project.store.delete_database(project.database(call).id)
    return Answer(204)
