"""raw.duckdb (docs/tables.md): the mirror of each collection, its history, rejects, columns and watermarks.

One process writes. What a value means is not known here; whether a row is accepted is told from outside.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeVar, cast

import duckdb
import polars as pl

from marketplace.acceptance import UNREAD
from resources.cleanup import afterwards
from resources.errors import BookwatchError, UsageError
from resources.forgotten import FORGOTTEN_TABLES, Forgotten
from resources.raw.column_types import (
    SQL_TYPE,
    SYSTEM,
    Column,
    Order,
    Position,
    Storage,
    StoredColumn,
    instants,
)
from resources.raw.large_rows import (
    LARGE_ROW,
    LARGE_ROWS_TABLE,
    LONG_TEXT,
    NO_ROOM,
    REPLACED,
    LargeRows,
    bytes_of,
    configured,
    half_of_this_machine,
    pieces,
    row_bytes,
)
from resources.raw.misfits import without_texts
from resources.raw.pages import Learned
from resources.raw.published_ids import NAMELESS, RowNames
from resources.raw.rejects import FirstRow, Unread
from resources.sql import literal, quoted
from resources.told import a_few, told_name
from resources.warehouse import DatabaseDamaged, DatabaseLocked, open_database

T = TypeVar("T")
INSTANT = pl.Datetime("us")
RejectReasons = Callable[[str, pl.DataFrame], pl.Series]
"""(collection, rows as stored) -> per row its reasons.

List(String) or JSON text; null or empty where accepted.
"""

RunOutcome = Literal["complete", "partial", "forbidden", "missing", "failed"]

VERSION_COLUMNS: tuple[tuple[str, str], ...] = (
    ("_id", "VARCHAR"),
    ("_sequence", "BIGINT"),
    ("_created_at", "TIMESTAMP"),
    ("_updated_at", "TIMESTAMP"),
    ("_ingested_at", "TIMESTAMP"),
    ("_run_id", "VARCHAR"),
    ("_deleted_at", "TIMESTAMP"),
    ("_change", "BIGINT"),
    ("_misfits", "VARCHAR"),
    ("_rejected", "VARCHAR"),
)
HISTORY_COLUMNS: tuple[tuple[str, str], ...] = (("_replaced_at", "TIMESTAMP"), ("_replaced_by", "BIGINT"))
_TAKEN_NAMES = frozenset(name for name, _ in (*VERSION_COLUMNS, *HISTORY_COLUMNS)) | {"rowid"}

CONTROL_TABLES = """
CREATE TABLE IF NOT EXISTS _mirror (
    endpoint VARCHAR, project VARCHAR, database VARCHAR, created_at TIMESTAMP, last_change BIGINT);
CREATE TABLE IF NOT EXISTS _columns (
    collection VARCHAR, attribute VARCHAR, column_name VARCHAR, kind VARCHAR, is_array BOOLEAN,
    first_seen_at TIMESTAMP, gone_at TIMESTAMP, unread BOOLEAN);
CREATE TABLE IF NOT EXISTS _watermarks (
    collection VARCHAR, watermark TIMESTAMP, completed_at TIMESTAMP, scan_bound TIMESTAMP,
    resume_sequence BIGINT, run_id VARCHAR, scan_lower TIMESTAMP, rescan BOOLEAN, rules_version VARCHAR,
    resume_id VARCHAR, ordered_by VARCHAR);
CREATE TABLE IF NOT EXISTS _rejects (
    collection VARCHAR, row_id VARCHAR, sequence BIGINT, reasons VARCHAR, content VARCHAR,
    first_seen_at TIMESTAMP, last_tried_at TIMESTAMP, rules_version VARCHAR);
CREATE TABLE IF NOT EXISTS _ingest_runs (
    run_id VARCHAR, collection VARCHAR, fetched BIGINT, inserted BIGINT, updated BIGINT, unchanged BIGINT,
    deleted BIGINT, rejected BIGINT, started_at TIMESTAMP, seconds DOUBLE, watermark TIMESTAMP,
    outcome VARCHAR, detail VARCHAR);
CREATE TABLE IF NOT EXISTS _sweeps (
    collection VARCHAR, started_at TIMESTAMP, resume_sequence BIGINT, seen BIGINT, resume_id VARCHAR,
    since_change BIGINT);
CREATE TABLE IF NOT EXISTS _sweep_missing (collection VARCHAR, row_id VARCHAR, sequence BIGINT);
CREATE TABLE IF NOT EXISTS _sweep_seen (collection VARCHAR, row_id VARCHAR);
CREATE TABLE IF NOT EXISTS _page_sizes (collection VARCHAR, rows BIGINT, failed BIGINT, row_bytes BIGINT);
ALTER TABLE _columns ADD COLUMN IF NOT EXISTS unread BOOLEAN;
ALTER TABLE _watermarks ADD COLUMN IF NOT EXISTS resume_id VARCHAR;
ALTER TABLE _watermarks ADD COLUMN IF NOT EXISTS ordered_by VARCHAR;
ALTER TABLE _sweeps ADD COLUMN IF NOT EXISTS resume_id VARCHAR;
ALTER TABLE _sweeps ADD COLUMN IF NOT EXISTS since_change BIGINT;
"""

JUDGED_AT_ONCE = 20_000
TYPICAL_ROW = 2_000
"""Bytes of a row that is not large, as far as pieces of work are concerned."""
LOOKUP_THREADS = min(os.cpu_count() or 1, 4)
SCATTERED = 200
"""Rows among which one is sought, from which on each is fetched by itself: of 1,000 rows of 78 columns each takes
0.4 ms, where decompressing every column between them takes 2.2 ms a thousand rows."""


_ODD: Final = re.compile(r"[^A-Za-z0-9_.$ -]")
_LONGEST_COLUMN: Final = 120


def column_name(attribute: str) -> str:
    """The name of the raw column an attribute wishes for: its own, without letters that mean something elsewhere."""
    return _ODD.sub("_", attribute)[:_LONGEST_COLUMN] or "_"


class StoreFailure(BookwatchError):
    """raw.duckdb could not be read or written.

    Never repeats what DuckDB said: its messages carry row values.
    """


class OutOfMemory(StoreFailure):
    """DuckDB was not allowed the memory it needs. ``fatal``: for this connection, what was committed stands."""

    fatal = False


class _Noted(NamedTuple):
    """A line of ``_columns``."""

    attribute: str
    column_name: str
    kind: str
    is_array: bool
    gone_at: datetime | None
    unread: bool | None

    @property
    def as_listed(self) -> Column:
        return Column(self.attribute, self.kind, self.is_array)


@dataclass(frozen=True)
class Counts:
    """What became of the rows fetched: fetched = inserted + updated + unchanged + rejected."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.fetched + other.fetched,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.deleted + other.deleted,
        )


