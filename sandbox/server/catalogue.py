"""Databases, tables, columns and indexes: what is served of them, and the calls that make and change them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sandbox.server import errors, relations
from sandbox.server.calls import (
    Answer,
    Call,
    boolean,
    key_of,
    new_id,
    permissions_of,
    query_texts,
    reply,
    required,
    text,
    wants_total,
)
from sandbox.server.errors import TABLES, Failure, Words
from sandbox.server.queries import check_catalogue, select_catalogue
from sandbox.server.values import (
    INT64,
    KEY_RULE,
    RELATIONSHIP,
    bounds,
    integer_bits,
    integer_rule,
    is_int,
    is_key,
    is_list,
    is_number,
    numeric,
    range_rule,
    refusal,
    stored_item,
    text_rule,
    text_size,
)
from sandbox.store import (
    STRINGS,
    StoredColumn,
    StoredDatabase,
    StoredIndex,
    StoredTable,
    stamp,
)

if TYPE_CHECKING:
    from sandbox.server.app import Api

TABLE_PERMISSIONS = ("create", "read", "update", "delete", "write")
COLUMN_KINDS = (
    "string",
    "varchar",
    "text",
    "mediumtext",
    "longtext",
    "integer",
    "bigint",
    "float",
    "boolean",
    "datetime",
    "enum",
    "email",
    "url",
    "ip",
    "point",
    "line",
    "polygon",
)
INDEX_FIELDS = {"key": "varchar", "type": "varchar", "status": "varchar", "error": "varchar"}
COLUMN_FIELDS = {**INDEX_FIELDS, "size": "integer", "required": "boolean", "array": "boolean"}
STRING_MAX = 1073741824
VARCHAR_MAX = 16381
ENCRYPT_MIN = 150
ROW_MAX = 65535  # bytes
INDEX_MAX = 768


def served_database(database: StoredDatabase) -> dict[str, Any]:
    return {
        "$id": database.id, "name": database.name, "$createdAt": database.created,
        "$updatedAt": database.updated, "enabled": database.enabled, "type": database.kind,
    }  # fmt: skip


def served_table(words: Words, table: StoredTable) -> dict[str, Any]:
    return {
        "$id": table.id, "$createdAt": table.created, "$updatedAt": table.updated,
        "$permissions": table.permissions, "databaseId": table.database, "name": table.name,
        "enabled": table.enabled, words.row_security: table.row_security,
        words.columns: [served_column(words, column) for column in table.columns.values()],
        "indexes": [served_index(words, index) for index in table.indexes.values()],
        "bytesMax": ROW_MAX, "bytesUsed": row_width(table),
    }  # fmt: skip


def row_width(table: StoredTable) -> int:
    """Bytes of a row in MariaDB, as Appwrite counts them."""
    return 1067 + sum(column_width(column) for column in table.columns.values())


def column_width(column: StoredColumn) -> int:
    """Bytes of a column in a row; what is kept outside the row takes a pointer."""
    if column.kind == RELATIONSHIP:
        return 0 if is_list(column) else 255 * 4 + 1
    if column.array or column.kind in ("text", "mediumtext", "longtext", "point", "line", "polygon"):
        return 20
    if column.is_text:
        size = text_size(column)
        return 20 if size > VARCHAR_MAX else size * 4 + (1 if size <= 255 else 2)
    fixed = {"integer": integer_bits(column) // 8, "bigint": 8, "float": 8, "boolean": 1, "datetime": 7}
    return fixed[column.kind]


def served_column(words: Words, column: StoredColumn, status: str = "available") -> dict[str, Any]:
    if column.kind == RELATIONSHIP:
        return relations.served_relation(words, column, status)
    result: dict[str, Any] = {
        "key": column.key, "type": column.type, "status": status, "error": "", "required": column.required,
        "array": column.array, "$createdAt": column.created, "$updatedAt": column.updated,
        "default": column.default,
    }  # fmt: skip
    if column.kind in ("enum", "email", "url", "ip"):
        result["format"] = column.kind
        if column.kind == "enum":
            result["elements"] = column.elements
    elif column.kind in ("text", "mediumtext", "longtext"):
        result["encrypt"] = column.encrypt  # the kind is the size: none is served
    elif column.is_text:
        result |= {"size": column.size, "encrypt": column.encrypt}
    elif column.kind in ("integer", "bigint", "float"):
        result["min"], result["max"] = bounds(column)
    elif column.kind == "datetime":
        result["format"] = ""
    elif column.kind in ("point", "line", "polygon"):
        result["type"] = {"line": "linestring"}.get(column.kind, column.kind)
        result.pop("array")
        result["array"] = False
    return result


def served_index(words: Words, index: StoredIndex, status: str = "available") -> dict[str, Any]:
    return {
        "$id": index.key, "$createdAt": index.created, "$updatedAt": index.updated, "key": index.key,
        "type": index.type, "status": status, "error": "", words.columns: index.columns,
        "lengths": index.lengths, "orders": index.orders,
    }  # fmt: skip


def catalogue_answer(
    call: Call,
    items: Callable[[], Sequence[Mapping[str, Any]]],
    name: str,
    fields: Mapping[str, str],
    identity: str,
    label: str,
) -> Answer:
    """A list of catalogue entries. ``fields``: what may be asked for → the kind of its values."""
    schema = StoredTable(name, name, 0, "")
    schema.columns = {key: StoredColumn(key, kind, size=256) for key, kind in fields.items()}
    queries = check_catalogue(query_texts(call), schema)
    search, counted = text(call, "search", 256, "", 0), wants_total(call)
    found = items()
    if search:
        found = [i for i in found if search.lower() in f"{i.get('name', '')} {i.get('$id', '')}".lower()]
    chosen, total = select_catalogue(found, queries, identity, label)
    return reply(200, {"total": total if counted else 0, name: chosen})


# -- handlers: databases --


def list_databases(api: Api, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_database(database) for database in api.store.databases.values()]

    return catalogue_answer(call, items, "databases", {"name": "varchar"}, "$id", "Database")


def create_database(api: Api, call: Call) -> Answer:
    identity, name = new_id(call, "databaseId"), text(call, "name", 128)
    enabled = boolean(call, "enabled", True)
    with api.store.lock:
        if identity in api.store.databases:
            raise errors.database_exists(identity)
        kind = "tablesdb" if call.words is TABLES else "legacy"
        return reply(201, served_database(api.store.create_database(identity, name, kind, enabled)))


def get_database(api: Api, call: Call) -> Answer:
    return reply(200, served_database(api.database(call)))


def update_database(api: Api, call: Call) -> Answer:
    database = api.database(call)
    with api.store.writing():
        api.store.save_catalogue()
        database.name = text(call, "name", 128, database.name)
        database.enabled = boolean(call, "enabled", True)
        database.updated = stamp(api.store.clock.now())
    return reply(200, served_database(database))


def delete_database(api: Api, call: Call) -> Answer:
    api.store.delete_database(api.database(call).id)
    return Answer(204)


# -- handlers: tables --


def list_tables(api: Api, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_table(call.words, table) for table in api.database(call).tables.values()]

    fields = {"name": "varchar", "enabled": "boolean", call.words.row_security: "boolean"}
    return catalogue_answer(call, items, call.words.tables, fields, "$id", call.words.table.title())


def create_table(api: Api, call: Call) -> Answer:
    words = call.words
    identity, name = new_id(call, words.table_id), text(call, "name", 128)
    permissions = permissions_of(call, TABLE_PERMISSIONS, ("read", "create", "update", "delete"))
    security, enabled = boolean(call, words.row_security, False), boolean(call, "enabled", True)
    database = api.database(call)
    columns = [column_from_definition(call, item) for item in call.given.get(words.columns) or []]
    for column in columns:
        check_default_allowed(words, column)
    with api.store.writing():
        if identity in database.tables:
            raise errors.table_exists(words, identity)
        table = api.store.create_table(database, identity, name, permissions or [], security, enabled)
        for column in columns:
            if column.key in table.columns:
                raise errors.column_exists(words, column.key)
            api.store.create_column(table, column)
        for item in call.given.get("indexes") or []:
            names = item.get(words.columns) or item.get("attributes") or []
            make_index(
                api,
                call,
                table,
                item.get("key"),
                item.get("type"),
                names,
                item.get("orders") or [],
                item.get("lengths") or [],
            )
    return reply(201, served_table(words, table))


def column_from_definition(call: Call, item: Mapping[str, Any]) -> StoredColumn:
    """A column given with its table: its type, or the format of a string, names its kind."""
    kind = item.get("format") or {"double": "float", "linestring": "line"}.get(
        str(item.get("type")), item.get("type")
    )
    if kind not in COLUMN_KINDS:
        raise errors.argument_invalid(call.words.columns, f"Unknown type: {kind}")
    inner = Call(
        call.words,
        {**call.path, "kind": str(kind)},
        {"required": False, **item},
        call.access,
        call.host,
        call.url,
    )
    return column_of(inner, str(kind))


def get_table(api: Api, call: Call) -> Answer:
    return reply(200, served_table(call.words, api.table(call)))


def update_table(api: Api, call: Call) -> Answer:
    permissions = permissions_of(call, TABLE_PERMISSIONS, ("read", "create", "update", "delete"))
    table = api.table(call)
    with api.store.writing():
        api.store.save_catalogue()
        table.name = text(call, "name", 128, table.name)
        table.row_security = boolean(call, call.words.row_security, False)
        table.enabled = boolean(call, "enabled", True)
        if permissions is not None:
            table.permissions = permissions
        table.updated = stamp(api.store.clock.now())
    return reply(200, served_table(call.words, table))


def delete_table(api: Api, call: Call) -> Answer:
    api.store.delete_table(api.table(call))
    return Answer(204)


# -- handlers: columns --


def list_columns(api: Api, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_column(call.words, column) for column in api.table(call).columns.values()]

    return catalogue_answer(call, items, call.words.columns, COLUMN_FIELDS, "key", call.words.column.title())


def get_column(api: Api, call: Call) -> Answer:
    return reply(200, served_column(call.words, existing_column(api, call, api.table(call))))


def existing_column(api: Api, call: Call, table: StoredTable) -> StoredColumn:
    key = call.path["key"]
    if not is_key(key):
        raise errors.argument_invalid("key", KEY_RULE)
    column = table.columns.get(key)
    if column is None:
        raise errors.column_missing(call.words, key)
    return column


def whole(call: Call, name: str, low: int, high: int) -> int:
    number = numeric(required(call, name))
    if not is_int(number) or not low <= int(number or 0) <= high:
        raise errors.argument_invalid(name, range_rule(low, high))
    return int(number or 0)


def limit_of(call: Call, name: str, kind: str) -> int | float | None:
    value = call.given.get(name)
    if value is None:
        return None
    if kind == "float" and not is_number(value):
        raise errors.argument_invalid(name, "Value must be a valid float or null")
    if kind != "float" and (not is_int(value) or not -INT64 <= value < INT64):
        raise errors.argument_invalid(name, f"{integer_rule(64)} or null")
    return value


def column_of(call: Call, kind: str, key: str | None = None) -> StoredColumn:
    """The column a request describes. Raises Failure."""
    words = call.words
    column = StoredColumn(key or key_of(call), kind)
    if kind == "string":
        column.size = whole(call, "size", 1, STRING_MAX)
    elif kind == "varchar":
        column.size = whole(call, "size", 1, VARCHAR_MAX)
    if kind == "enum":
        elements = required(call, "elements")
        if (
            not isinstance(elements, list)
            or len(elements) > 100
            or any(not isinstance(e, str) or not 1 <= len(e) <= 255 for e in elements)
        ):
            raise errors.argument_invalid(
                "elements",
                "Value must a valid array no longer than 100 items and Value must be a valid string and at "
                "least 1 chars and no longer than 255 chars",
            )
        column.elements = elements
    column.required = boolean(call, "required")
    column.array = boolean(call, "array", False)
    column.encrypt = boolean(call, "encrypt", False)
    if column.encrypt and kind in ("string", "varchar") and (column.size or 0) < ENCRYPT_MIN:
        raise errors.bad_request(
            f"Size too small. Encrypted strings require a minimum size of {ENCRYPT_MIN} characters."
        )
    if kind in ("integer", "bigint", "float"):
        column.minimum, column.maximum = limit_of(call, "min", kind), limit_of(call, "max", kind)
        low, high = bounds(column)
        if low > high:
            raise errors.column_failure(
                words, "value_invalid", "Minimum value must be lesser than maximum value"
            )
    check_default(call, column)
    return column


def check_default(call: Call, column: StoredColumn) -> None:
    """Take the request's default into the column. Raises Failure where it does not fit the column's values.

    Whether the column may have a default at all is asked later (check_default_allowed), as the server does.
    """
    default = call.given.get("default")
    if default is None:
        column.default = None
        return
    words, kind = call.words, column.kind
    rule = _default_rule(column, default)
    if rule:
        raise errors.argument_invalid("default", f"{rule} or null")
    if kind == "enum" and default not in (column.elements or ()):
        raise errors.column_failure(words, "value_invalid", "Default value not found in elements")
    why = refusal(column, default)
    if why:
        raise errors.column_failure(words, "value_invalid", why.split(". ", 1)[1])
    column.default = stored_item(column, default)


def check_default_allowed(words: Words, column: StoredColumn) -> None:
    """A column that is required, or an array, has no default. Raises Failure."""
    if column.default is None:
        return
    if column.required:
        raise errors.column_failure(
            words, "default_unsupported", f"Cannot set default value for required {words.column}"
        )
    if column.array:
        raise errors.column_failure(
            words, "default_unsupported", f"Cannot set default value for array {words.columns}"
        )


def _default_rule(column: StoredColumn, default: Any) -> str | None:
    """Why a default is not even of its parameter's type; None if it is."""
    kind = column.kind
    if kind in ("integer", "bigint"):
        return None if is_int(default) and -INT64 <= default < INT64 else integer_rule(64)
    if kind == "float":
        return None if is_number(default) else "Value must be a valid float"
    if kind == "enum":
        return None if isinstance(default, str) and default else text_rule(0, 1)
    if kind in STRINGS and kind not in ("email", "url", "ip"):
        return None if isinstance(default, str) else text_rule(0)
    why = refusal(column, default)  # of the rest the parameter's own check is the value's
    return why.split(". ", 1)[1] if why else None


