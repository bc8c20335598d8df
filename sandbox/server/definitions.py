"""A column as a request describes it, refused in the server's words where it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sandbox.server import errors
from sandbox.server.apis import Words
from sandbox.server.calls import Call
from sandbox.server.columns import bounds, refusal, stored_item
from sandbox.server.errors import Failure
from sandbox.server.parameters import boolean, key_of, required
from sandbox.server.values import INT64, integer_rule, is_int, is_number, numeric, range_rule, text_rule
from sandbox.server.widths import VARCHAR_MAX
from sandbox.storage.records import STRINGS, StoredColumn

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

STRING_MAX = 1073741824
DEFINITIONS_RULE = "Value must a valid array no longer than 100 items and Value must be a valid JSON object"
ENCRYPT_MIN = 150


def column_of(call: Call, kind: str) -> StoredColumn:
    """The column a request describes. Raises Failure."""
    words = call.words
    column = StoredColumn(key_of(call), kind)
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


def columns_from_definitions(call: Call) -> list[StoredColumn]:
    """The columns given with their table. Raises Failure."""
    items = call.given.get(call.words.columns) or []
    if not isinstance(items, list) or len(items) > 100 or any(not isinstance(item, dict) for item in items):
        raise errors.argument_invalid(call.words.columns, DEFINITIONS_RULE)
    return [_column_from_definition(call, item) for item in items]


def _column_from_definition(call: Call, item: Mapping[str, Any]) -> StoredColumn:
    """Its type, or the format of a string, names its kind."""
    key, kind = item.get("key"), item.get("format") or item.get("type")
    kind = {"double": "float", "linestring": "line", "float": None, "line": None}.get(str(kind), kind)
    if kind not in COLUMN_KINDS:
        raise _definition_invalid(f"Invalid type for attribute '{key}': {item.get('type')}")
    size = numeric(item.get("size"))
    if kind in ("string", "varchar") and (not is_int(size) or not 1 <= size <= STRING_MAX):
        told = (
            f"Invalid or missing size for string attribute '{key}'. Size must be between 1 and {STRING_MAX}"
        )
        raise _definition_invalid(told)
    for state in ("required", "array"):
        if item.get(state) and item.get("default") is not None:
            raise _definition_invalid(f"Attribute '{key}' cannot have a default value when {state} is true")
    return column_of(replace(call, given={"required": False, **item}), str(kind))


def _definition_invalid(message: str) -> Failure:
    return Failure(400, "general_argument_invalid", message)


def indexes_from_definitions(call: Call) -> list[Mapping[str, Any]]:
    """The indexes given with their table: each has ``key``, ``type`` and ``attributes``. Raises Failure."""
    items = call.given.get("indexes") or []
    if not isinstance(items, list) or len(items) > 100 or any(not isinstance(item, dict) for item in items):
        raise errors.argument_invalid("indexes", DEFINITIONS_RULE)
    for place, item in enumerate(items):
        for field, kind, rule in (
            ("key", str, ""),
            ("type", str, ""),
            ("attributes", list, " (must be an array)"),
        ):
            if not isinstance(item.get(field), kind):
                raise _definition_invalid(
                    f"Index at position {place} is missing required field '{field}'{rule}"
                )
    return items


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
