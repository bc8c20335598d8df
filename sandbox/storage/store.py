"""The rows of every table, on top of the catalogue. How a row is written as text is documents.py's."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from sandbox.storage.catalogue import Catalogue, system_indexes
from sandbox.storage.clock import Clock, stamp
from sandbox.storage.documents import (
    column_path,
    parse_row,
    plain_number,
    row_text,
    stored_columns_blank,
    unique_expression,
)
from sandbox.storage.records import DuplicateRow, EventLike, NotUnique, Row, StoredDatabase, StoredTable


class Store(Catalogue):
    """Databases, tables and rows in ``folder``/sandbox.sqlite: one writer at a time, many readers."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self._being_written: Counter[tuple[str, str, str]] = Counter()
        self._written: dict[tuple[str, str], Counter[str]] = {}
        super().__init__(folder, clock)

    def get(self, table: StoredTable, identity: str) -> Row | None:
        return _row(
            self.reader().execute(f"SELECT doc FROM {table.sql} WHERE id = ?", (identity,)).fetchone()
        )

    def get_for_update(self, table: StoredTable, identity: str) -> Row | None:
        """The same from inside a write transaction."""
        return _row(self._writer.execute(f"SELECT doc FROM {table.sql} WHERE id = ?", (identity,)).fetchone())

    def get_text(self, table: StoredTable, identity: str) -> bytes | None:
        found = self.reader().execute(f"SELECT doc FROM {table.sql} WHERE id = ?", (identity,)).fetchone()
        return found[0] if found else None

    def insert(self, table: StoredTable, rows: Sequence[Row]) -> list[str]:
        """Insert all or none; the texts of the rows as served. Raises DuplicateRow or NotUnique."""
        with self.lock:
            first = self._sequences[table.number] + 1
            self._sequences[table.number] += len(rows)
            texts: list[str] = []
            values: list[tuple[Any, ...]] = []
            for offset, row in enumerate(rows):
                row.sequence = first + offset
                text, cut = row_text(table, row)
                texts.append(text)
                values.append((row.sequence, row.id, row.created, row.updated, cut, text))
            try:
                with self.writing() as sql:
                    sql.execute("SAVEPOINT rows")
                    try:
                        sql.executemany(f"INSERT INTO {table.sql} VALUES (?, ?, ?, ?, ?, ?)", values)
                    except BaseException:
                        sql.execute("ROLLBACK TO rows")
                        sql.execute("RELEASE rows")
                        raise
                    sql.execute("RELEASE rows")
                    self._keep_sequence(sql, table)
            except sqlite3.IntegrityError as duplicate:
                raise _duplicate(duplicate) from None
            return texts

    def count_written(self, table: StoredTable, what: str, rows: int) -> None:
        """Have so many rows of a call counted, once the write transaction under way is committed."""
        self._being_written[(table.database, table.id, what)] += rows

    def written(self) -> dict[tuple[str, str], Counter[str]]:
        """By database and table: how many rows calls created, changed, deleted."""
        return {place: Counter(counts) for place, counts in list(self._written.items())}

    def forget_written(self) -> None:
        with self.lock:
            self._written.clear()

    def _ending(self) -> None:
        super()._ending()
        for (database, table, what), rows in self._being_written.items():
            self._written.setdefault((database, table), Counter())[what] += rows
        self._being_written.clear()

    def _undone(self) -> None:
        super()._undone()
        self._being_written.clear()

    def _keep_sequence(self, sql: sqlite3.Connection, table: StoredTable) -> None:
        sql.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            (f"sequence_{table.number}", str(self._sequences[table.number])),
        )

    def replace(self, table: StoredTable, rows: Sequence[Row]) -> list[str]:
        """Write rows that stand, by sequence; the texts as served. Raises NotUnique."""
        texts: list[str] = []
        values: list[tuple[Any, ...]] = []
        for row in rows:
            text, cut = row_text(table, row)
            texts.append(text)
            values.append((row.created, row.updated, cut, text, row.sequence))
        try:
            with self.writing() as sql:
                sql.executemany(
                    f"UPDATE {table.sql} SET created = ?, updated = ?, cut = ?, doc = ? WHERE seq = ?", values
                )
        except sqlite3.IntegrityError as duplicate:
            raise _duplicate(duplicate) from None
        return texts

    def holding(self, table: StoredTable, data: Mapping[str, Any]) -> Row | None:
        """The row that holds what a unique index of the table lets stand once (inside a write transaction)."""
        for index in table.indexes.values():
            values = [data.get(key) for key in index.columns]
            if index.type != "unique" or any(value is None for value in values):
                continue
            parts = " AND ".join(f"{unique_expression(table, key)} = ?" for key in index.columns)
            given = [value.rstrip(" ") if isinstance(value, str) else value for value in values]
            found = self._writer.execute(f"SELECT doc FROM {table.sql} WHERE {parts}", given).fetchone()
            if found:
                return _row(found)
        return None

    def delete(self, table: StoredTable, sequences: Iterable[int]) -> int:
        with self.writing() as sql:
            return sql.executemany(
                f"DELETE FROM {table.sql} WHERE seq = ?", [(s,) for s in sequences]
            ).rowcount

    def longest_text(self, table: StoredTable, key: str) -> int:
        """Characters of the longest text a column holds; 0 where it holds none."""
        longest = (
            self.reader().execute(f"SELECT max(length({column_path(key)})) FROM {table.sql}").fetchone()[0]
        )
        return longest or 0

    def count(self, table: StoredTable) -> int:
        return self.reader().execute(f"SELECT count(*) FROM {table.sql}").fetchone()[0]

    def bulk_load(self, table: StoredTable, rows: Iterable[Mapping[str, Any]]) -> int:
        """Load trusted rows in one transaction, in the order given; returns how many.

        A row holds attributes and ``$id``, ``$createdAt``, ``$updatedAt`` (text as served, or datetime),
        perhaps ``$sequence`` (int, rising: gaps are those of deleted rows). Absent attributes become null.
        """
        blank = stored_columns_blank(table)
        floats = [column.key for column in table.columns.values() if column.kind == "float"]
        count = 0
        with self.writing() as sql:
            sequence = self._sequences[table.number]
            # a first load is quicker into a table without indexes
            indexes = {} if sequence else system_indexes(table)
            for name in indexes:
                sql.execute(f"DROP INDEX {name}")

            def texts() -> Iterator[tuple[Any, ...]]:
                nonlocal sequence, count
                head = (
                    f'{{"$tableId":{json.dumps(table.id)},"$databaseId":{json.dumps(table.database)},"$id":"'
                )
                for source in rows:
                    sequence = source.get("$sequence") or sequence + 1
                    created, updated = source["$createdAt"], source["$updatedAt"]
                    if not isinstance(created, str):
                        created = stamp(created)
                    if not isinstance(updated, str):
                        updated = stamp(updated)
                    data = {**blank, **source}
                    for key in ("$id", "$sequence", "$createdAt", "$updatedAt"):
                        data.pop(key, None)
                    for key in floats:
                        data[key] = plain_number(data[key])
                    start = (
                        f'{head}{source["$id"]}","$sequence":"{sequence}","$createdAt":"{created}",'
                        f'"$updatedAt":"{updated}","$permissions":[]'
                    )
                    count += 1
                    tail = orjson.dumps(data).decode()
                    text = f"{start},{tail[1:]}" if data else start + "}"
                    yield (sequence, source["$id"], created, updated, len(start), text)

            sql.executemany(f"INSERT INTO {table.sql} VALUES (?, ?, ?, ?, ?, ?)", texts())
            for index in indexes.values():
                sql.execute(index)
            self._sequences[table.number] = sequence
            self._keep_sequence(sql, table)
        return count

    def apply(self, database: StoredDatabase, event: EventLike) -> None:
        """Carry out one event, with its own time. An update of a row that is gone does nothing."""
        table = database.tables[event.table]
        at = stamp(event.at)
        with self.writing():
            if event.kind == "create":
                data = {c.key: c.default for c in table.columns.values()} | dict(event.data)
                self.insert(table, [Row(event.row_id, {k: plain_number(v) for k, v in data.items()}, at, at)])
                return
            row = self.get_for_update(table, event.row_id)
            if row is None:
                return
            if event.kind == "delete":
                self.delete(table, [row.sequence])
                return
            row.data |= {k: plain_number(v) for k, v in event.data.items()}
            row.updated = at
            self.replace(table, [row])


def _row(found: tuple[Any, ...] | None) -> Row | None:
    return parse_row(found[0]) if found else None


def _duplicate(error: sqlite3.IntegrityError) -> Exception:
    """What a refused write came upon: an id that exists, or what a unique index holds."""
    return NotUnique(str(error)) if "index '" in str(error) else DuplicateRow(str(error))
