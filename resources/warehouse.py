"""How this process opens warehouse.duckdb and its like: quietly, without fetching extensions. Knows no table."""

from __future__ import annotations

from pathlib import Path

import duckdb


def open_warehouse(path: Path | None = None, *, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to a DuckDB file of the pipeline (None: in memory). Close it before the file is copied."""
    # Nothing is ever fetched; and a progress bar would land in the middle of what a person or a program reads.
    config: dict[str, str | bool | int | float | list[str]] = {"autoinstall_known_extensions": "false"}
    con = duckdb.connect(":memory:" if path is None else str(path), read_only=read_only, config=config)
    con.execute("SET enable_progress_bar = false")
    return con
