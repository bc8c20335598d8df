"""How this process opens warehouse.duckdb and its like: quietly, without fetching extensions. Knows no table."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

#: What queries may hold. DuckDB's own default is 80 % of the machine; a run shares it with Appwrite. What is over it
#: goes to `<file>.tmp` beside the file. The process itself holds some 300 MB more.
MEMORY_LIMIT = "3GB"


def open_warehouse(path: Path | None = None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file of the pipeline (None: in memory). Close it before the file is copied."""
    # Nothing is ever fetched; and a progress bar would land in the middle of what a person or a program reads.
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "memory_limit": MEMORY_LIMIT,
    }
    con = duckdb.connect(":memory:" if path is None else str(path), read_only=read_only, config=config)
    con.execute("SET enable_progress_bar = false")
    return con


class HeldWarehouse:
    """One file that the steps of a run open in turn: read in once, not anew by each of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held: duckdb.DuckDBPyConnection | None = None

    @contextmanager
    def open(self, *, read_only: bool = False) -> Generator[duckdb.DuckDBPyConnection]:
        """A connection of one's own. What is not committed at its end is taken back."""
        if self._held is None:
            self._held = open_warehouse(self._path)
        con = self._held.cursor()
        try:
            con.execute("SET enable_progress_bar = false")
            if read_only:
                con.execute("BEGIN TRANSACTION READ ONLY")
            yield con
        finally:
            con.close()

    def close(self) -> None:
        """Close the file, as it must be before it is copied. It may be opened again."""
        if self._held is not None:
            self._held.close()
            self._held = None
