"""The digest of each mart of a snapshot, which anyone with DuckDB and sha256sum can take again.

A digest is the SHA-256 of what DuckDB writes for the table as CSV with a header, its rows in the order of the file:
``COPY marts.x TO '/dev/stdout' (FORMAT csv, HEADER)``. Whether the whole file is as it was is resources/seals.py's.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path
from typing import Final

import duckdb

from resources.sql import attach, quoted

#: Written as it is read, one thread: what a digest holds in memory does not grow with the rows. Long texts take more.
_MEMORY: Final = ("96MB", "384MB", "1500MB")
_PIECE: Final = 1 << 20
_TABLES: Final = (
    "SELECT table_name FROM duckdb_tables()"
    " WHERE database_name = 'snapshot' AND schema_name = 'marts' ORDER BY table_name"
)


def mart_digests(path: Path) -> dict[str, str]:
    """``marts.<table>`` → SHA-256 of its rows, for every mart of the snapshot file ``path``. Raises duckdb.Error."""
    *tries, last = _MEMORY
    for limit in tries:
        try:
            return _within(path, limit)
        except duckdb.OutOfMemoryException:
            continue
    return _within(path, last)


def _within(path: Path, memory: str) -> dict[str, str]:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "threads": 1,
        "temp_directory": "",
        "autoinstall_known_extensions": "false",
    }
    # A database of its own with the file attached: this process may have it open with other settings.
    with duckdb.connect(config=config) as con:
        con.execute("SET enable_progress_bar = false")
        attach(con, path, "snapshot", read_only=True)
        return {f"marts.{name}": _digest(con, str(name)) for (name,) in con.execute(_TABLES).fetchall()}


def _digest(con: duckdb.DuckDBPyConnection, table: str) -> str:
    reading, writing = os.pipe()
    digest = hashlib.sha256()

    def take() -> None:
        with open(reading, "rb", buffering=0) as pipe:
            while piece := pipe.read(_PIECE):
                digest.update(piece)

    taking = threading.Thread(target=take, name="digest")
    taking.start()
    try:
        con.execute(f"COPY snapshot.marts.{quoted(table)} TO '/dev/fd/{writing}' (FORMAT csv, HEADER)")
    finally:
        os.close(writing)
        taking.join()
    return digest.hexdigest()
