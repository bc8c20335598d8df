"""Whether a query fits a table, refused in the server's words where it does not. Asks no data."""

from __future__ import annotations

from typing import Any

from sandbox.server.columns import RELATIONSHIP, integer_bits
from sandbox.server.errors import query_invalid
from sandbox.server.queries.language import (
    CONTAINS,
    FILTERS,
    NULLS,
    ONE_VALUE,
    SOME_VALUES,
    SPATIAL,
    TWO_VALUES,
    Query,
)
from sandbox.server.values import INT64, is_int, is_number, numeric, parse_instant, range_rule
from sandbox.storage.records import StoredColumn, StoredTable

SELECTABLE = ("$id", "$sequence", "$createdAt", "$updatedAt", "$permissions", "$databaseId", "$tableId",
              "$collectionId", "*")  # fmt: skip

MAX_VALUES = 5000
SYSTEM_KINDS = {
    "$id": StoredColumn("$id", "string"),
    "$sequence": StoredColumn("$sequence", "sequence"),
    "$createdAt": StoredColumn("$createdAt", "datetime"),
    "$updatedAt": StoredColumn("$updatedAt", "datetime"),
}


def invalid(message: str) -> Exception:
    return query_invalid(f"Invalid query: {message}")


def check_query(table: StoredTable, query: Query) -> None:
    method = query.method
    if method in ("and", "or"):
        for inner in query.values:
            check_query(table, inner)
        if any(inner.method not in FILTERS for inner in query.values):
            raise invalid(f"{method.capitalize()} queries can only contain filter queries")
        if len(query.values) < 2:
            raise invalid(f"{method.capitalize()} queries require at least two queries")
        return
    if method in ("limit", "offset"):
        _check_paging(query)
    elif method in ("orderAsc", "orderDesc"):
        queried_column(table, query.attribute)
    elif method == "select":
        _check_select(table, query)
    elif method in FILTERS:
        _check_filter(table, query)
    elif method.startswith("vector"):
        queried_column(table, query.attribute)
        raise invalid("Vector queries can only be used on vector attributes")


def check_search(table: StoredTable, query: Query) -> None:
    """Looked at when all queries are found to be well formed. Raises Failure."""
    for inner in query.values if query.method in ("and", "or") else ():
        check_search(table, inner)
    if query.method in ("search", "notSearch") and not any(
        index.type == "fulltext" and query.attribute in index.columns for index in table.indexes.values()
    ):
        raise query_invalid(f'Searching by attribute "{query.attribute}" requires a fulltext index.')


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


def queried_column(table: StoredTable, attribute: str) -> StoredColumn:
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
    column = queried_column(table, attribute)
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