def create_column(api: Api, call: Call) -> Answer:
    kind = call.path["kind"]
    if kind == RELATIONSHIP:
        return relations.create_relation(api, call)
    column = column_of(call, kind)
    table = api.table(call)
    check_default_allowed(call.words, column)
    with api.store.writing():
        if column.key.lower() in (key.lower() for key in table.columns):
            raise errors.column_exists(call.words, column.key)
        if row_width(table) + column_width(column) > ROW_MAX:
            raise errors.column_failure(
                call.words,
                "limit_exceeded",
                f"The maximum number or size of {call.words.columns} for {call.words.table} '{table.id}' has "
                "been reached.",
            )
        api.store.create_column(table, column)
    return reply(202, served_column(call.words, column, "processing"))


def update_column(api: Api, call: Call) -> Answer:
    words, kind = call.words, call.path["kind"]
    boolean(call, "required")
    if "default" not in call.given:
        raise errors.argument_missing("default")
    if call.given.get("newKey") is not None:
        key_of(call, "newKey")
    table = api.table(call)
    with api.store.writing():
        api.store.save_catalogue()  # a refusal half-way puts the catalogue back as it was
        column = existing_column(api, call, table)
        if column.kind != kind:
            raise errors.column_failure(words, "type_invalid", f"The {words.column} type is invalid.")
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
            if not column.array and api.store.longest_text(table, column.key) > column.size:
                raise errors.column_failure(
                    words,
                    "invalid_resize",
                    "Existing data is too large for new size, truncate your existing data then try again.",
                )
        check_default(call, column)
        check_default_allowed(words, column)
        column.updated = stamp(api.store.clock.now())
        new_key = call.given.get("newKey")
        if new_key and new_key != column.key:
            if new_key in table.columns:
                raise errors.column_exists(words, new_key)
            api.store.rename_column(table, column, new_key)
    return reply(200, served_column(words, column))


