"""Writes a raw.duckdb of the documented shape for tests of core: versions, history, deletes, misfits,
rejects."""

from __future__ import annotations

import json
import tempfile
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from resources.raw.control_tables import CONTROL_TABLES

MIRROR_COLUMNS = {
    "_id": "VARCHAR",
    "_sequence": "BIGINT",
    "_created_at": "TIMESTAMP",
    "_updated_at": "TIMESTAMP",
    "_ingested_at": "TIMESTAMP",
    "_run_id": "VARCHAR",
    "_deleted_at": "TIMESTAMP",
    "_change": "BIGINT",
    "_misfits": "VARCHAR",
    "_rejected": "VARCHAR",
}
START = datetime(2025, 11, 20, 3, 0, 0)
CONTROL = {table.name: table for table in CONTROL_TABLES}


def _told(con: duckdb.DuckDBPyConnection, collection: str, attribute: str, column: str) -> None:
    """What raw knows of an attribute's column."""
    con.execute(
        "INSERT INTO _columns (collection, attribute, column_name, kind, is_array, first_seen_at)"
        " VALUES (?, ?, ?, 'string', false, ?)",
        [collection, attribute, column, START],
    )


def _create(con: duckdb.DuckDBPyConnection, collection: str, attributes: dict[str, str]) -> None:
    named: dict[str, str] = {}
    for attribute, kind in attributes.items():
        column = attribute
        while column.lower() in {c.lower() for c in named}:
            column += "__2"
        named[column] = kind
        _told(con, collection, attribute, column)
    columns = ", ".join(f'"{c}" {t}' for c, t in {**MIRROR_COLUMNS, **named}.items())
    con.execute(f"CREATE TABLE {collection} ({columns})")
    con.execute(f"CREATE TABLE {collection}_history ({columns}, _replaced_at TIMESTAMP, _replaced_by BIGINT)")


