"""How rows are changed: created, updated, upserted, deleted, incremented."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sandbox.server import errors
from sandbox.server.apis import Words
from sandbox.server.columns import kept_as_given, stored_value, structure_refusal
from sandbox.server.errors import Failure
from sandbox.server.permissions import aggregate, permission_refusal
from sandbox.server.queries.language import cursor_of, parse_queries
from sandbox.server.queries.plan import plan_rows
from sandbox.server.rows.reading import RowReader
from sandbox.server.rows.rendering import Rendering
from sandbox.server.values import KEY_RULE, is_key, is_served_instant, numeric, parse_instant
from sandbox.storage.clock import stamp, unique_id
from sandbox.storage.documents import parse_row, plain_number, row_text
from sandbox.storage.records import DuplicateRow, NotUnique, Row, StoredColumn, StoredTable
from sandbox.storage.store import Store

BATCH = 100
ROW_PERMISSIONS = ("read", "update", "delete")


class RowWriter:
    """Changes the rows of one table, for one caller's API words."""

    def __init__(self, store: Store, table: StoredTable, words: Words) -> None:
        self.store, self.table, self.words = store, table, words
        self.rendering = Rendering(store, table, words)
        self._reader = RowReader(store, table, words)
        self.guard: Callable[[Row], None] | None = (
            None  # asked of each row before it is changed (not added to)
        )
        # taken out of what a request gives; the other API's name of the table is an attribute nobody knows
        self._read_only = ("$databaseId", f"${words.table_id}", "$sequence", "$collection")

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
            if key in columns and value is not None:  # of a new row null is what was not given
                data[key] = value
        sure = {key for key, value in data.items() if kept_as_given(columns[key], value)}
        why = structure_refusal(columns, data, given, sure=sure)
        if why:
            raise errors.row_invalid(self.words, why)
        now = self._now()
        kept = {
            key: value if key in sure else plain_number(stored_value(columns[key], value))
            for key, value in data.items()
        }
        created, updated = _instant(given, "$createdAt", now), _instant(given, "$updatedAt", now)
        return Row(
            unique_id() if identity == "unique()" else identity, kept, created, updated, list(permissions)
        )

    def create(self, identity: str, given: Mapping[str, Any], permissions: Sequence[str]) -> bytes:
        """Create one; the row as served. Raises Failure."""
        with self.store.writing():
            self._write_related(given)
            row = self.new_row(identity, given, permissions)
            return self.rendering.written(self._insert([row], identity)[0])

    def _write_related(self, given: Mapping[str, Any]) -> None:
        """Make, or change, the related rows that are given whole within one. Raises Failure."""
        for column in self.rendering.related.columns:
            value = given.get(column.key)
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict) and isinstance(item.get("$id"), str) and len(item) > 1:
                    other = RowWriter(self.store, self.rendering.related.table_of(column), self.words)
                    inner = {key: inner for key, inner in item.items() if key != "$id"}
                    other.upsert(item["$id"], inner, _item_permissions(item))

    def _insert(self, rows: Sequence[Row], identity: str) -> list[str]:
        """Their texts as served. Raises Failure where one of them cannot be."""
        try:
            with self.store.writing():
                self.store.count_written(self.table, "created", len(rows))
                return self.store.insert(self.table, rows)
        except DuplicateRow:
            raise errors.row_exists(self.words, identity) from None
        except NotUnique:
            raise errors.row_not_unique(self.words) from None

    def create_many(self, given: Sequence[Mapping[str, Any]]) -> bytes:
        """Create all or none. Raises Failure."""
        self._one_by_one("create", self.words.columns)
        rows: list[Row] = []
        for item in given:
            identity = item.get("$id", "unique()")
            if identity != "unique()" and not is_key(identity):
                raise errors.bad_request(KEY_RULE)
            rows.append(self.new_row(identity, item, _item_permissions(item) or []))
        return self.rendering.served_list(self._insert(rows, ""), len(rows))

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
        sure = {key for key, value in data.items() if key in columns and kept_as_given(columns[key], value)}
        why = structure_refusal(columns, data, given, partial, sure)
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

    def update(
        self,
        identity: str,
        given: Mapping[str, Any],
        permissions: Sequence[str] | None,
        seen: datetime | None = None,
    ) -> bytes:
        """Change one, if it is no newer than ``seen``; the row as served. Raises Failure."""
        with self.store.writing():
            row = self._standing(identity, seen)
            self._write_related(given)
            after = self.changed(row, given, permissions, partial=False)
            return self.rendering.written(self._write(after or row, write=after is not None))

    def _one_by_one(self, action: str, what: str) -> None:
        """Rows of a table with relationships are not changed in bulk."""
        if self.rendering.related.columns:
            raise errors.bad_request(
                f"Bulk {action} is not supported for {self.words.sdk} with relationship {what}"
            )

    def _write(self, row: Row, write: bool = True) -> str:
        if not write:
            return row_text(self.table, row)[0]
        try:
            self.store.count_written(self.table, "changed", 1)
            return self.store.replace(self.table, [row])[0]
        except NotUnique:
            raise errors.row_not_unique(self.words) from None

    def upsert(self, identity: str, given: Mapping[str, Any], permissions: Sequence[str] | None) -> bytes:
        """Change one, or create it. Raises Failure."""
        with self.store.writing():
            self._write_related(given)
            text, changed = self._upsert_one(identity, given, permissions)
            if (
                not changed and given.get("$updatedAt") is None
            ):  # one that changes nothing moves $updatedAt all the same
                text = self._write(replace(parse_row(text), updated=self._now()))
        return self.rendering.written(text)

    def _upsert_one(
        self, identity: str, given: Mapping[str, Any], permissions: Sequence[str] | None
    ) -> tuple[str, bool]:
        row = None if identity == "unique()" else self.store.get_for_update(self.table, identity)
        if row is None:
            new = self.new_row(identity, given, permissions or [])
            try:
                text = self.store.insert(self.table, [new])[0]
            except NotUnique:
                return self._overwrite(new), True
            self.store.count_written(self.table, "created", 1)
            return text, True
        if self.guard is not None:
            self.guard(row)
        for column in self.table.columns.values():
            if column.required and given.get(column.key) is None:
                raise errors.row_invalid(self.words, f'Missing required attribute "{column.key}"')
        after = self.changed(row, given, permissions, partial=False)
        return self._write(after or row, write=after is not None), after is not None

    def _overwrite(self, new: Row) -> str:
        """The row that holds the unique value of a new one takes all it brings but its id, as MariaDB's ON DUPLICATE
        KEY has it; what is answered is the row as it was meant."""
        other = self.store.holding(self.table, new.data)
        if other is None:
            raise errors.row_not_unique(self.words)
        over = Row(other.id, new.data, other.created, new.updated, new.permissions, other.sequence)
        self._write(over)
        return row_text(self.table, new)[0]

    def upsert_many(self, given: Sequence[Mapping[str, Any]]) -> bytes:
        """All or none; those that changed are answered. Raises Failure."""
        known = [str(item["$id"]).lower() for item in given if item.get("$id", "unique()") != "unique()"]
        if len(set(known)) < len(known):
            raise errors.row_exists(self.words, "")
        texts: list[str] = []
        with self.store.writing():
            for item in given:
                identity = item.get("$id", "unique()")
                if identity != "unique()" and not is_key(identity):
                    raise errors.row_invalid(self.words, f'Attribute "$id" has invalid type. {KEY_RULE}')
                text, changed = self._upsert_one(identity, item, _item_permissions(item))
                if changed:
                    texts.append(text)
        return self.rendering.served_list(texts, len(texts))

    def _matching(self, texts: Sequence[str]) -> list[Row]:
        """The rows a bulk change is about (call it inside a write transaction)."""
        plan = plan_rows(self.table, parse_queries(texts))
        found = self._reader.page(plan, default_limit=None, what="seq")
        rows: list[Row] = []
        for sequence in found:
            text = self.store.reader().execute(f"SELECT doc FROM {self.table.sql} WHERE seq = ?", (sequence,))
            row = text.fetchone()
            if row is not None:
                rows.append(parse_row(row[0]))
                if self.guard is not None:
                    self.guard(rows[-1])
        return rows

    def update_many(self, given: Mapping[str, Any], texts: Sequence[str]) -> bytes:
        """Change every row that the queries mean; the first hundred are answered. Raises Failure."""
        if cursor_of(parse_queries(texts))[0] is not None:
            raise Failure(500, "general_unknown", "Server Error")
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
                text = self._write(after) if after else row_text(self.table, row)[0]
                if len(answered) < BATCH:
                    answered.append(text)
        return self.rendering.served_list(answered, len(rows))

    def _standing(self, identity: str, seen: datetime | None) -> Row:
        """The row to change. Raises Failure where it is not there, or newer than its caller has seen it."""
        row = self.store.get_for_update(self.table, identity)
        if row is None:
            raise errors.row_missing(self.words, identity)
        if self.guard is not None:
            self.guard(row)
        if seen is not None and datetime.fromisoformat(row.updated) > seen:
            raise errors.row_newer(self.words)
        return row

    def delete(self, identity: str, seen: datetime | None = None) -> None:
        """One goes, if it is no newer than ``seen``. Raises Failure."""
        with self.store.writing():
            row = self._standing(identity, seen)
            self.store.count_written(self.table, "deleted", 1)
            self.store.delete(self.table, [row.sequence])

    def delete_many(self, texts: Sequence[str]) -> bytes:
        """Every row that the queries mean goes; the first hundred are answered. Raises Failure."""
        with self.store.writing():
            rows = self._matching(texts)
            self.store.count_written(self.table, "deleted", len(rows))
            self.store.delete(self.table, [row.sequence for row in rows])
        return self.rendering.served_list([row_text(self.table, row)[0] for row in rows[:BATCH]], len(rows))

    def increment(self, identity: str, key: str, value: Any, limit: Any, sign: int) -> bytes:
        """Add to a number (``sign`` -1: take from it), as far as its limit. Raises Failure."""
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
            before = row.data.get(key)
            result = (before or 0) + sign * number
            if bound is not None and ((sign > 0 and result > bound) or (sign < 0 and result < bound)):
                raise errors.LimitReached(self.words, key, "maximum" if sign > 0 else "minimum", bound)
            row.data[key] = plain_number(result)
            answered = row_text(self.table, row)[0]  # with the $updatedAt it had
            row.data[key] = None if before is None else _as_kept(column, result)
            row.updated = self._now()
            self._write(row)
            return self.rendering.written(answered)


def _as_kept(column: StoredColumn, number: float) -> int | float:
    """A sum as MariaDB keeps it in its column: whole in one of integers, halves away from zero."""
    if column.kind == "float" or isinstance(number, int):
        return plain_number(number)
    return math.floor(number + 0.5) if number >= 0 else math.ceil(number - 0.5)


def _instant(given: Mapping[str, Any], key: str, otherwise: str) -> str:
    value = given.get(key)
    if is_served_instant(value):
        return str(value)
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
