"""The calls about indexes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.columns import (
    RELATIONSHIP,
    text_size,
)
from sandbox.server.errors import Failure
from sandbox.server.handlers.lists import catalogue_answer
from sandbox.server.parameters import (
    key_of,
    required,
)
from sandbox.server.project import Project
from sandbox.server.served import served_index
from sandbox.server.values import (
    KEY_RULE,
)
from sandbox.storage.records import (
    StoredIndex,
    StoredTable,
)

INDEX_MAX = 768

INDEX_FIELDS = {"key": "varchar", "type": "varchar", "status": "varchar", "error": "varchar"}


def list_indexes(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_index(call.words, index) for index in project.table(call).indexes.values()]

    return catalogue_answer(call, items, "indexes", INDEX_FIELDS, "key", "Index")


def get_index(project: Project, call: Call) -> Answer:
    return reply(200, served_index(call.words, existing_index(project, call)))


def existing_index(project: Project, call: Call) -> StoredIndex:
    index = project.table(call).indexes.get(call.path["key"])
    if index is None:
        raise errors.index_missing(call.words, call.path["key"])
    return index


def create_index(project: Project, call: Call) -> Answer:
    words = call.words
    key, kind, names = key_of(call), required(call, "type"), required(call, words.columns)
    if kind not in ("key", "fulltext", "unique", "spatial"):
        raise errors.argument_invalid("type", "Value must be one of (key, fulltext, unique, spatial)")
    if not isinstance(names, list) or len(names) > 100 or any(not isinstance(n, str) for n in names):
        raise errors.argument_invalid(
            words.columns, f"Value must a valid array no longer than 100 items and {KEY_RULE}"
        )
    index = make_index(
        project,
        call,
        project.table(call),
        key,
        kind,
        names,
        call.given.get("orders") or [],
        call.given.get("lengths") or [],
    )
    return reply(202, served_index(words, index, "processing"))


def make_index(
    project: Project, call: Call, table: StoredTable, key: Any, kind: Any, names: Sequence[str],
    orders: Sequence[Any], lengths: Sequence[Any],
) -> StoredIndex:  # fmt: skip
    words = call.words
    if not names:
        raise errors.index_invalid(words, "No attributes provided for index")
    total = 0
    for place, name in enumerate(names):
        column = table.columns.get(name)
        if column is None and name not in ("$id", "$createdAt", "$updatedAt"):
            raise errors.index_column_unknown(words, name)
        if column is not None and column.kind == RELATIONSHIP:
            raise errors.column_failure(
                words, "type_invalid", f"Cannot create an index for a relationship {words.column}: {name}"
            )
        if column is not None and column.array:
            raise Failure(
                400, "index_invalid", "Creating indexes on array attributes is not currently supported."
            )
        is_text = name == "$id" or (column is not None and column.is_text)
        if kind == "fulltext":
            if not is_text:
                raise errors.index_invalid(
                    words, f'Attribute "{name}" cannot be part of a fulltext index, must be of type string'
                )
            continue
        size = (
            (255 if column is None else text_size(column))
            if is_text
            else (2 if column and column.kind == "float" else 1)
        )
        given = lengths[place] if place < len(lengths) and lengths[place] else 0
        if given > size:
            raise errors.index_invalid(
                words, f'Index length {given} is larger than the size for {name}: {size}"'
            )
        total += (given or size) if is_text else size
    if len(set(map(str.lower, names))) != len(names):
        raise errors.index_invalid(words, "Duplicate attributes provided")
    if kind != "fulltext" and total > INDEX_MAX:
        raise errors.index_invalid(words, f"Index length is longer than the maximum: {INDEX_MAX}")
    with project.store.writing():
        if key in table.indexes:
            raise errors.index_exists(words, key)
        kept = [int(lengths[place] or 0) if place < len(lengths) else 0 for place in range(len(names))]
        return project.store.create_index(table, key, kind, list(names), [str(o) for o in orders if o], kept)


def delete_index(project: Project, call: Call) -> Answer:
    table = project.table(call)
    project.store.delete_index(table, existing_index(project, call).key)
    return Answer(204)
