"""What a call reaches: the database, table or row that its path names, if its caller may. Answers nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from sandbox.server import errors
from sandbox.server.calls import Call
from sandbox.server.rows.reading import RowReader
from sandbox.server.rows.writing import RowWriter
from sandbox.server.settings import ServerSettings
from sandbox.server.staging import StagedRow
from sandbox.server.transactions import Transactions
from sandbox.server.values import UID_RULE, is_uid
from sandbox.server.written import Written
from sandbox.storage.clock import stamp
from sandbox.storage.records import StoredDatabase, StoredTable
from sandbox.storage.store import Store


class Project:
    """One Appwrite project: what it keeps, the transactions that are open."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.transactions = Transactions(store)
        self.settings, self.written = ServerSettings(), Written()
        self.listed: Callable[[StoredTable], None] | None = None  # told of each list of rows (see control/)

    def now(self) -> str:
        """As Appwrite writes it."""
        return stamp(self.store.clock.now())

    def database(self, call: Call) -> StoredDatabase:
        """The one a path names. Raises Failure."""
        identity = call.path["databaseId"]
        if not is_uid(identity):
            raise errors.argument_invalid("databaseId", UID_RULE)
        database = self.store.databases.get(identity)
        if database is None or not (database.enabled or call.access.is_key):
            raise errors.database_missing(identity)
        return database

    def table(self, call: Call) -> StoredTable:
        """The one a path names. Raises Failure."""
        identity = call.path["tableId"]
        if not is_uid(identity):
            raise errors.argument_invalid(call.words.table_id, UID_RULE)
        table = self.database(call).tables.get(identity)
        if table is None or not (table.enabled or call.access.is_key):
            raise errors.table_missing(call.words, identity)
        return table

    def reader(self, call: Call) -> RowReader:
        """Of the rows of the table that a path names. Raises Failure."""
        return RowReader(self.store, self.table(call), call.words)

    def writer(self, call: Call) -> RowWriter:
        """Of the rows of the table that a path names. Raises Failure."""
        return RowWriter(self.store, self.table(call), call.words)

    def row_id(self, call: Call) -> str:
        """The one a path names. Raises Failure where it can be none."""
        identity = call.path["rowId"]
        if not is_uid(identity):
            raise errors.argument_invalid(call.words.row_id, UID_RULE)
        return identity

    def guest_role(self, call: Call, table: StoredTable) -> str | None:
        """None: every row may be read; else the role a row must name. Raises Failure."""
        if call.access.is_key or any(f'read("{role}")' in table.permissions for role in ("any", "guests")):
            return None
        if table.row_security:
            return "any"
        raise errors.unauthorized()

    def guest_may(self, call: Call, table: StoredTable, action: str) -> None:
        """Raises Failure where a guest may not do this to a table's rows."""
        if call.access.is_key:
            return
        named = [p for p in table.permissions if p.startswith(f"{action}(")]
        if not named:
            raise errors.unauthorized(f"No permissions provided for action '{action}'")
        if not any(f'{action}("{role}")' in named for role in ("any", "guests")):
            raise errors.unauthorized(
                f'Missing "{action}" permission for role "guests". Only "{orjson.dumps(named).decode()}" '
                'scopes are allowed and "["any","guests"]" was given.'
            )

    def staged(self, call: Call, table: StoredTable) -> dict[str, StagedRow]:
        """What is staged of a table's rows in the transaction that a read names."""
        name = call.given.get("transactionId")
        return self.transactions.staged_in(str(name), table) if name else {}

    def stage(
        self,
        call: Call,
        table: StoredTable,
        action: str,
        identity: str,
        data: Any,
        permissions: list[str] | None = None,
    ) -> dict[str, Any] | None:
        """Keep a call that names a transaction for its commit, answering as if done; None where it names none."""
        name = call.given.get("transactionId")
        if not name:
            return None
        if permissions is not None:
            data = {**data, "$permissions": permissions}
        return self.transactions.stage(str(name), call.words, table, action, identity, data)
