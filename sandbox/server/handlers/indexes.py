"""The calls about indexes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.indexing import make_index
from sandbox.server.lists import ENTRY_FIELDS, catalogue_answer
from sandbox.server.parameters import key_of, required
from sandbox.server.project import Project
from sandbox.server.served import served_index
from sandbox.server.values import KEY_RULE
from sandbox.storage.clock import stamp
from sandbox.storage.records import StoredIndex


def list_indexes(project: Project, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        now = project.now()
        return [
            served_index(call.words, index, index.status(now))
            for index in project.table(call).indexes.values()
        ]

    return catalogue_answer(call, items, "indexes", ENTRY_FIELDS, "key", "Index")


def get_index(project: Project, call: Call) -> Answer:
    index = existing_index(project, call)
    return reply(200, served_index(call.words, index, index.status(project.now())))


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
    orders = call.given.get("orders") or []
    if not isinstance(orders, list) or any(str(order).lower() not in ("asc", "desc", "") for order in orders):
        rule = "Value must a valid array no longer than 100 items and Value must be one of (asc, desc)"
        raise errors.argument_invalid("orders", rule)
    index = make_index(
        project.store,
        words,
        project.table(call),
        key,
        kind,
        names,
        orders,
        call.given.get("lengths") or [],
    )
    settings = project.settings
    if settings.index_seconds or settings.index_error:
        with project.store.writing():
            index.built = stamp(project.store.clock.now() + timedelta(seconds=settings.index_seconds))
            index.error = settings.index_error
            project.store.save_catalogue()
    return reply(202, served_index(words, index, "processing"))


def delete_index(project: Project, call: Call) -> Answer:
    table = project.table(call)
    project.store.delete_index(table, existing_index(project, call).key)
    return Answer(204)
