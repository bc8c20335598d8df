"""Which rows of the mirror are large, the memory DuckDB needs because of them, and work cut into pieces that fit.

DuckDB reads and writes a column 2,048 rows at a time, and holds their texts in memory while it does: 900 reviews of
500 kB are 450 MB, whatever its limit. So the sizes of large rows are kept in raw.duckdb, its limit follows them, and
whole rows are read and written a few at a time. What is in the rows is not known here.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

import duckdb
import polars as pl

LARGE_ROW: Final = 64 << 10
"""Bytes from which on a row counts as a large one: 2,048 smaller ones fit into any memory bookwatch has."""
VECTOR = 2048
"""Rows DuckDB handles at once."""
PIECE_BYTES = 48 << 20
LARGE_WEIGHT = 3
"""A large row is copied more often on its way than small ones: so much less of them fits a piece."""
SLACK = 1.1
BESIDE = 128 << 20
"""Bytes DuckDB needs beside those texts."""
LONG_TEXT = 16 << 10
"""Bytes from which on a text is set aside where a machine's memory holds no more large rows."""
NO_ROOM = ": this machine's memory holds no more of that size"
REPLACED = " in replaced versions"
"""Of a large row that changed, the version before keeps no long text: the history grows with every change, and DuckDB
would need as much more memory for it."""
NONE: Mapping[str, int] = MappingProxyType({})
_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def bytes_of(limit: str) -> int:
    """A limit as DuckDB takes it: ``400MB``, ``1.5GiB``. Raises ValueError."""
    found = re.fullmatch(r"\s*([0-9.]+)\s*([A-Za-z]*)\s*", limit)
    if found is None or found[2].upper() not in _UNITS:
        raise ValueError(limit)
    return int(float(found[1]) * _UNITS[found[2].upper()])


