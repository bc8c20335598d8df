"""Reading raw.duckdb: which tables and attributes it has, and their rows in bounded chunks. Writes
nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl

from assets.core.chunks import in_chunks
from checks.schemas import CORE
from marketplace.collections import INGESTED
from marketplace.events import NOT_THERE
from marketplace.json_values import read_json
from marketplace.quarantine import READ, UNREAD
from marketplace.text import json_text
from resources import sql
from resources.raw.large_rows import large_rows
from resources.raw.published_ids import NAMELESS
from resources.sql import quoted

Standing = Literal["begun", "read", "absent"]
"""How a collection stands: its first scan has not come to its end; it has been read; the deployment does not have it or
does not allow it (now), or it was never asked for."""

CATALOG = "mirror"
NAMELESS_AT_ONCE = 256
OWN = frozenset(
    {
        "_id",
        "_sequence",
        "_created_at",
        "_updated_at",
        "_ingested_at",
        "_run_id",
        "_deleted_at",
        "_change",
        "_misfits",
    }
    | {"_rejected", "_replaced_at", "_replaced_by"}
)
"""The mirror's own columns. An attribute of such a name stands in raw under another, and means nothing here."""
QUARANTINED_SCHEMA = CORE["quarantined"].polars_schema


def attach(con: duckdb.DuckDBPyConnection, raw_path: Path) -> None:
    """Attach the mirror read-only as ``mirror``."""
    sql.attach(con, raw_path, CATALOG, read_only=True)


@dataclass(frozen=True)
class Reading:
    """How far a collection was read. ``upto``: $updatedAt to which every row was; ``since``: when, by our clock, the
    newest scan that came to its end began. Both naive UTC, null unless it has been ``read``."""

    standing: Standing
    upto: datetime | None = None
    since: datetime | None = None


