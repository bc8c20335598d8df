"""The texts of queries, read. Whether they fit a table is checks.py's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from sandbox.server.errors import query_invalid
from sandbox.server.values import UID_RULE, is_uid

ONE_VALUE = (
    "notEqual", "lessThan", "lessThanEqual", "greaterThan", "greaterThanEqual", "search", "notSearch",
    "startsWith", "notStartsWith", "endsWith", "notEndsWith", "regex",
)  # fmt: skip

SOME_VALUES = ("equal", "contains", "containsAny", "containsAll", "notContains")
CONTAINS = ("contains", "containsAny", "containsAll", "notContains")
TWO_VALUES = ("between", "notBetween")
NULLS = ("isNull", "isNotNull")
SPATIAL = (
    "crosses", "notCrosses", "distanceEqual", "distanceNotEqual", "distanceGreaterThan", "distanceLessThan",
    "intersects", "notIntersects", "overlaps", "notOverlaps", "touches", "notTouches",
)  # fmt: skip

FILTERS = (
    *SOME_VALUES,
    *ONE_VALUE,
    *TWO_VALUES,
    *NULLS,
    *SPATIAL,
    "and",
    "or",
    "elemMatch",
    "exists",
    "notExists",
)

PAGING = ("limit", "offset", "cursorAfter", "cursorBefore")
ORDERS = ("orderAsc", "orderDesc", "orderRandom")
METHODS = frozenset((*FILTERS, *PAGING, *ORDERS, "select", "vectorDot", "vectorCosine", "vectorEuclidean"))
DEFAULT_LIMIT = 25
TOTAL_CAP = 5000


@dataclass(frozen=True)
class Query:
    method: str
    attribute: str = ""
    values: tuple[Any, ...] = ()


def parse_queries(texts: Iterable[str]) -> list[Query]:
    """Read the query texts. Raises Failure general_query_invalid in the server's words."""
    parsed: list[Query] = []
    for text in texts:
        try:
            raw = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise query_invalid("Invalid query: Syntax error") from None
        if not isinstance(raw, dict | list):
            raise query_invalid(f"Invalid query. Must be an array, got {_php_type(raw)}")
        parsed.append(_parse(raw if isinstance(raw, dict) else {}))
    return parsed


def _parse(raw: Mapping[str, Any]) -> Query:
    method, attribute, values = raw.get("method") or "", raw.get("attribute") or "", raw.get("values")
    values = [] if values is None else values
    if not isinstance(method, str):
        raise query_invalid(f"Invalid query method. Must be a string, got {_php_type(method)}")
    if method not in METHODS:
        raise query_invalid(f"Invalid query method: {method}")
    if not isinstance(attribute, str):
        raise query_invalid(f"Invalid query attribute. Must be a string, got {_php_type(attribute)}")
    if not isinstance(values, list):
        raise query_invalid(f"Invalid query values. Must be an array, got {_php_type(values)}")
    if method in ("and", "or", "elemMatch"):
        for value in values:
            if not isinstance(value, dict):
                raise query_invalid(f"Invalid query. Must be an array, got {_php_type(value)}")
        values = [_parse(value) for value in values]
    if method in ("orderAsc", "orderDesc") and not attribute:
        attribute = "$sequence"
    return Query(method, attribute, tuple(values))


def _php_type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "double", str: "string", list: "array", dict: "array"}
    return kinds.get(type(value), "NULL")


def cursor_of(queries: Sequence[Query]) -> tuple[str | None, bool]:
    """The id of the first cursor (None: there is none), and whether it is the end of the page. Raises Failure."""
    first = next((q for q in queries if q.method in ("cursorAfter", "cursorBefore")), None)
    if first is None:
        return None, False
    value = first.values[0] if first.values else None
    if not is_uid(value):
        raise query_invalid(f"Invalid cursor: {UID_RULE}")
    return value, first.method == "cursorBefore"