def half_of_this_machine() -> int:
    """Bytes: half of the memory this machine, or the container this runs in, has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            told = (Path("/sys/fs/cgroup") / name).read_text().strip()
        except OSError:
            continue
        if told.isdigit():
            memory = min(memory, int(told))
    return memory // 2


def row_bytes(frame: pl.DataFrame) -> pl.Series:
    """About how many bytes each row takes: its texts, and eight for anything else."""
    texts = [name for name, dtype in frame.schema.items() if dtype == pl.String]
    fixed = pl.lit(8 * (frame.width - len(texts)), pl.Int64)
    sizes = (pl.col(name).str.len_bytes().fill_null(0).cast(pl.Int64) for name in texts)
    return frame.select(pl.sum_horizontal(pl.repeat(fixed, pl.len()), *sizes).alias("bytes")).to_series()


def pieces(sizes: pl.Series, most: int = PIECE_BYTES) -> Iterator[tuple[int, int]]:
    """(start, length) of runs of rows that weigh at most so many bytes together; a heavier row is one by itself."""
    weights = sizes.zip_with(sizes <= LARGE_ROW, sizes * LARGE_WEIGHT)
    if int(weights.sum() or 0) <= most:
        yield 0, len(weights)
        return
    start, weight = 0, 0
    for place, one in enumerate(cast("list[int]", weights.to_list())):
        if place > start and weight + one > most:
            yield start, place - start
            start, weight = place, 0
        weight += one
    yield start, len(weights) - start


def large_rows(con: duckdb.DuckDBPyConnection, schema: str = "main") -> dict[str, dict[str, int]]:
    """Collection → row id → bytes, of the large rows of a mirror."""
    found: dict[str, dict[str, int]] = {}
    for collection, row_id, size in con.execute(
        f"SELECT collection, row_id, bytes FROM {schema}._large_rows"
    ).fetchall():
        found.setdefault(collection, {})[row_id] = size
    return found


def needed(large: Mapping[str, Mapping[str, int]]) -> int:
    """Bytes DuckDB needs where these are the large rows: for those among 2,048 neighbouring ones, and beside them."""
    most = 0
    for sizes in large.values():
        most = max(most, min(sum(sizes.values()), max(sizes.values(), default=0) * VECTOR))
    return int(most * SLACK) + BESIDE


class LargeRows:
    """The large rows of one mirror, and the memory its connection may have because of them."""

    def __init__(self, base: int, most: int) -> None:
        """``base``: bytes DuckDB may take anyway; ``most``: what it may take at most."""
        self.limit = self.base = base
        self.most = max(base, most)
        self._sizes: dict[str, dict[str, int]] | None = None

    def forget(self) -> None:
        """What is known was rolled back, or written by somebody else."""
        self._sizes = None

    def load(self, con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
        """Collection → row id → bytes."""
        if self._sizes is None:
            self._sizes = large_rows(con)
        return self._sizes

    def sizes(self, con: duckdb.DuckDBPyConnection, collection: str, ids: pl.Series) -> pl.Series:
        """Per id the bytes of its row; 0 where it is not large."""
        known = self.load(con).get(collection)
        if not known:
            return pl.Series([0], dtype=pl.Int64).new_from_index(0, len(ids))
        return ids.replace_strict(known, default=0, return_dtype=pl.Int64)

    def pieces(
        self, con: duckdb.DuckDBPyConnection, collection: str, rows: pl.DataFrame
    ) -> Iterable[tuple[int, int]]:
        """(start, length) of runs of rows that fit memory together with what they replace."""
        if not self.load(con).get(collection) and rows.estimated_size() * LARGE_WEIGHT <= PIECE_BYTES:
            return ((0, rows.height),)
        return pieces(row_bytes(rows) + self.sizes(con, collection, rows["_id"]))

    def are_among(self, con: duckdb.DuckDBPyConnection, ids: pl.Series) -> bool:
        """Whether any of some rows is large, whatever its collection."""
        known = self.load(con)
        return any(known.values()) and any(row_id in some for row_id in ids for some in known.values())

    def note(self, con: duckdb.DuckDBPyConnection, collection: str, rows: pl.DataFrame) -> None:
        """Enter those of some rows, just stored, that are large, and no longer those that were. Joins the running
        transaction."""
        known = self.load(con).get(collection, {})
        if not known and rows.estimated_size() <= LARGE_ROW:
            return
        sizes = row_bytes(rows)
        large = {
            row_id: size
            for row_id, size in zip(rows["_id"].to_list(), sizes.to_list(), strict=True)
            if size > LARGE_ROW
        }
        stale = [row_id for row_id in rows["_id"].to_list() if row_id in known] if known else []
        if stale:
            con.execute(
                "DELETE FROM _large_rows WHERE collection = ? AND list_contains(?, row_id)",
                [collection, stale],
            )
        if large:
            con.executemany(
                "INSERT INTO _large_rows VALUES (?, ?, ?)", [(collection, *entry) for entry in large.items()]
            )
        if stale or large:
            left = {row_id: size for row_id, size in known.items() if row_id not in set(stale)}
            self.load(con)[collection] = left | large

    def make_room(
        self, con: duckdb.DuckDBPyConnection, collection: str = "", coming: Mapping[str, int] = NONE
    ) -> bool:
        """Let DuckDB take what it needs for the large rows there are and those to come (row id → bytes); False where
        that is too much."""
        known = self.load(con)
        wanted = needed({**known, collection: {**known.get(collection, {}), **coming}})
        if self.limit < min(wanted, self.most):
            self.allow(con, min(wanted, self.most))
        return wanted <= self.most

    def allow(self, con: duckdb.DuckDBPyConnection, limit: int) -> None:
        con.execute(f"SET memory_limit = '{limit}B'")
        self.limit = limit

    def raised(self, con: duckdb.DuckDBPyConnection) -> bool:
        """Let it take half as much again, after it ran out; False where it may not."""
        if self.limit >= self.most:
            return False
        self.allow(con, min(self.most, self.limit * 3 // 2))
        return True


def configured(limit: int) -> dict[str, Any]:
    """How a connection is opened that may take so much."""
    return {"memory_limit": f"{limit}B", "autoinstall_known_extensions": "false"}
