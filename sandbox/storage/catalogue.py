"""What databases there are in the file, with their tables, columns, indexes. Their rows are store.py's."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import orjson

from sandbox.storage.clock import Clock, stamp
from sandbox.storage.documents import indexed_expression, plain_number, unique_expression
from sandbox.storage.file import File
from sandbox.storage.records import StoredColumn, StoredDatabase, StoredIndex, StoredTable


def system_indexes(table: StoredTable) -> dict[str, str]:
    """The indexes every table has: name → the SQL that makes it."""
    return {
        f"{table.sql}_id": f"CREATE UNIQUE INDEX {table.sql}_id ON {table.sql} (id)",
        f"{table.sql}_updated": f"CREATE INDEX {table.sql}_updated ON {table.sql} (updated)",
    }


class Catalogue(File):
    """The catalogue, in memory as in the file. Dicts are replaced, not changed: readers take no lock."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        super().__init__(folder)
        self.clock = clock or Clock()
        self._changed = False
        self.databases: dict[str, StoredDatabase] = {}
        self._numbers = 0
        self._sequences: dict[int, int] = {}  # table's number -> the last $sequence that was used up
        self._load()

    def _ending(self) -> None:
        if self._changed:
            self._changed = False
            self.set_meta(
                "catalogue",
                {"databases": [asdict(d) for d in self.databases.values()], "numbers": self._numbers},
            )

    def _undone(self) -> None:
        if self._changed:
            self._changed = False
            self._load()

    def _load(self) -> None:
        catalogue = self.meta("catalogue") or {"databases": [], "numbers": 0}
        self._numbers = catalogue["numbers"]
        databases: dict[str, StoredDatabase] = {}
        for entry in catalogue["databases"]:
            tables = entry.pop("tables")
            database = StoredDatabase(**entry)
            for item in tables.values():
                columns, indexes = item.pop("columns"), item.pop("indexes")
                table = StoredTable(**item)
                table.columns = {k: StoredColumn(**c) for k, c in columns.items()}
                table.indexes = {k: StoredIndex(**i) for k, i in indexes.items()}
                database.tables[table.id] = table
                last = self._writer.execute(f"SELECT max(seq) FROM {table.sql}").fetchone()[0]
                known = (
                    last or 0,
                    self.meta(f"sequence_{table.number}") or 0,
                    self._sequences.get(table.number, 0),
                )
                self._sequences[table.number] = max(known)
            databases[database.id] = database
        self.databases = databases

    def save_catalogue(self) -> None:
        """Have the catalogue written at the end of the write transaction under way."""
        self._changed = True

    def create_database(
        self, identity: str, name: str, kind: str = "tablesdb", enabled: bool = True
    ) -> StoredDatabase:
        now = stamp(self.clock.now())
        with self.writing():
            database = StoredDatabase(identity, name, kind, enabled, now, now)
            self.databases = {**self.databases, identity: database}
            self.save_catalogue()
        return database

    def delete_database(self, identity: str) -> None:
        with self.writing():
            for table in list(self.databases[identity].tables.values()):
                self.delete_table(table)
            self.databases = {k: d for k, d in self.databases.items() if k != identity}
            self.save_catalogue()

    def create_table(
        self,
        database: StoredDatabase,
        identity: str,
        name: str,
        permissions: Sequence[str] = (),
        row_security: bool = False,
        enabled: bool = True,
    ) -> StoredTable:
        now = stamp(self.clock.now())
        with self.writing() as sql:
            self._numbers += 1
            table = StoredTable(
                identity, name, self._numbers, database.id, list(permissions), row_security, enabled, now, now
            )
            sql.execute(
                f"CREATE TABLE {table.sql} (seq INTEGER PRIMARY KEY, id TEXT NOT NULL COLLATE NOCASE, "
                "created TEXT NOT NULL, updated TEXT NOT NULL, cut INTEGER NOT NULL, doc TEXT NOT NULL)"
            )
            for index in system_indexes(table).values():
                sql.execute(index)
            self._sequences[table.number] = 0
            database.tables = {**database.tables, identity: table}
            self.save_catalogue()
        return table

    def delete_table(self, table: StoredTable) -> None:
        with self.writing() as sql:
            database = self.databases[table.database]
            database.tables = {k: t for k, t in database.tables.items() if k != table.id}
            sql.execute(f"DROP TABLE {table.sql}")
            self.save_catalogue()

    def create_column(self, table: StoredTable, column: StoredColumn) -> None:
        """Add a column; rows that stand get its default (null where it has none), their $updatedAt stays."""
        now = stamp(self.clock.now())
        with self.writing() as sql:
            column.created, column.updated = now, now
            table.columns = {**table.columns, column.key: column}
            sql.execute(
                f"UPDATE {table.sql} SET doc = json_set(doc, ?, json(?))",
                (f'$."{column.key}"', orjson.dumps(plain_number(column.default)).decode()),
            )
            self.save_catalogue()

    def rename_column(self, table: StoredTable, column: StoredColumn, new_key: str) -> None:
        with self.writing() as sql:
            old = column.key
            sql.execute(
                f"UPDATE {table.sql} SET doc = json_remove(json_set(doc, ?, json(doc -> ?)), ?)",
                (f'$."{new_key}"', f'$."{old}"', f'$."{old}"'),
            )
            column.key = new_key
            table.columns = {c.key: c for c in table.columns.values()}
            for index in table.indexes.values():
                if old in index.columns:
                    index.columns = [new_key if c == old else c for c in index.columns]
                    self._build_index(sql, table, index)
            self.save_catalogue()

    def delete_column(self, table: StoredTable, key: str) -> None:
        with self.writing() as sql:
            for index in list(table.indexes.values()):
                if index.columns == [key]:
                    self.delete_index(table, index.key)
                elif key in index.columns:  # its lengths stay as many as they were
                    place = index.columns.index(key)
                    index.columns = [name for name in index.columns if name != key]
                    index.orders = [order for n, order in enumerate(index.orders) if n != place]
                    self._build_index(sql, table, index)
            table.columns = {k: c for k, c in table.columns.items() if k != key}
            sql.execute(f"UPDATE {table.sql} SET doc = json_remove(doc, ?)", (f'$."{key}"',))
            self.save_catalogue()

    def create_index(
        self,
        table: StoredTable,
        key: str,
        kind: str,
        columns: list[str],
        orders: list[str],
        lengths: list[int],
    ) -> StoredIndex:
        now = stamp(self.clock.now())
        with self.writing() as sql:
            self._numbers += 1
            index = StoredIndex(key, kind, columns, orders, lengths, self._numbers, now, now)
            self._build_index(sql, table, index)
            table.indexes = {**table.indexes, key: index}
            self.save_catalogue()
        return index

    def _build_index(self, sql: sqlite3.Connection, table: StoredTable, index: StoredIndex) -> None:
        name = f"{table.sql}_index_{index.number}"
        self._drop_index(sql, table, index)
        if index.type in ("key", "unique"):
            orders = [*index.orders, *[""] * len(index.columns)]
            parts = [
                indexed_expression(table, key) + (" DESC" if order.upper() == "DESC" else "")
                for key, order in zip(index.columns, orders, strict=False)
            ]
            sql.execute(f"CREATE INDEX {name} ON {table.sql} ({', '.join(parts)})")
            if index.type == "unique":
                parts = [unique_expression(table, key) for key in index.columns]
                # over duplicates it says available and enforces nothing
                with contextlib.suppress(sqlite3.IntegrityError):
                    sql.execute(f"CREATE UNIQUE INDEX {name}_once ON {table.sql} ({', '.join(parts)})")

    def _drop_index(self, sql: sqlite3.Connection, table: StoredTable, index: StoredIndex) -> None:
        for suffix in ("", "_once"):
            sql.execute(f"DROP INDEX IF EXISTS {table.sql}_index_{index.number}{suffix}")

    def delete_index(self, table: StoredTable, key: str) -> None:
        with self.writing() as sql:
            self._drop_index(sql, table, table.indexes[key])
            table.indexes = {k: i for k, i in table.indexes.items() if k != key}
            self.save_catalogue()
