"""Names, texts and files as DuckDB's SQL takes them where nothing can be bound."""

from __future__ import annotations

from pathlib import Path

import duckdb


def quoted(name: str) -> str:
    """A name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as a string constant."""
    return "'" + text.replace("'", "''") + "'"


def attach(con: duckdb.DuckDBPyConnection, path: Path, name: str, *, read_only: bool = False) -> None:
    """Attach a database file under ``name``. Raises duckdb.Error as DuckDB does."""
    con.execute(f"ATTACH {literal(str(path))} AS {quoted(name)}{' (READ_ONLY)' if read_only else ''}")
