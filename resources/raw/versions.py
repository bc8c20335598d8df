"""Stored versions of rows: the current ones, found and replaced, and those before them, in the history.

Which version is taken is told from outside (merging.py).
"""

from __future__ import annotations

import contextlib
import os
from datetime import datetime
from typing import cast

import duckdb
import polars as pl

from resources.raw.columns import Columns
from resources.raw.file import RawFile
from resources.raw.large_rows import LARGE_ROW, LONG_TEXT, NO_ROOM, REPLACED, row_bytes
from resources.raw.misfits import without_texts
from resources.sql import quoted

LOOKUP_THREADS = min(os.cpu_count() or 1, 4)
SCATTERED = 200
"""Rows among which one is sought, from which on each is fetched by itself: of 1,000 rows of 78 columns each takes
0.4 ms, where decompressing every column between them takes 2.2 ms a thousand rows."""


class Versions:
    """``<collection>`` and ``<collection>_history``."""

    def __init__(self, file: RawFile, columns: Columns) -> None:
        self._file = file
        self._columns = columns

    def sample(self, collection: str, rows: int) -> pl.DataFrame:
        """(_id, _sequence, _created_at) of some living rows: the oldest, the newest, and as many from anywhere, always
        the same."""
        own = f"SELECT _id, _sequence, _created_at FROM {quoted(collection)} WHERE _deleted_at IS NULL"
        by = "_sequence {0} NULLS LAST, _created_at {0}, _id {0}"
        with self._file.translated_errors("be read"):
            return self._file.connection.sql(
                f"SELECT DISTINCT * FROM (({own} ORDER BY {by.format('ASC')} LIMIT {rows}) "
                f"UNION ALL ({own} ORDER BY {by.format('DESC')} LIMIT {rows}) UNION ALL "
                f"(SELECT * FROM ({own}) USING SAMPLE reservoir({rows} ROWS) REPEATABLE (7))) ORDER BY ALL"
            ).pl()

    def living(self, collection: str, after: int | None = None, upto: int | None = None) -> pl.DataFrame:
        """(_id, _sequence, _updated_at) of rows not deleted, with after < _sequence <= upto."""
        bounds = "".join(
            f" AND _sequence {sign} {int(value)}"
            for sign, value in ((">", after), ("<=", upto))
            if value is not None
        )
        with self._file.translated_errors("be read"):
            return self._file.connection.sql(
                f"SELECT _id, _sequence, _updated_at FROM {quoted(collection)} "
                f"WHERE _deleted_at IS NULL{bounds}"
            ).pl()

    def living_among(self, collection: str, ids: pl.Series) -> pl.DataFrame:
        """(_id, _sequence, _updated_at) of those of some rows that are not deleted."""
        with self._file.translated_errors("be read"), self._file.lent(_asked=pl.DataFrame({"_id": ids})):
            return self._file.connection.sql(
                f"SELECT _id, _sequence, _updated_at FROM {quoted(collection)} "
                "WHERE _deleted_at IS NULL AND _id IN (SELECT _id FROM _asked)"
            ).pl()

    def count_living(self, collection: str) -> int:
        """Rows not deleted."""
        return int(
            self._file.rows(f"SELECT count(*) FROM {quoted(collection)} WHERE _deleted_at IS NULL")[0][0]
        )

    def newest_between(self, collection: str, after: datetime, until: datetime) -> datetime | None:
        """The newest $updatedAt of the rows here that were written after a moment, and not after ``until``."""
        return self._file.rows(
            f"SELECT max(_updated_at) FROM {quoted(collection)} WHERE _updated_at > ? AND _updated_at <= ?",
            [after, until],
        )[0][0]

    def stored(self, collection: str, ids: pl.Series, sequences: pl.Series | None = None) -> pl.DataFrame:
        """The stored versions of some ids, with ``_rid`` (DuckDB's rowid).

        In two steps: the ids alone are found in a scan of one column; whole rows are read for the matches
        only. ``sequences``: under which $sequence each may stand.
        """
        table = quoted(collection)
        if sequences is not None:
            rows = self._stored_under(table, pl.DataFrame({"_id": ids, "_sequence": sequences}))
            if rows is not None:
                return rows
        with self._file.lent(_asked=pl.DataFrame({"_id": ids})):
            found = self._file.connection.sql(
                f"SELECT rowid AS _rid, _id FROM {table} WHERE _id IN (SELECT _id FROM _asked) ORDER BY 1"
            ).pl()
        if not found.height:
            return self._file.connection.sql(f"SELECT rowid AS _rid, * FROM {table} LIMIT 0").pl()
        return self._whole(table, found)

    def _stored_under(self, table: str, asked: pl.DataFrame) -> pl.DataFrame | None:
        """The stored versions where every id stands under its $sequence, as an update leaves it; else None.

        Numbers are found in a small part of the time that texts take, of which each has to be read. An id
        stands in a table once, so that one found so need not be looked for elsewhere.
        """
        if not asked.height or asked["_sequence"].null_count():
            return None
        with self._file.lent(_asked=asked.select("_sequence")):
            found = self._file.connection.sql(
                f"SELECT rowid AS _rid, _sequence FROM {table} "
                "WHERE _sequence IN (SELECT _sequence FROM _asked) ORDER BY 1"
            ).pl()
        if found.height != asked.height:
            return None
        named = found.join(asked, on="_sequence", how="inner", maintain_order="left").select("_rid", "_id")
        rows = self._whole(table, named) if named.height == asked.height else None
        return rows if rows is not None and rows["_id"].equals(named["_id"]) else None

    def _whole(self, table: str, found: pl.DataFrame) -> pl.DataFrame:
        """Whole rows of those found (_rid, rising, and _id)."""
        low, high = cast("tuple[int, int]", (found["_rid"].min(), found["_rid"].max()))
        # Among large rows, too, no other should be read.
        if found.height * SCATTERED < high - low or self._file.large.are_among(
            self._file.connection, found["_id"]
        ):
            fetched = self._fetched(table, found)
            if fetched is not None:
                return fetched
        with self._file.lent(_found=found.select("_rid")), self._file.threads(LOOKUP_THREADS):
            return self._file.connection.sql(
                f"SELECT t.rowid AS _rid, t.* FROM {table} t "
                f"WHERE t.rowid BETWEEN {low} AND {high} AND t.rowid IN (SELECT _rid FROM _found) ORDER BY 1"
            ).pl()

    def _fetched(self, table: str, found: pl.DataFrame) -> pl.DataFrame | None:
        """Whole rows by (_rid, _id), read one by one: a deletion that tells what it deletes, and is taken back.

        Nothing else in DuckDB reads a row without decompressing all that stands around it. None where this
        transaction, which is another, has changed them already.
        """
        numbers = ",".join(map(str, found["_rid"]))
        beside = self._file.connection.cursor()
        try:
            beside.execute("BEGIN")
            told = beside.sql(f"DELETE FROM {table} WHERE rowid IN ({numbers}) RETURNING *").pl()
        except duckdb.TransactionException:
            return None
        finally:
            with contextlib.suppress(duckdb.Error):  # what failed has been taken back already
                beside.execute("ROLLBACK")
            beside.close()
        rows = found.join(told, on="_id", how="inner", maintain_order="left")
        return rows if rows.height == told.height == found.height else None

    def replace(
        self, collection: str, taken: pl.DataFrame, old: pl.DataFrame, run_id: str, now: datetime, change: int
    ) -> None:
        """Write ``taken`` as the current versions; those in ``old`` (with _rid) move to the history.

        ``_ingested_at`` stays as it comes: judged again or found gone, a version is no newer than it was.
        """
        taken, old = self._with_room(collection, taken, old)
        if old.height:
            self._to_history(collection, old, now, change)
        stamped = taken.with_columns(
            pl.lit(run_id, pl.String).alias("_run_id"),
            pl.lit(change, pl.Int64).alias("_change"),
        )
        with self._file.lent(_taken=stamped):
            self._file.connection.execute(f"INSERT INTO {quoted(collection)} BY NAME SELECT * FROM _taken")
        self._file.large.note(self._file.connection, collection, taken)

    def _with_room(
        self, collection: str, taken: pl.DataFrame, old: pl.DataFrame
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What is to be written and what it replaces, once DuckDB may take the memory that large rows need.

        Where this machine has not that much, long texts are left out; rows that say no more than before are not
        written again.
        """
        sizes = row_bytes(taken)
        large = sizes > LARGE_ROW
        if not large.any():
            return taken, old
        coming = dict(zip(taken["_id"].filter(large), sizes.filter(large), strict=True))
        if self._file.large.make_room(self._file.connection, collection, coming):
            return taken, old
        fit: dict[str, int] = {}
        for row_id, size in coming.items():
            if self._file.large.make_room(self._file.connection, collection, {**fit, row_id: size}):
                fit[row_id] = size
        among = large & ~taken["_id"].is_in(list(fit))
        left = without_texts(taken, self._columns.attributes(collection), LONG_TEXT, NO_ROOM, among)
        said = ["_id", "_sequence", "_created_at", "_updated_at", "_misfits", "_rejected", "_deleted_at"]
        said = [
            name for name in (*said, *(c.name for c in self._columns.of(collection))) if name in left.columns
        ]
        same = left.filter(among).join(old.select(said), on=said, how="semi", nulls_equal=True)["_id"]
        return (
            left.filter(~pl.col("_id").is_in(same.implode())),
            old.filter(~pl.col("_id").is_in(same.implode())),
        )

    def _to_history(self, collection: str, old: pl.DataFrame, now: datetime, change: int) -> None:
        gone = old
        if (self._file.large.sizes(self._file.connection, collection, old["_id"]) > 0).any():
            large = row_bytes(old) > LARGE_ROW
            gone = without_texts(old, self._columns.attributes(collection), LONG_TEXT, REPLACED, large)
        gone = gone.with_columns(
            pl.lit(now, pl.Datetime("us")).alias("_replaced_at"),
            pl.lit(change, pl.Int64).alias("_replaced_by"),
        )
        with self._file.lent(_old=gone.drop("_rid"), _rids=old.select("_rid")):
            self._file.connection.execute(
                f"INSERT INTO {quoted(collection + '_history')} BY NAME SELECT * FROM _old"
            )
            self._file.connection.execute(
                f"DELETE FROM {quoted(collection)} WHERE rowid IN (SELECT _rid FROM _rids)"
            )
