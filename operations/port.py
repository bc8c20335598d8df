"""The one way of operations to what is published: queries on a snapshot, which they cannot change.

What is asked stands with the kinds; which snapshots there are is resources/snapshots.py's.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import duckdb

from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot


class Published:
    """A snapshot to plan from. ``at``: the instant it was published, UTC."""

    def __init__(self, con: duckdb.DuckDBPyConnection, snapshot_id: str, at: datetime) -> None:
        self._con, self.snapshot_id, self.at = con, snapshot_id, at

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """The rows of a query as mappings. Raises duckdb.Error."""
        answer = self._con.execute(sql, parameters)
        names = [column[0] for column in answer.description or ()]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def size(self, table: str) -> int:
        """How many rows a table of the snapshot has, as ``core.bookings``."""
        return self._con.table(table).shape[0]


@contextmanager
def published(home: Home) -> Generator[Published]:
    """The newest snapshot. Raises BookwatchError before the first run, SnapshotChanged where the file is another one
    than was published."""
    path = require_snapshot(home)
    with open_snapshot(path) as con:
        published_at: tuple[datetime] | None = con.execute("SELECT published_at FROM ops.snapshot").fetchone()
        assert published_at is not None, "a snapshot says of itself when it was published"
        yield Published(con, path.stem, published_at[0].replace(tzinfo=UTC))