@dataclass(frozen=True)
class Mirror:
    """The raw tables of one attached mirror. ``columns``: table → its columns, without those of attributes the
    deployment no longer has or that are called like the mirror's own; ``names``: collection → column → attribute, where
    they differ; ``gone``: collection → attributes it no longer has; ``large``: collection → id → bytes of a large row.

    Raw keeps the values of a column that is gone, in the rows that have not changed since. Read, they would stand
    beside rows of the same day without one: what is gone is absent from all, as it is in Appwrite.
    """

    columns: dict[str, tuple[str, ...]]
    names: dict[str, dict[str, str]]
    gone: dict[str, frozenset[str]]
    large: dict[str, dict[str, int]] = field(default_factory=dict[str, "dict[str, int]"])

    @classmethod
    def describe(cls, con: duckdb.DuckDBPyConnection) -> Mirror:
        found: dict[str, list[str]] = {}
        for table, column in con.execute(
            "SELECT table_name, column_name FROM duckdb_columns() "
            f"WHERE database_name = '{CATALOG}' AND schema_name = 'main' ORDER BY table_name, column_index"
        ).fetchall():
            found.setdefault(table, []).append(column)
        names: dict[str, dict[str, str]] = {}
        dead: dict[str, set[str]] = {}
        gone: dict[str, set[str]] = {}
        alive: dict[str, set[str]] = {}
        if "_columns" in found:
            for collection, attribute, column, gone_at in con.execute(
                f"SELECT collection, attribute, column_name, gone_at FROM {CATALOG}.main._columns"
            ).fetchall():
                if attribute in OWN:
                    # Read under its own name it would be taken for the mirror's.
                    dead.setdefault(collection, set()).add(column)
                    continue
                if gone_at is not None:
                    dead.setdefault(collection, set()).add(column)
                    gone.setdefault(collection, set()).add(attribute)
                    continue
                alive.setdefault(collection, set()).add(attribute)
                if attribute != column:
                    names.setdefault(collection, {})[column] = attribute
        for collection, columns in dead.items():
            for table in (collection, f"{collection}_history"):
                found[table] = [c for c in found.get(table, ()) if c not in columns]
        return cls(
            {table: tuple(columns) for table, columns in found.items()},
            names,
            # A column made again with another type is kept beside the new one: its attribute is there.
            {
                collection: frozenset(attributes - alive.get(collection, set()))
                for collection, attributes in gone.items()
            },
            large_rows(con, f"{CATALOG}.main") if "_large_rows" in found else {},
        )

    def has(self, collection: str) -> bool:
        return collection in self.columns

    def collections(self) -> tuple[str, ...]:
        return tuple(c for c in INGESTED if self.has(c))

    def attributes(self, collection: str) -> frozenset[str]:
        """The attributes the deployment has now."""
        renamed = self.names.get(collection, {})
        return frozenset(renamed.get(c, c) for c in self.columns.get(collection, ()))

    def newest_change(self, con: duckdb.DuckDBPyConnection) -> int:
        """The highest change number in the mirror, -1 where it is empty."""
        newest = [
            con.sql(f"SELECT max(_change) FROM {CATALOG}.main.{quoted(c)}").fetchone()
            for c in self.collections()
        ]
        return max((row[0] for row in newest if row is not None and row[0] is not None), default=-1)

    def readings(self, con: duckdb.DuckDBPyConnection, collections: tuple[str, ...]) -> Mapping[str, Reading]:
        """How each of some collections was read, by the mirror's own books."""
        if "_watermarks" not in self.columns or "_ingest_runs" not in self.columns:
            return {collection: Reading("absent") for collection in collections}
        marks = {
            collection: (watermark, completed_at is not None)
            for collection, watermark, completed_at in con.execute(
                f"SELECT collection, watermark, completed_at FROM {CATALOG}.main._watermarks"
            ).fetchall()
        }
        tries = {
            collection: (outcome, since)
            for collection, outcome, since in con.execute(
                "SELECT collection, arg_max(outcome, rowid), max(started_at) FILTER (outcome = 'complete') "
                f"FROM {CATALOG}.main._ingest_runs "
                "WHERE list_contains(?, collection) AND NOT ends_with(run_id, '-sweep') GROUP BY collection",
                [list(collections)],
            ).fetchall()
        }

        def reading(collection: str) -> Reading:
            outcome, since = tries.get(collection, (None, None))
            watermark, completed = marks.get(collection, (None, False))
            if outcome in NOT_THERE or (outcome is None and collection not in marks):
                return Reading("absent")
            return Reading("read", watermark, since) if completed else Reading("begun")

        return {collection: reading(collection) for collection in collections}

    def chunks(
        self,
        con: duckdb.DuckDBPyConnection,
        collection: str,
        *,
        after: int | None,
        again: pl.Series | None,
        rows: int,
        wanted: Collection[str] | None = None,
    ) -> Iterator[pl.DataFrame]:
        """The rows of a collection changed after ``after`` (all for None) or with an id of ``again``, in chunks of at
        most about so many ``rows``, or fewer that are large.

        ``wanted``: of the attributes only these, and what the quarantine rules read.
        ``con`` must be a cursor of its own: the result is read as it streams.
        """
        if not self.has(collection):
            return
        filtered = ""
        if after is not None:
            filtered = f"_change > {after}"
            if again is not None and len(again):
                con.register("ids_again", pl.DataFrame({"id": again}).to_arrow())
                filtered += " OR _id IN (SELECT id FROM ids_again)"
        every = wanted is None
        chosen = (
            [quoted(c) for c in self.columns[collection]] if every else self._some(collection, wanted or ())
        )
        names = self.names.get(collection, {})
        large = self.large.get(collection, {}) if every or wanted else {}
        for some in in_chunks(
            con, f"{CATALOG}.main.{quoted(collection)}", ", ".join(chosen), filtered, rows=rows, large=large
        ):
            frame = self._without_gone(collection, some)
            yield frame.rename({c: a for c, a in names.items() if c in frame.columns})

    def deleted(
        self, con: duckdb.DuckDBPyConnection, collection: str, *, rejected: bool, rows: int
    ) -> Iterator[pl.DataFrame]:
        """The deleted rows of a collection, with what the quarantine rules read, in chunks as of ``chunks``.
        ``rejected``: only those that the mirror itself rejects."""
        where = "_deleted_at IS NOT NULL" + (" AND _rejected IS NOT NULL" if rejected else "")
        names = self.names.get(collection, {})
        columns = ", ".join(self._some(collection, ()))
        for some in in_chunks(
            con, f"{CATALOG}.main.{quoted(collection)}", columns, where, rows=rows, large={}
        ):
            frame = self._without_gone(collection, some)
            yield frame.rename({c: a for c, a in names.items() if c in frame.columns})

    def _some(self, collection: str, attributes: Collection[str]) -> list[str]:
        wanted = {"_id", "_created_at", "_updated_at", "_ingested_at", "_deleted_at", "_change", "_misfits",
                  "_rejected", "bookingId", *READ, *attributes}  # fmt: skip
        return [
            quoted(c) for c in self.columns[collection] if self.names.get(collection, {}).get(c, c) in wanted
        ]

    def history(
        self,
        con: duckdb.DuckDBPyConnection,
        collection: str,
        ids: pl.Series,
        attributes: tuple[str, ...],
        after: int | None = None,
    ) -> pl.DataFrame | None:
        """The replaced versions of some rows: mirror columns and the named attributes; null where none are
        kept. ``after``: only those written by a later change."""
        table = f"{collection}_history"
        if table not in self.columns:
            return None
        names = self.names.get(collection, {})
        wanted = {"_id", "_change", "_updated_at", "_ingested_at", "_deleted_at", "_misfits", *attributes}
        chosen = [c for c in self.columns[table] if names.get(c, c) in wanted]
        con.register("ids_history", pl.DataFrame({"id": ids}).to_arrow())
        found = con.sql(
            f"SELECT {', '.join(quoted(c) for c in chosen)} FROM {CATALOG}.main.{quoted(table)} "
            f"WHERE {_written_since(after)}_id IN (SELECT id FROM ids_history)"
        ).pl()
        found = self._without_gone(collection, found)
        return found.rename({c: a for c, a in names.items() if c in found.columns})

    def versions(
        self, con: duckdb.DuckDBPyConnection, collection: str, ids: pl.Series, after: int | None = None
    ) -> pl.DataFrame:
        """How many replaced versions each of some rows has, as of ``history``: id, versions (0 for those without)."""
        asked = pl.DataFrame({"id": ids})
        table = f"{collection}_history"
        if table not in self.columns or not asked.height:
            return asked.with_columns(pl.lit(0, pl.Int64).alias("versions"))
        con.register("ids_history", asked.to_arrow())
        found = con.sql(
            f"SELECT _id AS id, count(*) AS versions FROM {CATALOG}.main.{quoted(table)} "
            f"WHERE {_written_since(after)}_id IN (SELECT id FROM ids_history) GROUP BY _id"
        ).pl()
        return asked.join(found, on="id", how="left", maintain_order="left").with_columns(
            pl.col("versions").fill_null(0)
        )

    def _without_gone(self, collection: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows whose ``_misfits`` name no attribute that is gone. Misfits are rare."""
        gone = self.gone.get(collection)
        if not gone or "_misfits" not in frame.columns or frame["_misfits"].null_count() == frame.height:
            return frame
        kept = frame["_misfits"].map_elements(lambda text: _misfits_but(text, gone), return_dtype=pl.String)
        return frame.with_columns(kept.alias("_misfits"))

    def rejects(self, con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
        """collection, row_id, first_seen_at of the quarantine's own register."""
        if "_rejects" not in self.columns:
            return pl.DataFrame(
                schema={"collection": pl.String, "row_id": pl.String, "first_seen_at": pl.Datetime("us")}
            )
        return con.sql(
            "SELECT collection, row_id, min(first_seen_at) AS first_seen_at "
            f"FROM {CATALOG}.main._rejects WHERE row_id IS NOT NULL GROUP BY ALL"
        ).pl()

    def nameless(self, con: duckdb.DuckDBPyConnection) -> pl.DataFrame:
        """Quarantined rows that stand in no table of rows, without a usable ``$id`` or because they could not be read:
        collection, row_id (without an id ``$sequence:`` and its number), business_id, reasons, first_seen_at, change
        (0: they have none)."""
        if "_rejects" not in self.columns:
            return pl.DataFrame(schema=QUARANTINED_SCHEMA)
        found: list[pl.DataFrame] = []
        reader = con.sql(
            "SELECT collection, row_id, content, reasons, first_seen_at, 0::BIGINT AS change "
            f"FROM {CATALOG}.main._rejects "
            f"WHERE starts_with(row_id, '{NAMELESS}') OR contains(reasons, '{UNREAD}') ORDER BY collection, row_id"
        ).to_arrow_reader(NAMELESS_AT_ONCE)
        for batch in reader:
            some = pl.DataFrame(pl.from_arrow(batch))
            business_id = some["content"].map_elements(_business_id, return_dtype=pl.String)
            found.append(some.with_columns(business_id.alias("business_id")).select(list(QUARANTINED_SCHEMA)))
        rows = pl.concat([pl.DataFrame(schema=QUARANTINED_SCHEMA), *found], how="vertical_relaxed")
        return rows.filter(~self._stand_in_a_table(con, rows)).cast(QUARANTINED_SCHEMA)

    def _stand_in_a_table(self, con: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> pl.Series:
        """Of quarantined rows those that have a row of their own, an older version of which was read."""
        there: set[tuple[str, str]] = set()
        for (collection,), some in rows.filter(~pl.col("row_id").str.starts_with(NAMELESS)).group_by(
            "collection"
        ):
            if self.has(str(collection)):
                ids = con.execute(
                    f"SELECT _id FROM {CATALOG}.main.{quoted(str(collection))} WHERE list_contains(?, _id)",
                    [some["row_id"].to_list()],
                ).fetchall()
                there |= {(str(collection), row_id) for (row_id,) in ids}
        return pl.Series(
            [key in there for key in rows.select("collection", "row_id").iter_rows()], dtype=pl.Boolean
        )


def _written_since(after: int | None) -> str:
    return "" if after is None else f"_change > {after} AND "


def _misfits_but(misfits: str, gone: frozenset[str]) -> str | None:
    left = {name: value for name, value in read_json(misfits, ours=True).items() if name not in gone}
    return json.dumps(left, ensure_ascii=False) if left else None


def _business_id(content: str) -> str | None:
    try:
        found = read_json(content)
    except ValueError:
        return None
    return json_text(found.get("bookingId")) if isinstance(found, dict) else None
