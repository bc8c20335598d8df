"""What a column takes as a value, how it refuses the rest, as what it keeps it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Container
from typing import Any
from urllib.parse import urlsplit

from sandbox.server.values import (
    DATE_RULE,
    INT32,
    INT64,
    integer_rule,
    is_int,
    is_number,
    is_served_instant,
    parse_instant,
    range_rule,
    text_rule,
)
from sandbox.storage.clock import stamp
from sandbox.storage.records import TEXT_SIZES, StoredColumn

DOUBLE_MAX = 1.7976931348623157e308
RELATIONSHIP = "relationship"
LISTS_OF_PARENT = ("oneToMany", "manyToMany")
LISTS_OF_CHILD = ("manyToOne", "manyToMany")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def integer_bits(column: StoredColumn) -> int:
    """32 only where a maximum is given that fits in 32."""
    if column.kind == "bigint":
        return 64
    return 64 if (column.maximum is None or column.maximum > INT32 - 1) else 32


def bounds(column: StoredColumn) -> tuple[int | float, int | float]:
    """A number column's limits, where none was given those of its type."""
    if column.kind == "float":
        return (
            -DOUBLE_MAX if column.minimum is None else column.minimum,
            DOUBLE_MAX if column.maximum is None else column.maximum,
        )
    return (
        -INT64 if column.minimum is None else column.minimum,
        INT64 - 1 if column.maximum is None else column.maximum,
    )


def text_size(column: StoredColumn) -> int:
    fixed = {"email": 254, "url": 2000, "ip": 39, "enum": 255}
    return column.size or fixed.get(column.kind) or TEXT_SIZES[column.kind]


def is_list(column: StoredColumn) -> bool:
    """Whether a row is related to many by this column."""
    return column.relation in (LISTS_OF_PARENT if column.side == "parent" else LISTS_OF_CHILD)


def refusal(column: StoredColumn, value: Any) -> str | None:
    """Why one value (not null) does not fit, as ``format. …`` or ``type. …``; None if it fits."""
    kind = column.kind
    if column.is_text:
        label = "format" if kind in ("enum", "email", "url", "ip") else "type"
        size = text_size(column)
        if kind in TEXT_SIZES and isinstance(value, str) and len(value.encode()) > size:
            return f"type. Value must be a valid string no longer than {size} bytes"
        if not isinstance(value, str) or len(value) > size:
            return f"{label}. {text_rule(size)}"
        if kind == "enum" and value not in (column.elements or ()):
            return f"format. Value must be one of ({', '.join(column.elements or ())})"
        if kind == "email" and _EMAIL.fullmatch(value) is None:
            return "format. Value must be a valid email address"
        if kind == "url" and not _is_url(value):
            return "format. Value must be a valid URL"
        if kind == "ip" and not _is_ip(value):
            return "format. Value must be a valid IP address"
        return None
    if kind in ("integer", "bigint"):
        bits = integer_bits(column)
        if kind == "bigint" and isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value):
            value = int(value)  # digits in a text are taken
        if not is_int(value) or not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
            return f"format. {integer_rule(bits)}"
        low, high = bounds(column)
        return None if low <= value <= high else f"format. {range_rule(low, high)}"
    if kind == "float":
        if not is_number(value):
            return "format. Value must be a valid float"
        low, high = bounds(column)
        return None if low <= value <= high else f"format. {range_rule(low, high)}"
    if kind == "boolean":
        return None if isinstance(value, bool) else "type. Value must be a valid boolean"
    if kind == "datetime":
        return None if parse_instant(value) else f"type. {DATE_RULE}"
    if kind == RELATIONSHIP:
        return _related_refusal(column, value)
    return _spatial_refusal(kind, value)


def _related_refusal(column: StoredColumn, value: Any) -> str | None:
    if column.side == "child":
        return "type. The sandbox relates rows from the side the relationship was made on"
    values = value if is_list(column) else [value]
    fits = isinstance(values, list) and all(_related_id(item) is not None for item in values)
    return None if fits else "relationship value. Must be either a document, document ID, or an array of them"


def _related_id(value: Any) -> str | None:
    found = value.get("$id") if isinstance(value, dict) else value
    return found if isinstance(found, str) else None


def _spatial_refusal(kind: str, value: Any) -> str | None:
    shape = {"line": "linestring"}.get(kind, kind)
    why = {"point": _point_refusal, "line": _line_refusal, "polygon": _polygon_refusal}[kind](value)
    return f"type. Value must be a valid {shape}: {why}" if why else None


