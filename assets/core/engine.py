"""Core from raw: only the changes not yet processed, in bounded chunks, committed together with the
processed mark.

One transaction a run: a run killed at any instant leaves the last state, and the next one starts from it.
What the rows
mean is in the modules beside this one; personal data is private.py's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import polars as pl

from assets.core.batch import FINDINGS_SCHEMA, Batch, Derived, set_aside_findings
from assets.core.booking_events import EVENTS_SCHEMA, STATUS_ATTRIBUTES, observe, observed_acceptance
from assets.core.bookings import derive_bookings
from assets.core.chat_rooms import derive_chat_rooms
from assets.core.commissions import FEE_ATTRIBUTES, PROOF_ATTRIBUTES, derive_commissions
from assets.core.long_texts import without_long, without_long_texts
from assets.core.messages import derive_messages
from assets.core.mirror import QUARANTINED_SCHEMA, Mirror, attach
from assets.core.notifications import derive_notifications
from assets.core.providers import derive_providers
from checks.core_schemas import CORE_SCHEMAS, violations
from marketplace.acceptance import reject_reasons
from marketplace.attributes import Attributes
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.text import coalesce
from marketplace.zones import ProviderZones, resolve
from resources.errors import BookwatchError, UsageError
from resources.warehouse import open_warehouse

AfterChunk = Callable[[str, int], None]


@dataclass(frozen=True)
class Source:
    """How one collection becomes rows of a core table. ``scope``: (column, value) that tells its rows in a
    shared table.
    ``providers``: columns of the core table whose provider's zone the derivation reads."""

    collection: str
    table: str
    key: str
    derive: Callable[[Batch], Derived]
    scope: tuple[str, str] | None = None
    providers: tuple[str, ...] = ()


SOURCES = (
    Source("therapists", "providers", "provider_id", derive_providers, ("provider_type", "therapist")),
    Source("places", "providers", "provider_id", derive_providers, ("provider_type", "place")),
    Source("bookings", "bookings", "booking_id", derive_bookings, ("origin", "bookings"), ("provider_id",)),
    Source(
        "hotel_bookings",
        "bookings",
        "booking_id",
        derive_bookings,
        ("origin", "hotel_bookings"),
        ("provider_id",),
    ),
    Source("commission_records", "commissions", "commission_id", derive_commissions, None, ("provider_id",)),
    Source("chat_rooms", "chat_rooms", "room_id", derive_chat_rooms, None, ("provider_id",)),
    Source("chat_messages", "messages", "message_id", derive_messages, None, ("sender_id", "receiver_id")),
    Source(
        "notifications", "notifications", "notification_id", derive_notifications, None, ("recipient_id",)
    ),
)
"""Providers first: their zones are read by all that follow."""

_TYPES = {"String": "VARCHAR", "Int64": "BIGINT", "Float64": "DOUBLE", "Boolean": "BOOLEAN"}
_FAULT = "Nothing was written; the last good state stands. This is a fault in bookwatch: please report it."


class CoreInvalid(BookwatchError):
    """A chunk of core rows breaks its schema. Names table, column, rule and count, never a value."""


@dataclass(frozen=True)
class CoreOutcome:
    """What a run did. ``rows``: core rows written by table; ``rebuilt``: why everything was derived anew,
    else null;
    ``changed``: whether the warehouse was written at all."""

    changed: bool
    rebuilt: str | None
    processed_change: int
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: int = 0
    findings: int = 0


