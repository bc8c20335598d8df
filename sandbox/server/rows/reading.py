"""How rows are read: one by its id, or a page of a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from sandbox.server import errors
from sandbox.server.apis import Words
from sandbox.server.columns import RELATIONSHIP
from sandbox.server.errors import Failure
from sandbox.server.queries.language import DEFAULT_LIMIT, FILTERS, TOTAL_CAP, Query, cursor_of, parse_queries
from sandbox.server.queries.plan import Plan, cursor_condition, expression, order_of, plan_rows
from sandbox.server.rows.rendering import Rendering
from sandbox.storage.documents import parse_row
from sandbox.storage.records import Row, StoredTable
from sandbox.storage.store import Store

UPDATED_INDEX_REACH = 20_000  # rows; more than that and a scan by $sequence beats the index on $updatedAt


class RowReader:
    """Reads the rows of one table, for one caller's API words."""

    def __init__(self, store: Store, table: StoredTable, words: Words) -> None:
        self.store, self.table, self.words = store, table, words
        self.rendering = Rendering(store, table, words)

    def get(self, identity: str, queries: Sequence[str] = (), roles: Sequence[str] | None = None) -> bytes:
        """One row, with what of it is selected. Raises Failure where it is not there, or not for these roles."""
        text = self.store.get_text(self.table, identity)
        if text is None or (roles is not None and not _may_read(parse_row(text), roles)):
            raise errors.row_missing(self.words, identity)
        parsed = parse_queries(queries)
        for query in parsed:
            if query.method != "select":
                raise errors.query_invalid(f"Invalid query method: {query.method}")
        plan = plan_rows(self.table, parsed)
        if self.rendering.related.columns:
            text = self.rendering.related.single(text, plan.select or ())
        elif plan.select:
            text = _projected(text, plan.select)
        return self.rendering.served(text)

    def holds(self, identity: str) -> bool:
        return self.store.get_text(self.table, identity) is not None

    def check_cursor(self, queries: Sequence[Query]) -> None:
        """A cursor is looked up before the other queries are looked at. Raises Failure where its row is gone."""
        cursor, _ = cursor_of(queries)
        if cursor is not None and self.store.get_text(self.table, cursor) is None:
            raise errors.cursor_missing(self.words.row.title(), cursor)

    def planned(self, queries: Sequence[Query]) -> Plan:
        """The plan of a list; filters by an attribute of a related row (``guest.name``) are among them."""
        own, others = [], []
        for query in queries:
            column = self.table.columns.get(query.attribute.partition(".")[0])
            is_related = column is not None and column.kind == RELATIONSHIP and "." in query.attribute
            (others if is_related and query.method in FILTERS else own).append(query)
        plan = plan_rows(self.table, own)
        for query in others:
            key, _, attribute = query.attribute.partition(".")
            other = self.rendering.related.table_of(self.table.columns[key])
            inner = plan_rows(other, [replace(query, attribute=attribute)])
            ids = f"SELECT id FROM {other.sql} WHERE {inner.condition()}"
            plan.where.append(f"EXISTS (SELECT 1 FROM json_each(doc, '$.\"{key}\"') WHERE value IN ({ids}))")
            plan.arguments += inner.arguments
        return plan

    def listed(self, plan: Plan, count_total: bool, roles: Sequence[str] | None = None) -> bytes:
        """A page as a list answers it. ``roles``: only rows that name one of them are read."""
        if roles is not None:
            plan.where.append(f"({' OR '.join(['instr(substr(doc, 1, cut), ?)'] * len(roles))})")
            plan.arguments += [f'"read(\\"{role}\\")"' for role in roles]
        texts = self.page(plan)
        if self.rendering.related.columns:
            texts = [self.rendering.related.listed(text, plan.select or ()) for text in texts]
        elif plan.select and not (set(plan.select) & {"*"}) and not all(key[0] == "$" for key in plan.select):
            texts = [_projected(text, plan.select) for text in texts]
        total = self.total(plan) if count_total else 0
        return self.rendering.served_list(texts, total)

    def total(self, plan: Plan) -> int:
        """How many rows the plan holds, up to where Appwrite stops counting."""
        capped = f"SELECT 1 FROM {self.table.sql} WHERE {plan.condition()} LIMIT {TOTAL_CAP}"
        return self.store.reader().execute(f"SELECT count(*) FROM ({capped})", plan.arguments).fetchone()[0]

    def page(
        self, plan: Plan, default_limit: int | None = DEFAULT_LIMIT, what: str | None = None
    ) -> list[Any]:
        """The texts (or ``what``) of one page, in order. Raises Failure where the cursor leads nowhere."""
        condition, arguments = plan.condition(), list(plan.arguments)
        if plan.cursor is not None:
            past, extra = self._past(plan, plan.cursor)
            condition += f" AND {past}"
            arguments += extra
        limit = plan.limit if plan.limit is not None else default_limit
        if what is None:
            system_only = bool(plan.select) and all(k[0] == "$" for k in plan.select or ())
            what = "substr(doc, 1, cut) || '}'" if system_only else "doc"
        window = f"LIMIT {-1 if limit is None else limit} OFFSET {plan.offset}"
        sql = f"SELECT {what} FROM {self._source(plan, condition, window)}"
        found = [row[0] for row in self.store.reader().execute(sql, arguments)]
        return found[::-1] if plan.before else found

    def _past(self, plan: Plan, identity: str) -> tuple[str, list[Any]]:
        """The rows past the cursor's, as SQL."""
        cursor = self.store.get(self.table, identity)
        if cursor is None:
            raise errors.cursor_missing(self.words.row.title(), identity)
        past, arguments, empty = cursor_condition(self.table, plan, cursor)
        if empty is not None:
            column, rows = self.words.column, self.words.rows
            raise Failure(
                400,
                "database_query_order_null",
                f"The order {column} '{empty}' had a null value. Cursor pagination requires all {rows} "
                f"order {column} values are non-null.",
            )
        return past, arguments

    def _source(self, plan: Plan, condition: str, window: str) -> str:
        """Where the page's rows come from, in its order: what follows FROM."""
        rows = self.table.sql
        orders = order_of(plan)
        by_sequence = orders == [("$sequence", "ASC")] and not plan.random and plan.cursor is None
        if by_sequence and plan.updated_where:
            if self._few_updated(plan):
                inner = f"SELECT seq FROM {rows} INDEXED BY {rows}_updated WHERE {condition} ORDER BY seq {window}"
                return f"{rows} WHERE seq IN ({inner}) ORDER BY seq"
            return f"{rows} NOT INDEXED WHERE {condition} ORDER BY seq {window}"
        order = "random()"
        if not plan.random:
            order = ", ".join(
                f"{expression(self.table, attribute)} {direction if not plan.before else _flipped(direction)}"
                for attribute, direction in orders
            )
        return f"{rows} WHERE {condition} ORDER BY {order} {window}"

    def _few_updated(self, plan: Plan) -> bool:
        """Whether the range of $updatedAt that is asked for holds so few rows that its index is the shorter way."""
        reach = f"LIMIT {UPDATED_INDEX_REACH + 1}"
        ranged = f"INDEXED BY {self.table.sql}_updated WHERE {' AND '.join(plan.updated_where)}"
        sql = f"SELECT count(*) FROM (SELECT 1 FROM {self.table.sql} {ranged} {reach})"
        return self.store.reader().execute(sql, plan.updated_arguments).fetchone()[0] <= UPDATED_INDEX_REACH


def _may_read(row: Row, roles: Sequence[str]) -> bool:
    return any(f'read("{role}")' in row.permissions for role in roles)


def _flipped(direction: str) -> str:
    return "DESC" if direction == "ASC" else "ASC"


def _projected(text: bytes | str, keys: Sequence[str]) -> bytes:
    if "*" in keys:
        return text.encode() if isinstance(text, str) else text
    document = orjson.loads(text)
    return orjson.dumps({k: v for k, v in document.items() if k[0] == "$" or k in keys})
