"""The calls about tables."""

from __future__ import annotations

from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.definitions import columns_from_definitions, indexes_from_definitions
from sandbox.server.errors import Failure
from sandbox.server.indexing import make_index
from sandbox.server.lists import catalogue_answer
from sandbox.server.parameters import boolean, new_id, permissions_of, text
from sandbox.server.project import Project
from sandbox.server.served import served_table
from sandbox.server.widths import ROW_MAX, row_width
from sandbox.storage.clock import stamp

TABLE_PERMISSIONS = ("create", "read", "update", "delete", "write")


def list_tables(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [
            served_table(call.words, table, project.now()) for table in project.database(call).tables.values()
        ]

    fields = {"name": "varchar", "enabled": "boolean", call.words.row_security: "boolean"}
    return catalogue_answer(call, items, call.words.tables, fields, "$id", call.words.table.title())


def create_table(project: Project, call: Call) -> Answer:
    words = call.words
    identity, name = new_id(call, words.table_id), text(call, "name", 128)
    permissions = permissions_of(call, TABLE_PERMISSIONS, ("read", "create", "update", "delete"))
    security, enabled = boolean(call, words.row_security, False), boolean(call, "enabled", True)
    database = project.database(call)
    columns, indexes = columns_from_definitions(call), indexes_from_definitions(call)
    with project.store.writing():
        if identity in database.tables:
            raise errors.table_exists(words, identity)
        table = project.store.create_table(database, identity, name, permissions or [], security, enabled)
        for column in columns:
            if column.key in table.columns:
                raise errors.column_exists(words, column.key)
            project.store.create_column(table, column)
        if row_width(table) > ROW_MAX:  # it is the table that is named for the database
            told = f"The maximum number of {words.tables} for database '{identity}' has been reached."
            raise Failure(400, f"{words.table}_limit_exceeded", told)
        for item in indexes:
            names, orders, lengths = item["attributes"], item.get("orders") or [], item.get("lengths") or []
            for name in names:
                if name not in table.columns and name not in ("$id", "$createdAt", "$updatedAt"):
                    raise errors.index_invalid(words, f'Invalid index attribute "{name}" not found')
            make_index(project.store, words, table, item["key"], item["type"], names, orders, lengths)
    return reply(201, served_table(words, table, project.now()))


def get_table(project: Project, call: Call) -> Answer:
    return reply(200, served_table(call.words, project.table(call), project.now()))


def update_table(project: Project, call: Call) -> Answer:
    permissions = permissions_of(call, TABLE_PERMISSIONS, ("read", "create", "update", "delete"))
    table = project.table(call)
    with project.store.writing():
        project.store.save_catalogue()
        table.name = text(call, "name", 128, table.name)
        table.row_security = boolean(call, call.words.row_security, False)
        table.enabled = boolean(call, "enabled", True)
        if permissions is not None:
            table.permissions = permissions
        table.updated = stamp(project.store.clock.now())
    return reply(200, served_table(call.words, table, project.now()))


def delete_table(project: Project, call: Call) -> Answer:
    project.store.delete_table(project.table(call))
    return Answer(204)
