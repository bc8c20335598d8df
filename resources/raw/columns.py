"""The tables of the collections: which attribute stands in which column, and how they follow Appwrite's list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from resources.raw.column_types import SQL_TYPE, SYSTEM, Column, Storage, StoredColumn
from resources.raw.file import RawFile
from resources.raw.watermarks import Watermarks
from resources.sql import quoted
from resources.told import a_few, told_name

VERSION_COLUMNS: tuple[tuple[str, str], ...] = (
    ("_id", "VARCHAR"),
    ("_sequence", "BIGINT"),
    ("_created_at", "TIMESTAMP"),
    ("_updated_at", "TIMESTAMP"),
    ("_ingested_at", "TIMESTAMP"),
    ("_run_id", "VARCHAR"),
    ("_deleted_at", "TIMESTAMP"),
    ("_change", "BIGINT"),
    ("_misfits", "VARCHAR"),
    ("_rejected", "VARCHAR"),
)
HISTORY_COLUMNS: tuple[tuple[str, str], ...] = (("_replaced_at", "TIMESTAMP"), ("_replaced_by", "BIGINT"))
_TAKEN_NAMES = frozenset(name for name, _ in (*VERSION_COLUMNS, *HISTORY_COLUMNS)) | {"rowid"}


_ODD: Final = re.compile(r"[^A-Za-z0-9_.$ -]")
_LONGEST_COLUMN: Final = 120


def column_name(attribute: str) -> str:
    """The name of the raw column an attribute wishes for: its own, without letters that mean something elsewhere."""
    return _ODD.sub("_", attribute)[:_LONGEST_COLUMN] or "_"


class _Noted(NamedTuple):
    """A line of ``_columns``."""

    attribute: str
    column_name: str
    kind: str
    is_array: bool
    gone_at: datetime | None
    unread: bool | None

    @property
    def as_listed(self) -> Column:
        return Column(self.attribute, self.kind, self.is_array)


@dataclass(frozen=True)
class ColumnChanges:
    """Attributes that came, went or changed their type since the last look; the first look reports none."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.retyped)

    @property
    def sentence(self) -> str:
        """Such as ``column added: tip; column retyped: price``; empty without a change."""
        told = (("added", self.added), ("removed", self.removed), ("retyped", self.retyped))
        return "; ".join(
            f"column {what}: {a_few([told_name(name) for name in names])}" for what, names in told if names
        )


