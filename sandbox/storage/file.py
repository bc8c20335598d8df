"""One SQLite file: a writer at a time, many readers. What tables it has is catalogue.py's."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sandbox.storage.functions import fulltext, regexp

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""


class File:
    """The connections to ``folder``/sandbox.sqlite, with a few values by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "sandbox.sqlite"
        self.lock = threading.RLock()
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        self._depth, self._owner = 0, 0
        self._writer = self._connect()
        self._writer.executescript(_SCHEMA)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; PRAGMA temp_store=MEMORY;"
            "PRAGMA mmap_size=8589934592; PRAGMA cache_size=-65536; PRAGMA busy_timeout=60000;"
        )
        connection.create_function("regexp", 2, regexp, deterministic=True)
        connection.create_function("fulltext", 2, fulltext, deterministic=True)
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
                self._undone()
                raise
            else:
                self._ending()
                self._writer.execute("COMMIT")
            finally:
                self._depth, self._owner = 0, 0

    def _ending(self) -> None:
        """What is left to write before a write transaction is committed."""

    def _undone(self) -> None:
        """What must be read again after a write transaction was rolled back."""

    def close(self) -> None:
        with self.lock:
            for connection in self._open:
                connection.close()
            self._open.clear()

    def meta(self, name: str) -> Any:
        found = self._writer.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return json.loads(found[0]) if found else None

    def set_meta(self, name: str, value: Any) -> None:
        with self.writing() as sql:
            sql.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, json.dumps(value)))