def delete_column(api: Api, call: Call) -> Answer:
    table = api.table(call)
    with api.store.writing():
        api.store.delete_column(table, existing_column(api, call, table).key)
    return Answer(204)


# -- handlers: indexes --


def list_indexes(api: Api, call: Call) -> Answer:
    def items() -> list[dict[str, Any]]:
        return [served_index(call.words, index) for index in api.table(call).indexes.values()]

    return catalogue_answer(call, items, "indexes", INDEX_FIELDS, "key", "Index")


def get_index(api: Api, call: Call) -> Answer:
    return reply(200, served_index(call.words, existing_index(api, call)))


def existing_index(api: Api, call: Call) -> StoredIndex:
    index = api.table(call).indexes.get(call.path["key"])
    if index is None:
        raise errors.index_missing(call.words, call.path["key"])
    return index


def create_index(api: Api, call: Call) -> Answer:
    words = call.words
    key, kind, names = key_of(call), required(call, "type"), required(call, words.columns)
    if kind not in ("key", "fulltext", "unique", "spatial"):
        raise errors.argument_invalid("type", "Value must be one of (key, fulltext, unique, spatial)")
    if not isinstance(names, list) or len(names) > 100 or any(not isinstance(n, str) for n in names):
        raise errors.argument_invalid(
            words.columns, f"Value must a valid array no longer than 100 items and {KEY_RULE}"
        )
    index = make_index(
        api,
        call,
        api.table(call),
        key,
        kind,
        names,
        call.given.get("orders") or [],
        call.given.get("lengths") or [],
    )
    return reply(202, served_index(words, index, "processing"))


def make_index(
    api: Api, call: Call, table: StoredTable, key: Any, kind: Any, names: Sequence[str],
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
    with api.store.writing():
        if key in table.indexes:
            raise errors.index_exists(words, key)
        kept = [int(lengths[place] or 0) if place < len(lengths) else 0 for place in range(len(names))]
        return api.store.create_index(table, key, kind, list(names), [str(o) for o in orders if o], kept)


def delete_index(api: Api, call: Call) -> Answer:
    table = api.table(call)
    api.store.delete_index(table, existing_index(api, call).key)
    return Answer(204)
