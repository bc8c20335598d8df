"""What makes a table again as it was told of: the bodies of the calls for it, its columns and indexes. Pure.

A column is told of by ``type`` and ``format``; the call that makes one goes by its kind (an enum is a string to rows).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

FORMATS: Final = frozenset({"enum", "email", "url", "ip"})
_ROUTES: Final = {"double": "float", "linestring": "line"}
_LIMITS: Final = frozenset({-9223372036854775808, 9223372036854775807})
_WIDEST: Final = 1.7e308
_SIZED: Final = frozenset({"string", "varchar"})
_ENCRYPTED: Final = frozenset({"string", "varchar", "text", "mediumtext", "longtext"})
RELATIONSHIP: Final = "relationship"


def kind_of(column: Mapping[str, Any]) -> str:
    """What a column is made as."""
    form = column.get("format")
    return str(form) if form in FORMATS else str(column["type"])


def route_of(column: Mapping[str, Any]) -> str:
    """The last word of the path that makes a column of its kind by itself."""
    return _ROUTES.get(kind_of(column), kind_of(column))


def is_plain(column: Mapping[str, Any]) -> bool:
    return column.get("type") != RELATIONSHIP


def column_body(column: Mapping[str, Any], *, relaxed: bool = False) -> dict[str, Any]:
    """The body that makes a column. ``relaxed``: rows without a value are taken, and stay without."""
    kind = kind_of(column)
    body: dict[str, Any] = {"key": column["key"], "required": bool(column.get("required")) and not relaxed}
    if column.get("array"):
        body["array"] = True
    if column.get("default") is not None and not relaxed:
        body["default"] = column["default"]
    if kind in _SIZED:
        body["size"] = column.get("size")
    if kind in _ENCRYPTED and column.get("encrypt"):
        body["encrypt"] = True
    if kind == "enum":
        body["elements"] = column.get("elements")
    for limit in ("min", "max"):
        value = column.get(limit)
        if isinstance(value, int | float) and value not in _LIMITS and abs(value) < _WIDEST:
            body[limit] = value
    return body


def inline_column(column: Mapping[str, Any], *, relaxed: bool = False) -> dict[str, Any]:
    """A column as the call that makes its table takes it."""
    return {**column_body(column, relaxed=relaxed), "type": kind_of(column)}


def index_body(index: Mapping[str, Any], word: str) -> dict[str, Any]:
    """The body that makes an index. ``word``: what the call names its columns by."""
    body: dict[str, Any] = {"key": index["key"], "type": index["type"], word: list(index["columns"])}
    told: list[Any] = index.get("orders") or []
    orders = [str(order) for order in told if order]
    if orders:
        body["orders"] = orders
    lengths = list(index.get("lengths") or [])
    if any(lengths):
        body["lengths"] = lengths
    return body


def relation_body(column: Mapping[str, Any], related_word: str) -> dict[str, Any]:
    """The body that makes a relationship, of the side it was made on."""
    body: dict[str, Any] = {
        related_word: column["relatedTable"],
        "type": column["relationType"],
        "twoWay": bool(column.get("twoWay")),
        "key": column["key"],
        "onDelete": column.get("onDelete") or "restrict",
    }
    if column.get("twoWay"):
        body["twoWayKey"] = column.get("twoWayKey")
    return body


def mended_body(column: Mapping[str, Any]) -> dict[str, Any]:
    """The body that gives a relaxed column back what it was: it must have a value, or has a default."""
    body = column_body(column)
    del body["key"]
    body.pop("array", None)
    body.pop("encrypt", None)
    body.pop("size", None)
    body.setdefault("default", None)
    return body


def relaxed_keys(columns: Sequence[Mapping[str, Any]], nulls: Mapping[str, int]) -> frozenset[str]:
    """The columns that are made without what rows break: they must have a value, or have a default, and rows have
    none."""
    return frozenset(str(column["key"]) for column in columns if nulls.get(str(column["key"])))


def compared(column: Mapping[str, Any]) -> dict[str, Any]:
    """What two columns that are made alike have in common."""
    if column.get("type") == RELATIONSHIP:
        names = ("key", "type", "relatedTable", "relationType", "twoWay", "onDelete", "side")
        return {name: column.get(name) for name in names} | (
            {"twoWayKey": column.get("twoWayKey")} if column.get("twoWay") else {}
        )
    return {**inline_column(column), "default": column.get("default")}


def compared_index(index: Mapping[str, Any]) -> dict[str, Any]:
    body = index_body(index, "columns")
    body["orders"] = [order.upper() for order in body.get("orders", [])]
    return body


def differing(
    columns: Sequence[Mapping[str, Any]],
    indexes: Sequence[Mapping[str, Any]],
    other_columns: Sequence[Mapping[str, Any]],
    other_indexes: Sequence[Mapping[str, Any]],
) -> list[str]:
    """The keys of columns and indexes that are not the same in both."""
    found: list[str] = []
    for mine, theirs, told in (
        (columns, other_columns, compared),
        (indexes, other_indexes, compared_index),
    ):
        a = {str(one["key"]): told(one) for one in mine}
        b = {str(one["key"]): told(one) for one in theirs}
        found += sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key))
    return found
