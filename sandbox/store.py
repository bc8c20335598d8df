"""Where the sandbox keeps databases, tables and rows: one SQLite file, a row a JSON document. Knows no HTTP.

The document is stored as the very text that is served, so that a page of 1,000 rows is a join of texts.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import orjson

TEXT_SIZES = {"text": 65535, "mediumtext": 16777215, "longtext": 4294967295}
FORMATS = ("enum", "email", "url", "ip")
STRINGS = ("string", "varchar", "text", "mediumtext", "longtext", *FORMATS)
SERVED_TYPES = {"float": "double", "enum": "string", "email": "string", "url": "string", "ip": "string"}
SYSTEM_COLUMNS = {"$id": "id", "$sequence": "seq", "$createdAt": "created", "$updatedAt": "updated"}
UPDATED_INDEX_REACH = 20_000  # rows; more than that and a scan by $sequence beats the index on $updatedAt


class Clock:
    """The server's time: the real one, or ahead of it where the data it serves ends in the future."""

    def __init__(self, until: datetime | None = None) -> None:
        ahead = (until - datetime.now(UTC)) if until else timedelta()
        self.offset = max(ahead, timedelta())

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset


def stamp(at: datetime) -> str:
    """An instant as Appwrite writes it: UTC, milliseconds (cut, not rounded)."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    return at.isoformat(timespec="milliseconds")


def unique_id() -> str:
    """An id like those of ``ID.unique()``: 20 hexadecimal digits, rising with time."""
    micros = time.time_ns() // 1000
    return f"{micros // 1_000_000:08x}{micros % 1_000_000:05x}{secrets.token_hex(4)[:7]}"


@dataclass
class StoredColumn:
    """A column: ``kind`` is the last segment of the path that made it (varchar, enum, bigint, relationship …)."""

    key: str
    kind: str
    required: bool = False
    array: bool = False
    default: Any = None
    size: int | None = None
    minimum: int | float | None = None
    maximum: int | float | None = None
    elements: list[str] | None = None
    encrypt: bool = False
    created: str = ""
    updated: str = ""
    # of a relationship
    related: str | None = None
    relation: str = "manyToOne"
    two_way: bool = False
    two_way_key: str | None = None
    on_delete: str = "restrict"
    side: str = "parent"

    @property
    def type(self) -> str:
        return SERVED_TYPES.get(self.kind, self.kind)

    @property
    def is_text(self) -> bool:
        return self.kind in STRINGS


@dataclass
class StoredIndex:
    key: str
    type: str
    columns: list[str]
    orders: list[str]
    lengths: list[int]
    number: int
    created: str = ""
    updated: str = ""


@dataclass
class StoredTable:
    id: str
    name: str
    number: int
    database: str
    permissions: list[str] = field(default_factory=list)
    row_security: bool = False
    enabled: bool = True
    created: str = ""
    updated: str = ""
    columns: dict[str, StoredColumn] = field(default_factory=dict)
    indexes: dict[str, StoredIndex] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        return f"rows_{self.number}"


@dataclass
class StoredDatabase:
    id: str
    name: str
    kind: str = "tablesdb"
    enabled: bool = True
    created: str = ""
    updated: str = ""
    tables: dict[str, StoredTable] = field(default_factory=dict)


@dataclass
class Row:
    """A row outside the file: system fields apart, attributes in ``data``."""

    id: str
    data: dict[str, Any]
    created: str
    updated: str
    permissions: list[str] = field(default_factory=list)
    sequence: int = 0


class DuplicateRow(Exception):
    """A row of this id exists. The sequence numbers it would have had are used up, as in MariaDB."""


class EventLike(Protocol):
    """What the simulator yields (see sandbox/simulator/events.py)."""

    @property
    def at(self) -> datetime: ...
    @property
    def kind(self) -> str: ...
    @property
    def table(self) -> str: ...
    @property
    def row_id(self) -> str: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def plain_number(value: Any) -> Any:
    """A whole float as an integer, as PHP writes it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, list):
        return [plain_number(v) for v in value]
    return value