@dataclass(frozen=True)
class ColumnChanges:
    """Attributes that came, went or changed their type since the last look; the first look reports none."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    retyped: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.retyped)

    @property
    def sentence(self) -> str:
        """Such as ``column added: tip; column retyped: price``; empty without a change."""
        told = (("added", self.added), ("removed", self.removed), ("retyped", self.retyped))
        return "; ".join(
            f"column {what}: {a_few([told_name(name) for name in names])}" for what, names in told if names
        )


@dataclass(frozen=True)
class Watermark:
    """How far a collection is known.

    Instants are naive UTC; ``scan_bound`` is set while a scan is unfinished. ``ordered_by``: what its rows are followed
    by, None before its first scan.
    """

    collection: str
    watermark: datetime | None = None
    completed_at: datetime | None = None
    scan_bound: datetime | None = None
    resume_sequence: int | None = None
    run_id: str | None = None
    scan_lower: datetime | None = None
    rescan: bool = False
    rules_version: str | None = None
    resume_id: str | None = None
    ordered_by: Order | None = None

    @property
    def order(self) -> Order:
        return self.ordered_by or "$sequence"

    @property
    def resume(self) -> Position | None:
        """Where an unfinished scan goes on."""
        return self.resume_sequence if self.order == "$sequence" else self.resume_id


@dataclass(frozen=True)
class ScanPlan:
    """The window of a scan.

    ``lower`` <= $updatedAt <= ``bound`` (lower None: from the beginning), after a $sequence (or $id, by ``order``).
    """

    collection: str
    lower: datetime | None
    bound: datetime
    after: Position | None
    resumed: bool
    order: Order = "$sequence"


@dataclass(frozen=True)
class SweepState:
    """An unfinished sweep: where to go on, and how many rows it has seen. ``since_change``: the last change before it,
    for one that follows rows by $id and can tell only at its end what it has not seen."""

    started_at: datetime
    resume_sequence: int | None
    seen: int
    resume_id: str | None = None
    since_change: int | None = None

    @property
    def resume(self) -> Position | None:
        return self.resume_id if self.resume_sequence is None else self.resume_sequence

    def at(self, position: Position | None, seen: int) -> SweepState:
        """The same sweep further on."""
        number, name = (position, None) if isinstance(position, int) else (None, position)
        return replace(self, resume_sequence=number, resume_id=name, seen=seen)


def _to_read_anew(mark: Watermark) -> Watermark:
    """What makes the next scan read everything."""
    return replace(mark, scan_bound=None, resume_sequence=None, resume_id=None, scan_lower=None, rescan=True)


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


class RawStore:
    """The mirror. Opens (and makes) ``path``; not safe to use from several threads at once.

    Raises StoreFailure where the file cannot be read or written (also: another process has it open).
    """

    def __init__(
        self,
        path: Path | str,
        *,
        read_only: bool = False,
        memory_limit: str = "400MB",
        most_memory: int | None = None,
    ) -> None:
        """``memory_limit``: what DuckDB may hold; because of large rows up to ``most_memory`` bytes (half of this
        machine's memory)."""
        self.path = Path(path)
        self.read_only = read_only
        self._layouts: dict[str, tuple[StoredColumn, ...]] = {}
        self._noted: dict[str, list[_Noted]] = {}
        self._tables: set[str] = set()
        self._forgotten: Forgotten | None = None
        self._marks: dict[str, Watermark] = {}
        self._written: list[str] = []
        if read_only and not self.path.exists():
            raise StoreFailure("There is no mirror yet.", "Run `bookwatch run` first.")
        self._large = LargeRows(bytes_of(memory_limit), most_memory or half_of_this_machine())
        with self._plainly("open"):
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.connection = self._connect()
            if not read_only:
                os.chmod(self.path, 0o600)
                self.connection.execute(CONTROL_TABLES + FORGOTTEN_TABLES + LARGE_ROWS_TABLE)
                # At the default of 16 MB a first load rewrote each half-filled row group five times over.
                self.connection.execute("SET wal_autocheckpoint = '128MB'")
                # FSST saves a fifth of the file, and took 40 % of the time of a commit and half of the time
                # in which a thousand rows spread over the table are found again.
                self.connection.execute("SET disabled_compression_methods = 'fsst,dict_fsst'")
                # Two threads took a third more processor time for the same inserts, while the pages to come
                # are being fetched and decoded beside them.
                self.connection.execute("SET threads = 1")
                self._large.make_room(self.connection)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        try:
            return open_database(self.path, read_only=self.read_only, config=configured(self._large.limit))
        except duckdb.OutOfMemoryException:
            # What a killed process left to be written into the file may hold large rows.
            self._large.limit = self._large.most
            return open_database(self.path, read_only=self.read_only, config=configured(self._large.limit))

    def __enter__(self) -> RawStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.connection.close()

    # -- plumbing ------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _plainly(self, what: str) -> Generator[None]:
        """Turn DuckDB's and Polars' errors into one sentence: theirs repeat values."""
        failure: StoreFailure
        try:
            yield
            return
        except DatabaseLocked as held:
            failure = StoreFailure(held.problem, held.next_step)
        except DatabaseDamaged as damaged:
            failure = StoreFailure(
                damaged.problem,
                "Nothing was changed. Put a backup in its place; or move it aside (and keep it: it alone holds earlier"
                " versions of rows, and rows that Appwrite no longer has) and run again to mirror anew.",
            )
        except duckdb.Error as broken:
            text = str(broken).lower()
            if isinstance(broken, duckdb.OutOfMemoryException) or "failed to pin block" in text:
                failure = OutOfMemory(
                    f"{self.path.name} needs more memory than the {self._large.limit >> 20:,} MiB it may take.",
                    "What was stored stands, and nothing is damaged. It takes up to half of this machine's memory:"
                    " free some, or give the machine more, and run again.",
                )
                failure.fatal = isinstance(broken, duckdb.FatalException)
            elif "no space left" in text or "disk full" in text or "could not write" in text:
                failure = StoreFailure("The disk is full.", "Make room under BOOKWATCH_HOME and run again.")
            else:
                failure = StoreFailure(
                    f"{self.path.name} could not {what} ({type(broken).__name__}).",
                    "Run again; if it stays, restore a backup or move the file away to mirror anew.",
                )
        except pl.exceptions.PolarsError as broken:
            failure = StoreFailure(
                f"A page could not be merged ({type(broken).__name__}).", "Please report this."
            )
        except OSError as broken:
            failure = StoreFailure(
                f"{self.path.name} could not {what} ({broken.strerror}).",
                "Check BOOKWATCH_HOME and the free disk space.",
            )
        raise failure from None

    @contextlib.contextmanager
    def transaction(self) -> Generator[duckdb.DuckDBPyConnection]:
        """All or nothing: whatever is raised inside rolls everything back."""
        with self._plainly("be written"):
            self._written = []
            self.connection.execute("BEGIN")
            try:
                yield self.connection
                self.connection.execute("COMMIT")
            except BaseException:
                for collection in self._written:
                    self._marks.pop(collection, None)
                self._large.forget()
                with contextlib.suppress(duckdb.Error):  # a failed COMMIT has rolled back already
                    self.connection.execute("ROLLBACK")
                with contextlib.suppress(duckdb.Error):  # what was lent could not be taken back before
                    self.connection.execute("SET threads = 1")
                raise

    def _rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._plainly("be read"):
            return self.connection.execute(sql, list(parameters)).fetchall()

    @contextlib.contextmanager
    def _lent(self, **frames: pl.DataFrame) -> Generator[None]:
        """Frames as views of the connection for the time of the block."""
        for name, frame in frames.items():
            # Texts go over as views: the default would copy each of them once more.
            arrow = cast("Any", frame).to_arrow(compat_level=pl.CompatLevel.newest())
            self.connection.register(name, arrow)
        with afterwards(lambda: [self.connection.unregister(name) for name in frames]):
            yield

    @contextlib.contextmanager
    def _threads(self, count: int) -> Generator[None]:
        """So many threads of DuckDB for the time of the block."""
        self.connection.execute(f"SET threads = {count}")
        with afterwards(lambda: self.connection.execute("SET threads = 1")):
            yield

    def _next_change(self) -> int:
        """The number of the running transaction. Rises; never given twice, also after rows were erased."""
        row = self.connection.execute(
            "UPDATE _mirror SET last_change = last_change + 1 RETURNING last_change"
        ).fetchone()
        assert row is not None, "claim_mirror() comes first"
        return int(row[0])

    # -- identity ------------------------------------------------------------------------------------------

    def claim_mirror(self, endpoint: str, project: str, database: str, now: datetime) -> None:
        """Remember what this file mirrors at first use. Raises UsageError if it mirrors something else."""
        known = self.mirror()
        if known is not None and known[0] != self._endpoint():
            # Written when an endpoint could still hold a password.
            with self.transaction() as con:
                con.execute("UPDATE _mirror SET endpoint = ?", [known[0]])
        if known is None:
            with self.transaction() as con:
                con.execute("INSERT INTO _mirror VALUES (?, ?, ?, ?, 0)", [endpoint, project, database, now])
        elif known != (endpoint, project, database):
            differs = ", ".join(
                f"{what} {was!r} and not {asked!r}"
                for what, was, asked in zip(
                    ("endpoint", "project", "database"), known, (endpoint, project, database), strict=True
                )
                if was != asked
            )
            raise UsageError(
                f"{self.path} mirrors {differs}.",
                "If the server moved and this is the same database, `bookwatch adopt` takes the mirror along; else set"
                " the Appwrite settings back, or choose another BOOKWATCH_HOME for the other source.",
            )

    def adopt(self, endpoint: str, project: str, database: str) -> None:
        """Let this file mirror another source from now on: one that was proven to be the same database."""
        with self.transaction() as con:
            con.execute(
                "UPDATE _mirror SET endpoint = ?, project = ?, database = ?", [endpoint, project, database]
            )

    def sample(self, collection: str, rows: int) -> pl.DataFrame:
        """(_id, _sequence, _created_at) of some living rows: the oldest, the newest, and as many from anywhere, always
        the same."""
        own = f"SELECT _id, _sequence, _created_at FROM {quoted(collection)} WHERE _deleted_at IS NULL"
        by = "_sequence {0} NULLS LAST, _created_at {0}, _id {0}"
        with self._plainly("be read"):
            return self.connection.sql(
                f"SELECT DISTINCT * FROM (({own} ORDER BY {by.format('ASC')} LIMIT {rows}) "
                f"UNION ALL ({own} ORDER BY {by.format('DESC')} LIMIT {rows}) UNION ALL "
                f"(SELECT * FROM ({own}) USING SAMPLE reservoir({rows} ROWS) REPEATABLE (7))) ORDER BY ALL"
            ).pl()

    def mirror(self) -> tuple[str, str, str] | None:
        """(endpoint, project, database) this file mirrors, without the user name and password an earlier version let
        the endpoint hold; None before the first run."""
        rows = self._rows("SELECT regexp_replace(endpoint, '://.*@', '://'), project, database FROM _mirror")
        return cast("tuple[str, str, str]", rows[0]) if rows else None

    def _endpoint(self) -> str:
        """The endpoint as it stands in the file."""
        return str(self._rows("SELECT endpoint FROM _mirror")[0][0])

    def last_change(self) -> int:
        """The highest change number given; 0 in a new file."""
        rows = self._rows("SELECT last_change FROM _mirror")
        return int(rows[0][0]) if rows else 0

    def published_ids(self, collection: str, ids: Sequence[str]) -> list[str]:
        """``$id``s of rows as they may be told: one that is a phone, or no id at all, by its hash."""
        if not ids:
            return []
        catalog = str(self._rows("SELECT current_database()")[0][0])
        with self._plainly("be read"):
            names = RowNames(self.connection, self.path, catalog)
            return names.published(collection, pl.Series(list(ids), dtype=pl.String)).to_list()

    # -- columns -------------------------------------------------------------------------------------------

    def collections(self) -> list[str]:
        """Collections that have a table here."""
        return [
            row[0]
            for row in self._rows(
                "SELECT t.table_name FROM duckdb_tables() t JOIN duckdb_tables() h "
                "ON h.table_name = t.table_name || '_history' AND h.database_name = t.database_name "
                "WHERE t.schema_name = 'main' ORDER BY 1"
            )
        ]

    def has_table(self, collection: str) -> bool:
        if collection not in self._tables:
            # All at once: each look into DuckDB's catalogue takes some milliseconds, and a run has eleven to take.
            self._tables.update(
                row[0]
                for row in self._rows("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'main'")
            )
        return collection in self._tables

    def columns(self, collection: str) -> tuple[StoredColumn, ...]:
        """The attributes a collection has now and the raw column of each, in the order first seen."""
        if collection not in self._layouts:
            self._layouts[collection] = tuple(
                StoredColumn(c.attribute, c.column_name, c.as_listed.storage)
                for c in self._columns_noted(collection)
                if c.gone_at is None
            )
        return self._layouts[collection]

    def _columns_noted(self, collection: str) -> list[_Noted]:
        """The lines of a collection in ``_columns``, in the order first seen."""
        if collection not in self._noted:
            noted: dict[str, list[_Noted]] = {collection: []}
            for name, *line in self._rows(
                "SELECT collection, attribute, column_name, kind, is_array, gone_at, unread FROM _columns "
                "ORDER BY rowid"
            ):
                noted.setdefault(name, []).append(_Noted(*line))
            self._noted.update(noted)
        return self._noted[collection]

    def unread_columns(self, collection: str) -> frozenset[str]:
        """The relationship columns of a collection whose values the server did not hand out at the last scan."""
        noted = self._columns_noted(collection)
        return frozenset(c.attribute for c in noted if c.gone_at is None and c.unread)

    def reconcile_columns(self, collection: str, listed: Sequence[Column], now: datetime) -> ColumnChanges:
        """Carry Appwrite's column list into the tables of a collection (made at the first look).

        A column that came (its default is invisible to a scan by $updatedAt) or was retyped makes the next
        scan read everything; so does a relationship that can be read now. A column that went stays, marked gone. A
        retyped one is converted where every value survives the way there and back; else it is kept under a new name
        beside a fresh column.
        """
        first = not self.has_table(collection)
        self._note_unread(collection, listed)
        # Of an attribute that stands there more than once, the line that lives counts, else the one that went last.
        known = {
            c.attribute: (c.column_name, c.kind, bool(c.is_array), c.gone_at)
            for c in sorted(
                self._columns_noted(collection), key=lambda c: (c.gone_at is None, c.gone_at or now)
            )
        }
        wanted = {column.key: column for column in listed}
        added = [
            c
            for c in wanted.values()
            if c.key not in known or (known[c.key][3] and known[c.key][1:3] == (c.kind, c.is_array))
        ]
        retyped = [c for c in wanted.values() if c.key in known and known[c.key][1:3] != (c.kind, c.is_array)]
        removed = [a for a, (_, _, _, gone_at) in known.items() if a not in wanted and gone_at is None]
        if not (first or added or retyped or removed):
            return ColumnChanges()
        self._layouts.pop(collection, None)
        self._noted.pop(collection, None)
        refill: list[tuple[str, str, Storage, Storage]] = []
        with self.transaction() as con:
            used = {
                str(r[0]).lower()
                for r in self._rows("SELECT column_name FROM _columns WHERE collection = ?", [collection])
            }
            if first:
                named = [(c, self._free_name(c.key, used)) for c in added]
                own = ((quoted(name), SQL_TYPE[c.storage]) for c, name in named)
                fields = ", ".join(f"{name} {kind}" for name, kind in (*VERSION_COLUMNS, *own))
                more = ", ".join(f"{name} {kind}" for name, kind in HISTORY_COLUMNS)
                con.execute(f"CREATE TABLE {quoted(collection)} ({fields})")
                con.execute(f"CREATE TABLE {quoted(collection + '_history')} ({fields}, {more})")
                for column, name in named:
                    self._note_column(collection, column, name, now)
            for column in added if not first else ():
                if column.key in known:
                    con.execute(
                        "UPDATE _columns SET gone_at = NULL, unread = ? WHERE collection = ? AND column_name = ?",
                        [column.unread, collection, known[column.key][0]],
                    )
                else:
                    self._add_column(collection, column, self._free_name(column.key, used), now)
            for column in retyped:
                name, kind, is_array, _ = known[column.key]
                old, new = Column(column.key, kind, is_array).storage, column.storage
                if SQL_TYPE[old] == SQL_TYPE[new] or self._survives(
                    collection, name, SQL_TYPE[old], SQL_TYPE[new]
                ):
                    if SQL_TYPE[old] != SQL_TYPE[new]:
                        for table in (collection, f"{collection}_history"):
                            con.execute(
                                f"ALTER TABLE {quoted(table)} "
                                f"ALTER COLUMN {quoted(name)} TYPE {SQL_TYPE[new]}"
                            )
                    con.execute(
                        "UPDATE _columns SET kind = ?, is_array = ?, unread = ?, gone_at = NULL "
                        "WHERE collection = ? AND column_name = ?",
                        [column.kind, column.is_array, column.unread, collection, name],
                    )
                else:
                    kept = self._free_name(f"{name}__was_{kind}", used)
                    for table in (collection, f"{collection}_history"):
                        con.execute(
                            f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(name)} TO {quoted(kept)}"
                        )
                    con.execute(
                        "UPDATE _columns SET column_name = ?, gone_at = coalesce(gone_at, ?) "
                        "WHERE collection = ? AND column_name = ?",
                        [kept, now, collection, name],
                    )
                    self._add_column(collection, column, name, now)
                    refill.append((kept, name, old, new))
            for attribute in removed:
                con.execute(
                    "UPDATE _columns SET gone_at = ? WHERE collection = ? AND column_name = ?",
                    [now, collection, known[attribute][0]],
                )
            if not first and (added or retyped):
                self._write_watermark(_to_read_anew(self.watermark(collection)))
        # DuckDB refuses to change a table's rows and its columns in one transaction. A kill in between loses
        # nothing: the kept column has the old values, and the scan that is now due brings the new ones.
        for kept, name, old, new in refill:
            for table in (collection, f"{collection}_history"):
                with self.transaction() as con:
                    there = f"try_cast({quoted(kept)} AS {SQL_TYPE[new]})"
                    con.execute(
                        f"UPDATE {quoted(table)} SET {quoted(name)} = {there} "
                        f"WHERE try_cast({there} AS {SQL_TYPE[old]}) IS NOT DISTINCT FROM {quoted(kept)} "
                        f"AND {quoted(kept)} IS NOT NULL"
                    )
        self._layouts.pop(collection, None)
        self._noted.pop(collection, None)
        if first:
            return ColumnChanges()
        return ColumnChanges(
            tuple(sorted(c.key for c in added)), tuple(sorted(removed)), tuple(sorted(c.key for c in retyped))
        )

    def _note_unread(self, collection: str, listed: Sequence[Column]) -> None:
        """Note which known relationships are read now. One that is read for the first time is null in every row yet; of
        one that is no longer, what was read stays until the row changes."""
        told = {c.key: c.unread for c in listed if c.storage == "reference"}
        changed = [
            c
            for c in self._columns_noted(collection)
            if c.gone_at is None
            and c.attribute in told
            and c.as_listed.storage == "reference"
            and c.unread is not told[c.attribute]
        ]
        if not changed:
            return
        self._noted.pop(collection, None)
        with self.transaction() as con:
            for column in changed:
                con.execute(
                    "UPDATE _columns SET unread = ? WHERE collection = ? AND column_name = ?",
                    [told[column.attribute], collection, column.column_name],
                )
            if not all(told[column.attribute] for column in changed):
                self._write_watermark(_to_read_anew(self.watermark(collection)))

    def _add_column(self, collection: str, column: Column, name: str, now: datetime) -> None:
        for table in (collection, f"{collection}_history"):
            self.connection.execute(
                f"ALTER TABLE {quoted(table)} ADD COLUMN {quoted(name)} {SQL_TYPE[column.storage]}"
            )
        self._note_column(collection, column, name, now)

    def _note_column(self, collection: str, column: Column, name: str, now: datetime) -> None:
        self.connection.execute(
            "INSERT INTO _columns (collection, attribute, column_name, kind, is_array, first_seen_at, unread) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [collection, column.key, name, column.kind, column.is_array, now, column.unread],
        )

    @staticmethod
    def _free_name(wish: str, used: set[str]) -> str:
        """A column name no other has, by DuckDB's measure: case does not count."""
        wish = name = column_name(wish)
        n = 2
        while name.lower() in used or name.lower() in _TAKEN_NAMES:
            name, n = f"{wish}_{n}", n + 1
        used.add(name.lower())
        return name

    def _survives(self, collection: str, name: str, old: str, new: str) -> bool:
        """Whether every value of a column is the same after a change of type and back."""
        return not any(
            self._rows(
                f"SELECT 1 FROM {quoted(table)} WHERE {quoted(name)} IS NOT NULL AND "
                f"try_cast(try_cast({quoted(name)} AS {new}) AS {old}) IS DISTINCT FROM {quoted(name)} "
                "LIMIT 1"
            )
            for table in (collection, f"{collection}_history")
        )

    # -- watermarks and scans ------------------------------------------------------------------------------

    def watermark(self, collection: str) -> Watermark:
        """How far a collection is known; an empty Watermark before its first scan."""
        if collection not in self._marks:
            rows = self._rows(
                "SELECT collection, watermark, completed_at, scan_bound, resume_sequence, run_id, scan_lower, "
                "coalesce(rescan, false), rules_version, resume_id, ordered_by FROM _watermarks "
                "WHERE collection = ?",
                [collection],
            )
            self._marks[collection] = Watermark(*rows[0]) if rows else Watermark(collection)
        return self._marks[collection]

    def _write_watermark(self, mark: Watermark) -> None:
        self._written.append(mark.collection)
        self._marks[mark.collection] = mark
        self.connection.execute("DELETE FROM _watermarks WHERE collection = ?", [mark.collection])
        self.connection.execute(
            "INSERT INTO _watermarks (collection, watermark, completed_at, scan_bound, resume_sequence, "
            "run_id, scan_lower, rescan, rules_version, resume_id, ordered_by) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                mark.collection,
                mark.watermark,
                mark.completed_at,
                mark.scan_bound,
                mark.resume_sequence,
                mark.run_id,
                mark.scan_lower,
                mark.rescan,
                mark.rules_version,
                mark.resume_id,
                mark.ordered_by,
            ],
        )

    def begin_scan(
        self,
        collection: str,
        *,
        bound: datetime,
        overlap: timedelta,
        run_id: str,
        full: bool = False,
        order: Order | None = None,
    ) -> ScanPlan:
        """Resume the unfinished scan of a collection, or begin one up to ``bound`` (server's clock).

        ``full`` reads everything anew. So does a bound that lies further behind the watermark than the
        overlap: the server's clock was wrong once, and rows written meanwhile may lie below the watermark. And so does
        another ``order`` (None: as before; ``full``: by $sequence) than the rows here were followed by.
        """
        mark = self.watermark(collection)
        chosen = order or ("$sequence" if full else mark.order)
        anew = full or mark.rescan or chosen != mark.order
        if mark.scan_bound is not None and not anew and mark.scan_bound <= bound + overlap:
            return ScanPlan(
                collection, mark.scan_lower, mark.scan_bound, mark.resume, resumed=True, order=chosen
            )
        lower: datetime | None = None
        if mark.watermark is not None and not anew and bound >= mark.watermark - overlap:
            lower = min(mark.watermark, bound) - overlap
        begun = replace(
            mark,
            scan_bound=bound,
            resume_sequence=None,
            resume_id=None,
            scan_lower=lower,
            rescan=False,
            run_id=run_id,
            ordered_by=chosen,
        )
        if lower is None:
            with self.transaction():
                if chosen != mark.order:
                    self._end_sweep(collection)
                self._write_watermark(begun)
        else:
            # Written with the first rows: killed before, the next scan begins from the same watermark.
            self._marks[collection] = begun
        return ScanPlan(collection, lower, bound, None, resumed=False, order=chosen)

    # -- merging -------------------------------------------------------------------------------------------

    def merge_page(
        self,
        collection: str,
        rows: pl.DataFrame,
        *,
        resume_sequence: Position | None = None,
        complete: bool = False,
        record: Callable[[Counts], None] | None = None,
        **how: Any,
    ) -> Counts:
        """Rows merged as ``_merge_piece`` does, a transaction for as many as fit memory with what they replace.

        ``record`` is called in each with the counts so far.
        """
        with self._plainly("be read"):
            cut = self._large.pieces(self.connection, collection, rows)
        counts = Counts()
        for start, length in cut:
            piece = rows.slice(start, length)
            last = start + length == rows.height
            reached = resume_sequence if last else _end_of(piece, resume_sequence)
            counts += self._merge_fitting(
                collection,
                piece,
                resume_sequence=reached,
                complete=complete and last,
                record=None if record is None else _onto(record, counts),
                **how,
            )
        return counts

    def _merge_fitting(
        self,
        collection: str,
        rows: pl.DataFrame,
        *,
        resume_sequence: Position | None,
        complete: bool,
        record: Callable[[Counts], None] | None,
        **how: Any,
    ) -> Counts:
        """Merge rows; where DuckDB runs out of memory over them with more of it, and then in halves."""
        ran_out: OutOfMemory
        try:
            return self._merge_piece(
                collection,
                rows,
                resume_sequence=resume_sequence,
                complete=complete,
                record=record,
                **how,
            )
        except OutOfMemory as failure:
            if failure.fatal:
                raise
            ran_out = failure
        counts = Counts()
        halves = [rows]
        if not self._large.raised(self.connection):
            if rows.height < 2:
                raise ran_out
            halves = [rows.head(rows.height // 2), rows.slice(rows.height // 2)]
        for half in halves:
            last = half is halves[-1]
            reached = resume_sequence if last else _end_of(half, resume_sequence)
            counts += self._merge_fitting(
                collection,
                half,
                resume_sequence=reached,
                complete=complete and last,
                record=None if record is None else _onto(record, counts),
                **how,
            )
        return counts

    def _merge_piece(
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
        """Rows, history, rejects and the resume point (``complete``: the watermark) in one transaction.

        ``rows`` has the schema of PageDecoder. A row is an update if its content, its system fields or its
        rejection differ from the stored version, or if that was deleted; a version older than the stored one
        is not taken unless ``forced``. With ``known_upto`` a row that lives here is not brought beyond that
        $updatedAt; it counts as unchanged. Rows made and written after ``made_upto`` are left out, and not counted.
        ``resume_sequence``: where the last of the rows stands (its $id where rows
        are followed by that). ``record`` is called with the counts inside the transaction.
        """
        rows = rows.filter(~_made_later(made_upto))
        if not rows.height:
            counts = Counts()
            with self.transaction():
                self._reach(collection, resume_sequence, complete, run_id, now, rules_version)
                if record is not None:
                    record(counts)
            return counts
        with self._plainly("be written"):
            named, nameless = _by_name(self._without_forgotten(collection, rows))
            twice = named["_id"].n_unique() < named.height
            last = named.unique("_id", keep="last", maintain_order=True) if twice else named
        with self.transaction():
            old = self._stored(collection, last["_id"], last["_sequence"])
            if known_upto is not None:
                living = old.filter(pl.col("_deleted_at").is_null())["_id"]
                later = (pl.col("_updated_at") > known_upto).fill_null(False)
                last = last.filter(~(later & pl.col("_id").is_in(living.implode())))
                old = old.filter(pl.col("_id").is_in(last["_id"].implode()))
            stored = self._beside(collection, last, old, forced)
            # A version is judged by when it was first stored: many scans see it again, and it must not come to be
            # judged otherwise by being seen.
            first = stored["_ingested_at"].fill_null(now).alias("_ingested_at")
            last = self._judged(collection, last.with_columns(first), reject_reasons)
            nameless = self._judged(
                collection, nameless.with_columns(pl.lit(now, INSTANT).alias("_ingested_at")), reject_reasons
            )
            verdicts = _verdicts(stored, last["_rejected"])
            taken = last.filter(verdicts != "same")
            if taken.height:
                change = self._next_change()
                self._replace(
                    collection,
                    taken,
                    old.filter(pl.col("_id").is_in(taken["_id"].implode())),
                    run_id,
                    now,
                    change,
                )
            self._write_rejects(collection, last, nameless, now, rules_version)
            rejected = last["_rejected"].is_not_null()
            counts = Counts(
                fetched=rows.height,
                inserted=int(((verdicts == "insert") & ~rejected).sum()),
                updated=int(((verdicts == "update") & ~rejected).sum()),
                unchanged=int(((verdicts == "same") & ~rejected).sum()) + named.height - last.height,
                rejected=int(rejected.sum()) + nameless.height,
            )
            self._reach(collection, resume_sequence, complete, run_id, now, rules_version)
            if record is not None:
                record(counts)
        return counts

    def _reach(
        self,
        collection: str,
        reached: Position | None,
        complete: bool,
        run_id: str,
        now: datetime,
        rules_version: str,
    ) -> None:
        """Note how far the scan has come: to a position, or (``complete``) to its end."""
        if complete:
            mark = self.watermark(collection)
            self._write_watermark(
                replace(
                    mark,
                    watermark=mark.scan_bound or mark.watermark,
                    completed_at=now,
                    scan_bound=None,
                    resume_sequence=None,
                    resume_id=None,
                    scan_lower=None,
                    run_id=run_id,
                    rules_version=rules_version or mark.rules_version,
                )
            )
        elif reached is not None:
            number, name = (reached, None) if isinstance(reached, int) else (None, reached)
            self._write_watermark(
                replace(self.watermark(collection), resume_sequence=number, resume_id=name, run_id=run_id)
            )

    def newest_beyond(self, collection: str, until: datetime) -> datetime | None:
        """The newest $updatedAt of the rows here that were written after the watermark, and not after ``until``."""
        watermark = self.watermark(collection).watermark
        if watermark is None:
            return None
        return self._rows(
            f"SELECT max(_updated_at) FROM {quoted(collection)} WHERE _updated_at > ? AND _updated_at <= ?",
            [watermark, until],
        )[0][0]

    def _without_forgotten(self, collection: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows as fetched, without the values of people who were forgotten: they are not stored again."""
        if self._forgotten is None:
            self._forgotten = Forgotten.load(self.connection, self.path)
        if not self._forgotten:
            return rows
        return self._forgotten.blank(
            collection, rows, ((c.attribute, c.name) for c in self.columns(collection))
        )

    def reload_forgotten(self) -> None:
        """Read anew who was forgotten, before the next page is merged."""
        self._forgotten = None

    def take_change(self) -> int:
        """The number of the running transaction, for one that changes rows elsewhere than here."""
        return self._next_change()

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

    def _stored(self, collection: str, ids: pl.Series, sequences: pl.Series | None = None) -> pl.DataFrame:
        """The stored versions of some ids, with ``_rid`` (DuckDB's rowid).

        In two steps: the ids alone are found in a scan of one column; whole rows are read for the matches
        only. ``sequences``: under which $sequence each may stand.
        """
        table = quoted(collection)
        if sequences is not None:
            rows = self._stored_under(table, pl.DataFrame({"_id": ids, "_sequence": sequences}))
            if rows is not None:
                return rows
        with self._lent(_asked=pl.DataFrame({"_id": ids})):
            found = self.connection.sql(
                f"SELECT rowid AS _rid, _id FROM {table} WHERE _id IN (SELECT _id FROM _asked) ORDER BY 1"
            ).pl()
        if not found.height:
            return self.connection.sql(f"SELECT rowid AS _rid, * FROM {table} LIMIT 0").pl()
        return self._whole(table, found)

    def _stored_under(self, table: str, asked: pl.DataFrame) -> pl.DataFrame | None:
        """The stored versions where every id stands under its $sequence, as an update leaves it; else None.

        Numbers are found in a small part of the time that texts take, of which each has to be read. An id
        stands in a table once, so that one found so need not be looked for elsewhere.
        """
        if not asked.height or asked["_sequence"].null_count():
            return None
        with self._lent(_asked=asked.select("_sequence")):
            found = self.connection.sql(
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
        if found.height * SCATTERED < high - low or self._large.are_among(self.connection, found["_id"]):
            fetched = self._fetched(table, found)
            if fetched is not None:
                return fetched
        with self._lent(_found=found.select("_rid")), self._threads(LOOKUP_THREADS):
            return self.connection.sql(
                f"SELECT t.rowid AS _rid, t.* FROM {table} t "
                f"WHERE t.rowid BETWEEN {low} AND {high} AND t.rowid IN (SELECT _rid FROM _found) ORDER BY 1"
            ).pl()

    def _fetched(self, table: str, found: pl.DataFrame) -> pl.DataFrame | None:
        """Whole rows by (_rid, _id), read one by one: a deletion that tells what it deletes, and is taken back.

        Nothing else in DuckDB reads a row without decompressing all that stands around it. None where this
        transaction, which is another, has changed them already.
        """
        numbers = ",".join(map(str, found["_rid"]))
        beside = self.connection.cursor()
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

    def _beside(self, collection: str, rows: pl.DataFrame, old: pl.DataFrame, forced: bool) -> pl.DataFrame:
        """Per row of its stored version: known, deleted, same (all that came from Appwrite), older (the row is; never
        where ``forced``), ``_rejected``, and ``_ingested_at`` where it is the same."""
        names = [
            "_sequence", "_created_at", "_updated_at", "_misfits", *(c.name for c in self.columns(collection)),
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

    def _replace(
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
        with self._lent(_taken=stamped):
            self.connection.execute(f"INSERT INTO {quoted(collection)} BY NAME SELECT * FROM _taken")
        self._large.note(self.connection, collection, taken)

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
        if self._large.make_room(self.connection, collection, coming):
            return taken, old
        fit: dict[str, int] = {}
        for row_id, size in coming.items():
            if self._large.make_room(self.connection, collection, {**fit, row_id: size}):
                fit[row_id] = size
        among = large & ~taken["_id"].is_in(list(fit))
        left = without_texts(taken, self._attributes(collection), LONG_TEXT, NO_ROOM, among)
        said = ["_id", "_sequence", "_created_at", "_updated_at", "_misfits", "_rejected", "_deleted_at"]
        said = [name for name in (*said, *(c.name for c in self.columns(collection))) if name in left.columns]
        same = left.filter(among).join(old.select(said), on=said, how="semi", nulls_equal=True)["_id"]
        return (
            left.filter(~pl.col("_id").is_in(same.implode())),
            old.filter(~pl.col("_id").is_in(same.implode())),
        )

    def _attributes(self, collection: str) -> dict[str, str]:
        """Raw column → the attribute it holds."""
        return {
            **{name: attribute for attribute, name, _ in SYSTEM},
            **{c.name: c.attribute for c in self.columns(collection)},
        }

    def _to_history(self, collection: str, old: pl.DataFrame, now: datetime, change: int) -> None:
        gone = old
        if (self._large.sizes(self.connection, collection, old["_id"]) > 0).any():
            large = row_bytes(old) > LARGE_ROW
            gone = without_texts(old, self._attributes(collection), LONG_TEXT, REPLACED, large)
        gone = gone.with_columns(
            pl.lit(now, pl.Datetime("us")).alias("_replaced_at"),
            pl.lit(change, pl.Int64).alias("_replaced_by"),
        )
        with self._lent(_old=gone.drop("_rid"), _rids=old.select("_rid")):
            self.connection.execute(
                f"INSERT INTO {quoted(collection + '_history')} BY NAME SELECT * FROM _old"
            )
            self.connection.execute(
                f"DELETE FROM {quoted(collection)} WHERE rowid IN (SELECT _rid FROM _rids)"
            )

    def _write_rejects(
        self, collection: str, judged: pl.DataFrame, nameless: pl.DataFrame, now: datetime, rules_version: str
    ) -> None:
        """Bring ``_rejects`` in line with rows just judged, each id once.

        Rejected ones stand in it, accepted ones do not, nor does what was entered before the row had an id.
        """
        known = {
            row[0]: row[1]
            for row in self._rows(
                "SELECT row_id, first_seen_at FROM _rejects WHERE collection = ?", [collection]
            )
        }
        if not known and not nameless.height and judged["_rejected"].null_count() == judged.height:
            return
        rejected = pl.concat(
            [
                judged.filter(pl.col("_rejected").is_not_null()),
                nameless.with_columns(pl.format(f"{NAMELESS}{{}}", pl.col("_sequence")).alias("_id")),
            ]
        )
        if not known and not rejected.height:
            return
        cleared = [judged["_id"], rejected["_id"]]
        if any(row_id.startswith(NAMELESS) for row_id in known):
            # A row that came without an id stands under its number; with one it is judged by that.
            cleared.append(judged.select(pl.format(f"{NAMELESS}{{}}", pl.col("_sequence"))).to_series())
        with self._lent(_judged=pl.DataFrame({"row_id": pl.concat(cleared).unique()})):
            self.connection.execute(
                "DELETE FROM _rejects WHERE collection = ? AND row_id IN (SELECT row_id FROM _judged)",
                [collection],
            )
        if not rejected.height:
            return
        entries = pl.DataFrame(
            {
                "collection": [collection] * rejected.height,
                "row_id": rejected["_id"],
                "sequence": rejected["_sequence"],
                "reasons": rejected["_rejected"],
                "content": [self._content(collection, row) for row in rejected.iter_rows(named=True)],
                "first_seen_at": [known.get(row_id, now) for row_id in rejected["_id"]],
                "last_tried_at": [now] * rejected.height,
                "rules_version": [rules_version] * rejected.height,
            },
            schema_overrides={
                "first_seen_at": pl.Datetime("us"),
                "last_tried_at": pl.Datetime("us"),
                "content": pl.String,
            },
        )
        with self._lent(_entries=entries):
            self.connection.execute("INSERT INTO _rejects BY NAME SELECT * FROM _entries")

    def _content(self, collection: str, row: Mapping[str, Any]) -> str:
        """A rejected row as JSON by attribute, misfits as they were written."""
        content: dict[str, Any] = {attribute: row.get(name) for attribute, name, _ in SYSTEM}
        content |= {c.attribute: row.get(c.name) for c in self.columns(collection)}
        if row.get("_misfits"):
            content |= json.loads(row["_misfits"])
        return json.dumps(
            content,
            ensure_ascii=False,
            default=lambda v: v.isoformat() + "Z" if isinstance(v, datetime) else str(v),
        )

    # -- quarantine ----------------------------------------------------------------------------------------

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
        mark = self.watermark(collection)
        if not rules_version or mark.rules_version == rules_version or not self.has_table(collection):
            return 0
        changed = 0
        for where, ids in self._judged_apart(collection):
            with self.transaction(), self._lent(_asked=pl.DataFrame({"_id": ids})):
                batch = self.connection.sql(
                    f"SELECT {self._judged_columns(collection, judged_by)} FROM {quoted(collection)} "
                    f"WHERE _deleted_at IS NULL AND {where}"
                ).pl()
                judged = self._judged_again(collection, batch, reject_reasons)
                differs = judged["_rejected"].ne_missing(batch["_rejected"])
                refused = judged["_rejected"].is_not_null()
                accepted = judged.filter(~refused)
                self._write_rejects(collection, accepted, accepted.clear(), now, rules_version)
                due = judged.filter(differs | refused).select("_id", "_rejected")
            # Whole rows are read of those only that are written again, here or in the quarantine.
            sizes = self._large.sizes(self.connection, collection, due["_id"]).clip(
                lower_bound=LARGE_ROW // 2
            )
            for start, length in pieces(sizes) if due.height else ():
                with self.transaction():
                    old = self._stored(collection, due["_id"].slice(start, length))
                    new = old.drop("_rejected").join(due, on="_id", maintain_order="left")
                    moved = new["_rejected"].ne_missing(old["_rejected"])
                    if moved.any():
                        change = self._next_change()
                        written = new.filter(moved).drop("_rid")
                        self._replace(collection, written, old.filter(moved), run_id, now, change)
                        changed += written.height
                    kept = new.filter(pl.col("_rejected").is_not_null())
                    self._write_rejects(collection, kept, kept.clear(), now, rules_version)
        with self.transaction() as con:
            self._write_watermark(replace(self.watermark(collection), rules_version=rules_version))
            con.execute(
                "UPDATE _rejects SET rules_version = ?, last_tried_at = ? WHERE collection = ?",
                [rules_version, now, collection],
            )
        return changed

    def _judged_apart(self, collection: str) -> Generator[tuple[str, pl.Series]]:
        """What lives of a collection in parts that fit memory: a condition each, and the ids in ``_asked``."""
        living = self.living(collection)
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
        own = [c.name for c in self.columns(collection) if judged_by is None or c.attribute in judged_by]
        names = [*(name for _, name, _ in SYSTEM), "_ingested_at", "_misfits", "_rejected", *own]
        return ", ".join(quoted(name) for name in names)

    def _judged_again(
        self, collection: str, batch: pl.DataFrame, reject_reasons: RejectReasons
    ) -> pl.DataFrame:
        """Rows with the verdict of today; no rule says of a row that cannot be read that it can."""
        judged = self._judged(collection, batch.drop("_rejected"), reject_reasons)
        unread = batch["_rejected"].str.contains(UNREAD, literal=True).fill_null(False)
        return judged.with_columns(batch["_rejected"].zip_with(unread, judged["_rejected"]))

    # -- deletes -------------------------------------------------------------------------------------------

    def mark_deleted(self, collection: str, ids: pl.Series, *, run_id: str, now: datetime) -> int:
        """Set ``_deleted_at`` on rows that live.

        Each becomes a new version, the old one goes to the history.
        """
        marked = 0
        with self._plainly("be read"):
            sizes = self._large.sizes(self.connection, collection, ids)
        for start, length in pieces(sizes.clip(lower_bound=TYPICAL_ROW)):
            with self.transaction() as con:
                old = self._stored(collection, ids.slice(start, length)).filter(
                    pl.col("_deleted_at").is_null()
                )
                if not old.height:
                    continue
                change = self._next_change()
                new = old.drop("_rid").with_columns(pl.lit(now, pl.Datetime("us")).alias("_deleted_at"))
                self._replace(collection, new, old, run_id, now, change)
                with self._lent(_judged=old.select(pl.col("_id").alias("row_id"))):
                    con.execute(
                        "DELETE FROM _rejects WHERE collection = ? AND row_id IN (SELECT row_id FROM _judged)",
                        [collection],
                    )
            marked += old.height
        return marked

    # -- rows that cannot be read --------------------------------------------------------------------------

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
        number = row.position if isinstance(row.position, int) else None
        with self.transaction() as con:
            row_id = row.row_id or f"{NAMELESS}{row.position}"
            old = self._stored(collection, pl.Series([row_id], dtype=pl.String))
            old = old.filter(
                pl.col("_deleted_at").is_null() & pl.col("_rejected").ne_missing(pl.lit(reasons))
            )
            if old.height:
                new = old.drop("_rid").with_columns(pl.lit(reasons).alias("_rejected"))
                self._replace(collection, new, old, run_id, now, self._next_change())
            known = con.execute(
                "DELETE FROM _rejects WHERE collection = ? AND row_id = ? RETURNING first_seen_at, reasons",
                [collection, row_id],
            ).fetchone()
            since = known[0] if known is not None and known[1] == reasons else now
            con.execute(
                "INSERT INTO _rejects VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [collection, row_id, number, reasons, row.content, since, now, rules_version],
            )
            if reached:
                self._reach(collection, row.position, False, run_id, now, rules_version)
            if record is not None:
                record(counts)
        return counts

    def unread_rows(self, collection: str) -> list[Unread]:
        """Rows that were set aside because they could not be read."""
        found: list[Unread] = []
        for row_id, content, first_seen_at, last_tried_at in self._rows(
            "SELECT row_id, content, first_seen_at, last_tried_at FROM _rejects "
            "WHERE collection = ? AND contains(reasons, ?) AND NOT starts_with(row_id, ?) ORDER BY last_tried_at",
            [collection, UNREAD, NAMELESS],
        ):
            told = json.loads(content).get("$updatedAt")
            moment = instants(pl.Series([told if isinstance(told, str) else None], dtype=pl.String))[0]
            found.append(Unread(row_id, moment, first_seen_at, last_tried_at))
        return found

    def tried_again(self, collection: str, row_id: str, now: datetime) -> None:
        """A row that could not be read was asked for again, and still cannot."""
        with self.transaction() as con:
            con.execute(
                "UPDATE _rejects SET last_tried_at = ? WHERE collection = ? AND row_id = ?",
                [now, collection, row_id],
            )

    def no_longer_unread(self, collection: str, ids: Sequence[str]) -> None:
        """Rows that could not be read are gone. What stands here of one is the sweep's to mark."""
        with self.transaction() as con:
            con.execute(
                f"DELETE FROM _rejects WHERE collection = ? AND list_contains(?, row_id) AND row_id NOT IN "
                f"(SELECT _id FROM {quoted(collection)})",
                [collection, list(ids)],
            )

    def learned(self, collection: str) -> Learned:
        """What earlier scans learned of the size of pages."""
        rows = self._rows(
            "SELECT rows, failed, row_bytes FROM _page_sizes WHERE collection = ?", [collection]
        )
        return Learned(*rows[0]) if rows else Learned()

    def remember(self, collection: str, learned: Learned) -> None:
        """Keep it for the next scan."""
        if learned == self.learned(collection):
            return
        with self.transaction() as con:
            con.execute("DELETE FROM _page_sizes WHERE collection = ?", [collection])
            con.execute(
                "INSERT INTO _page_sizes VALUES (?, ?, ?, ?)",
                [collection, learned.rows, learned.failed, learned.row_bytes],
            )

    # -- runs ----------------------------------------------------------------------------------------------

    def record_run(
        self,
        run_id: str,
        collection: str,
        counts: Counts,
        *,
        started_at: datetime,
        seconds: float,
        outcome: RunOutcome,
        detail: str = "",
    ) -> None:
        """Replace the line of ``_ingest_runs`` for a run and a collection. Joins a running transaction."""
        self.connection.execute(
            "DELETE FROM _ingest_runs WHERE run_id = ? AND collection = ?", [run_id, collection]
        )
        self.connection.execute(
            "INSERT INTO _ingest_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                run_id,
                collection,
                counts.fetched,
                counts.inserted,
                counts.updated,
                counts.unchanged,
                counts.deleted,
                counts.rejected,
                started_at,
                seconds,
                self.watermark(collection).watermark,
                outcome,
                detail or None,
            ],
        )

    def ingest_runs(self, run_id: str | None = None) -> pl.DataFrame:
        """``_ingest_runs``, of one run or all."""
        with self._plainly("be read"):
            where = f" WHERE run_id = {literal(run_id)}" if run_id is not None else ""
            return self.connection.sql(
                f"SELECT * FROM _ingest_runs{where} ORDER BY started_at, collection"
            ).pl()

    def rejects(self) -> pl.DataFrame:
        """``_rejects`` without the content.

        Collection, row_id, reasons, first_seen_at, last_tried_at, rules_version.
        """
        with self._plainly("be read"):
            return self.connection.sql(
                "SELECT * EXCLUDE (content) FROM _rejects ORDER BY collection, row_id"
            ).pl()

    # -- sweeps --------------------------------------------------------------------------------------------

    def sweep_state(self, collection: str) -> SweepState | None:
        """The unfinished sweep of a collection, if there is one."""
        rows = self._rows(
            "SELECT started_at, resume_sequence, seen, resume_id, since_change FROM _sweeps WHERE collection = ?",
            [collection],
        )
        return SweepState(*rows[0]) if rows else None

    def save_sweep(
        self,
        collection: str,
        state: SweepState | None,
        missing: pl.DataFrame | None = None,
        seen: pl.Series | None = None,
    ) -> None:
        """Remember where a sweep stands and the rows (row_id, sequence) it found missing; None ends it.

        ``seen``: the ids it came by, where rows are followed by $id.
        """
        with self.transaction() as con:
            if state is None:
                self._end_sweep(collection)
                return
            con.execute("DELETE FROM _sweeps WHERE collection = ?", [collection])
            con.execute(
                "INSERT INTO _sweeps (collection, started_at, resume_sequence, seen, resume_id, since_change) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    collection,
                    state.started_at,
                    state.resume_sequence,
                    state.seen,
                    state.resume_id,
                    state.since_change,
                ],
            )
            if missing is not None and missing.height:
                with self._lent(_missing=missing.select("row_id", "sequence")):
                    con.execute(
                        "INSERT INTO _sweep_missing SELECT ?, row_id, sequence FROM _missing", [collection]
                    )
            if seen is not None and len(seen):
                with self._lent(_seen=pl.DataFrame({"row_id": seen})):
                    con.execute("INSERT INTO _sweep_seen SELECT ?, row_id FROM _seen", [collection])

    def _end_sweep(self, collection: str) -> None:
        for table in ("_sweeps", "_sweep_missing", "_sweep_seen"):
            self.connection.execute(f"DELETE FROM {table} WHERE collection = ?", [collection])

    def sweep_missing(self, collection: str) -> pl.DataFrame:
        """Rows (row_id, sequence) a sweep found missing that still live here under the same $sequence."""
        with self._plainly("be read"):
            return self.connection.sql(
                f"SELECT DISTINCT m.row_id, m.sequence FROM _sweep_missing m JOIN {quoted(collection)} t "
                f"ON t._id = m.row_id AND t._sequence = m.sequence "
                f"WHERE m.collection = {literal(collection)} AND t._deleted_at IS NULL"
            ).pl()

    def sweep_unseen(self, collection: str, since_change: int) -> pl.DataFrame:
        """Rows (row_id, sequence) that live here since before a change and that a sweep by $id did not come by."""
        with self._plainly("be read"):
            return self.connection.sql(
                f"SELECT t._id AS row_id, t._sequence AS sequence FROM {quoted(collection)} t ANTI JOIN "
                f"(SELECT row_id FROM _sweep_seen WHERE collection = {literal(collection)}) s "
                f"ON t._id = s.row_id WHERE t._deleted_at IS NULL AND t._change <= {int(since_change)}"
            ).pl()

    def living_among(self, collection: str, ids: pl.Series) -> pl.DataFrame:
        """(_id, _sequence, _updated_at) of those of some rows that are not deleted."""
        with self._plainly("be read"), self._lent(_asked=pl.DataFrame({"_id": ids})):
            return self.connection.sql(
                f"SELECT _id, _sequence, _updated_at FROM {quoted(collection)} "
                "WHERE _deleted_at IS NULL AND _id IN (SELECT _id FROM _asked)"
            ).pl()

    def living(self, collection: str, after: int | None = None, upto: int | None = None) -> pl.DataFrame:
        """(_id, _sequence, _updated_at) of rows not deleted, with after < _sequence <= upto."""
        bounds = "".join(
            f" AND _sequence {sign} {int(value)}"
            for sign, value in ((">", after), ("<=", upto))
            if value is not None
        )
        with self._plainly("be read"):
            return self.connection.sql(
                f"SELECT _id, _sequence, _updated_at FROM {quoted(collection)} "
                f"WHERE _deleted_at IS NULL{bounds}"
            ).pl()

    def count_living(self, collection: str) -> int:
        """Rows not deleted."""
        return int(self._rows(f"SELECT count(*) FROM {quoted(collection)} WHERE _deleted_at IS NULL")[0][0])


def _end_of(rows: pl.DataFrame, whole: Position | None) -> Position | None:
    """Where the last of some rows stands, in the order (``whole``: where all of them end) they are followed by."""
    if whole is None:
        return None
    return int(rows["_sequence"][-1]) if isinstance(whole, int) else str(rows["_id"][-1])


def _made_later(upto: datetime | None) -> pl.Expr:
    """Whether a row was made and written after a moment (None: no row was)."""
    if upto is None:
        return pl.lit(False)
    return ((pl.col("_created_at") > upto) & (pl.col("_updated_at") > upto)).fill_null(False)


def _onto(record: Callable[[Counts], None], before: Counts) -> Callable[[Counts], None]:
    """``record`` with what was counted before added."""
    return lambda counts: record(before + counts)


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


__all__ = [
    "ColumnChanges",
    "Counts",
    "RawStore",
    "RejectReasons",
    "ScanPlan",
    "StoreFailure",
    "SweepState",
    "Watermark",
]