def process(
    raw_path: Path,
    warehouse_path: Path,
    *,
    timezone: str,
    rules_version: str,
    now: datetime,
    full: bool = False,
    chunk_rows: int = 100_000,
    after_chunk: AfterChunk | None = None,
    phone_key: bytes | None = None,
    memory_limit: str = "512MB",
) -> CoreOutcome:
    """Bring core up to the mirror and return what was done.

    ``timezone``: of providers without one. ``now``: the clock, for core.state. ``after_chunk`` is called with the
    collection and the rows of each chunk, before the commit. ``memory_limit``: what DuckDB may hold; writes beyond
    it go to disk before the commit. Raises CoreInvalid, or BookwatchError where a rule cannot be applied; the
    warehouse then keeps its last state. Neither file may be open in this process.
    """
    zone = resolve(timezone)
    if zone is None:
        raise UsageError(
            f"{timezone} is not a time zone.", "Set BOOKWATCH_TIMEZONE to a name such as Asia/Makassar."
        )
    if not raw_path.exists():
        raise BookwatchError(
            "There is no mirror to derive from.", "Run `bookwatch run`, which reads Appwrite first."
        )
    key = phone_key if phone_key is not None else read_phone_key(raw_path)
    con = open_warehouse(warehouse_path)
    try:
        con.execute(f"SET memory_limit = '{memory_limit}'")
        attach(con, raw_path)
        run = _Run(con, zone.offset_minutes, timezone, rules_version, key, chunk_rows, after_chunk)
        return run.execute(full=full, now=now)
    finally:
        con.close()


def read_phone_key(raw_path: Path) -> bytes:
    """The secret beside the mirror that phone hashes are made with; made at first use, readable by its owner
    only."""
    path = raw_path.with_name("phone.key")
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
        file.flush()
        os.fsync(file.fileno())
    return path.read_bytes()


def columns_of(table: str) -> dict[str, str]:
    """Column → DuckDB type of a core table, from its schema."""
    return {
        name: _TYPES.get(str(column.dtype), "TIMESTAMP")
        for name, column in CORE_SCHEMAS[table].to_schema().columns.items()
    }


STATE_COLUMNS = {
    "rules_version": "VARCHAR",
    "processed_change": "BIGINT",
    "built_at": "TIMESTAMP",
    "timezone": "VARCHAR",
    "attributes": "VARCHAR",
    "key_mark": "VARCHAR",
}


