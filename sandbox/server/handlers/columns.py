"""The calls about columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.columns import bounds
from sandbox.server.definitions import (
    STRING_MAX,
    check_default,
    check_default_allowed,
    column_of,
    limit_of,
    whole,
)
from sandbox.server.lists import ENTRY_FIELDS, catalogue_answer
from sandbox.server.parameters import boolean, key_of, required
from sandbox.server.project import Project
from sandbox.server.served import served_column
from sandbox.server.values import KEY_RULE, is_key
from sandbox.server.widths import ROW_MAX, VARCHAR_MAX, column_width, row_width
from sandbox.storage.clock import stamp
from sandbox.storage.records import StoredColumn, StoredTable

COLUMN_FIELDS = {**ENTRY_FIELDS, "size": "integer", "required": "boolean", "array": "boolean"}


def list_columns(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_column(call.words, column) for column in project.table(call).columns.values()]

    return catalogue_answer(call, items, call.words.columns, COLUMN_FIELDS, "key", call.words.column.title())


def get_column(project: Project, call: Call) -> Answer:
    return reply(200, served_column(call.words, existing_column(project, call, project.table(call))))


def existing_column(project: Project, call: Call, table: StoredTable) -> StoredColumn:
    key = call.path["key"]
    if not is_key(key):
        raise errors.argument_invalid("key", KEY_RULE)
    column = table.columns.get(key)
    if column is None:
        raise errors.column_missing(call.words, key)
    return column


def create_column(kind: str) -> Callable[[Project, Call], Answer]:
    """The call that makes a column of this kind."""

    def handler(project: Project, call: Call) -> Answer:
        column = column_of(call, kind)
        table = project.table(call)
        check_default_allowed(call.words, column)
        with project.store.writing():
            if column.key.lower() in (key.lower() for key in table.columns):
                raise errors.column_exists(call.words, column.key)
            if row_width(table) + column_width(column) > ROW_MAX:
                raise errors.column_failure(
                    call.words,
                    "limit_exceeded",
                    f"The maximum number or size of {call.words.columns} for {call.words.table} '{table.id}' has "
                    "been reached.",
                )
            project.store.create_column(table, column)
        return reply(202, served_column(call.words, column, "processing"))

    return handler


def update_column(kind: str) -> Callable[[Project, Call], Answer]:
    """The call that changes a column of this kind."""

    def handler(project: Project, call: Call) -> Answer:
        words = call.words
        boolean(call, "required")
        if "default" not in call.given:
            raise errors.argument_missing("default")
        if call.given.get("newKey") is not None:
            key_of(call, "newKey")
        table = project.table(call)
        with project.store.writing():
            project.store.save_catalogue()  # a refusal half-way puts the catalogue back as it was
            column = existing_column(project, call, table)
            if column.kind != kind:  # it is answered as one of the route's kind, and left as it is
                return reply(200, served_column(words, replace(column, kind=kind, default=None)))
            size_changes = call.given.get("size") is not None or call.given.get("newKey") is not None
            if column.is_text and size_changes:
                _check_lengths(call, table)
            column.required = boolean(call, "required")
            if kind == "enum":
                elements = required(call, "elements")
                if not elements:
                    raise errors.column_failure(words, "value_invalid", "Enum elements must not be empty")
                column.elements = [str(element) for element in elements]
            if kind in ("integer", "bigint", "float"):
                low, high = limit_of(call, "min", kind), limit_of(call, "max", kind)
                changed = StoredColumn(
                    column.key,
                    kind,
                    minimum=column.minimum if low is None else low,
                    maximum=column.maximum if high is None else high,
                )
                if bounds(changed)[0] > bounds(changed)[1]:
                    raise errors.column_failure(
                        words, "value_invalid", "Minimum value must be lesser than maximum value"
                    )
                column.minimum, column.maximum = changed.minimum, changed.maximum
            if kind in ("string", "varchar") and call.given.get("size") is not None:
                column.size = whole(call, "size", 1, STRING_MAX if kind == "string" else VARCHAR_MAX)
                if not column.array and project.store.longest_text(table, column.key) > column.size:
                    raise errors.column_failure(
                        words,
                        "invalid_resize",
                        "Existing data is too large for new size, truncate your existing data then try again.",
                    )
            check_default(call, column)
            check_default_allowed(words, column)
            column.updated = stamp(project.store.clock.now())
            new_key = call.given.get("newKey")
            if new_key and new_key != column.key:
                if new_key in table.columns:
                    raise errors.column_exists(words, new_key)
                project.store.rename_column(table, column, new_key)
        return reply(200, served_column(words, column))

    return handler


def _check_lengths(call: Call, table: StoredTable) -> None:
    """Raises Failure where an index has lost a column: its lengths are too many then, whatever column changes."""
    if any(len(index.lengths) > len(index.columns) for index in table.indexes.values()):
        told = "Invalid index lengths. Count of lengths must be equal or less than the number of attributes."
        raise errors.index_invalid(call.words, told)


def delete_column(project: Project, call: Call) -> Answer:
    table = project.table(call)
    with project.store.writing():
        project.store.delete_column(table, existing_column(project, call, table).key)
    return Answer(204)
