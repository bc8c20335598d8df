"""Rows of a table in chunks that fit memory: so many rows, or fewer that are large.

DuckDB hands over 2,048 rows at a time, with all their texts in memory, so large rows are asked for by their place, a
few at a time, and the others in the stretches between them. What the rows mean is not known here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import duckdb
import polars as pl
import pyarrow as pa

from resources.raw.large_rows import pieces

CHUNK_BYTES = 160 << 20
"""About what 100,000 bookings take."""
BATCH_ROWS = 8_192


def in_chunks(
    con: duckdb.DuckDBPyConnection,
    table: str,
    columns: str,
    where: str,
    *,
    rows: int,
    large: Mapping[str, int],
) -> Iterator[pl.DataFrame]:
    """Rows of ``table`` (SQL, as is ``columns`` and the condition ``where``, empty for all), about ``rows`` at a time.

    ``large``: the bytes of large rows by ``_id``. ``con`` must be a cursor of its own: results are read as they stream.
    """
    batches: list[pa.RecordBatch] = []
    count = size = 0
    for condition in _parts(con, table, where, large):
        filtered = f" WHERE {condition}" if condition else ""
        reader = con.sql(f"SELECT {columns} FROM {table}{filtered}").to_arrow_reader(min(rows, BATCH_ROWS))
        for batch in reader:
            if not batch.num_rows:
                continue
            batches.append(batch)
            count, size = count + batch.num_rows, size + batch.nbytes
            if count >= rows or size >= CHUNK_BYTES:
                yield _frame(batches)
                batches, count, size = [], 0, 0
    if batches:
        yield _frame(batches)


def _frame(batches: list[pa.RecordBatch]) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))


def _parts(con: duckdb.DuckDBPyConnection, table: str, where: str, large: Mapping[str, int]) -> Iterator[str]:
    """Conditions that together give the rows once each."""
    if not large:
        yield where
        return
    sizes_of_large = pl.DataFrame({"id": list(large), "bytes": list(large.values())}).to_arrow()
    found = con.sql(
        f"SELECT t.rowid AS place, s.bytes FROM (SELECT rowid, _id FROM {table}{f' WHERE {where}' if where else ''}) t "
        "LEFT JOIN sizes_of_large s ON s.id = t._id ORDER BY 1"
    ).pl()
    del sizes_of_large
    small = found.with_columns(pl.col("bytes").is_not_null().cum_sum().alias("stretch")).filter(
        pl.col("bytes").is_null()
    )
    within = f"({where}) AND " if where else ""
    for low, high in (
        small.group_by("stretch", maintain_order=True)
        .agg(pl.col("place").min().alias("low"), pl.col("place").max().alias("high"))
        .select("low", "high")
        .iter_rows()
    ):
        yield f"{within}rowid BETWEEN {low} AND {high}"
    heavy = found.filter(pl.col("bytes").is_not_null())
    for start, length in pieces(heavy["bytes"].cast(pl.Int64)) if heavy.height else ():
        yield f"rowid IN ({', '.join(map(str, heavy['place'].slice(start, length)))})"
