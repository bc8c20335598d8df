"""Looks for planted personal values in files, inside databases too, where compression hides them from a byte search."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb


def everything_under(home: Path) -> Iterator[Path]:
    """Every file of a home, links left out (what they point at is there too)."""
    return (path for path in sorted(home.rglob("*")) if path.is_file() and not path.is_symlink())


def _texts_of_duckdb(path: Path) -> Iterator[str]:
    with duckdb.connect(str(path), read_only=True) as con:
        tables = con.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall()
        for schema, table in tables:
            name = f'"{schema}"."{table}"'
            cursor = con.execute(f"SELECT t::VARCHAR FROM {name} t")
            while batch := cursor.fetchmany(10_000):
                yield from (row[0] for row in batch)


def _texts_of_sqlite(path: Path) -> Iterator[str]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield from (str(row) for row in connection.execute(f'SELECT * FROM "{table}"'))
    finally:
        connection.close()


def texts_in(path: Path) -> Iterator[str]:
    """The rows of every table of a database, each as text; nothing of another file."""
    with path.open("rb") as file:
        begins = file.read(16)
    if begins[8:12] == b"DUCK":
        yield from _texts_of_duckdb(path)
    elif begins.startswith(b"SQLite format 3"):
        yield from _texts_of_sqlite(path)


def sentinels_in(path: Path, sentinels: Sequence[str]) -> set[str]:
    """Which of the values stand in a file: as bytes, and as values of any table of a database."""
    content = path.read_bytes()
    found = {value for value in sentinels if value.encode() in content}
    for text in texts_in(path):
        found |= {value for value in sentinels if value in text}
    return found
