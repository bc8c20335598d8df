"""Queries of a list of databases, tables, columns or indexes: small, so carried out in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from sandbox.server.errors import Failure, argument_invalid, cursor_missing, query_invalid
from sandbox.server.queries.checks import check_query
from sandbox.server.queries.language import DEFAULT_LIMIT, FILTERS, TOTAL_CAP, Query, cursor_of, parse_queries
from sandbox.server.values import numeric
from sandbox.storage.records import StoredTable


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
                check_query(schema, query)
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
    chosen = [item for item in chosen if all(holds(q, item) for q in queries if q.method in FILTERS)]
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


def holds(query: Query, item: Mapping[str, Any]) -> bool:
    if query.method in ("and", "or"):
        return (all if query.method == "and" else any)(holds(inner, item) for inner in query.values)
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