def _point_refusal(value: Any) -> str | None:
    if not isinstance(value, list) or len(value) != 2:
        return "Point must be an array of two numeric values [x, y]"
    if not all(is_number(place) for place in value):
        return "Point coordinates must be numeric values"
    for name, place, edge in (("Longitude (x)", value[0], 180), ("Latitude (y)", value[1], 90)):
        if not -edge <= place <= edge:
            return f"{name} must be between -{edge} and {edge}, got {place}"
    return None


def _line_refusal(value: Any) -> str | None:
    if not isinstance(value, list) or len(value) < 2:
        return "LineString must contain at least two points"
    return next(filter(None, map(_point_refusal, value)), None)


def _polygon_refusal(value: Any) -> str | None:
    if not isinstance(value, list) or not value:
        return "Polygon must contain at least one ring"
    for place, ring in enumerate(value):
        if not isinstance(ring, list) or len(ring) < 4:
            return f"Ring #{place} must contain at least 4 points to form a closed polygon"
        why = next(filter(None, map(_point_refusal, ring)), None)
        if why:
            return why
        if ring[0] != ring[-1]:
            return f"Ring #{place} must be closed (first point must equal last point)"
    return None


def _is_url(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and " " not in value


def _is_ip(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def stored_value(column: StoredColumn, value: Any) -> Any:
    """A value that fits, as it is kept and served: dates in UTC with milliseconds, whole floats as ints."""
    if value is None:
        return None
    if column.array:
        return [stored_item(column, item) for item in value]
    return stored_item(column, value)


def stored_item(column: StoredColumn, value: Any) -> Any:
    if value is None:
        return None
    if column.kind == "datetime":
        at = parse_instant(value)
        return stamp(at) if at else value
    if column.kind == RELATIONSHIP:
        return [_related_id(item) for item in value] if is_list(column) else _related_id(value)
    if column.kind == "bigint" and isinstance(value, str):
        return int(value)
    if column.kind == "float" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def kept_as_given(column: StoredColumn, value: Any) -> bool:
    """Whether a value surely fits and is kept just as it is: the short way for what nearly every row brings."""
    if value is None:
        return not column.required
    if column.array:
        return False
    kind = column.kind
    if kind in ("varchar", "string"):
        return type(value) is str and len(value) <= (column.size or 0)
    if kind in TEXT_SIZES:
        return type(value) is str and len(value) * 4 <= TEXT_SIZES[kind]
    if kind == "datetime":
        return is_served_instant(value)
    if kind == "boolean":
        return value is True or value is False
    if kind == "enum":
        return value in (column.elements or ())
    if kind == "integer" and type(value) is int and -INT32 <= value < INT32:
        low, high = bounds(column)
        return low <= value <= high
    return False


def structure_refusal(
    columns: dict[str, StoredColumn],
    data: dict[str, Any],
    given: dict[str, Any],
    partial: bool = False,
    sure: Container[str] = (),
) -> str | None:
    """Why a row does not fit its table, in the order Appwrite looks: required, unknown, then each value.

    ``data`` is the whole row as it would stand, ``given`` what the request brought (its unknown names count),
    ``sure`` the columns whose values are known to fit.
    """
    if not partial:
        for column in columns.values():
            if column.required and data.get(column.key) is None:
                return f'Missing required attribute "{column.key}"'
    for key in given:
        if key not in columns and key not in ("$createdAt", "$updatedAt", "$id", "$permissions"):
            return f'Unknown attribute: "{key}"'
    for key in ("$createdAt", "$updatedAt"):
        at = given.get(key)
        if at is not None and not is_served_instant(at) and parse_instant(at) is None:
            return f'Attribute "{key}" has invalid type. {DATE_RULE}'
    for key, value in (given if partial else data).items():
        column = columns.get(key)
        if key in sure or column is None or (value is None and not column.required):
            continue
        why = _value_refusal(column, value)
        if why:
            return why
    return None


def _value_refusal(column: StoredColumn, value: Any) -> str | None:
    if not column.array:
        why = refusal(column, value)
        return f'Attribute "{column.key}" has invalid {why}' if why else None
    if not isinstance(value, list):
        return f'Attribute "{column.key}" must be an array'
    for place, item in enumerate(value):
        if item is None and not column.required:
            continue
        why = refusal(column, item)
        if why:
            return f"Attribute \"{column.key}['{place}']\" has invalid {why}"
    return None