def row_text(table: StoredTable, row: Row) -> tuple[str, int]:
    """The row's JSON text as served by tablesdb, and how many characters its system fields take."""
    head = (
        f'{{"$tableId":{json.dumps(table.id)},"$databaseId":{json.dumps(table.database)},'
        f'"$id":{json.dumps(row.id)},"$sequence":"{row.sequence}","$createdAt":"{row.created}",'
        f'"$updatedAt":"{row.updated}","$permissions":{json.dumps(row.permissions, separators=(",", ":"))}'
    )
    tail = orjson.dumps(row.data).decode()
    return (head + "," + tail[1:] if row.data else head + "}"), len(head)


def column_path(key: str) -> str:
    """The SQL expression of an attribute. Keys are of a checked alphabet (letters, digits, . - _)."""
    return f"json_extract(doc,'$.\"{key}\"')"


def stored_columns_blank(table: StoredTable) -> dict[str, Any]:
    """A row's attributes before anything is given: defaults, else null."""
    return {c.key: plain_number(c.default) for c in table.columns.values()}


def system_indexes(table: StoredTable) -> dict[str, str]:
    """The indexes every table has: name → the SQL that makes it."""
    return {
        f"{table.sql}_id": f"CREATE UNIQUE INDEX {table.sql}_id ON {table.sql} (id)",
        f"{table.sql}_updated": f"CREATE INDEX {table.sql}_updated ON {table.sql} (updated)",
    }


def indexed_expression(table: StoredTable, key: str) -> str:
    if key in SYSTEM_COLUMNS:
        return SYSTEM_COLUMNS[key]
    column = table.columns[key]
    return column_path(key) + (" COLLATE NOCASE" if column.is_text else "")


