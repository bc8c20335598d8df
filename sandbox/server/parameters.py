"""The parameters of a call: each as it is to be, or refused in the server's words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from sandbox.server import errors
from sandbox.server.calls import Call
from sandbox.server.errors import Failure
from sandbox.server.permissions import aggregate, permission_refusal
from sandbox.server.values import KEY_RULE, is_int, is_key, numeric, parse_instant, range_rule, text_rule
from sandbox.storage.clock import unique_id

QUERIES_RULE = (
    "Value must a valid array no longer than 100 items and Value must be a valid string and at least 1 "
    "chars and no longer than 4096 chars"
)


def required(call: Call, name: str) -> Any:
    if call.given.get(name) is None:
        raise errors.argument_missing(name)
    return call.given[name]


def boolean(call: Call, name: str, default: bool | None = None) -> bool:
    value = call.given.get(name)
    if value is None:
        if default is None:
            required(call, name)
        return bool(default)
    if not isinstance(value, bool):
        raise errors.argument_invalid(name, "Value must be a valid boolean")
    return value


def text(call: Call, name: str, longest: int, default: str | None = None, shortest: int = 1) -> str:
    value = call.given.get(name, default)
    if value is None:
        required(call, name)
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise errors.argument_invalid(name, text_rule(longest, shortest))
    return value


def new_id(call: Call, name: str) -> str:
    value = required(call, name)
    if value != "unique()" and not is_key(value):
        raise errors.argument_invalid(name, KEY_RULE)
    return unique_id() if value == "unique()" else value


def key_of(call: Call, name: str = "key") -> str:
    value = required(call, name)
    if not is_key(value):
        raise errors.argument_invalid(name, KEY_RULE)
    return value


def query_texts(call: Call) -> list[str]:
    value = call.given.get("queries")
    if value is None:
        return []
    if (
        not isinstance(value, list)
        or len(value) > 100
        or any(not isinstance(item, str) or not 1 <= len(item) <= 4096 for item in value)
    ):
        raise errors.argument_invalid("queries", QUERIES_RULE)
    return value


def wants_total(call: Call) -> bool:
    """``total``: the text false is not empty, so PHP takes it for true; 0 is what turns the count off."""
    value = call.given.get("total", True)
    if value not in (True, False, 1, 0, "1", "0", "true", "false") or value is None:
        raise errors.argument_invalid("total", "Value must be a valid boolean")
    return value not in (False, 0, "0")


def seen_at(call: Call) -> datetime | None:
    """X-Appwrite-Timestamp: the caller has seen the row as it was then. Raises Failure where it is no instant."""
    given = call.headers.get("x-appwrite-timestamp")
    if not given:
        return None
    at = parse_instant(given)
    if at is None:
        raise Failure(400, "general_argument_invalid", "Invalid X-Appwrite-Timestamp header value")
    return at


def check_ttl(call: Call) -> None:
    if "ttl" in call.given:
        number = numeric(call.given["ttl"])
        if not is_int(number) or not 0 <= (number or 0) <= 86400:
            raise errors.argument_invalid("ttl", range_rule(0, 86400))


def permissions_of(call: Call, allowed: tuple[str, ...], kept: tuple[str, ...]) -> list[str] | None:
    value = call.given.get("permissions")
    if value is None:
        return None
    why = permission_refusal(value, allowed)
    if why:
        raise errors.argument_invalid("permissions", f"{why} or null")
    return aggregate(value, kept)


def data_of(call: Call) -> dict[str, Any]:
    value = call.given.get("data")
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            raise errors.argument_invalid("data", "Value must be a valid JSON string") from None
    if value is None or value == []:
        return {}
    if not isinstance(value, dict | list):
        raise errors.argument_invalid("data", "Value must be a valid JSON string")
    data = value if isinstance(value, dict) else {str(place): item for place, item in enumerate(value)}
    # only a key may set a row's times; of a guest they are not read
    return (
        data
        if call.access.is_key
        else {k: v for k, v in data.items() if k not in ("$createdAt", "$updatedAt")}
    )


def rows_of(call: Call) -> list[dict[str, Any]]:
    value = call.given.get(call.words.rows)
    if value is None:
        return []
    items: list[Any] = []
    for item in value if isinstance(value, list) else [None]:
        if isinstance(item, str):
            try:
                item = orjson.loads(item)
            except orjson.JSONDecodeError:
                item = None
        items.append(item)
    if len(items) > 100 or any(not isinstance(item, dict | list) for item in items):
        raise errors.argument_invalid(
            call.words.rows,
            "Value must a valid array no longer than 100 items and Value must be a valid JSON string",
        )
    return [item if isinstance(item, dict) else {} for item in items]
