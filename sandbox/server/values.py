"""What Appwrite accepts as a parameter, a default or a row's value, and how it refuses the rest. No I/O."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard
from urllib.parse import urlsplit

from sandbox.store import TEXT_SIZES, StoredColumn, stamp

INT32 = 2**31
INT64 = 2**63
DOUBLE_MAX = 1.7976931348623157e308
KEY_RULE = (
    "Parameter must contain at most 36 chars. Valid chars are a-z, A-Z, 0-9, period, hyphen, and underscore. "
    "Can't start with a special char"
)
UID_RULE = (
    "UID must contain at most 36 chars. Valid chars are a-z, A-Z, 0-9, and underscore. "
    "Can't start with a leading underscore"
)
DATE_RULE = "Value must be valid date between 1000-01-01 00:00:00 and 9999-12-31 23:59:59."
ROLES = ("any", "guests", "users", "user", "team", "member", "label")

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
LABEL_RULE = "Value must be a valid string between 1 and 36 chars containing only alphanumeric chars"
_PERMISSION = re.compile(r'([a-z]+)\("([a-z]+)(?::([^"/]+))?(?:/([^"]+))?"\)')
_LABEL = re.compile(r"[A-Za-z0-9]{1,36}")
_STATES = ("verified", "unverified")
_MAY_HAVE_ID = frozenset(("user", "team", "member", "label"))  # and must
_MAY_HAVE_DIMENSION = frozenset(("users", "user", "team"))
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DATE = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?\s*",
    re.IGNORECASE,
)
_OTHER_DATES = (
    "%a, %d %b %Y %H:%M:%S %z", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ",
)  # fmt: skip


def grouped(number: int | float) -> str:
    """PHP's number_format: no decimals, commas."""
    return f"{round(number) if isinstance(number, float) else number:,}"


def is_key(value: Any) -> bool:
    return isinstance(value, str) and _KEY.fullmatch(value) is not None


def is_uid(value: Any) -> bool:
    return isinstance(value, str) and _UID.fullmatch(value) is not None


def is_int(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def numeric(value: Any) -> int | float | None:
    """The number a PHP ``is_numeric`` value stands for, else None."""
    if is_number(value):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*", value):
        text = value.strip()
        return int(text) if re.fullmatch(r"[+-]?\d+", text) else float(text)
    return None


def range_rule(low: int | float, high: int | float) -> str:
    return f"Value must be a valid range between {grouped(low)} and {grouped(high)}"


def text_rule(longest: int, shortest: int = 0) -> str:
    at_least = f" and at least {shortest} chars" if shortest else ""
    at_most = f" and no longer than {longest} chars" if longest else ""
    return f"Value must be a valid string{at_least}{at_most}"


def integer_rule(bits: int) -> str:
    half = 2 ** (bits - 1)
    high = grouped(half - 1)
    return f"Value must be a valid signed {bits}-bit integer between {grouped(-half)} and {high}"


RELATIONSHIP = "relationship"
LISTS_OF_PARENT = ("oneToMany", "manyToMany")
LISTS_OF_CHILD = ("manyToOne", "manyToMany")


def parse_instant(value: Any) -> datetime | None:
    """A date as PHP's DateTime would read it (the forms people send), in UTC; None if it would not."""
    if not isinstance(value, str) or not value:
        return None
    found = _DATE.fullmatch(value)
    if found is None:
        return _unusual_instant(value)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        at = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]), tzinfo=UTC,
        )  # fmt: skip
        if zone and zone[0] in "+-":
            digits = zone[1:].replace(":", "").ljust(4, "0")
            shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            at += -shift if zone[0] == "+" else shift
    except (ValueError, OverflowError):
        return None
    return at if at.year >= 1000 else None


def _unusual_instant(value: str) -> datetime | None:
    text = value.strip()
    if re.fullmatch(r"@-?\d{1,12}(\.\d+)?", text):
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=float(text[1:]))
    for form in _OTHER_DATES:
        try:
            at = datetime.strptime(text, form)  # noqa: DTZ007 - a zone is added below where the form has none
        except ValueError:
            continue
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return None


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


def refusal(column: StoredColumn, value: Any) -> str | None:
    """Why one value (not null) does not fit, as ``format. …`` or ``type. …``; None if it fits."""
    kind = column.kind
    if column.is_text:
        label = "format" if kind in ("enum", "email", "url", "ip") else "type"
        size = text_size(column)
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