_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class Store:
    """Databases, tables and rows in ``folder``/sandbox.sqlite: one writer at a time, many readers."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.clock = clock or Clock()
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "sandbox.sqlite"
        self.lock = threading.RLock()
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._depth, self._owner = 0, 0
        self._catalogue_changed = False
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)
        self.databases: dict[str, StoredDatabase] = {}
        self._numbers = 0
        self._sequences: dict[int, int] = {}
        self._load()

    # -- connections --

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;"
            "PRAGMA mmap_size=8589934592; PRAGMA cache_size=-65536; PRAGMA busy_timeout=60000;"
        )
        connection.create_function("regexp", 2, _regexp, deterministic=True)
        connection.create_function("fulltext", 2, _fulltext, deterministic=True)
        self._open.append(connection)
        return connection

    def reader(self) -> sqlite3.Connection:
        """This thread's own connection; texts come as bytes (as str inside its own write transaction)."""
        if self._owner == threading.get_ident():
            return self._writer
        connection = getattr(self._local, "reader", None)
        if connection is None:
            connection = self._connect()
            connection.text_factory = bytes
            self._local.reader = connection
        return connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One write transaction; nested uses join the outer one. Rolls back on any exception."""
        with self.lock:
            if self._depth:
                yield self._writer
                return
            self._writer.execute("BEGIN IMMEDIATE")
            self._depth, self._owner = 1, threading.get_ident()
            try:
                yield self._writer
            except BaseException:
                self._writer.execute("ROLLBACK")
                if self._catalogue_changed:
                    self._load()
                raise
            else:
                if self._catalogue_changed:
                    self._write_catalogue()
                self._writer.execute("COMMIT")
            finally:
                self._depth, self._owner = 0, 0
                self._catalogue_changed = False

    def close(self) -> None:
        with self.lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    # -- catalogue --

    def meta(self, name: str) -> Any:
        found = self._writer.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def set_meta(self, name: str, value: Any) -> None:
        with self.writing() as sql:
            sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))

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
        self._catalogue_changed = True

    def _write_catalogue(self) -> None:
        self.set_meta(
            "catalogue", {"databases": [asdict(d) for d in self.databases.values()], "numbers": self._numbers}
        )

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
                if key in index.columns:
                    self.delete_index(table, index.key)
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
        sql.execute(f"DROP INDEX IF EXISTS {name}")
        if index.type in ("key", "unique"):
            orders = [*index.orders, *[""] * len(index.columns)]
            parts = [
                indexed_expression(table, key) + (" DESC" if order.upper() == "DESC" else "")
                for key, order in zip(index.columns, orders, strict=False)
            ]
            # a unique index over duplicates says available and enforces nothing
            unique = ""
            if index.type == "unique":
                plain = ", ".join(indexed_expression(table, key) for key in index.columns)
                given = " AND ".join(f"{indexed_expression(table, key)} IS NOT NULL" for key in index.columns)
                clash = sql.execute(
                    f"SELECT 1 FROM {table.sql} WHERE {given} GROUP BY {plain} HAVING count(*) > 1 LIMIT 1"
                ).fetchone()
                unique = "" if clash else "UNIQUE"
            sql.execute(f"CREATE {unique} INDEX {name} ON {table.sql} ({', '.join(parts)})")

    def delete_index(self, table: StoredTable, key: str) -> None:
        with self.writing() as sql:
            sql.execute(f"DROP INDEX IF EXISTS {table.sql}_index_{table.indexes[key].number}")
            table.indexes = {k: i for k, i in table.indexes.items() if k != key}
            self.save_catalogue()

    # -- rows --

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
        """Insert all or none; the texts of the rows as served. Raises DuplicateRow."""
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
                raise DuplicateRow(str(duplicate)) from None
            return texts

    def _keep_sequence(self, sql: sqlite3.Connection, table: StoredTable) -> None:
        sql.execute(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)",
            (f"sequence_{table.number}", str(self._sequences[table.number])),
        )

    def replace(self, table: StoredTable, rows: Sequence[Row]) -> list[str]:
        """Write rows that stand, by sequence; the texts as served. Raises DuplicateRow (a unique index)."""
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
            raise DuplicateRow(str(duplicate)) from None
        return texts

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

    def file_size(self) -> int:
        return os.path.getsize(self._path)


def _row(found: tuple[Any, ...] | None) -> Row | None:
    return parse_row(found[0]) if found else None


def parse_row(text: bytes | str) -> Row:
    """A stored text as a Row."""
    document = orjson.loads(text)
    data = {k: v for k, v in document.items() if k[0] != "$"}
    return Row(
        document["$id"], data, document["$createdAt"], document["$updatedAt"], document["$permissions"],
        int(document["$sequence"]),
    )  # fmt: skip


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _regexp(pattern: Any, value: Any) -> bool | None:
    if value is None:
        return None
    try:
        return re.search(_text(pattern), _text(value), re.IGNORECASE) is not None
    except re.error:
        return False


# InnoDB's own, which no fulltext index holds.
_STOPWORDS = frozenset((
    "a", "about", "an", "are", "as", "at", "be", "by", "com", "de", "en", "for", "from", "how", "i", "in", "is", "it",
    "la", "of", "on", "or", "that", "the", "this", "to", "was", "what", "when", "where", "who", "will", "with", "und",
    "www",
))  # fmt: skip
_SHORTEST_WORD = 3


def _indexed(text: str) -> list[str]:
    """The words of a text that InnoDB's fulltext index holds."""
    found = re.findall(r"\w+", text.lower())
    return [word for word in found if len(word) >= _SHORTEST_WORD and word not in _STOPWORDS]


def _fulltext(value: Any, query: Any) -> bool | None:
    """Boolean mode as Appwrite uses it: any word of the query, of the last one its start; in quotes the phrase."""
    if value is None:
        return None
    wanted, words = _text(query).lower().strip(), _indexed(_text(value))
    exact = len(wanted) > 1 and wanted[0] == wanted[-1] == '"'
    parts = re.sub(r"[@+\-*.'\"]", " ", wanted).split()
    if exact:
        return f" {' '.join(_indexed(' '.join(parts)))} " in f" {' '.join(words)} "
    return any(part in words for part in parts[:-1]) or any(
        word.startswith(part) for part in parts[-1:] for word in words
    )
