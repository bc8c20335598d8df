"""A database that a backup is restored into: its tables, columns, indexes and rows are made here, by the calls of
either language of the API. Each can be tried again: what stands already is as good.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson
from appwrite.query import Query

from operations.backup.definitions import (
    column_body,
    index_body,
    inline_column,
    is_plain,
    mended_body,
    relation_body,
    route_of,
)
from operations.backup.manifest import TableEntry
from operations.backup.rows import row_of
from operations.backup.tables import WORDS, Table, list_tables, path_of
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway, json_object
from resources.appwrite.order import ids_of
from resources.errors import BookwatchError

ROWS_A_CALL: Final = 100
COLUMNS_INLINE: Final = 100
READY_SECONDS: Final = 600.0
"""How long a column or an index may take until it is there."""
TRIES: Final = 6
WRITE_SECONDS: Final = 120.0

_MADE_ALREADY: Final = 409
_NOT_SO: Final = 400


class RestoreRefused(BookwatchError):
    """The server does not make what a restore needs."""


class RowsRefused(Exception):
    """The server refuses rows. ``unique``: as another row has the same value in a unique index."""

    def __init__(self, failure: CallFailure) -> None:
        super().__init__(failure.sentence)
        self.failure = failure

    @property
    def unique(self) -> bool:
        return self.failure.status == _MADE_ALREADY


class Target:
    """The database of a gateway that may write."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.words = WORDS[gateway.settings.appwrite_api]

    # -- calls ---------------------------------------------------------------------------------------------

    def _call(self, operation: str, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """A call that makes or changes something; sent once."""
        return self.gateway.client.request(
            operation,
            "",
            method,
            path,
            {},
            lambda told, kind: json_object(told, kind) if told else {},
            headers={"content-type": "application/json"},
            body=orjson.dumps(body or {}),
            within=WRITE_SECONDS,
            expected=True,
        ).value

    def _make(self, what: str, path: str, body: Mapping[str, Any], method: str = "post") -> bool:
        """Make something once: whether this call did; what is there already (a try before this one, whose answer never
        came) is as good. Raises RestoreRefused, CallFailure."""
        for tried in range(TRIES):
            try:
                self._call("create", method, path, body)
                return True
            except PermanentFailure as failed:
                if failed.status == _MADE_ALREADY:
                    return False
                raise RestoreRefused.of("failure.restore_refused", what=what, why=failed.said) from None
            except CallFailure:
                if tried == TRIES - 1:
                    raise
                self._rest(tried)
        return False

    def _rest(self, tried: int) -> None:
        # A server that is being filled answers 500 and 503 under load: each pause is twice the last, to a bound.
        time.sleep(min(10.0, 0.5 * 2**tried))

    # -- definitions ---------------------------------------------------------------------------------------

    def tables(self) -> list[Table] | None:
        """The tables there are; None where there is no such database. Raises CallFailure."""
        try:
            return list_tables(self.gateway)
        except PermanentFailure as failed:
            if failed.error_type == "database_not_found":
                return None
            raise

    def make_database(self, name: str) -> None:
        self._make(
            self.gateway.database, self.words.root, {"databaseId": self.gateway.database, "name": name}
        )

    def make_table(self, table: TableEntry, relaxed: frozenset[str]) -> None:
        """The table with its columns and indexes, in one call where the server takes that; relationships are made
        when all rows are there. Raises RestoreRefused, CallFailure."""
        path = path_of(self.gateway, self.gateway.api.tables)
        plain = [column for column in table.columns if is_plain(column)]
        body: dict[str, Any] = {
            self.words.table_id: table.id,
            "name": table.name,
            "permissions": table.permissions,
            self.words.row_security: table.row_security,
            "enabled": table.enabled,
        }
        whole = {
            **body,
            self.words.columns: [
                inline_column(column, relaxed=column["key"] in relaxed) for column in plain[:COLUMNS_INLINE]
            ],
        }
        if len(plain) <= COLUMNS_INLINE:
            whole["indexes"] = [index_body(index, "attributes") for index in table.indexes]
        try:
            self._make(table.id, path, whole)
        except RestoreRefused:
            # A server that takes no columns with a table, or not one of these: one by one, it says which.
            self._make(table.id, path, body)
        self.complete(table, relaxed)

    def complete(self, table: TableEntry, relaxed: frozenset[str]) -> None:
        """Make the columns and indexes that a table lacks. Raises RestoreRefused, CallFailure."""
        there = self.definition(table.id)
        known = {str(column["key"]) for column in there.columns}
        base = path_of(self.gateway, self.gateway.api.columns, table.id)
        for column in table.columns:
            if is_plain(column) and column["key"] not in known:
                body = column_body(column, relaxed=column["key"] in relaxed)
                self._make(f"{table.id}.{column['key']}", f"{base}/{route_of(column)}", body)
        self._await(table.id, {str(column["key"]) for column in table.columns if is_plain(column)}, "columns")
        self.make_indexes(table, {str(index["key"]) for index in there.indexes})

    def make_indexes(self, table: TableEntry, known: set[str]) -> None:
        base = path_of(self.gateway, self.gateway.api.tables)
        path = f"{base}/{quote(table.id, safe='')}/indexes"
        for index in table.indexes:
            if index["key"] not in known:
                self._make(f"{table.id}.{index['key']}", path, index_body(index, self.words.columns))
        self._await(table.id, {str(index["key"]) for index in table.indexes}, "indexes")

    def drop_unique_indexes(self, table: TableEntry) -> bool:
        """Take the unique indexes of a table away; whether there were any."""
        base = path_of(self.gateway, self.gateway.api.tables)
        unique = [index for index in self.definition(table.id).indexes if index["type"] == "unique"]
        for index in unique:
            path = f"{base}/{quote(table.id, safe='')}/indexes/{quote(str(index['key']), safe='')}"
            self._call("delete", "delete", path)
        return bool(unique)

    def definition(self, table_id: str) -> Table:
        """The table as it is there now. Raises CallFailure."""
        return next(table for table in list_tables(self.gateway) if table.id == table_id)

    def _await(self, table_id: str, keys: set[str], what: str) -> None:
        """Wait until columns or indexes are there; they are listed so when they can be used."""
        until = time.monotonic() + READY_SECONDS
        pause = 0.05
        while True:
            table = self.definition(table_id)
            there = {str(one["key"]) for one in (table.columns if what == "columns" else table.indexes)}
            if keys <= there:
                return
            if time.monotonic() > until:
                missing = ", ".join(sorted(keys - there))
                raise RestoreRefused.of("failure.restore_refused", what=f"{table_id}.{missing}", why=what)
            time.sleep(pause)  # nobody tells when a column is there: it is asked for, ever more rarely
            pause = min(2.0, 2 * pause)

    def mend_columns(self, table: TableEntry, relaxed: frozenset[str]) -> None:
        """Give columns back what rows would have been refused for. Raises RestoreRefused, CallFailure."""
        base = path_of(self.gateway, self.gateway.api.columns, table.id)
        for column in table.columns:
            if column["key"] in relaxed:
                path = f"{base}/{route_of(column)}/{quote(str(column['key']), safe='')}"
                self._make(f"{table.id}.{column['key']}", path, mended_body(column), "patch")

    def make_relations(self, table: TableEntry) -> None:
        """The relationships that were made on a table. Raises RestoreRefused, CallFailure."""
        base = path_of(self.gateway, self.gateway.api.columns, table.id)
        own = [column for column in table.columns if not is_plain(column) and column.get("side") != "child"]
        related = f"related{self.words.table_id[0].upper()}{self.words.table_id[1:]}"
        for column in own:
            self._make(f"{table.id}.{column['key']}", f"{base}/relationship", relation_body(column, related))
        self._await(table.id, {str(column["key"]) for column in own}, "columns")

    # -- rows ----------------------------------------------------------------------------------------------

    def _rows_path(self, table_id: str) -> str:
        return path_of(self.gateway, self.gateway.api.rows, table_id)

    def there(self, table_id: str, ids: Sequence[str]) -> set[str]:
        """Which of some rows are there. Raises CallFailure."""
        return set(
            self.gateway.rows(
                table_id,
                [Query.select(["$id"]), Query.equal("$id", list(ids)), Query.limit(len(ids))],
                ids_of,
                operation="probe_rows",
            )
        )

    def make_rows(self, table_id: str, lines: Sequence[bytes]) -> None:
        """Make rows of their lines, all or none. A call whose answer did not come is looked after before it is tried
        again. Raises RowsRefused, CallFailure."""
        rows = list(lines)
        for tried in range(TRIES):
            body = b'{"' + self.words.rows.encode() + b'":[' + b",".join(rows) + b"]}"
            failure: CallFailure
            try:
                self.gateway.client.request(
                    "create_rows",
                    table_id,
                    "post",
                    self._rows_path(table_id),
                    {},
                    lambda told, kind: None,
                    headers={"content-type": "application/json"},
                    body=body,
                    within=WRITE_SECONDS,
                    expected=True,
                )
                return
            except PermanentFailure as failed:
                failure = failed
                if failed.status not in (_NOT_SO, _MADE_ALREADY):
                    raise
            except CallFailure as failed:
                failure = failed
                if tried == TRIES - 1:
                    raise
                self._rest(tried)
            ids = [str(row_of(line)["$id"]) for line in rows]
            there = self.there(table_id, ids)
            rows = [line for line, identity in zip(rows, ids, strict=True) if identity not in there]
            if not rows:
                return
            if isinstance(failure, PermanentFailure) and not there:
                raise RowsRefused(failure)

    def relate(self, table_id: str, row: Mapping[str, Any], keys: Sequence[str]) -> None:
        """Relate a row to others as it was, its instants kept. Raises CallFailure."""
        data = {key: row[key] for key in keys if row.get(key)} | {"$updatedAt": row["$updatedAt"]}
        path = f"{self._rows_path(table_id)}/{quote(str(row['$id']), safe='')}"
        for tried in range(TRIES):
            try:
                self._call("update_row", "patch", path, {"data": data})
                return
            except PermanentFailure:
                raise
            except CallFailure:
                if tried == TRIES - 1:
                    raise
                self._rest(tried)
