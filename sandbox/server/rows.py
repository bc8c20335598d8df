"""How rows are read and changed: list, get, create, update, upsert, delete, increment. No HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from sandbox.server import errors
from sandbox.server.errors import Failure, Words
from sandbox.server.queries import (
    DEFAULT_LIMIT,
    TOTAL_CAP,
    Plan,
    Query,
    cursor_condition,
    cursor_of,
    expression,
    order_of,
    parse_queries,
    plan_rows,
)
from sandbox.server.relations import Related
from sandbox.server.values import (
    KEY_RULE,
    aggregate,
    is_key,
    numeric,
    parse_instant,
    permission_refusal,
    stored_value,
    structure_refusal,
)
from sandbox.store import (
    UPDATED_INDEX_REACH,
    DuplicateRow,
    Row,
    Store,
    StoredTable,
    parse_row,
    plain_number,
    row_text,
    stamp,
    unique_id,
)

BATCH = 100
ROW_PERMISSIONS = ("read", "update", "delete")
_TABLE_HEAD = len(b'{"$tableId"')


def served(words: Words, text: bytes | str) -> bytes:
    """A stored text under the names of one API."""
    raw = text.encode() if isinstance(text, str) else text
    return raw if words.api == "tablesdb" else b'{"$collectionId"' + raw[_TABLE_HEAD:]


class Rows:
    """The rows of one table, for one caller's API words."""

    def __init__(self, store: Store, table: StoredTable, words: Words) -> None:
        self.store, self.table, self.words = store, table, words
        # taken out of what a request gives; the other API's name of the table is an attribute nobody knows
        self._read_only = ("$databaseId", f"${words.table_id}", "$sequence", "$collection")
        # what stands for an array that was never given: kept as null, served as an empty list
        self._unset_arrays = [f',"{c.key}":null'.encode() for c in table.columns.values() if c.array]
        self._related = Related(store, table, lambda text: served(words, text))

    def served(self, text: bytes | str) -> bytes:
        """A stored text as this table's API serves it."""
        raw = served(self.words, text)
        for unset in self._unset_arrays:
            raw = raw.replace(unset, unset[:-4] + b"[]", 1)
        return raw

    def served_list(self, texts: Sequence[bytes | str], total: int) -> bytes:
        joined = b",".join([self.served(text) for text in texts])
        return b'{"total":%d,"%s":[%s]}' % (total, self.words.rows.encode(), joined)

    # -- reading --

    def get(self, identity: str, queries: Sequence[str] = (), role: str | None = None) -> bytes:
        text = self.store.get_text(self.table, identity)
        if text is None or (role and not _may_read(parse_row(text), role)):
            raise errors.row_missing(self.words, identity)
        parsed = parse_queries(queries)
        for query in parsed:
            if query.method != "select":
                raise errors.query_invalid(f"Invalid query method: {query.method}")
        plan = plan_rows(self.table, parsed)
        if self._related.columns:
            text = self._related.single(text, plan.select or ())
        elif plan.select:
            text = _projected(text, plan.select)
        return self.served(text)

    def check_cursor(self, queries: Sequence[Query]) -> None:
        """A cursor is looked up before the other queries are looked at. Raises Failure where its row is gone."""
        cursor, _ = cursor_of(queries)
        if cursor is not None and self.store.get_text(self.table, cursor) is None:
            raise errors.cursor_missing(self.words.row.title(), cursor)

    def list(self, texts: Sequence[str], count_total: bool, role: str | None = None) -> bytes:
        plan = plan_rows(self.table, parse_queries(texts))
        return self.listed(plan, count_total, role)

    def listed(self, plan: Plan, count_total: bool, role: str | None = None) -> bytes:
        if role is not None:
            plan.where.append("instr(doc, ?) > 0")
            plan.arguments.append(f'read(\\"{role}\\")')
            plan.only_updated = False
        texts = self.page(plan)
        if self._related.columns:
            texts = [self._related.listed(text, plan.select or ()) for text in texts]
        elif plan.select and not (set(plan.select) & {"*"}) and not all(key[0] == "$" for key in plan.select):
            texts = [_projected(text, plan.select) for text in texts]
        total = self.total(plan) if count_total else 0
        return self.served_list(texts, total)

    def total(self, plan: Plan) -> int:
        capped = f"SELECT 1 FROM {self.table.sql} WHERE {plan.condition()} LIMIT {TOTAL_CAP}"
        return self.store.reader().execute(f"SELECT count(*) FROM ({capped})", plan.arguments).fetchone()[0]

    def page(
        self, plan: Plan, default_limit: int | None = DEFAULT_LIMIT, what: str | None = None
    ) -> list[Any]:
        """The texts (or ``what``) of one page, in order."""
        table, reader = self.table, self.store.reader()
        condition, arguments = plan.condition(), list(plan.arguments)
        if plan.cursor is not None:
            cursor = self.store.get(table, plan.cursor)
            if cursor is None:
                raise errors.cursor_missing(self.words.row.title(), plan.cursor)
            past, extra, empty = cursor_condition(table, plan, cursor)
            if empty is not None:
                column, rows = self.words.column, self.words.rows
                raise Failure(
                    400,
                    "database_query_order_null",
                    f"The order {column} '{empty}' had a null value. Cursor pagination requires all {rows} "
                    f"order {column} values are non-null.",
                )
            condition += f" AND {past}"
            arguments += extra
        orders = order_of(plan)
        if plan.random:
            order = "random()"
        else:
            order = ", ".join(
                f"{expression(table, attribute)} {direction if not plan.before else _flipped(direction)}"
                for attribute, direction in orders
            )
        limit = plan.limit if plan.limit is not None else default_limit
        if what is None:
            system_only = bool(plan.select) and all(k[0] == "$" for k in plan.select or ())
            what = "substr(doc, 1, cut) || '}'" if system_only else "doc"
        window = f"LIMIT {-1 if limit is None else limit} OFFSET {plan.offset}"
        if (
            plan.updated_where
            and orders == [("$sequence", "ASC")]
            and not plan.random
            and plan.cursor is None
        ):
            reach = reader.execute(
                f"SELECT count(*) FROM (SELECT 1 FROM {table.sql} INDEXED BY {table.sql}_updated WHERE "
                f"{' AND '.join(plan.updated_where)} LIMIT {UPDATED_INDEX_REACH + 1})",
                plan.updated_arguments,
            ).fetchone()[0]
            if reach <= UPDATED_INDEX_REACH:
                source = f"{table.sql} INDEXED BY {table.sql}_updated"
                inner = f"SELECT seq FROM {source} WHERE {condition} ORDER BY seq {window}"
                sql = f"SELECT {what} FROM {table.sql} WHERE seq IN ({inner}) ORDER BY seq"
            else:
                sql = f"SELECT {what} FROM {table.sql} NOT INDEXED WHERE {condition} ORDER BY seq {window}"
        else:
            sql = f"SELECT {what} FROM {table.sql} WHERE {condition} ORDER BY {order} {window}"
        found = [row[0] for row in reader.execute(sql, arguments)]
        return found[::-1] if plan.before else found

    # -- writing --

    def _now(self) -> str:
        return stamp(self.store.clock.now())

    def _writable(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in given.items() if k not in self._read_only}

    def new_row(self, identity: str, given: Mapping[str, Any], permissions: Sequence[str]) -> Row:
        """A row to create from what a request gives. Raises Failure where it does not fit the table."""
        columns = self.table.columns
        given = self._writable(given)
        data = {c.key: c.default for c in columns.values()}
        for key, value in given.items():
            if key in columns:
                data[key] = value
        why = structure_refusal(columns, data, given)
        if why:
            raise errors.row_invalid(self.words, why)
        now = self._now()
        kept = {key: plain_number(stored_value(columns[key], value)) for key, value in data.items()}
        created, updated = _instant(given, "$createdAt", now), _instant(given, "$updatedAt", now)
        return Row(
            unique_id() if identity == "unique()" else identity, kept, created, updated, list(permissions)
        )

    def create(self, identity: str, given: Mapping[str, Any], permissions: Sequence[str]) -> bytes:
        row = self.new_row(identity, given, permissions)
        try:
            return self._written(self.store.insert(self.table, [row])[0])
        except DuplicateRow:
            raise errors.row_exists(self.words, identity) from None

    def create_many(self, given: Sequence[Mapping[str, Any]]) -> bytes:
        self._one_by_one("create", self.words.columns)
        rows: list[Row] = []
        for item in given:
            identity = item.get("$id", "unique()")
            if identity != "unique()" and not is_key(identity):
                raise errors.bad_request(KEY_RULE)
            rows.append(self.new_row(identity, item, _item_permissions(item) or []))
        try:
            return self.served_list(self.store.insert(self.table, rows), len(rows))
        except DuplicateRow:
            raise errors.row_exists(self.words, "") from None

    def changed(
        self, row: Row, given: Mapping[str, Any], permissions: Sequence[str] | None, partial: bool
    ) -> Row | None:
        """The row after a change, or None where nothing differs. Raises Failure where it does not fit."""
        columns = self.table.columns
        given = {k: v for k, v in given.items() if k not in (*self._read_only, "$id", "$permissions")}
        data = dict(row.data)
        for key, value in given.items():
            if key in columns:
                data[key] = value
        why = structure_refusal(columns, data, given, partial)
        if why:
            raise errors.row_invalid(self.words, why)
        for key in given:
            if key in columns:
                data[key] = plain_number(stored_value(columns[key], data[key]))
        created = _instant(given, "$createdAt", row.created)
        updated = _instant(given, "$updatedAt", row.updated)
        rights = list(row.permissions if permissions is None else permissions)
        if (data, created, updated, rights) == (row.data, row.created, row.updated, row.permissions):
            return None
        if given.get("$updatedAt") is None:
            updated = self._now()
        return Row(row.id, data, created, updated, rights, row.sequence)

    def update(self, identity: str, given: Mapping[str, Any], permissions: Sequence[str] | None) -> bytes:
        with self.store.writing():
            row = self.store.get_for_update(self.table, identity)
            if row is None:
                raise errors.row_missing(self.words, identity)
            after = self.changed(row, given, permissions, partial=False)
            return self._written(self._write(identity, after or row, write=after is not None))

    def _written(self, text: str) -> bytes:
        """A row as a write answers it."""
        return self.served(self._related.written(text) if self._related.columns else text)

    def _one_by_one(self, action: str, what: str) -> None:
        """Rows of a table with relationships are not changed in bulk."""
        if self._related.columns:
            raise errors.bad_request(
                f"Bulk {action} is not supported for {self.words.sdk} with relationship {what}"
            )

    def _write(self, identity: str, row: Row, write: bool = True) -> str:
        if not write:
            return row_text(self.table, row)[0]
        try:
            return self.store.replace(self.table, [row])[0]
        except DuplicateRow:
            raise errors.row_exists(self.words, identity) from None

    def upsert(self, identity: str, given: Mapping[str, Any], permissions: Sequence[str] | None) -> bytes:
        with self.store.writing():
            text, _ = self._upsert_one(identity, given, permissions)
        return self._written(text)

    def _upsert_one(
        self, identity: str, given: Mapping[str, Any], permissions: Sequence[str] | None
    ) -> tuple[str, bool]:
        row = None if identity == "unique()" else self.store.get_for_update(self.table, identity)
        if row is None:
            new = self.new_row(identity, given, permissions or [])
            try:
                return self.store.insert(self.table, [new])[0], True
            except DuplicateRow:
                raise errors.row_exists(self.words, identity) from None
        for column in self.table.columns.values():
            if column.required and given.get(column.key) is None:
                raise errors.row_invalid(self.words, f'Missing required attribute "{column.key}"')
        after = self.changed(row, given, permissions, partial=False)
        return self._write(identity, after or row, write=after is not None), after is not None

    def upsert_many(self, given: Sequence[Mapping[str, Any]]) -> bytes:
        texts: list[str] = []
        with self.store.writing():
            for item in given:
                identity = item.get("$id", "unique()")
                if identity != "unique()" and not is_key(identity):
                    raise errors.row_invalid(self.words, f'Attribute "$id" has invalid type. {KEY_RULE}')
                text, changed = self._upsert_one(identity, item, _item_permissions(item))
                if changed:
                    texts.append(text)
        return self.served_list(texts, len(texts))

    def _matching(self, texts: Sequence[str]) -> list[Row]:
        """The rows a bulk change is about (call it inside a write transaction)."""
        plan = plan_rows(self.table, parse_queries(texts))
        found = self.page(plan, default_limit=None, what="seq")
        rows: list[Row] = []
        for sequence in found:
            text = self.store.reader().execute(f"SELECT doc FROM {self.table.sql} WHERE seq = ?", (sequence,))
            row = text.fetchone()
            if row is not None:
                rows.append(parse_row(row[0]))
        return rows

    def update_many(self, given: Mapping[str, Any], texts: Sequence[str]) -> bytes:
        self._one_by_one("update", "attributes")
        with self.store.writing():
            why = structure_refusal(self.table.columns, {}, self._writable(given), partial=True)
            rows = self._matching(texts)
            if why:
                raise errors.row_invalid(self.words, why)
            permissions = _item_permissions(given)
            answered: list[str] = []

            for row in rows:
                after = self.changed(row, given, permissions, partial=True)
                text = self._write(row.id, after) if after else row_text(self.table, row)[0]
                if len(answered) < BATCH:
                    answered.append(text)
        return self.served_list(answered, len(rows))

    def delete(self, identity: str) -> None:
        with self.store.writing():
            row = self.store.get_for_update(self.table, identity)
            if row is None:
                raise errors.row_missing(self.words, identity)
            self.store.delete(self.table, [row.sequence])

    def delete_many(self, texts: Sequence[str]) -> bytes:

        with self.store.writing():
            rows = self._matching(texts)
            self.store.delete(self.table, [row.sequence for row in rows])
        return self.served_list([row_text(self.table, row)[0] for row in rows[:BATCH]], len(rows))

    def increment(self, identity: str, key: str, value: Any, limit: Any, sign: int) -> bytes:
        number, bound = numeric(value), numeric(limit) if limit is not None else None
        if number is None or number <= 0:
            raise Failure(400, "general_argument_invalid", "Value must be numeric and greater than 0")
        column = self.table.columns.get(key)
        if column is None:
            raise errors.column_missing(self.words, "%s")
        if column.kind not in ("integer", "bigint", "float") or column.array:
            raise Failure(400, "attribute_type_invalid", f'{self.words.sdk} "{key}" is not a number')
        with self.store.writing():
            row = self.store.get_for_update(self.table, identity)
            if row is None:
                raise errors.column_missing(self.words, "%s")
            result = (row.data.get(key) or 0) + sign * number
            if bound is not None and ((sign > 0 and result > bound) or (sign < 0 and result < bound)):
                edge = "maximum" if sign > 0 else "minimum"
                raise errors.column_failure(
                    self.words,
                    "limit_exceeded",
                    f'{self.words.sdk} "{key}" has reached the {edge} value of {bound}',
                )
            row.data[key] = plain_number(result)
            row.updated = self._now()
            return self._written(self.store.replace(self.table, [row])[0])


def _may_read(row: Row, role: str) -> bool:
    return f'read("{role}")' in row.permissions


def _flipped(direction: str) -> str:
    return "DESC" if direction == "ASC" else "ASC"


def _instant(given: Mapping[str, Any], key: str, otherwise: str) -> str:
    value = given.get(key)
    at = parse_instant(value) if value is not None else None
    return stamp(at) if at else otherwise


def _item_permissions(item: Mapping[str, Any]) -> list[str] | None:
    permissions = item.get("$permissions")
    if not permissions:
        return None
    why = permission_refusal(permissions, ("create", "read", "update", "delete", "write"))
    if why:
        raise errors.bad_request(why)
    return aggregate(permissions, ROW_PERMISSIONS)


def _projected(text: bytes | str, keys: Sequence[str]) -> bytes:
    if "*" in keys:
        return text.encode() if isinstance(text, str) else text
    document = orjson.loads(text)
    return orjson.dumps({k: v for k, v in document.items() if k[0] == "$" or k in keys})
