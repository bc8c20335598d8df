"""Queries of a list of rows, as SQL. Executes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.server.errors import query_invalid
from sandbox.server.queries.checks import check_query, check_search, queried_column
from sandbox.server.queries.language import CONTAINS, TWO_VALUES, Query, cursor_of
from sandbox.server.values import numeric, parse_instant
from sandbox.storage.clock import stamp
from sandbox.storage.documents import SYSTEM_COLUMNS, column_path
from sandbox.storage.records import Row, StoredColumn, StoredTable

COMPARISONS = {"lessThan": "<", "lessThanEqual": "<=", "greaterThan": ">", "greaterThanEqual": ">="}


@dataclass
class Plan:
    """What a list of rows asks of SQLite."""

    where: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)
    updated_where: list[str] = field(default_factory=list)  # the conditions an index on $updatedAt can serve
    updated_arguments: list[Any] = field(default_factory=list)
    orders: list[tuple[str, str]] = field(default_factory=list)  # attribute, ASC or DESC
    random: bool = False
    limit: int | None = None
    offset: int = 0
    cursor: str | None = None
    before: bool = False
    select: list[str] | None = None

    def condition(self) -> str:
        return " AND ".join(self.where) or "1"


def plan_rows(table: StoredTable, queries: Sequence[Query]) -> Plan:
    """Check the queries against the table, in their order, and plan the SQL. Raises Failure."""
    plan = Plan()
    plan.cursor, plan.before = cursor_of(queries)
    for query in queries:
        check_query(table, query)
    for query in queries:
        check_search(table, query)
    for query in queries:
        match query.method:
            case "limit":
                plan.limit = plan.limit if plan.limit is not None else int(numeric(query.values[0]) or 0)
            case "offset":
                plan.offset = plan.offset or int(numeric(query.values[0]) or 0)
            case "cursorAfter" | "cursorBefore":
                pass
            case "orderAsc" | "orderDesc":
                plan.orders.append((query.attribute, "ASC" if query.method == "orderAsc" else "DESC"))
            case "orderRandom":
                plan.random = True
            case "select":
                plan.select = [*(plan.select or []), *query.values]
            case _:
                sql, arguments = _filter(table, query)
                plan.where.append(sql)
                plan.arguments += arguments
                if query.attribute == "$updatedAt" and query.method in (*COMPARISONS, "between", "equal"):
                    plan.updated_where.append(sql)
                    plan.updated_arguments += arguments
    return plan


def expression(table: StoredTable, attribute: str) -> str:
    """The SQL of an attribute, with the collation that ignores case where it is text."""
    if attribute in SYSTEM_COLUMNS:
        return SYSTEM_COLUMNS[attribute]
    column = table.columns[attribute]
    return column_path(attribute) + (" COLLATE NOCASE" if column.is_text else "")


def _filter(table: StoredTable, query: Query) -> tuple[str, list[Any]]:
    method = query.method
    if method in ("and", "or"):
        parts = [_filter(table, inner) for inner in query.values]
        return f"({f' {method.upper()} '.join(p[0] for p in parts)})", [a for p in parts for a in p[1]]
    column = queried_column(table, query.attribute)
    sql = expression(table, query.attribute)
    arguments = [_argument(column, value) for value in query.values]
    if method == "equal":
        if len(arguments) == 1:
            return f"{sql} = ?", arguments
        return f"{sql} IN (SELECT value FROM json_each(?))" if len(arguments) > 500 else (
            f"{sql} IN ({','.join('?' * len(arguments))})"
        ), [json.dumps(arguments)] if len(arguments) > 500 else arguments  # fmt: skip
    if method in COMPARISONS:
        return f"{sql} {COMPARISONS[method]} ?", arguments
    if method in ("isNull", "isNotNull"):
        return f"{sql} IS {'NOT ' if method == 'isNotNull' else ''}NULL", []
    if method in CONTAINS and column.array:
        return _array_filter(method, query.attribute, arguments)
    if method in CONTAINS:
        word = "NOT LIKE" if method == "notContains" else "LIKE"
        joined = " AND " if method in ("notContains", "containsAll") else " OR "
        like = joined.join([f"{sql} {word} ? ESCAPE '\\'"] * len(arguments))
        return f"({like})", [f"%{_like(a)}%" for a in arguments]
    simple: dict[str, tuple[str, Callable[[Any], Any]]] = {
        "notEqual": (f"{sql} != ?", lambda a: a),
        "startsWith": (f"{sql} LIKE ? ESCAPE '\\'", lambda a: f"{_like(a)}%"),
        "notStartsWith": (f"{sql} NOT LIKE ? ESCAPE '\\'", lambda a: f"{_like(a)}%"),
        "endsWith": (f"{sql} LIKE ? ESCAPE '\\'", lambda a: f"%{_like(a)}"),
        "notEndsWith": (f"{sql} NOT LIKE ? ESCAPE '\\'", lambda a: f"%{_like(a)}"),
        "search": (f"fulltext({sql}, ?)", lambda a: a),
        "notSearch": (f"NOT fulltext({sql}, ?)", lambda a: a),
        "regex": (f"regexp(?, {sql})", lambda a: a),
    }
    if method in simple:
        template, convert = simple[method]
        return template, [convert(a) for a in arguments]
    if method in TWO_VALUES:
        return f"{sql} {'NOT ' if method == 'notBetween' else ''}BETWEEN ? AND ?", arguments
    raise query_invalid(f"Invalid query method: {method}")


def _array_filter(method: str, attribute: str, arguments: list[Any]) -> tuple[str, list[Any]]:
    path = f"'$.\"{attribute}\"'"
    marks = ",".join("?" * len(arguments))
    inside = f"(SELECT value FROM json_each(doc, {path}))"
    if method == "containsAll":
        return " AND ".join(f"? IN {inside}" for _ in arguments), arguments
    some = f"EXISTS (SELECT 1 FROM json_each(doc, {path}) WHERE value IN ({marks}))"
    if method == "notContains":
        return f"(json_extract(doc, {path}) IS NOT NULL AND NOT {some})", arguments
    return some, arguments


def _argument(column: StoredColumn, value: Any) -> Any:
    if column.kind == "datetime":
        at = parse_instant(value)
        return stamp(at) if at else value
    if column.kind == "sequence":
        return int(numeric(value) or 0)
    if isinstance(value, list):  # of a spatial column, which is kept as JSON
        return json.dumps(value, separators=(",", ":"))
    return value


def _like(value: Any) -> str:
    return re.sub(r"([\\%_])", r"\\\1", str(value))


def order_of(plan: Plan) -> list[tuple[str, str]]:
    """The orders in force: those asked for, and $sequence last unless one of them is unique already."""
    orders = list(plan.orders)
    if not any(attribute in ("$id", "$sequence") for attribute, _ in orders):
        orders.append(("$sequence", "ASC"))
    return orders


def cursor_condition(table: StoredTable, plan: Plan, cursor: Row) -> tuple[str, list[Any], str | None]:
    """The rows past the cursor, as SQL; or the attribute whose null makes that impossible."""
    values = {
        **cursor.data, "$id": cursor.id, "$sequence": cursor.sequence, "$createdAt": cursor.created,
        "$updatedAt": cursor.updated,
    }  # fmt: skip
    parts: list[str] = []
    arguments: list[Any] = []
    orders = order_of(plan)
    for attribute, _ in orders:
        if values.get(attribute) is None:
            return "", [], attribute
    for place, (attribute, direction) in enumerate(orders):
        terms = [f"{expression(table, before)} = ?" for before, _ in orders[:place]]
        ascending = (direction == "ASC") != plan.before
        terms.append(f"{expression(table, attribute)} {'>' if ascending else '<'} ?")
        parts.append(f"({' AND '.join(terms)})")
        arguments += [values[name] for name, _ in orders[: place + 1]]
    return f"({' OR '.join(parts)})", arguments, None
