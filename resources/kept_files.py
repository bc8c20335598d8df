"""DuckDB files that are kept (snapshots, the warehouse, backups): where a forgotten person's values stand in their
texts, and the same file made anew without them. DuckDB never wipes a deleted value, so a file is made by copying.

What is a trace is marketplace/traces.py's; what becomes of the file made, and the ledger, is pipelines/forget.py's.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import duckdb

from marketplace.traces import CellKind, Traces, cell_kind
from resources.errors import BookwatchError
from resources.forgotten import open_sql
from resources.sql import quoted

MEMORY: Final = 400_000_000
TEXTS_AT_ONCE: Final = 50_000
LOOKING: Final = "looking"
"""How the name of a folder ends that rows are spilled to while a file is looked through."""
_MAGIC: Final = b"DUCK"


class KeptFileFailure(BookwatchError):
    """A kept file could not be read, or not be written anew."""


@dataclass(frozen=True)
class OwnRows:
    """Rows of a person in a table of personal values: all of their ``columns`` go. ``key``: SQL of what tells them."""

    table: str
    key: str
    ids: frozenset[str]
    columns: tuple[str, ...]


@dataclass
class Found:
    """Where a file holds traces. ``cells``: table.column → cells; no value."""

    cells: dict[str, int] = field(default_factory=dict[str, int])
    texts: dict[tuple[str, str, str], dict[str, Any]] = field(
        default_factory=dict[tuple[str, str, str], "dict[str, Any]"]
    )
    own: tuple[OwnRows, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.cells)


@dataclass(frozen=True)
class _Column:
    schema: str
    table: str
    name: str
    type: str
    kind: CellKind

    @property
    def place(self) -> str:
        return f"{quoted(self.schema)}.{quoted(self.table)}"

    @property
    def told(self) -> str:
        return f"{self.table if self.schema == 'main' else f'{self.schema}.{self.table}'}.{self.name}"

    @property
    def text(self) -> str:
        """SQL: the cell as text."""
        name = quoted(self.name)
        return name if self.type == "VARCHAR" else f"CAST({name} AS VARCHAR)"


def is_duckdb(path: Path) -> bool:
    """Whether a file says that it is a DuckDB database."""
    try:
        with open(path, "rb") as file:
            return file.read(12)[8:] == _MAGIC
    except OSError:
        return False


def tables_of(path: Path) -> frozenset[str]:
    """The tables of a file, as schema.table. Raises KeptFileFailure."""
    with _reading(path) as con:
        rows = con.execute("SELECT schema_name || '.' || table_name FROM duckdb_tables()").fetchall()
    return frozenset(str(row[0]) for row in rows)


def look(path: Path, traces: Traces, own: Sequence[OwnRows] = ()) -> Found:
    """Where a file holds values of a person. Raises KeptFileFailure where it cannot be read."""
    found = Found(own=tuple(own))
    with _reading(path) as con:
        for column in _columns(con):
            texts: dict[str, Any] = {}
            for some in _suspects(con, column, traces):
                texts |= _replaced(column, some, traces)
            if texts:
                cells = con.execute(
                    f"SELECT count(*) FROM {column.place} WHERE list_contains(?, {column.text})",
                    [list(texts)],
                ).fetchone()
                found.texts[column.schema, column.table, column.name] = texts
                found.cells[column.told] = int(cells[0]) if cells else 0
        for rows in own:
            for column in rows.columns:
                cells = con.execute(
                    f"SELECT count(*) FROM {quoted(rows.table)} WHERE list_contains(?, {rows.key})"
                    f" AND {quoted(column)} IS NOT NULL",
                    [list(rows.ids)],
                ).fetchone()
                if cells and cells[0]:
                    name = f"{rows.table}.{column}"
                    found.cells[name] = max(int(cells[0]), found.cells.get(name, 0))
    return found


def write_without(path: Path, making: Path, found: Found, *, mode: int) -> str:
    """Make the file ``path`` anew as ``making``, without what was found, and durably; returns its SHA-256.

    Nothing but the texts found differs: each table's rows and all its other columns are compared. Raises
    KeptFileFailure, and leaves nothing then.
    """
    spill = making.with_name(f"{making.name}.tmp")
    remove(making)
    making.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with duckdb.connect(
            config={"temp_directory": str(spill), "autoinstall_known_extensions": "false"}
        ) as con:
            con.execute("SET enable_progress_bar = false")
            con.execute(f"ATTACH {_literal(path)} AS old (READ_ONLY)")
            con.execute(f"ATTACH {_literal(making)} AS new")
            con.execute(f"SET memory_limit = '{MEMORY}B'")
            con.execute("COPY FROM DATABASE old TO new (SCHEMA)")
            for (schema, table), columns in _tables(con).items():
                _copy(con, schema, table, columns, found)
            con.execute("CHECKPOINT new")
            con.execute("DETACH new")
            con.execute("DETACH old")
        os.chmod(making, mode)
        digest = hashlib.sha256()
        with open(making, "rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
            os.fsync(file.fileno())
        return digest.hexdigest()
    except (duckdb.Error, OSError) as broken:
        remove(making)
        failure = KeptFileFailure(
            f"{path.name} could not be written anew ({type(broken).__name__}).",
            "It stands as it was, and holds the values: make room beside it and run this again.",
        )
    except BaseException:
        remove(making)
        raise
    finally:
        shutil.rmtree(spill, ignore_errors=True)
    raise failure


def remove(making: Path) -> None:
    """Take away a file that was being made."""
    for leftover in (making, making.with_name(f"{making.name}.wal")):
        leftover.unlink(missing_ok=True)


def _literal(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


@contextmanager
def _reading(path: Path) -> Generator[duckdb.DuckDBPyConnection]:
    failure: KeptFileFailure
    spill = path.with_name(f".{path.name}.{LOOKING}")
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{MEMORY}B",
        "temp_directory": str(spill),
        "autoinstall_known_extensions": "false",
    }
    try:
        with duckdb.connect(str(path), read_only=True, config=config) as con:
            con.execute("SET enable_progress_bar = false")
            yield con
        return
    except duckdb.Error as broken:
        failure = KeptFileFailure(
            f"{path} could not be looked through ({type(broken).__name__}).",
            "It may still hold the values: open it with the version of bookwatch that made it, or delete it.",
        )
    finally:
        shutil.rmtree(spill, ignore_errors=True)
    raise failure


def _columns(con: duckdb.DuckDBPyConnection) -> list[_Column]:
    """The columns that hold text, also inside lists and structs, of the tables that have rows."""
    found: list[_Column] = []
    filled: dict[tuple[str, str], bool] = {}
    for schema, table, name, kind in con.execute(
        "SELECT c.schema_name, c.table_name, c.column_name, c.data_type FROM duckdb_columns() c"
        " JOIN duckdb_tables() t USING (database_oid, schema_oid, table_oid)"
        " WHERE contains(c.data_type, 'VARCHAR') OR c.data_type = 'JSON' ORDER BY ALL"
    ).fetchall():
        cell = cell_kind(str(table), str(name))
        if cell is None:
            continue
        column = _Column(str(schema), str(table), str(name), str(kind), cell)
        if (column.schema, column.table) not in filled:
            first = con.execute(f"SELECT 1 FROM {column.place} LIMIT 1").fetchone()
            filled[column.schema, column.table] = first is not None
        if filled[column.schema, column.table]:
            found.append(column)
    return found


def _suspects(con: duckdb.DuckDBPyConnection, column: _Column, traces: Traces) -> Iterator[list[str]]:
    """Texts of a column that may hold a trace, each once, some at a time: a first look."""
    text = column.text
    maybe = [f"contains({text}, '@')"]
    if traces.number_pattern is not None:
        maybe.append(f"regexp_matches({text}, '{traces.number_pattern}')")
    if column.kind == "id":
        maybe.append(f"regexp_matches({text}, '\\s')")
        if traces.by_id:
            maybe.append(f"NOT {open_sql(text)}")
    elif column.kind == "sentence":
        maybe.append(f"regexp_matches({text}, '[^\\p{{L}}\\p{{N}}_]')")
    else:
        maybe.append("true")
    where = f"{text} IS NOT NULL AND ({' OR '.join(maybe)})"
    cursor = con.cursor()
    cursor.execute(f"SELECT DISTINCT {text} FROM {column.place} WHERE {where}")
    while rows := cursor.fetchmany(TEXTS_AT_ONCE):
        yield [str(row[0]) for row in rows]
    cursor.close()


def _replaced(column: _Column, texts: Collection[str], traces: Traces) -> dict[str, Any]:
    return dict(traces.replacements(texts, column.kind))


def _tables(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str], dict[str, str]]:
    """Of each table of the file: its columns in their order, and their types."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, name, kind in con.execute(
        "SELECT c.schema_name, c.table_name, c.column_name, c.data_type FROM duckdb_columns() c"
        " JOIN duckdb_tables() t USING (database_oid, schema_oid, table_oid)"
        " WHERE t.database_name = 'old' AND NOT t.temporary ORDER BY t.table_oid, c.column_index"
    ).fetchall():
        found.setdefault((str(schema), str(table)), {})[str(name)] = str(kind)
    return found


