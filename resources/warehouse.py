"""How this process opens warehouse.duckdb and its like: quietly, without fetching extensions. Knows no table."""

from __future__ import annotations

from pathlib import Path

import duckdb

# A progress bar would land in the middle of what a person or a program reads; an extension would be fetched.
_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "enable_progress_bar": "false",
    "autoinstall_known_extensions": "false",
}


def open_warehouse(path: Path | None = None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file of the pipeline (None: in memory). Close it before the file is copied."""
    return duckdb.connect(":memory:" if path is None else str(path), read_only=read_only, config=_CONFIG)
