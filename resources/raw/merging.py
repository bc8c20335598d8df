"""What becomes of rows that were fetched, judged again, found gone or could not be read: each page one transaction of
rows, history, rejects and the point it reaches.

Whether a row is accepted is told from outside; what it means is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

import polars as pl

from marketplace.quarantine import UNREAD
from resources.forgotten import Forgotten
from resources.raw.column_types import SYSTEM, Position
from resources.raw.columns import Columns
from resources.raw.file import OutOfMemory, RawFile
from resources.raw.large_rows import LARGE_ROW, pieces
from resources.raw.published_ids import NAMELESS
from resources.raw.rejects import FirstRow, Rejects
from resources.raw.runs import Counts
from resources.raw.versions import Versions
from resources.raw.watermarks import Watermarks
from resources.sql import quoted

INSTANT = pl.Datetime("us")
RejectReasons = Callable[[str, pl.DataFrame], pl.Series]
"""(collection, rows as stored) -> per row its reasons.

List(String) or JSON text; null or empty where accepted.
"""

JUDGED_AT_ONCE = 20_000
TYPICAL_ROW = 2_000
"""Bytes of a row that is not large, as far as pieces of work are concerned."""


@dataclass(frozen=True)
class _How:
    """What is the same of all pieces of a page."""

    run_id: str
    now: datetime
    reject_reasons: RejectReasons
    rules_version: str
    forced: bool
    known_upto: datetime | None
    made_upto: datetime | None


class Merge:
    """Brings rows in, over the stores of each subject."""

    def __init__(
        self, file: RawFile, columns: Columns, watermarks: Watermarks, rejects: Rejects, versions: Versions
    ) -> None:
        self._file = file
        self._columns = columns
        self._watermarks = watermarks
        self._rejects = rejects
        self._versions = versions
        self._forgotten: Forgotten | None = None

    def page(
        self,
        collection: str,
        rows: pl.DataFrame,
        *,
        run_id: str,
        now: datetime,
        reject_reasons: RejectReasons,
        rules_version: str = "",
        resume_sequence: Position | None = None,
        complete: bool = False,
        forced: bool = False,
        known_upto: datetime | None = None,
        made_upto: datetime | None = None,
        record: Callable[[Counts], None] | None = None,
    ) -> Counts:
        """Rows, history, rejects and the resume point (``complete``: the watermark); a transaction for as many rows as
        fit memory with what they replace.

        ``rows`` has the schema of a decoded page (``$id`` and the other SYSTEM columns, the collection's, _misfits).
        A row is an update if its content, its system fields or its rejection differ from the stored version, or if
        that was deleted; a version older than the stored one is not taken unless ``forced``. With ``known_upto`` a
        row that lives here is not brought beyond that $updatedAt; it counts as unchanged. Rows made and written after
        ``made_upto`` are left out, and not counted. ``resume_sequence``: where the last of the rows stands (its $id
        where rows are followed by that). ``record`` is called in each transaction with the counts so far.
        """
        how = _How(run_id, now, reject_reasons, rules_version, forced, known_upto, made_upto)
        with self._file.translated_errors("be read"):
            cut = self._file.large.pieces(self._file.connection, collection, rows)
        counts = Counts()
        for start, length in cut:
            piece = rows.slice(start, length)
            last = start + length == rows.height
            reached = resume_sequence if last else _end_of(piece, resume_sequence)
            counts += self._fitting(collection, piece, how, reached, complete and last, _onto(record, counts))
        return counts

    def _fitting(
        self,
        collection: str,
        rows: pl.DataFrame,
        how: _How,
        reached: Position | None,
        complete: bool,
        record: Callable[[Counts], None] | None,
    ) -> Counts:
        """Merge rows; where DuckDB runs out of memory over them with more of it, and then in halves."""
        ran_out: OutOfMemory
        try:
            return self._piece(collection, rows, how, reached, complete, record)
        except OutOfMemory as failure:
            if failure.fatal:
                raise
            ran_out = failure
        counts = Counts()
        halves = [rows]
        if not self._file.large.raised(self._file.connection):
            if rows.height < 2:
                raise ran_out
            halves = [rows.head(rows.height // 2), rows.slice(rows.height // 2)]
        for half in halves:
            last = half is halves[-1]
            upto = reached if last else _end_of(half, reached)
            counts += self._fitting(collection, half, how, upto, complete and last, _onto(record, counts))
        return counts

    def _piece(
        self,
        collection: str,
        rows: pl.DataFrame,
        how: _How,
        reached: Position | None,
        complete: bool,
        record: Callable[[Counts], None] | None,
    ) -> Counts:
        """Merge rows in one transaction. ``record`` is called inside it."""
        rows = _made_in_time(rows, how.made_upto)
        if not rows.height:
            counts = Counts()
            with self._file.transaction():
                self._watermarks.reach(collection, reached, complete, how.run_id, how.now, how.rules_version)
                if record is not None:
                    record(counts)
            return counts
        with self._file.translated_errors("be written"):
            named, nameless = _by_name(self._without_forgotten(collection, rows))
            twice = named["_id"].n_unique() < named.height
            last = named.unique("_id", keep="last", maintain_order=True) if twice else named
        with self._file.transaction():
            old = self._versions.stored(collection, last["_id"], last["_sequence"])
            if how.known_upto is not None and old.height:
                living = old.filter(pl.col("_deleted_at").is_null())["_id"]
                later = (pl.col("_updated_at") > how.known_upto).fill_null(False)
                last = last.filter(~(later & pl.col("_id").is_in(living.implode())))
                old = old.filter(pl.col("_id").is_in(last["_id"].implode()))
            stored = self._beside(collection, last, old, how.forced)
            # A version is judged by when it was first stored: many scans see it again, and it must not come to be
            # judged otherwise by being seen.
            first = stored["_ingested_at"].fill_null(how.now).alias("_ingested_at")
            last = self._judged(collection, last.with_columns(first), how.reject_reasons)
            nameless = self._judged(
                collection,
                nameless.with_columns(pl.lit(how.now, INSTANT).alias("_ingested_at")),
                how.reject_reasons,
            )
            verdicts = _verdicts(stored, last["_rejected"])
            taken = _kept(last, verdicts != "same")
            if taken.height:
                change = self._file.next_change()
                self._versions.replace(
                    collection,
                    taken,
                    old.filter(pl.col("_id").is_in(taken["_id"].implode())),
                    how.run_id,
                    how.now,
                    change,
                )
            self._rejects.write(collection, last, nameless, how.now, how.rules_version)
            rejected = last["_rejected"].is_not_null()
            counts = Counts(
                fetched=rows.height,
                inserted=int(((verdicts == "insert") & ~rejected).sum()),
                updated=int(((verdicts == "update") & ~rejected).sum()),
                unchanged=int(((verdicts == "same") & ~rejected).sum()) + named.height - last.height,
                rejected=int(rejected.sum()) + nameless.height,
            )
            self._watermarks.reach(collection, reached, complete, how.run_id, how.now, how.rules_version)
            if record is not None:
                record(counts)
        return counts

    def _without_forgotten(self, collection: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows as fetched, without the values of people who were forgotten: they are not stored again."""
        if self._forgotten is None:
            self._forgotten = Forgotten.load(self._file.connection, self._file.path)
        if not self._forgotten:
            return rows
        return self._forgotten.blank(
            collection, rows, ((c.attribute, c.name) for c in self._columns.of(collection))
        )

    def reload_forgotten(self) -> None:
        """Read anew who was forgotten, before the next page is merged."""
        self._forgotten = None

    def _judged(self, collection: str, rows: pl.DataFrame, reject_reasons: RejectReasons) -> pl.DataFrame:
        """Rows (as they are stored, with ``_ingested_at``) and their ``_rejected``; never null without a usable id."""
        none = pl.Series([], dtype=pl.String)
        reasons = reasons_json(reject_reasons(collection, rows)) if rows.height else none
        judged = rows.with_columns(reasons.alias("_rejected"))
        return judged.with_columns(
            pl.when(_has_name())
            .then("_rejected")
            .otherwise(pl.col("_rejected").fill_null('["no usable $id"]'))
        )

    def _beside(self, collection: str, rows: pl.DataFrame, old: pl.DataFrame, forced: bool) -> pl.DataFrame:
        """Per row of its stored version: known, deleted, same (all that came from Appwrite), older (the row is; never
        where ``forced``), ``_rejected``, and ``_ingested_at`` where it is the same."""
        if not old.height:
            return rows.select(
                *(pl.repeat(False, pl.len()).alias(name) for name in ("known", "deleted", "same", "older")),
                pl.repeat(None, pl.len(), dtype=pl.String).alias("_rejected"),
                pl.repeat(None, pl.len(), dtype=INSTANT).alias("_ingested_at"),
            )
        names = [
            "_sequence", "_created_at", "_updated_at", "_misfits", *(c.name for c in self._columns.of(collection)),
        ]  # fmt: skip
        both = rows.join(
            old.select(
                "_id",
                "_deleted_at",
                "_rejected",
                "_ingested_at",
                pl.lit(True).alias("_known"),
                *(pl.col(n).alias(f"_old:{n}") for n in names),
            ),
            on="_id",
            how="left",
            maintain_order="left",
        )
        known = pl.col("_known").is_not_null()
        same = known & pl.all_horizontal(pl.col(n).eq_missing(pl.col(f"_old:{n}")) for n in names)
        older = (
            pl.lit(False)
            if forced
            # A row deleted and made again has a higher number and, without one, was created later.
            else (pl.col("_updated_at") < pl.col("_old:_updated_at"))
            & (pl.col("_sequence") <= pl.col("_old:_sequence")).fill_null(
                pl.col("_created_at") <= pl.col("_old:_created_at")
            )
        ).fill_null(False)
        return both.select(
            known.alias("known"),
            pl.col("_deleted_at").is_not_null().alias("deleted"),
            same.alias("same"),
            older.alias("older"),
            "_rejected",
            pl.when(same).then("_ingested_at").alias("_ingested_at"),
        )

    def rejudge(
        self,
        collection: str,
        reject_reasons: RejectReasons,
        *,
        rules_version: str,
        run_id: str,
        now: datetime,
        judged_by: Sequence[str] | None = None,
    ) -> int:
        """Judge every stored row again if the rules have changed; how many were decided otherwise.

        Rows whose verdict changes become new versions, so that core takes them up. ``judged_by``:
        the attributes ``reject_reasons`` reads (None: all).
        """
        mark = self._watermarks.of(collection)
        if (
            not rules_version
            or mark.rules_version == rules_version
            or not self._columns.has_table(collection)
        ):
            return 0
        changed = 0
        for where, ids in self._judged_apart(collection):
            with self._file.transaction(), self._file.lent(_asked=pl.DataFrame({"_id": ids})):
                batch = self._file.connection.sql(
                    f"SELECT {self._judged_columns(collection, judged_by)} FROM {quoted(collection)} "
                    f"WHERE _deleted_at IS NULL AND {where}"
                ).pl()
                judged = self._judged_again(collection, batch, reject_reasons)
                differs = judged["_rejected"].ne_missing(batch["_rejected"])
                refused = judged["_rejected"].is_not_null()
                accepted = judged.filter(~refused)
                self._rejects.write(collection, accepted, accepted.clear(), now, rules_version)
                due = judged.filter(differs | refused).select("_id", "_rejected")
            # Whole rows are read of those only that are written again, here or in the quarantine.
            sizes = self._file.large.sizes(self._file.connection, collection, due["_id"]).clip(
                lower_bound=LARGE_ROW // 2
            )
            for start, length in pieces(sizes) if due.height else ():
                with self._file.transaction():
                    old = self._versions.stored(collection, due["_id"].slice(start, length))
                    new = old.drop("_rejected").join(due, on="_id", maintain_order="left")
                    moved = new["_rejected"].ne_missing(old["_rejected"])
                    if moved.any():
                        change = self._file.next_change()
                        written = new.filter(moved).drop("_rid")
                        self._versions.replace(collection, written, old.filter(moved), run_id, now, change)
                        changed += written.height
                    kept = new.filter(pl.col("_rejected").is_not_null())
                    self._rejects.write(collection, kept, kept.clear(), now, rules_version)
        with self._file.transaction():
            self._watermarks.write(replace(self._watermarks.of(collection), rules_version=rules_version))
            self._rejects.judged_by(collection, rules_version, now)
        return changed

    def _judged_apart(self, collection: str) -> Generator[tuple[str, pl.Series]]:
        """What lives of a collection in parts that fit memory: a condition each, and the ids in ``_asked``."""
        living = self._versions.living(collection)
        sequences = living["_sequence"].drop_nulls().sort()
        after = -1
        for upto in [*sequences.gather_every(JUDGED_AT_ONCE, JUDGED_AT_ONCE - 1), *sequences.tail(1)]:
            yield f"_sequence > {after} AND _sequence <= {upto}", pl.Series([], dtype=pl.String)
            after = upto
        for some in (
            living.filter(pl.col("_sequence").is_null())["_id"].to_frame().iter_slices(JUDGED_AT_ONCE)
        ):
            yield "_sequence IS NULL AND _id IN (SELECT _id FROM _asked)", some["_id"]

    def _judged_columns(self, collection: str, judged_by: Sequence[str] | None) -> str:
        """SQL of the columns rows are judged by again."""
        own = [c.name for c in self._columns.of(collection) if judged_by is None or c.attribute in judged_by]
        names = [*(name for _, name, _ in SYSTEM), "_ingested_at", "_misfits", "_rejected", *own]
        return ", ".join(quoted(name) for name in names)

    def _judged_again(
        self, collection: str, batch: pl.DataFrame, reject_reasons: RejectReasons
    ) -> pl.DataFrame:
        """Rows with the verdict of today; no rule says of a row that cannot be read that it can."""
        judged = self._judged(collection, batch.drop("_rejected"), reject_reasons)
        unread = batch["_rejected"].str.contains(UNREAD, literal=True).fill_null(False)
        return judged.with_columns(batch["_rejected"].zip_with(unread, judged["_rejected"]))

    def mark_deleted(self, collection: str, ids: pl.Series, *, run_id: str, now: datetime) -> int:
        """Set ``_deleted_at`` on rows that live.

        Each becomes a new version, the old one goes to the history.
        """
        marked = 0
        with self._file.translated_errors("be read"):
            sizes = self._file.large.sizes(self._file.connection, collection, ids)
        for start, length in pieces(sizes.clip(lower_bound=TYPICAL_ROW)):
            with self._file.transaction():
                old = self._versions.stored(collection, ids.slice(start, length)).filter(
                    pl.col("_deleted_at").is_null()
                )
                if not old.height:
                    continue
                change = self._file.next_change()
                new = old.drop("_rid").with_columns(pl.lit(now, pl.Datetime("us")).alias("_deleted_at"))
                self._versions.replace(collection, new, old, run_id, now, change)
                self._rejects.clear(collection, old["_id"])
            marked += old.height
        return marked

    def set_aside(
        self,
        collection: str,
        row: FirstRow,
        *,
        run_id: str,
        now: datetime,
        rules_version: str = "",
        reached: bool = True,
        record: Callable[[Counts], None] | None = None,
    ) -> Counts:
        """Enter a row that Appwrite has and that cannot be read in the quarantine; the scan goes on behind it.

        A version that stands here is not the row as it is now, and is rejected. ``reached``: it is the scan that came
        by it. All of it is one transaction.
        """
        reasons = json.dumps([UNREAD])
        counts = Counts(fetched=1, rejected=1)
        with self._file.transaction():
            row_id = row.row_id or f"{NAMELESS}{row.position}"
            old = self._versions.stored(collection, pl.Series([row_id], dtype=pl.String))
            old = old.filter(
                pl.col("_deleted_at").is_null() & pl.col("_rejected").ne_missing(pl.lit(reasons))
            )
            if old.height:
                new = old.drop("_rid").with_columns(pl.lit(reasons).alias("_rejected"))
                self._versions.replace(collection, new, old, run_id, now, self._file.next_change())
            self._rejects.enter_unread(collection, row, row_id, reasons, now, rules_version)
            if reached:
                self._watermarks.reach(collection, row.position, False, run_id, now, rules_version)
            if record is not None:
                record(counts)
        return counts


def reasons_json(told: pl.Series) -> pl.Series:
    """Per row a JSON list of reasons, null where there is none."""
    if told.dtype == pl.String:
        return told.set(told.is_in(["", "[]"]).fill_null(False), None)
    if told.dtype == pl.Null:
        return told.cast(pl.String)
    lists = cast("list[list[str] | None]", told.to_list())
    return pl.Series(
        told.name, [json.dumps(list(r), ensure_ascii=False) if r else None for r in lists], dtype=pl.String
    )


def _end_of(rows: pl.DataFrame, whole: Position | None) -> Position | None:
    """Where the last of some rows stands, in the order (``whole``: where all of them end) they are followed by."""
    if whole is None:
        return None
    return int(rows["_sequence"][-1]) if isinstance(whole, int) else str(rows["_id"][-1])


def _made_in_time(rows: pl.DataFrame, upto: datetime | None) -> pl.DataFrame:
    """Rows without those that were made and written after a moment (None: no row was)."""
    if upto is None:
        return rows
    later = (pl.col("_created_at") > upto) & (pl.col("_updated_at") > upto)
    return _kept(rows, ~rows.select(later.fill_null(False).alias("later"))["later"])


def _kept(rows: pl.DataFrame, those: pl.Series) -> pl.DataFrame:
    """Those of some rows; itself where it is all of them, as nearly always: a frame of 78 columns is not copied."""
    return rows if those.all() else rows.filter(those)


def _onto(record: Callable[[Counts], None] | None, before: Counts) -> Callable[[Counts], None] | None:
    """``record`` with what was counted before added."""
    return None if record is None else lambda counts: record(before + counts)


def _has_name() -> pl.Expr:
    return (pl.col("_id").is_not_null() & (pl.col("_id").str.strip_chars() != "")).fill_null(False)


def _by_name(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows with a usable id; apart, those without one (they cannot stand in a table of ids)."""
    if rows["_id"].null_count() == 0 and (rows["_id"].str.strip_chars() != "").all():
        return rows, rows.clear()
    return rows.filter(_has_name()), rows.filter(~_has_name())


def _verdicts(stored: pl.DataFrame, rejected: pl.Series) -> pl.Series:
    """insert, update or same for each row beside its stored version, as it is judged now."""
    differs = ~pl.col("same") | pl.col("_rejected").ne_missing(pl.col("now"))
    return stored.with_columns(rejected.alias("now")).select(
        pl.when(~pl.col("known"))
        .then(pl.lit("insert"))
        .when("deleted")
        .then(pl.lit("update"))
        .when(differs & ~pl.col("older"))
        .then(pl.lit("update"))
        .otherwise(pl.lit("same"))
        .alias("verdict")
    )["verdict"]
