"""The calls about rows: parameters checked in the server's order, the work is done in rows/."""

from __future__ import annotations

from collections.abc import Callable

import orjson

from sandbox.server import errors
from sandbox.server.calls import Answer, Call, reply
from sandbox.server.errors import Failure
from sandbox.server.parameters import (
    check_ttl,
    data_of,
    permissions_of,
    query_texts,
    required,
    rows_of,
    seen_at,
    wants_total,
)
from sandbox.server.project import Project
from sandbox.server.queries.language import parse_queries
from sandbox.server.rows.writing import ROW_PERMISSIONS
from sandbox.server.staging import overlaid, shown
from sandbox.server.values import KEY_RULE, is_key, numeric


def list_rows(project: Project, call: Call) -> Answer:
    texts = query_texts(call)
    total = wants_total(call)
    check_ttl(call)
    rows = project.reader(call)
    parsed = parse_queries(texts)
    rows.check_cursor(parsed)
    plan = rows.planned(parsed)
    body = rows.listed(plan, total, project.reading_roles(call, rows.table))
    staged = project.staged(call, rows.table)
    if staged:
        body = overlaid(call.words, rows.table, staged, body, parsed)
    if project.listed is not None:
        project.listed(rows.table)
    return Answer(200, body)


def get_row(project: Project, call: Call) -> Answer:
    identity, texts = project.row_id(call), query_texts(call)
    rows = project.reader(call)
    roles = project.reading_roles(call, rows.table)
    staged = project.staged(call, rows.table).get(identity)
    if staged is None:
        return Answer(200, rows.get(identity, texts, roles))
    if staged.action == "delete":
        raise errors.row_missing(call.words, identity)
    committed = orjson.loads(rows.get(identity, texts, roles)) if rows.holds(identity) else None
    return reply(200, shown(call.words, rows.table, identity, staged, committed))


def create_rows(project: Project, call: Call) -> Answer:
    words = call.words
    identity = call.given.get(words.row_id)
    if identity is not None and identity != "unique()" and not is_key(identity):
        raise errors.argument_invalid(words.row_id, KEY_RULE)
    data = data_of(call)
    permissions = permissions_of(call, (*ROW_PERMISSIONS, "write"), ROW_PERMISSIONS)
    many = rows_of(call)
    if not data and not many:
        raise errors.row_data_missing(words)
    if data and many:
        raise errors.bad_request(f"You can only send one of the following parameters: data, {words.rows}")
    if data and not identity:
        raise errors.row_data_missing(
            words, f"{words.row.title()} ID is required when creating a single {words.row}."
        )
    if many and identity:
        raise errors.bad_request(
            f'Param "{words.row_id}" is not allowed when creating multiple {words.rows}, '
            'set "$id" on each instead.'
        )
    if many and permissions:
        raise errors.bad_request(
            f'Param "permissions" is disallowed when creating multiple {words.rows}, '
            'set "$permissions" on each instead'
        )
    if many and not call.access.is_key:
        raise Failure(
            401,
            "general_unauthorized_scope",
            "The current user or API key does not have the required scopes to access the requested resource.",
        )
    rows = project.writer(call)
    project.check_permission(call, rows.table.permissions, "create")
    project.check_given(call, permissions)
    permissions = project.owner_permissions(call, ROW_PERMISSIONS) if permissions is None else permissions
    if many:
        staged = project.stage(call, rows.table, "bulkCreate", "", many)
    else:
        staged = project.stage(call, rows.table, "create", str(identity), data, permissions or [])
    if staged is not None:
        return reply(200 if many else 201, staged)
    if many:
        return Answer(201, rows.create_many(many))
    return Answer(201, rows.create(str(identity), data, permissions or []))


def upsert_rows(project: Project, call: Call) -> Answer:
    many = rows_of(call)
    required(call, call.words.rows)
    rows = project.writer(call)
    project.check_bulk(call)
    staged = project.stage(call, rows.table, "bulkUpsert", "", many)
    return reply(200, staged) if staged is not None else Answer(200, rows.upsert_many(many))


def update_rows(project: Project, call: Call) -> Answer:
    data, texts = data_of(call), query_texts(call)
    if not data:
        raise errors.row_payload_missing(call.words)
    rows = project.writer(call)
    parse_queries(texts)
    project.check_bulk(call)
    staged = project.stage(call, rows.table, "bulkUpdate", "", {"data": data, "queries": texts})
    return reply(200, staged) if staged is not None else Answer(200, rows.update_many(data, texts))


def delete_rows(project: Project, call: Call) -> Answer:
    texts = query_texts(call)
    rows = project.writer(call)
    parse_queries(texts)
    project.check_bulk(call)
    staged = project.stage(call, rows.table, "bulkDelete", "", {"queries": texts})
    return reply(200, staged) if staged is not None else Answer(200, rows.delete_many(texts))


def update_row(project: Project, call: Call) -> Answer:
    identity, data = project.row_id(call), data_of(call)
    permissions = permissions_of(call, (*ROW_PERMISSIONS, "write"), ROW_PERMISSIONS)
    if not data and permissions is None:
        raise errors.row_payload_missing(call.words)
    seen = seen_at(call)
    rows = project.writer(call)
    project.check_may(call, rows.table, "update", identity)
    project.check_given(call, permissions)
    staged = project.stage(call, rows.table, "update", identity, data, permissions)
    return (
        reply(200, staged)
        if staged is not None
        else Answer(200, rows.update(identity, data, permissions, seen))
    )


def upsert_row(project: Project, call: Call) -> Answer:
    identity, data = call.path["rowId"], data_of(call)
    if identity != "unique()" and not is_key(identity):
        raise errors.argument_invalid(call.words.row_id, KEY_RULE)
    permissions = permissions_of(call, (*ROW_PERMISSIONS, "write"), ROW_PERMISSIONS)
    if not data and permissions is None:
        raise errors.row_payload_missing(call.words)
    rows = project.writer(call)
    if project.store.get_text(rows.table, identity) is not None:
        project.check_may(call, rows.table, "update", identity)
    else:
        project.check_permission(call, rows.table.permissions, "create")
        permissions = project.owner_permissions(call, ROW_PERMISSIONS) if permissions is None else permissions
    project.check_given(call, permissions)
    staged = project.stage(call, rows.table, "upsert", identity, data, permissions)
    return reply(201, staged) if staged is not None else Answer(200, rows.upsert(identity, data, permissions))


def delete_row(project: Project, call: Call) -> Answer:
    identity, seen = project.row_id(call), seen_at(call)
    rows = project.writer(call)
    project.check_may(call, rows.table, "delete", identity)
    if project.stage(call, rows.table, "delete", identity, {}) is None:
        rows.delete(identity, seen)
    return Answer(204)


def increment(sign: int) -> Callable[[Project, Call], Answer]:
    """The call that adds to a number, or takes from it (-1)."""

    def handler(project: Project, call: Call) -> Answer:
        identity, key, edge = project.row_id(call), call.path["column"], "max" if sign > 0 else "min"
        value = call.given.get("value", 1)
        for name, given in (("value", value), (edge, call.given.get(edge))):
            if given is not None and numeric(given) is None:
                raise errors.argument_invalid(name, "Value must be a valid number")
        rows = project.writer(call)
        project.check_may(call, rows.table, "update", identity)
        action = "increment" if sign > 0 else "decrement"
        staged = project.stage(
            call, rows.table, action, identity, {"column": key, "value": value, edge: call.given.get(edge)}
        )
        if staged is not None:
            return reply(200, staged)
        return Answer(200, rows.increment(identity, key, value, call.given.get(edge), sign))

    return handler
