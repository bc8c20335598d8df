"""Appwrite as who writes sees it: rows as they are at this moment, and calls that write, with the key that may.

A client of its own: nothing of it is shared with the one that reads. A write is sent once; whether it came to be, where
no answer did, is found out by reading. Which rows are written, and whether they may be, is not known here.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Unpack, cast
from urllib.parse import quote

from appwrite.query import Query

from resources.appwrite.acting_client import ActingClient, Patience
from resources.appwrite.failures import CallEvent, CallFailure, PermanentFailure
from resources.appwrite.gateway import (
    API,
    COLUMNS_A_CALL,
    TABLE_MISSING,
    json_object,
)
from resources.appwrite.patience import CircuitBreaker, http_date
from resources.appwrite.server_clock import ServerClock
from resources.clock import Clock
from resources.settings import Settings

TRANSACTION_SECONDS: Final = 120
"""How long the server keeps what is staged: a run that dies leaves no more than that behind."""
ROWS_A_CALL: Final = 100
"""As many ids as one query takes, at their longest, within the 4,096 characters of a query."""

ROW_MISSING: Final = ("row_not_found", "document_not_found")
_ROW_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,35}")

Row = Mapping[str, Any]
"""A row as Appwrite answers it, ``$id`` and ``$updatedAt`` included."""


@dataclass(frozen=True)
class Create:
    """Make a row of a derived id: made before, it is there, and that is as good. ``collection``: our name of it."""

    collection: str
    row_id: str
    data: Mapping[str, Any]
    permissions: Sequence[str] | None = None


@dataclass(frozen=True)
class Change:
    """Change attributes of a row that is still as of ``seen``, its ``$updatedAt`` when it was read. ``permissions``:
    who may do what with it from then on; None leaves them as they are."""

    collection: str
    row_id: str
    data: Mapping[str, Any]
    seen: str
    permissions: Sequence[str] | None = None


Write = Create | Change


def answer_of(failure: CallFailure) -> str:
    """What a server answered, without its words: ``409 row_already_exists``; a reason where no answer came."""
    return f"{failure.status} {failure.error_type}".strip() if failure.status else failure.reason


class WritingGateway(ActingClient):
    """Calls with the acting key, for one endpoint, project and database. Every method raises CallFailure. Safe to call
    from several threads."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_call: Callable[[CallEvent], None] = lambda event: None,
        **patience: Unpack[Patience],
    ) -> None:
        """Raises UsageError where there is no acting key."""
        super().__init__(settings, clock, on_call, **patience)
        self._api = API[settings.appwrite_api]
        self._words = (
            ("tableId", "rowId") if settings.appwrite_api == "tablesdb" else ("collectionId", "documentId")
        )
        self._database = settings.appwrite_database_id
        self._columns: dict[str, dict[str, str]] = {}
        self._has_transactions: bool | None = None

    @property
    def server_clock(self) -> ServerClock:
        return self._client.server_clock

    @property
    def breaker(self) -> CircuitBreaker:
        return self._client.breaker

    # Asking ---------------------------------------------------------------------------------------------

    def row(self, collection: str, row_id: str) -> Row | None:
        """A row as it is now, None where there is none."""
        return self._row(collection, row_id)

    def fresh(self, wanted: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Row | None]:
        """Rows as they are now, whatever was read before; None for each that there is none of."""
        by_collection: dict[str, list[str]] = {}
        for collection, row_id in dict.fromkeys(wanted):
            by_collection.setdefault(collection, []).append(row_id)
        found: dict[tuple[str, str], Row | None] = {}
        for collection, ids in by_collection.items():
            for first in range(0, len(ids), ROWS_A_CALL):
                some = ids[first : first + ROWS_A_CALL]
                listed = {
                    str(row.get("$id")): row
                    for row in self._list(
                        collection, [Query.equal("$id", list(some)), Query.limit(len(some))]
                    )
                }
                found |= {(collection, row_id): listed.get(row_id) for row_id in some}
        return found

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        """The first rows that fit, as they are now."""
        return self._list(collection, queries)

    def has(self, collection: str, attribute: str) -> bool:
        """Whether the collection has a column of that name; it has none where it is not there."""
        return bool(self.kind(collection, attribute))

    def kind(self, collection: str, attribute: str) -> str:
        """The kind of a column as Appwrite calls it (datetime, string, varchar, integer …); '' where there is none."""
        if collection not in self._columns:
            self._columns[collection] = self._columns_of(collection)
        return self._columns[collection].get(attribute, "")

    def server_now(self) -> datetime:
        """The server's clock: aware, UTC, never ahead of it."""
        answer = self._call(
            "clock", "", "get", self._path(self._api.tables), {"queries": [Query.limit(1)], "total": "0"}
        )
        moment = self._client.server_clock.now()
        if moment is None or http_date(answer[1].get("Date")) is None:
            raise PermanentFailure("clock", "no_date")
        return moment

    # Writing --------------------------------------------------------------------------------------------

    def create(self, write: Create) -> None:
        """Make a row. 409 where one of that id is there."""
        body: dict[str, Any] = {self._words[1]: write.row_id, "data": dict(write.data)}
        if write.permissions is not None:
            body["permissions"] = list(write.permissions)
        self._call("create_row", write.collection, "post", self._path(self._api.rows, write.collection), body)

    def change(self, write: Change) -> None:
        """Change a row that nobody changed since it was seen. 409 row_update_conflict where somebody did."""
        path = f"{self._path(self._api.rows, write.collection)}/{quote(write.row_id, safe='')}"
        headers = {"x-appwrite-timestamp": write.seen}
        body: dict[str, Any] = {"data": dict(write.data)}
        if write.permissions is not None:
            body["permissions"] = list(write.permissions)
        self._call("change_row", write.collection, "patch", path, body, headers)

    def remove(self, collection: str, row_ids: Sequence[str]) -> None:
        """Delete rows, a hundred at most; one that is not there is fine."""
        path = self._path(self._api.rows, collection)
        try:
            self._call(
                "delete_rows", collection, "delete", path, {"queries": [Query.equal("$id", list(row_ids))]}
            )
        except PermanentFailure as refused:
            if refused.error_type != "general_route_not_found":
                raise
            for row_id in row_ids:  # a server from before there were deletes of many
                self._remove(collection, f"{path}/{quote(row_id, safe='')}")

    @property
    def has_transactions(self) -> bool:
        """Whether the server has transactions over rows: asked once, without making one."""
        if self._has_transactions is None:
            try:
                self._call("list_transactions", "", "get", self._transactions, {"queries": [Query.limit(1)]})
                self._has_transactions = True
            except PermanentFailure as refused:
                if refused.status not in (404, 405):
                    raise
                self._has_transactions = False
        return self._has_transactions

    def open_transaction(self) -> str:
        """Begin a transaction; its id."""
        told, _ = self._call("open_transaction", "", "post", self._transactions, {"ttl": TRANSACTION_SECONDS})
        identity = told.get("$id")
        if not isinstance(identity, str) or not identity:
            raise PermanentFailure("open_transaction", "malformed")
        return identity

    def stage(self, transaction: str, writes: Sequence[Write]) -> None:
        """Stage writes: nothing of them is to be seen before the commit."""
        operations = [self._operation(write) for write in writes]
        path = f"{self._transaction(transaction)}/operations"
        self._call("stage", "", "post", path, {"operations": operations})

    def commit(self, transaction: str) -> None:
        """Carry out what is staged, all of it or nothing. 409 transaction_conflict where a row changed since."""
        told, _ = self._call("commit", "", "patch", self._transaction(transaction), {"commit": True})
        if told.get("status") != "committed":
            raise PermanentFailure("commit", "malformed")

    def roll_back(self, transaction: str) -> bool:
        """Forget what is staged; whether it will never come to be."""
        try:
            self._call("roll_back", "", "patch", self._transaction(transaction), {"rollback": True})
        except PermanentFailure as refused:
            return refused.error_type in ("transaction_expired", "transaction_not_found")
        return True

    def status_of(self, transaction: str) -> str:
        """pending, committing, committed or failed, by the server's word; '' where it knows the transaction no more."""
        try:
            told, _ = self._call("transaction", "", "get", self._transaction(transaction), {})
        except PermanentFailure as refused:
            if refused.status == 404:
                return ""
            raise
        return str(told.get("status") or "")

    # How --------------------------------------------------------------------------------------------------

    def _operation(self, write: Write) -> dict[str, Any]:
        table, row = self._words
        data = dict(write.data)
        if write.permissions is not None:
            data["$permissions"] = list(write.permissions)
        return {
            "action": "create" if isinstance(write, Create) else "update",
            "databaseId": self._database,
            table: self._settings.table_id(write.collection),
            row: write.row_id,
            "data": data,
        }

    @property
    def _transactions(self) -> str:
        return f"/{self._settings.appwrite_api}/transactions"

    def _transaction(self, identity: str) -> str:
        return f"{self._transactions}/{quote(identity, safe='')}"

    def _path(self, template: str, collection: str = "") -> str:
        table = quote(self._settings.table_id(collection), safe="") if collection else ""
        return template.format(database=quote(self._database, safe=""), table=table)

    def _row(self, collection: str, row_id: str) -> Row | None:
        if _ROW_ID.fullmatch(row_id) is None:
            return None  # no row has such an id; and ".." in a path would be another's
        path = f"{self._path(self._api.rows, collection)}/{quote(row_id, safe='')}"
        try:
            return self._call("get_row", collection, "get", path, {})[0]
        except PermanentFailure as refused:
            if refused.error_type in ROW_MISSING:
                return None
            raise

    def _remove(self, collection: str, path: str) -> None:
        try:
            self._call("delete_row", collection, "delete", path, {})
        except PermanentFailure as refused:
            if refused.error_type not in ROW_MISSING:
                raise

    def _list(self, collection: str, queries: Sequence[str]) -> list[Row]:
        path = self._path(self._api.rows, collection)
        told, _ = self._call("list_rows", collection, "get", path, {"queries": list(queries), "total": "0"})
        listed = told.get(self._api.list_key)
        if not isinstance(listed, list):
            raise PermanentFailure("list_rows", "malformed", collection=collection)
        return [cast("Row", row) for row in cast("list[object]", listed) if isinstance(row, dict)]

    def _columns_of(self, collection: str) -> dict[str, str]:
        path = self._path(self._api.columns, collection)
        try:
            told, _ = self._call(
                "list_columns", collection, "get", path, {"queries": [Query.limit(COLUMNS_A_CALL)]}
            )
        except PermanentFailure as refused:
            if refused.error_type in TABLE_MISSING:
                return {}
            raise
        listed = cast("list[object]", told.get(self._api.columns_key) or [])
        columns = [cast("dict[str, Any]", column) for column in listed if isinstance(column, dict)]
        return {str(column.get("key")): str(column.get("type") or "unknown") for column in columns}

    def _before_call(self) -> None:
        """Where a subclass refuses a call by raising; also one that reads."""

    def _call(
        self,
        operation: str,
        collection: str,
        method: str,
        path: str,
        params: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        self._before_call()
        answer = self._client.request(
            operation, collection, method, path, params, _told, headers=headers or {}, expected=True
        )
        return answer.value, answer.headers


def _told(body: bytes, kind: str) -> dict[str, Any]:
    """An answer's object; an empty one where it has none. Raises Malformed."""
    return json_object(body, kind) if body else {}