@lru_cache(maxsize=16)
def _empty(tables: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]) -> bytes:
    """The file of a mirror without a row: made once, for hundreds of tests begin with the same one."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "raw.duckdb"
        with duckdb.connect(str(path)) as con:
            con.execute("BEGIN")
            con.execute(CONTROL["_columns"].ddl)
            con.execute(CONTROL["_rejects"].ddl)
            for collection, attributes in tables:
                _create(con, collection, dict(attributes))
            con.execute("COMMIT")
        return path.read_bytes()


class RawFile:
    """A mirror one can write to. ``tables``: collection → attribute → DuckDB type. ``stored``: the clock that stored
    every version (else each is stored when it was changed)."""

    def __init__(self, path: Path, tables: dict[str, dict[str, str]], stored: datetime | None = None) -> None:
        self.path = path
        self.stored = stored
        self.tables = {c: dict(a) for c, a in tables.items()}
        self.change = 0
        self.sequence = 0
        self.scans = 0
        path.write_bytes(_empty(tuple((c, tuple(a.items())) for c, a in tables.items())))

    def put(self, collection: str, *rows: dict[str, Any], at: datetime | None = None) -> int:
        """Store rows in one transaction, keeping what they replace. Keys ``$id``, ``$createdAt``,
        ``$updatedAt``, ``_misfits``, ``_rejected``, ``_deleted_at`` stand beside the attributes. Returns the
        change number."""
        self.change += 1
        at = at or START + timedelta(minutes=self.change)
        with duckdb.connect(str(self.path)) as con:
            con.execute("BEGIN")
            columns = {
                (of, attribute): column
                for of, attribute, column in con.execute(
                    "SELECT collection, attribute, column_name FROM _columns"
                ).fetchall()
            }
            for row in rows:
                self._store(con, collection, dict(row), at, columns)
            con.execute("COMMIT")
        return self.change

    def _store(
        self,
        con: duckdb.DuckDBPyConnection,
        collection: str,
        row: dict[str, Any],
        at: datetime,
        columns: dict[tuple[str, str], str],
    ) -> None:
        row_id = row.pop("$id")
        before = con.execute(
            f"SELECT _sequence, _created_at FROM {collection} WHERE _id = ?", [row_id]
        ).fetchone()
        if before is not None:
            con.execute(
                f"INSERT INTO {collection}_history BY NAME"
                f" SELECT *, ? AS _replaced_at, ? AS _replaced_by FROM {collection} WHERE _id = ?",
                [at, self.change, row_id],
            )
            con.execute(f"DELETE FROM {collection} WHERE _id = ?", [row_id])
        else:
            self.sequence += 1
        misfits = row.pop("_misfits", None)
        values: dict[str, Any] = {
            "_id": row_id,
            "_sequence": before[0] if before else self.sequence,
            "_created_at": row.pop("$createdAt", before[1] if before else at),
            "_updated_at": row.pop("$updatedAt", at),
            "_ingested_at": self.stored or at,
            "_run_id": f"run{self.change}",
            "_deleted_at": row.pop("_deleted_at", None),
            "_change": self.change,
            "_misfits": json.dumps(misfits) if misfits else None,
            "_rejected": row.pop("_rejected", None),
        }
        for attribute, value in row.items():
            values[columns.get((collection, attribute), attribute)] = (
                json.dumps(value) if isinstance(value, dict | list) else value
            )
        names = ", ".join(f'"{n}"' for n in values)
        con.execute(
            f"INSERT INTO {collection} ({names}) VALUES ({', '.join('?' * len(values))})",
            list(values.values()),
        )

    def delete(self, collection: str, row_id: str) -> int:
        """What a sweep does with a row that is gone."""
        self.change += 1
        at = START + timedelta(minutes=self.change)
        with duckdb.connect(str(self.path)) as con:
            con.execute(
                f"INSERT INTO {collection}_history BY NAME"
                f" SELECT *, ? AS _replaced_at, ? AS _replaced_by FROM {collection} WHERE _id = ?",
                [at, self.change, row_id],
            )
            con.execute(
                f"UPDATE {collection} SET _deleted_at = ?, _change = ? WHERE _id = ?",
                [at, self.change, row_id],
            )
        return self.change

    def scanned(
        self,
        collection: str,
        outcome: str = "complete",
        upto: datetime | None = None,
        at: datetime | None = None,
    ) -> None:
        """What a scan leaves in raw's books: its outcome and, where it came to its end, how far it read (``upto``,
        default: to now) and when (``at``)."""
        self.scans += 1
        at = at or START + timedelta(minutes=self.change)
        upto = upto or at
        with duckdb.connect(str(self.path)) as con:
            con.execute(CONTROL["_watermarks"].ddl)
            con.execute(CONTROL["_ingest_runs"].ddl)
            con.execute(
                "INSERT INTO _ingest_runs (run_id, collection, started_at, outcome) VALUES (?, ?, ?, ?)",
                [f"run{self.scans}", collection, at, outcome],
            )
            if outcome == "complete":
                con.execute("DELETE FROM _watermarks WHERE collection = ?", [collection])
                con.execute(
                    "INSERT INTO _watermarks (collection, watermark, completed_at) VALUES (?, ?, ?)",
                    [collection, upto, at],
                )

    def add_attribute(self, collection: str, attribute: str, kind: str) -> None:
        with duckdb.connect(str(self.path)) as con:
            for table in (collection, f"{collection}_history"):
                con.execute(f'ALTER TABLE {table} ADD COLUMN "{attribute}" {kind}')
            _told(con, collection, attribute, attribute)

    def remove_attribute(self, collection: str, attribute: str) -> None:
        """What raw does with an attribute the deployment no longer has: its values stay, the column is marked."""
        with duckdb.connect(str(self.path)) as con:
            con.execute(
                "UPDATE _columns SET gone_at = ? WHERE collection = ? AND attribute = ?",
                [START, collection, attribute],
            )
        del self.tables[collection][attribute]
