"""What a call reaches: the database, table or row that its path names, if its caller may. Answers nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from sandbox.server import errors
from sandbox.server.apis import COLLECTIONS
from sandbox.server.calls import Call
from sandbox.server.errors import Failure
from sandbox.server.rows.reading import RowReader
from sandbox.server.rows.writing import RowWriter
from sandbox.server.settings import ServerSettings
from sandbox.server.staging import StagedRow
from sandbox.server.transactions import Transactions
from sandbox.server.values import UID_RULE, is_uid
from sandbox.server.written import Written
from sandbox.storage.clock import stamp
from sandbox.storage.files import Files
from sandbox.storage.people import People
from sandbox.storage.records import StoredDatabase, StoredTable
from sandbox.storage.store import Store


class Project:
    """One Appwrite project: what it keeps, the transactions that are open."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.transactions, self.files = Transactions(store), Files(store)
        self.people = People(store)
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

    def bucket(self, call: Call) -> dict[str, Any]:
        """The one a path names. Raises Failure."""
        found = self.files.bucket(call.path["bucketId"])
        if found is None or not (found["enabled"] or call.access.is_key):
            told = "Storage bucket with the requested ID could not be found."
            raise Failure(404, "storage_bucket_not_found", told)
        return found

    def owner_permissions(self, call: Call, actions: Sequence[str]) -> list[str]:
        """What the maker of something may do to it where nothing is said; of a key or a guest nothing."""
        return [f'{action}("user:{call.access.owner}")' for action in actions] if call.access.owner else []

    def check_given(self, call: Call, permissions: Sequence[str] | None) -> None:
        """Raises Failure where a user gives permissions to a role it has not."""
        roles = call.access.roles
        if call.access.is_key or all(
            p.partition('("')[2].removesuffix('")') in roles for p in permissions or ()
        ):
            return
        raise errors.unauthorized(f"Permissions must be one of: ({', '.join(roles)})")

    def allowed(self, call: Call, permissions: Sequence[str], action: str) -> bool:
        """Whether permissions let a caller do this."""
        return call.access.is_key or any(f'{action}("{role}")' in permissions for role in call.access.roles)

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

    def reading_roles(self, call: Call, table: StoredTable) -> tuple[str, ...] | None:
        """None: every row may be read; else the roles of which a row must name one. Raises Failure."""
        if self.allowed(call, table.permissions, "read"):
            return None
        if table.row_security:
            return call.access.roles
        raise errors.unauthorized()

    def check_may(self, call: Call, table: StoredTable, action: str, identity: str) -> None:
        """Raises Failure where a caller may not do this to a row of a table."""
        if self.allowed(call, table.permissions, action):
            return
        row = self.store.get(table, identity) if table.row_security else None
        if row is None:
            self.check_permission(call, table.permissions, action)
        elif not self.allowed(call, row.permissions, action):
            raise errors.unauthorized()

    def check_staged(self, call: Call) -> Callable[[StoredTable, str, str], None] | None:
        """Asked of each operation that is staged by one who is no key: raises Failure where it may not be."""
        if call.access.is_key:
            return None

        def check(table: StoredTable, action: str, identity: str) -> None:
            if action.startswith("bulk"):
                raise errors.unauthorized()
            if action == "create":
                self.check_permission(call, table.permissions, action)
                return
            row = self.store.get(table, identity) if table.row_security else None
            wanted = "delete" if action == "delete" else "update"
            if not self.allowed(call, [*table.permissions, *(row.permissions if row else ())], wanted):
                raise errors.row_missing(COLLECTIONS, identity)

        return check

    def check_bulk(self, call: Call) -> None:
        """Raises Failure for one who is no key: users change no rows in bulk."""
        if not call.access.is_key:
            raise errors.database_missing(call.path["databaseId"])

    def check_permission(self, call: Call, permissions: Sequence[str], action: str) -> None:
        """Raises Failure where permissions do not let a caller do this."""
        if self.allowed(call, permissions, action):
            return
        named = [p.partition('("')[2].removesuffix('")') for p in permissions if p.startswith(f"{action}(")]
        if not named:
            raise errors.unauthorized(f"No permissions provided for action '{action}'")
        raise errors.unauthorized(
            f'Missing "{action}" permission for role "{named[-1]}". Only '
            f'"{orjson.dumps(list(call.access.roles)).decode()}" scopes are allowed and '
            f'"{orjson.dumps(named).decode()}" was given.'
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
        return self.transactions.stage(
            str(name), call.access.owner, call.words, table, action, identity, data
        )