def is_list(column: StoredColumn) -> bool:
    """Whether a row is related to many by this column."""
    return column.relation in (LISTS_OF_PARENT if column.side == "parent" else LISTS_OF_CHILD)


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
    def is_point(point: Any) -> bool:
        return isinstance(point, list) and len(point) == 2 and all(is_number(c) for c in point)

    if kind == "point":
        return None if is_point(value) else "type. Value must be a valid point"
    if kind == "line":
        fits = isinstance(value, list) and len(value) >= 2 and all(is_point(p) for p in value)
        return None if fits else "type. Value must be a valid linestring"
    rings = (
        isinstance(value, list)
        and value
        and all(isinstance(r, list) and all(map(is_point, r)) for r in value)
    )
    return None if rings else "type. Value must be a valid polygon"


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


def structure_refusal(
    columns: dict[str, StoredColumn], data: dict[str, Any], given: dict[str, Any], partial: bool = False
) -> str | None:
    """Why a row does not fit its table, in the order Appwrite looks: required, unknown, then each value.

    ``data`` is the whole row as it would stand, ``given`` what the request brought (its unknown names count).
    """
    if not partial:
        for column in columns.values():
            if column.required and data.get(column.key) is None:
                return f'Missing required attribute "{column.key}"'
    for key in given:
        if key not in columns and key not in ("$createdAt", "$updatedAt", "$id", "$permissions"):
            return f'Unknown attribute: "{key}"'
    for key in ("$createdAt", "$updatedAt"):
        if given.get(key) is not None and parse_instant(given[key]) is None:
            return f'Attribute "{key}" has invalid type. {DATE_RULE}'
    for key, value in (given if partial else data).items():
        column = columns.get(key)
        if column is None or (value is None and not column.required):
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


def permission_refusal(permissions: Any, allowed: tuple[str, ...]) -> str | None:
    """Why a list of permissions is refused; None if it may stand."""
    if not isinstance(permissions, list):
        return "Permissions must be an array of strings."
    if len(permissions) > 100:
        return "You can only provide up to 100 permissions."
    for permission in permissions:
        if not isinstance(permission, str):
            return "Every permission must be of type string."
        if permission == "*":
            return 'Wildcard permission "*" has been replaced. Use "any" instead.'
        found = _PERMISSION.fullmatch(permission)
        if not permission.startswith(allowed):
            return f'Permission "{permission}" is not allowed. Must be one of: {", ".join(allowed)}.'
        if found is None:
            return f'Invalid permission string format: "{permission}".'
        if found[2] not in ROLES:
            return f'Role "{found[2]}" is not allowed. Must be one of: {", ".join(ROLES)}.'
        why = _role_refusal(found[2], found[3] or "", found[4] or "")
        if why:
            return f'Role "{found[2]}" {why}'
    return None


def _role_refusal(role: str, identity: str, dimension: str) -> str | None:
    """What is wrong with a role's id or dimension; None if it may stand."""
    if role not in _MAY_HAVE_ID and identity:
        return "can not have an ID value."
    if role in _MAY_HAVE_ID and not identity:
        return "must have an ID value."
    if role == "label" and _LABEL.fullmatch(identity) is None:
        return f"identifier value is invalid: {LABEL_RULE}"
    if role in _MAY_HAVE_ID and not is_key(identity):
        return f"identifier value is invalid: {KEY_RULE}"
    if not dimension:
        return None
    if role not in _MAY_HAVE_DIMENSION:
        return "can not have a dimension value."
    if role != "team" and dimension not in _STATES:
        return f"dimension value is invalid. Must be one of: {', '.join(_STATES)}."
    return None if is_key(dimension) else f"dimension value is invalid: {KEY_RULE}"


def aggregate(permissions: list[str], allowed: tuple[str, ...]) -> list[str]:
    """``write`` spelt out as the actions it stands for, each permission once."""
    result: list[str] = []
    for permission in permissions:
        action, role = permission.split("(", 1)
        for name in ("create", "update", "delete") if action == "write" else (action,):
            if name in allowed and f"{name}({role}" not in result:
                result.append(f"{name}({role}")
    return result