class _Run:
    """One pass over the mirror, inside one transaction."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        default_offset: int,
        timezone: str,
        rules_version: str,
        phone_key: bytes,
        chunk_rows: int,
        after_chunk: AfterChunk | None,
    ) -> None:
        self.con = con
        self.stream = con.cursor()
        self.lookup = con.cursor()
        self.mirror = Mirror.describe(con)
        self.default_offset = default_offset
        self.timezone = timezone
        self.rules_version = rules_version
        self.phone_key = phone_key
        self.key_mark = hashlib.blake2b(b"bookwatch", key=phone_key, digest_size=8).hexdigest()
        self.chunk_rows = chunk_rows
        self.after_chunk = after_chunk
        self.rejects = self.mirror.rejects(con)
        self.rows: dict[str, int] = {}
        self.quarantined = 0
        self.findings = 0
        self.fresh = False

    def execute(self, *, full: bool, now: datetime) -> CoreOutcome:
        newest = self.mirror.newest_change(self.con)
        attributes = self._attributes()
        nameless = self.mirror.nameless(self.con)
        state = self._state()
        reason = self._rebuild_reason(state, newest, full=full)
        if reason is None and state is not None:
            same_attributes = state["attributes"] == attributes
            if newest == state["processed_change"] and same_attributes and self._same_nameless(nameless):
                return CoreOutcome(changed=False, rebuilt=None, processed_change=newest)
        self.con.execute("BEGIN TRANSACTION")
        try:
            after = None
            again: set[str] = set()
            if reason is not None or state is None:
                self._create_tables()
                self.fresh = True
            else:
                after = int(state["processed_change"])
                again = _touched(state["attributes"], attributes)
            self._derive(after, again)
            self.con.execute("DELETE FROM core.quarantined WHERE change = 0")
            self._insert("quarantined", nameless)
            self.quarantined += nameless.height
            stamp = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
            self.con.execute("DELETE FROM core.state")
            self.con.execute(
                f"INSERT INTO core.state ({', '.join(STATE_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)",
                [self.rules_version, newest, stamp, self.timezone, attributes, self.key_mark],
            )
            self.con.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(duckdb.Error):  # why it failed is told, not that it cannot be taken back
                self.con.execute("ROLLBACK")
            raise
        return CoreOutcome(
            changed=True,
            rebuilt=reason,
            processed_change=newest,
            rows=dict(self.rows),
            quarantined=self.quarantined,
            findings=self.findings,
        )

    # What there is

    def _state(self) -> dict[str, Any] | None:
        """The one row of core.state; null where core does not exist in the shape this code writes."""
        present: dict[str, dict[str, str]] = {}
        for table, column, kind in self.con.execute(
            "SELECT table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = current_database() AND schema_name = 'core' "
            "ORDER BY table_name, column_index"
        ).fetchall():
            present.setdefault(table, {})[column] = kind
        expected = {table: columns_of(table) for table in CORE_SCHEMAS} | {"state": STATE_COLUMNS}
        if any(list(present.get(t, {}).items()) != list(c.items()) for t, c in expected.items()):
            return None
        row = self.con.execute(f"SELECT {', '.join(STATE_COLUMNS)} FROM core.state").fetchone()
        return dict(zip(STATE_COLUMNS, row, strict=True)) if row else None

    def _rebuild_reason(self, state: dict[str, Any] | None, newest: int, *, full: bool) -> str | None:
        if state is None:
            return "nothing derived yet in this shape"
        if full:
            return "asked for"
        if state["rules_version"] != self.rules_version:
            return "the rules changed"
        if state["timezone"] != self.timezone:
            return "the default time zone changed"
        if state["key_mark"] != self.key_mark:
            return "the secret of the phone hashes changed"
        if newest < int(state["processed_change"]):
            return "the mirror was replaced"
        return None

    def _attributes(self) -> str:
        """Per collection what its rows rest on beside their values, as JSON: attributes whose mere existence is
        recorded in rows, and (``-name``) those that are gone. Where that changes, its rows are derived anew."""
        there = self.mirror.attributes("commission_records")
        known = {c: [f"-{name}" for name in sorted(gone)] for c, gone in self.mirror.gone.items() if gone}
        known["commission_records"] = [
            *sorted(there & {*PROOF_ATTRIBUTES, *FEE_ATTRIBUTES}),
            *known.get("commission_records", ()),
        ]
        return orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()

    def _same_nameless(self, nameless: pl.DataFrame) -> bool:
        known = self.con.sql(
            "SELECT * FROM core.quarantined WHERE change = 0 ORDER BY collection, row_id"
        ).pl()
        return known.rows() == nameless.rows()

    def _create_tables(self) -> None:
        self.con.execute("CREATE SCHEMA IF NOT EXISTS core")
        for table in (*CORE_SCHEMAS, "state"):
            columns = STATE_COLUMNS if table == "state" else columns_of(table)
            self.con.execute(
                f"CREATE OR REPLACE TABLE core.{table} ({', '.join(f'{c} {t}' for c, t in columns.items())})"
            )

    # Deriving

    def _derive(self, after: int | None, again: set[str]) -> None:
        before = self._offsets()
        zones = ProviderZones(self.default_offset, {}, {})
        moved: pl.Series | None = None
        for source in SOURCES:
            if source.providers and moved is None:
                now = self._offsets()
                zones = ProviderZones.of(now, self.default_offset)
                moved = self._moved(before, now)
            everything = source.collection in again
            ids = None if after is None or not source.providers else self._depending(source, moved)
            for frame in self.mirror.chunks(
                self.stream,
                source.collection,
                after=None if everything else after,
                again=ids,
                rows=self.chunk_rows,
            ):
                self._chunk(source, frame, zones)
        derived = {source.collection for source in SOURCES}
        for collection in self.mirror.collections():
            if collection in derived:
                continue
            for frame in self.mirror.chunks(
                self.stream,
                collection,
                after=None if collection in again else after,
                again=None,
                rows=self.chunk_rows,
                keys_only=True,
            ):
                _, rejected, reasons = self._split(collection, frame)
                self._forget(collection, frame["_id"])
                self._insert("data_findings", set_aside_findings(collection, Attributes(frame)))
                self._quarantine(collection, rejected, reasons)
                self._after(collection, frame.height)

    def _offsets(self) -> pl.DataFrame:
        return self.con.sql("SELECT provider_id, provider_type, utc_offset_minutes FROM core.providers").pl()

    def _moved(self, before: pl.DataFrame, now: pl.DataFrame) -> pl.Series:
        """Ids of providers whose zone is another than the one their rows were last read in."""
        if self.fresh:
            return pl.Series([], dtype=pl.String)
        keys = ["provider_type", "provider_id"]
        both = before.join(now, on=keys, how="full", coalesce=True, suffix="_now")
        default = pl.lit(self.default_offset)
        changed = both.filter(
            pl.col("utc_offset_minutes").fill_null(default)
            != pl.col("utc_offset_minutes_now").fill_null(default)
        )
        return changed["provider_id"].unique()

    def _depending(self, source: Source, moved: pl.Series | None) -> pl.Series | None:
        if moved is None or not len(moved):
            return None
        self.con.register("ids_moved", pl.DataFrame({"id": moved}).to_arrow())
        either = " OR ".join(f"{column} IN (SELECT id FROM ids_moved)" for column in source.providers)
        scope = f" AND {source.scope[0]} = '{source.scope[1]}'" if source.scope else ""
        found = self.con.sql(
            f"SELECT {source.key} AS id FROM core.{source.table} WHERE ({either}){scope}"
        ).pl()
        self.con.unregister("ids_moved")
        # quarantined rows keep nothing of a zone; a row's own change is picked up by its change number
        return found["id"]

    def _chunk(self, source: Source, frame: pl.DataFrame, zones: ProviderZones) -> None:
        accepted, rejected, reasons = self._split(source.collection, frame)
        events: pl.DataFrame | None = None
        acceptance: pl.DataFrame | None = None
        with _without_values(f"the rules for {source.collection}"):
            if source.collection in BOOKING_COLLECTIONS:
                events = self._events(source.collection, accepted)
                acceptance = observed_acceptance(events)
                events = events.with_columns(pl.lit(source.collection).alias("origin"))
            derived = source.derive(
                Batch(
                    source.collection,
                    accepted,
                    zones,
                    self.mirror.gone.get(source.collection, frozenset()),
                    acceptance,
                    self.phone_key,
                )
            )
            derived = without_long_texts(source.collection, source.key, accepted, derived)
        self._forget(source.collection, frame["_id"], source)
        self._insert(source.table, derived.rows)
        self._insert("data_findings", derived.findings)
        if events is not None:
            self._insert("booking_events", events)
        self._quarantine(source.collection, rejected, reasons)
        self.findings += derived.findings.height
        self._after(source.collection, frame.height)

    def _split(self, collection: str, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.Series]:
        """(rows core takes, rows it cannot, their reasons). A rejected row that was deleted is neither."""
        with _without_values(f"the quarantine rules for {collection}"):
            reasons = reject_reasons(collection, frame)
            if "_rejected" in frame.columns:
                reasons = coalesce(frame["_rejected"].cast(pl.String), reasons)
        refused = reasons.is_not_null()
        if not refused.any():
            return frame, frame.clear(), reasons.clear()
        kept = refused & frame["_deleted_at"].is_null() if "_deleted_at" in frame.columns else refused
        return frame.filter(~refused), frame.filter(kept), reasons.filter(kept)

    def _events(self, collection: str, frame: pl.DataFrame) -> pl.DataFrame:
        wanted = ("_id", "_change", "_updated_at", "_ingested_at", "_misfits", *STATUS_ATTRIBUTES)
        current = frame.select(c for c in frame.columns if c in wanted)
        replaced = self.mirror.history(self.lookup, collection, frame["_id"], STATUS_ATTRIBUTES)
        if replaced is None or not replaced.height:
            return observe(current) if current.height else pl.DataFrame(schema=EVENTS_SCHEMA)
        return observe(pl.concat([replaced, current], how="diagonal_relaxed"))

    # Writing

    def _forget(self, collection: str, ids: pl.Series, source: Source | None = None) -> None:
        """Remove what an earlier run wrote for these rows."""
        if self.fresh:
            return
        ids_changed = pl.DataFrame({"id": ids}).to_arrow()
        those = "IN (SELECT id FROM ids_changed)"
        if source is not None:
            scope = f" AND {source.scope[0]} = '{source.scope[1]}'" if source.scope else ""
            self.con.execute(f"DELETE FROM core.{source.table} WHERE {source.key} {those}{scope}")
            if collection in BOOKING_COLLECTIONS:
                self.con.execute(
                    f"DELETE FROM core.booking_events WHERE booking_id {those} AND origin = '{collection}'"
                )
        for table in ("data_findings", "quarantined"):
            self.con.execute(f"DELETE FROM core.{table} WHERE row_id {those} AND collection = '{collection}'")
        del ids_changed

    def _quarantine(self, collection: str, frame: pl.DataFrame, reasons: pl.Series) -> None:
        if not frame.height:
            return
        attributes = Attributes(frame)
        ids = attributes.own("_id", pl.String)
        changes = attributes.own("_change", pl.Int64)
        register = self.rejects.filter(pl.col("collection") == collection)
        first_seen = (
            ids.to_frame("row_id")
            .join(register, on="row_id", how="left", maintain_order="left")
            .get_column("first_seen_at")
        )
        stored = attributes.own("_ingested_at", pl.Datetime("us"))
        rows = pl.DataFrame(
            {
                "collection": pl.Series([collection]).new_from_index(0, frame.height),
                "row_id": ids,
                "business_id": without_long(attributes.text("bookingId")),
                "reasons": reasons,
                "first_seen_at": coalesce(first_seen.cast(pl.Datetime("us")), stored),
                "change": changes,
            },
            schema=QUARANTINED_SCHEMA,
        )
        self._insert("quarantined", rows)
        self.quarantined += rows.height
        creation = reasons.str.contains("creation_unreadable", literal=True)
        found = rows.filter(creation).select(
            pl.lit("creation_unreadable").alias("finding"),
            "collection",
            "row_id",
            pl.lit("createdAt").alias("attribute"),
            pl.lit("no readable creation time").alias("detail"),
            "change",
        )
        self._insert("data_findings", found.select(list(FINDINGS_SCHEMA)))
        self.findings += found.height

    def _insert(self, table: str, rows: pl.DataFrame) -> None:
        if not rows.height:
            return
        with _without_values(f"the schema of core.{table}"):
            broken = violations(table, rows)
        if broken:
            named = "; ".join(
                f"{v.column or 'the table'}: {v.check}" + ("" if v.rows is None else f" ({v.rows} rows)")
                for v in broken
            )
            raise CoreInvalid(
                f"core.{table} would break its schema ({named}).",
                _FAULT,
            )
        # found by its name in this frame: a registered view would keep the rows until the commit
        rows_new = rows.to_arrow()
        self.con.execute(f"INSERT INTO core.{table} BY NAME SELECT * FROM rows_new")
        del rows_new
        self.rows[table] = self.rows.get(table, 0) + rows.height

    def _after(self, collection: str, rows: int) -> None:
        if self.after_chunk is not None:
            self.after_chunk(collection, rows)


def _touched(before: str, now: str) -> set[str]:
    """The collections of which ``_Run._attributes`` says another thing than before."""
    known, found = orjson.loads(before), orjson.loads(now)
    if isinstance(known, list):  # as an earlier version wrote it
        known = {"commission_records": known}
    return {collection for collection in {*known, *found} if known.get(collection) != found.get(collection)}


class _without_values:
    """Errors of Polars and Pandera carry values of rows: only their kind and place may leave."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if (
            kind is None
            or error is None
            or isinstance(error, BookwatchError)
            or not issubclass(kind, Exception)
        ):
            return
        place = traceback.extract_tb(error.__traceback__)
        ours = [
            f
            for f in place
            if "/assets/" in f.filename or "/marketplace/" in f.filename or "/checks/" in f.filename
        ]
        where = ours[-1] if ours else place[-1]
        raise BookwatchError(
            f"Applying {self.what} failed ({kind.__name__}, {Path(where.filename).name}:{where.lineno}).",
            _FAULT,
        ) from None