def _copy(
    con: duckdb.DuckDBPyConnection, schema: str, table: str, columns: dict[str, str], found: Found
) -> None:
    """One table, its rows in their order; the columns that are not changed are compared afterwards."""
    place = f"{quoted(schema)}.{quoted(table)}"
    changed: dict[str, str] = {}
    asked: list[object] = []

    def ask(values: object, kind: str) -> str:
        asked.append(values)
        return f"CAST(${len(asked)} AS {kind})"

    for (of_schema, of_table, name), texts in found.texts.items():
        if (of_schema, of_table) != (schema, table):
            continue
        olds = ask(list(texts), "VARCHAR[]")
        news = ask(list(texts.values()), "VARCHAR[]")
        text = quoted(name) if columns[name] == "VARCHAR" else f"CAST({quoted(name)} AS VARCHAR)"
        fresh = f"{news}[list_position({olds}, {text})]"
        if columns[name] != "VARCHAR":
            fresh = f"TRY_CAST({fresh} AS {columns[name]})"
        changed[name] = f"CASE WHEN list_contains({olds}, {text}) THEN {fresh} ELSE {quoted(name)} END"
    for rows in found.own if schema == "main" else ():
        if rows.table == table:
            ids = ask(sorted(rows.ids), "VARCHAR[]")
            for name in rows.columns:
                before = changed.get(name, quoted(name))
                changed[name] = f"CASE WHEN list_contains({ids}, {rows.key}) THEN NULL ELSE {before} END"
    replaced = ", ".join(f"{sql} AS {quoted(name)}" for name, sql in changed.items())
    chosen = f"* REPLACE ({replaced})" if replaced else "*"
    con.execute(f"INSERT INTO new.{place} SELECT {chosen} FROM old.{place}", asked)
    same = [quoted(name) for name in columns if name not in changed]
    summed = f"sum(hash({', '.join(same)}))" if same else "0"
    counts = [
        con.execute(f"SELECT count(*), {summed} FROM {name}.{place}").fetchone() for name in ("old", "new")
    ]
    if counts[0] != counts[1]:
        raise duckdb.DataError("the copy is not whole")