class Columns:
    """``_columns``, and the tables it tells of: ``<collection>`` and ``<collection>_history``."""

    def __init__(self, file: RawFile, watermarks: Watermarks) -> None:
        self._file = file
        self._watermarks = watermarks
        self._layouts: dict[str, tuple[StoredColumn, ...]] = {}
        self._noted: dict[str, list[_Noted]] = {}
        self._tables: set[str] = set()

    def collections(self) -> list[str]:
        """Collections that have a table here."""
        return [
            row[0]
            for row in self._file.rows(
                "SELECT t.table_name FROM duckdb_tables() t JOIN duckdb_tables() h "
                "ON h.table_name = t.table_name || '_history' AND h.database_name = t.database_name "
                "WHERE t.schema_name = 'main' ORDER BY 1"
            )
        ]

    def has_table(self, collection: str) -> bool:
        if collection not in self._tables:
            # All at once: each look into DuckDB's catalogue takes some milliseconds, and a run has eleven to take.
            self._tables.update(
                row[0]
                for row in self._file.rows(
                    "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'"
                )
            )
        return collection in self._tables

    def of(self, collection: str) -> tuple[StoredColumn, ...]:
        """The attributes a collection has now and the raw column of each, in the order first seen."""
        if collection not in self._layouts:
            self._layouts[collection] = tuple(
                StoredColumn(c.attribute, c.column_name, c.as_listed.storage)
                for c in self._lines(collection)
                if c.gone_at is None
            )
        return self._layouts[collection]

    def _lines(self, collection: str) -> list[_Noted]:
        """The lines of a collection in ``_columns``, in the order first seen."""
        if collection not in self._noted:
            noted: dict[str, list[_Noted]] = {collection: []}
            for name, *line in self._file.rows(
                "SELECT collection, attribute, column_name, kind, is_array, gone_at, unread FROM _columns "
                "ORDER BY rowid"
            ):
                noted.setdefault(name, []).append(_Noted(*line))
            self._noted.update(noted)
        return self._noted[collection]

    def unread(self, collection: str) -> frozenset[str]:
        """The relationship columns of a collection whose values the server did not hand out at the last scan."""
        noted = self._lines(collection)
        return frozenset(c.attribute for c in noted if c.gone_at is None and c.unread)

    def reconcile(self, collection: str, listed: Sequence[Column], now: datetime) -> ColumnChanges:
        """Carry Appwrite's column list into the tables of a collection (made at the first look).

        A column that came (its default is invisible to a scan by $updatedAt) or was retyped makes the next
        scan read everything; so does a relationship that can be read now. A column that went stays, marked gone. A
        retyped one is converted where every value survives the way there and back; else it is kept under a new name
        beside a fresh column.
        """
        first = not self.has_table(collection)
        self._note_unread(collection, listed)
        # Of an attribute that stands there more than once, the line that lives counts, else the one that went last.
        known = {
            c.attribute: (c.column_name, c.kind, bool(c.is_array), c.gone_at)
            for c in sorted(self._lines(collection), key=lambda c: (c.gone_at is None, c.gone_at or now))
        }
        wanted = {column.key: column for column in listed}
        added = [
            c
            for c in wanted.values()
            if c.key not in known or (known[c.key][3] and known[c.key][1:3] == (c.kind, c.is_array))
        ]
        retyped = [c for c in wanted.values() if c.key in known and known[c.key][1:3] != (c.kind, c.is_array)]
        removed = [a for a, (_, _, _, gone_at) in known.items() if a not in wanted and gone_at is None]
        if not (first or added or retyped or removed):
            return ColumnChanges()
        self._layouts.pop(collection, None)
        self._noted.pop(collection, None)
        refill: list[tuple[str, str, Storage, Storage]] = []
        with self._file.transaction() as con:
            used = {
                str(r[0]).lower()
                for r in self._file.rows(
                    "SELECT column_name FROM _columns WHERE collection = ?", [collection]
                )
            }
            if first:
                named = [(c, self._free_name(c.key, used)) for c in added]
                own = ((quoted(name), SQL_TYPE[c.storage]) for c, name in named)
                fields = ", ".join(f"{name} {kind}" for name, kind in (*VERSION_COLUMNS, *own))
                more = ", ".join(f"{name} {kind}" for name, kind in HISTORY_COLUMNS)
                con.execute(f"CREATE TABLE {quoted(collection)} ({fields})")
                con.execute(f"CREATE TABLE {quoted(collection + '_history')} ({fields}, {more})")
                for column, name in named:
                    self._note_column(collection, column, name, now)
            for column in added if not first else ():
                if column.key in known:
                    con.execute(
                        "UPDATE _columns SET gone_at = NULL, unread = ? WHERE collection = ? AND column_name = ?",
                        [column.unread, collection, known[column.key][0]],
                    )
                else:
                    self._add_column(collection, column, self._free_name(column.key, used), now)
            for column in retyped:
                name, kind, is_array, _ = known[column.key]
                old, new = Column(column.key, kind, is_array).storage, column.storage
                if SQL_TYPE[old] == SQL_TYPE[new] or self._survives(
                    collection, name, SQL_TYPE[old], SQL_TYPE[new]
                ):
                    if SQL_TYPE[old] != SQL_TYPE[new]:
                        for table in (collection, f"{collection}_history"):
                            con.execute(
                                f"ALTER TABLE {quoted(table)} "
                                f"ALTER COLUMN {quoted(name)} TYPE {SQL_TYPE[new]}"
                            )
                    con.execute(
                        "UPDATE _columns SET kind = ?, is_array = ?, unread = ?, gone_at = NULL "
                        "WHERE collection = ? AND column_name = ?",
                        [column.kind, column.is_array, column.unread, collection, name],
                    )
                else:
                    kept = self._free_name(f"{name}__was_{kind}", used)
                    for table in (collection, f"{collection}_history"):
                        con.execute(
                            f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(name)} TO {quoted(kept)}"
                        )
                    con.execute(
                        "UPDATE _columns SET column_name = ?, gone_at = coalesce(gone_at, ?) "
                        "WHERE collection = ? AND column_name = ?",
                        [kept, now, collection, name],
                    )
                    self._add_column(collection, column, name, now)
                    refill.append((kept, name, old, new))
            for attribute in removed:
                con.execute(
                    "UPDATE _columns SET gone_at = ? WHERE collection = ? AND column_name = ?",
                    [now, collection, known[attribute][0]],
                )
            if not first and (added or retyped):
                self._watermarks.read_anew(collection)
        # DuckDB refuses to change a table's rows and its columns in one transaction. A kill in between loses
        # nothing: the kept column has the old values, and the scan that is now due brings the new ones.
        for kept, name, old, new in refill:
            for table in (collection, f"{collection}_history"):
                with self._file.transaction() as con:
                    there = f"try_cast({quoted(kept)} AS {SQL_TYPE[new]})"
                    con.execute(
                        f"UPDATE {quoted(table)} SET {quoted(name)} = {there} "
                        f"WHERE try_cast({there} AS {SQL_TYPE[old]}) IS NOT DISTINCT FROM {quoted(kept)} "
                        f"AND {quoted(kept)} IS NOT NULL"
                    )
        self._layouts.pop(collection, None)
        self._noted.pop(collection, None)
        if first:
            return ColumnChanges()
        return ColumnChanges(
            tuple(sorted(c.key for c in added)), tuple(sorted(removed)), tuple(sorted(c.key for c in retyped))
        )

    def _note_unread(self, collection: str, listed: Sequence[Column]) -> None:
        """Note which known relationships are read now. One that is read for the first time is null in every row yet; of
        one that is no longer, what was read stays until the row changes."""
        told = {c.key: c.unread for c in listed if c.storage == "reference"}
        changed = [
            c
            for c in self._lines(collection)
            if c.gone_at is None
            and c.attribute in told
            and c.as_listed.storage == "reference"
            and c.unread is not told[c.attribute]
        ]
        if not changed:
            return
        self._noted.pop(collection, None)
        with self._file.transaction() as con:
            for column in changed:
                con.execute(
                    "UPDATE _columns SET unread = ? WHERE collection = ? AND column_name = ?",
                    [told[column.attribute], collection, column.column_name],
                )
            if not all(told[column.attribute] for column in changed):
                self._watermarks.read_anew(collection)

    def _add_column(self, collection: str, column: Column, name: str, now: datetime) -> None:
        for table in (collection, f"{collection}_history"):
            self._file.connection.execute(
                f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(name)} {SQL_TYPE[column.storage]}"
            )
        self._note_column(collection, column, name, now)

    def _note_column(self, collection: str, column: Column, name: str, now: datetime) -> None:
        self._file.connection.execute(
            "INSERT INTO _columns (collection, attribute, column_name, kind, is_array, first_seen_at, unread) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [collection, column.key, name, column.kind, column.is_array, now, column.unread],
        )

    @staticmethod
    def _free_name(wish: str, used: set[str]) -> str:
        """A column name no other has, by DuckDB's measure: case does not count."""
        wish = name = column_name(wish)
        n = 2
        while name.lower() in used or name.lower() in _TAKEN_NAMES:
            name, n = f"{wish}_{n}", n + 1
        used.add(name.lower())
        return name

    def _survives(self, collection: str, name: str, old: str, new: str) -> bool:
        """Whether every value of a column is the same after a change of type and back."""
        return not any(
            self._file.rows(
                f"SELECT 1 FROM {quoted(table)} WHERE {quoted(name)} IS NOT NULL AND "
                f"try_cast(try_cast({quoted(name)} AS {new}) AS {old}) IS DISTINCT FROM {quoted(name)} "
                "LIMIT 1"
            )
            for table in (collection, f"{collection}_history")
        )

    def attributes(self, collection: str) -> dict[str, str]:
        """Raw column → the attribute it holds."""
        return {
            **{name: attribute for attribute, name, _ in SYSTEM},
            **{c.name: c.attribute for c in self.of(collection)},
        }
