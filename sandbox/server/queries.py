"""Appwrite's query language: texts → Query records → checked against a table → SQL. Executes nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from sandbox.server.errors import Failure, argument_invalid, cursor_missing, query_invalid
from sandbox.server.values import (
    INT64,
    RELATIONSHIP,
    UID_RULE,
    integer_bits,
    is_int,
    is_number,
    is_uid,
    numeric,
    parse_instant,
    range_rule,
)
from sandbox.store import SYSTEM_COLUMNS, Row, StoredColumn, StoredTable, column_path, stamp

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
COMPARISONS = {"lessThan": "<", "lessThanEqual": "<=", "greaterThan": ">", "greaterThanEqual": ">="}
SELECTABLE = ("$id", "$sequence", "$createdAt", "$updatedAt", "$permissions", "$databaseId", "$tableId",
              "$collectionId", "*")  # fmt: skip
MAX_VALUES = 5000
DEFAULT_LIMIT = 25
TOTAL_CAP = 5000
SYSTEM_KINDS = {
    "$id": StoredColumn("$id", "string"),
    "$sequence": StoredColumn("$sequence", "sequence"),
    "$createdAt": StoredColumn("$createdAt", "datetime"),
    "$updatedAt": StoredColumn("$updatedAt", "datetime"),
}


@dataclass(frozen=True)
class Query:
    method: str
    attribute: str = ""
    values: tuple[Any, ...] = ()


def _php_type(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "double", str: "string", list: "array", dict: "array"}
    return kinds.get(type(value), "NULL")


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


@dataclass
class Plan:
    """What a list of rows asks of SQLite."""

    where: list[str] = field(default_factory=list)
    arguments: list[Any] = field(default_factory=list)
    updated_where: list[str] = field(default_factory=list)  # the conditions an index on $updatedAt can serve
    updated_arguments: list[Any] = field(default_factory=list)
    only_updated: bool = True  # no other condition than those and on $sequence
    orders: list[tuple[str, str]] = field(default_factory=list)  # attribute, ASC or DESC
    random: bool = False
    limit: int | None = None
    offset: int = 0
    cursor: str | None = None
    before: bool = False
    select: list[str] | None = None

    def condition(self) -> str:
        return " AND ".join(self.where) or "1"


def invalid(message: str) -> Exception:
    return query_invalid(f"Invalid query: {message}")


def plan_rows(table: StoredTable, queries: Sequence[Query]) -> Plan:
    """Check the queries against the table, in their order, and plan the SQL. Raises Failure."""
    plan = Plan()
    plan.cursor, plan.before = cursor_of(queries)
    for query in queries:
        _check(table, query)
    for query in queries:
        _check_search(table, query)
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
                elif query.attribute != "$sequence":
                    plan.only_updated = False
    return plan


def cursor_of(queries: Sequence[Query]) -> tuple[str | None, bool]:
    """The id of the first cursor (None: there is none), and whether it is the end of the page. Raises Failure."""
    first = next((q for q in queries if q.method in ("cursorAfter", "cursorBefore")), None)
    if first is None:
        return None, False
    value = first.values[0] if first.values else None
    if not is_uid(value):
        raise query_invalid(f"Invalid cursor: {UID_RULE}")
    return value, first.method == "cursorBefore"


def _check_search(table: StoredTable, query: Query) -> None:
    """Looked at when all queries are found to be well formed. Raises Failure."""
    for inner in query.values if query.method in ("and", "or") else ():
        _check_search(table, inner)
    if query.method in ("search", "notSearch") and not any(
        index.type == "fulltext" and query.attribute in index.columns for index in table.indexes.values()
    ):
        raise query_invalid(f'Searching by attribute "{query.attribute}" requires a fulltext index.')


def _check(table: StoredTable, query: Query) -> None:
    method = query.method
    if method in ("and", "or"):
        for inner in query.values:
            _check(table, inner)
        if any(inner.method not in FILTERS for inner in query.values):
            raise invalid(f"{method.capitalize()} queries can only contain filter queries")
        if len(query.values) < 2:
            raise invalid(f"{method.capitalize()} queries require at least two queries")
        return
    if method in ("limit", "offset"):
        _check_paging(query)
    elif method in ("orderAsc", "orderDesc"):
        _column(table, query.attribute)
    elif method == "select":
        _check_select(table, query)
    elif method in FILTERS:
        _check_filter(table, query)
    elif method.startswith("vector"):
        _column(table, query.attribute)
        raise invalid("Vector queries can only be used on vector attributes")


def _check_paging(query: Query) -> None:
    value = query.values[0] if query.values else None
    number = numeric(value)
    if number is None:
        raise invalid(f"Invalid {query.method}: Value must be a valid number")
    low = 1 if query.method == "limit" else 0
    if not is_int(number) or not low <= number < INT64:
        raise invalid(f"Invalid {query.method}: {range_rule(low, INT64 - 1)}")


def _check_select(table: StoredTable, query: Query) -> None:
    if not query.values:
        raise invalid("No attributes selected")
    if any(isinstance(key, list | dict) for key in query.values):
        raise invalid("Attribute selection must be a string, got array")
    if len(set(map(str, query.values))) != len(query.values):
        raise invalid("Duplicate attributes selected")
    related = {column.key for column in table.columns.values() if column.kind == RELATIONSHIP}
    for key in query.values:
        if "." in str(key) and str(key).split(".")[0] in related:
            continue
        if key not in SELECTABLE and key not in table.columns:
            raise invalid(f"Attribute not found in schema: {str(key).split('.')[0]}")


def _column(table: StoredTable, attribute: str) -> StoredColumn:
    column = SYSTEM_KINDS.get(attribute) or table.columns.get(attribute)
    if column is None:
        raise invalid(f"Attribute not found in schema: {attribute.split('.')[0]}")
    if column.encrypt:
        raise invalid(f"Cannot query encrypted attribute: {attribute}")
    return column


def _check_filter(table: StoredTable, query: Query) -> None:
    method, values, attribute = query.method, query.values, query.attribute
    name = method[0].upper() + method[1:]
    if method == "elemMatch":
        raise invalid("elemMatch is not supported by the database")
    if method in (*SOME_VALUES, "exists", "notExists", *SPATIAL) and (not values or values[0] == []):
        raise invalid(f"{name} queries require at least one value.")
    if method in ONE_VALUE and len(values) != 1:
        raise invalid(f"{name} queries require exactly one value.")
    if method in TWO_VALUES and len(values) != 2:
        raise invalid(f"{name} queries require exactly two values.")
    column = _column(table, attribute)
    if method in ("exists", "notExists"):
        return
    if len(values) > MAX_VALUES:
        raise invalid(f"Query on attribute has greater than {MAX_VALUES} values: {attribute}")
    if method in SPATIAL and column.kind not in ("point", "line", "polygon"):
        raise invalid(f'Spatial query "{method}" cannot be applied on non-spatial attribute: {attribute}')
    for value in values:
        if not _accepts(column, value):
            raise invalid(f'Query value is invalid for attribute "{attribute}"')
    if method in CONTAINS and not column.array and not column.is_text:
        kind = "notContains" if method == "notContains" else "contains"
        raise invalid(
            f'Cannot query {kind} on attribute "{attribute}" because it is not an array, string, or object.'
        )
    if column.array and method not in (*CONTAINS, *NULLS):
        raise invalid(f'Cannot query {method} on attribute "{attribute}" because it is an array.')


def _accepts(column: StoredColumn, value: Any) -> bool:
    if column.kind == "sequence":
        number = numeric(value) if isinstance(value, str) or is_int(value) else None
        return is_int(number) and 1 <= number < INT64
    if column.is_text:
        return isinstance(value, str)
    if column.kind in ("integer", "bigint"):
        half = 2 ** (integer_bits(column) - 1)
        return is_int(value) and -half <= value < half
    if column.kind == "float":
        return is_number(value)
    if column.kind == "boolean":
        return isinstance(value, bool)
    if column.kind == "datetime":
        return parse_instant(value) is not None
    return isinstance(value, list)


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
    column = _column(table, query.attribute)
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


# -- lists of databases, tables, columns and indexes: small, in memory --


def check_catalogue(texts: Sequence[str], schema: StoredTable) -> list[Query]:
    """The queries of a list of catalogue entries, whose fields are the columns of ``schema``. Raises Failure.

    They are validated as a parameter: what is wrong is said of ``queries``, the parser's words within its own.
    """

    queries: list[Query] = []
    for text in texts:
        try:
            query = parse_queries([text])[0]
        except Failure as failure:
            raise argument_invalid("queries", f"Invalid query: {failure.message}") from None
        if query.method == "select" or query.method.startswith("vector"):
            raise argument_invalid("queries", f"Invalid query method: {query.method}")
        try:
            if query.method in ("cursorAfter", "cursorBefore"):
                cursor_of([query])
            else:
                _check(schema, query)
        except Failure as failure:
            told = failure.message
            within = told if told.startswith("Invalid query: ") else f"Invalid query: {told}"
            raise argument_invalid("queries", within) from None
        queries.append(query)
    return queries


def select_catalogue(
    items: Sequence[Mapping[str, Any]], queries: Sequence[Query], identity: str, label: str
) -> tuple[list[Mapping[str, Any]], int]:
    """Apply checked queries to a list of catalogue entries: those of the page, and how many there are in all."""
    chosen = list(items)
    orders = [q for q in queries if q.method in ("orderAsc", "orderDesc")]
    for query in reversed(orders):  # sorting is stable: the first order is the one that counts most
        down = query.method == "orderDesc"
        if query.attribute == "$sequence":
            chosen = chosen[::-1] if down else chosen
        else:
            key = query.attribute
            chosen.sort(key=lambda item: _sortable(item.get(key)), reverse=down)
    limits = [int(numeric(q.values[0]) or 0) for q in queries if q.method == "limit"]
    offsets = [int(numeric(q.values[0]) or 0) for q in queries if q.method == "offset"]
    limit, offset = (limits or [DEFAULT_LIMIT])[0], (offsets or [0])[0]
    chosen = [item for item in chosen if all(_holds(q, item) for q in queries if q.method in FILTERS)]
    total = len(chosen)
    wanted, before = cursor_of(queries)
    if wanted is not None:
        places = [n for n, item in enumerate(chosen) if item.get(identity) == wanted]
        if not places:
            raise cursor_missing(label, wanted)
        chosen = chosen[max(0, places[0] - limit) : places[0]] if before else chosen[places[0] + 1 :]
    return chosen[offset : offset + limit], min(total, TOTAL_CAP)


def _sortable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value.lower() if isinstance(value, str) else value or 0)


def _holds(query: Query, item: Mapping[str, Any]) -> bool:
    if query.method in ("and", "or"):
        return (all if query.method == "and" else any)(_holds(inner, item) for inner in query.values)
    value = item.get(query.attribute)
    values = [v.lower() if isinstance(v, str) else v for v in query.values]
    value = value.lower() if isinstance(value, str) else value
    match query.method:
        case "equal":
            return value in values
        case "notEqual":
            return value is not None and value not in values
        case "isNull":
            return value is None
        case "isNotNull":
            return value is not None
        case "startsWith":
            return isinstance(value, str) and value.startswith(str(values[0]))
        case "endsWith":
            return isinstance(value, str) and value.endswith(str(values[0]))
        case "contains" | "containsAny" | "search":
            return isinstance(value, str | list) and any(v in value for v in values)
        case "lessThan":
            return value is not None and value < values[0]
        case "lessThanEqual":
            return value is not None and value <= values[0]
        case "greaterThan":
            return value is not None and value > values[0]
        case "greaterThanEqual":
            return value is not None and value >= values[0]
        case "between":
            return value is not None and values[0] <= value <= values[1]
        case "notBetween":
            return value is not None and not values[0] <= value <= values[1]
        case "notStartsWith":
            return isinstance(value, str) and not value.startswith(str(values[0]))
        case "notEndsWith":
            return isinstance(value, str) and not value.endswith(str(values[0]))
        case "notContains" | "notSearch":
            return isinstance(value, str | list) and all(v not in value for v in values)
        case "containsAll":
            return isinstance(value, str | list) and all(v in value for v in values)
        case "regex":
            return (
                isinstance(value, str) and re.search(str(query.values[0]), value, re.IGNORECASE) is not None
            )
        case method:
            raise query_invalid(f"Invalid query method: {method}")
