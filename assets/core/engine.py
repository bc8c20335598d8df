"""Core from raw: only the changes not yet processed, in bounded chunks, committed together with the
processed mark.

One transaction a run: a run killed at any instant leaves the last state, and the next one starts from it.
What the rows mean is in the modules beside this one; personal data is personal_store.py's.
"""

from __future__ import annotations

import contextlib
import hashlib
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import orjson
import polars as pl

from assets.core.batch import Batch, Derived, found_on, hidden_rows, set_aside_findings
from assets.core.booking_events import STATUS_ATTRIBUTES, observe, observed_acceptance
from assets.core.booking_providers import PROVIDER_ATTRIBUTES, observe_providers, said_handovers
from assets.core.bookings import derive_bookings
from assets.core.chat_rooms import derive_chat_rooms
from assets.core.commissions import FEE_ATTRIBUTES, PROOF_ATTRIBUTES, derive_commissions
from assets.core.long_texts import without_long_texts
from assets.core.messages import derive_messages
from assets.core.notifications import derive_notifications
from assets.core.offers import derive_offers
from assets.core.provider_states import STATE_ATTRIBUTES, observe_states
from assets.core.providers import derive_providers
from assets.core.raw_reader import CATALOG, QUARANTINED_SCHEMA, Mirror, Reading, attach
from assets.core.reviews import derive_reviews
from assets.core.since import Since
from assets.core.spelled import Spelled
from checks.derived_rows import violations
from checks.proven import Contents, Writing, digest, row_hash
from checks.schemas import CORE
from checks.schemas.sql import create_table
from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.collection import CoreRows
from marketplace.collections import BOOKING_COLLECTIONS, COLLECTIONS, PROVIDER_COLLECTIONS, RECORDS, USERS
from marketplace.data_codes import CREATION_NOT_YET
from marketplace.instants import NO_ZONE
from marketplace.money import DEFAULT_BOUNDS, AmountBounds
from marketplace.pseudonyms import SHARED
from marketplace.quarantine import CREATION, NOT_YET, reject_reasons
from marketplace.references import Keys, People
from marketplace.text import coalesce, nulls
from marketplace.zones import ProvidersRead, ProviderZones, resolve
from messages.message import Arg, Message
from resources.cleanup import afterwards
from resources.errors import BookwatchError, UsageError
from resources.few_rows import FEW_ROWS, NUMBERS, TOLD_KEYS, seek, seek_numbers
from resources.instants import instant_of, text_of
from resources.phone_key import read_phone_key
from resources.raw.published_ids import RowNames, is_nameless
from resources.sql import quoted
from resources.warehouse import MEMORY_LIMIT, is_small, open_warehouse

AfterChunk = Callable[[str, int], None]


@dataclass(frozen=True)
class Source(CoreRows):
    """One collection and how its rows become rows of a core table (marketplace/collection.py). The derivation reads
    what its ``people`` are called and the provider's zone."""

    collection: str = field(kw_only=True)
    derive: Callable[[Batch], Derived] = field(kw_only=True)


_DERIVE: Mapping[str, Callable[[Batch], Derived]] = {
    "providers": derive_providers,
    "bookings": derive_bookings,
    "commissions": derive_commissions,
    "chat_rooms": derive_chat_rooms,
    "messages": derive_messages,
    "notifications": derive_notifications,
    "reviews": derive_reviews,
    "booking_offers": derive_offers,
}
SOURCES = tuple(
    Source(**vars(collection.core), collection=collection.name, derive=derive)
    for table, derive in _DERIVE.items()
    for collection in COLLECTIONS
    if collection.core and collection.core.table == table
)
"""Providers first: their ids and zones are read by all that follow. Bookings before the records that borrow theirs."""

#: Table of core → its columns that name a provider or a customer.
_PEOPLE: Mapping[str, tuple[str, ...]] = {
    table: tuple(sorted({name for source in SOURCES for one in (source, *source.beside) if one.table == table
                         for name in one.people}))
    for table in CORE
}  # fmt: skip

_LENT = """
WITH alone AS (
    SELECT commission_id, booking_ref, booking_doc_ref, utc_offset_minutes FROM core.commissions
    WHERE provider_id IS NULL AND (booking_ref IS NOT NULL OR booking_doc_ref IS NOT NULL)
      AND ($after IS NULL OR change > $after OR lower(booking_ref) IN (SELECT folded FROM keys_touched)
           OR lower(booking_doc_ref) IN (SELECT folded FROM keys_touched))
),
refs AS (
    SELECT commission_id, 1 AS attempt, booking_ref AS ref FROM alone WHERE booking_ref IS NOT NULL
    UNION ALL
    SELECT commission_id, 2, booking_doc_ref FROM alone WHERE booking_doc_ref IS NOT NULL
),
exact AS (
    SELECT booking_id AS ref, utc_offset_minutes, is_test FROM core.bookings
    WHERE deleted_at IS NULL AND booking_id IN (SELECT ref FROM refs)
    UNION ALL
    SELECT business_id, utc_offset_minutes, is_test FROM core.bookings
    WHERE deleted_at IS NULL AND business_id IN (SELECT ref FROM refs)
),
loose AS (
    SELECT commission_id, attempt, lower(ref) AS folded FROM refs
    WHERE commission_id NOT IN (SELECT commission_id FROM refs SEMI JOIN exact USING (ref))
),
alike AS (
    SELECT lower(booking_id) AS folded, utc_offset_minutes, is_test FROM core.bookings
    WHERE deleted_at IS NULL AND lower(booking_id) IN (SELECT folded FROM loose)
    UNION ALL
    SELECT lower(business_id), utc_offset_minutes, is_test FROM core.bookings
    WHERE deleted_at IS NULL AND lower(business_id) IN (SELECT folded FROM loose)
),
named AS (
    SELECT commission_id, attempt, utc_offset_minutes, is_test FROM refs JOIN exact USING (ref)
    UNION ALL
    SELECT commission_id, attempt, utc_offset_minutes, is_test FROM loose JOIN alike USING (folded)
),
fits AS (
    SELECT commission_id, utc_offset_minutes,
           rank() OVER (PARTITION BY commission_id ORDER BY attempt, is_test) AS place
    FROM named
),
meant AS (
    SELECT commission_id, any_value(utc_offset_minutes) AS utc_offset_minutes, true AS found
    FROM fits WHERE place = 1 GROUP BY commission_id
    HAVING count(DISTINCT coalesce(utc_offset_minutes, 10000)) = 1
),
read_in AS (
    SELECT a.commission_id AS id, a.utc_offset_minutes AS was,
           CASE WHEN m.found THEN m.utc_offset_minutes ELSE $without END::BIGINT AS utc_offset_minutes
    FROM alone a LEFT JOIN meant m USING (commission_id)
)
SELECT id, utc_offset_minutes FROM read_in WHERE was IS DISTINCT FROM utc_offset_minutes
"""
"""Records without a provider whose zone is another than the one they were read in: that of the booking they refer to by
its row id or bookingId (bookingDocId where bookingId fits none; each except for case where neither fits exactly; real
before test ones). Bookings that share a reference lend their zone where it is one and the same; else, as without a
booking, it is ``without``."""

_MOVED = pl.DataFrame(schema={"id": pl.String, "settled": pl.Boolean})
_STATE = tuple(CORE["state"].sql_columns)
_FAULT = Message("failure.core_do")


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
    warehouse: Path | duckdb.DuckDBPyConnection,
    *,
    timezone: str,
    rules_version: str,
    now: datetime,
    full: bool = False,
    chunk_rows: int = 100_000,
    after_chunk: AfterChunk | None = None,
    phone_key: bytes | None = None,
    amounts: AmountBounds = DEFAULT_BOUNDS,
    memory_limit: str = "512MB",
) -> CoreOutcome:
    """Bring core up to the mirror and return what was done.

    ``timezone``: of providers without one. ``amounts``: between which rupiah an amount is believed. Where one of the
    two is another than before, everything is derived anew. ``now``: the clock, for core.state. ``after_chunk`` is
    called with the collection and the rows of each chunk, before the commit. ``memory_limit``: what DuckDB may
    hold; writes beyond it go to disk before the commit. Raises CoreInvalid, or BookwatchError where a rule cannot be
    applied; the warehouse then keeps its last state. ``raw_path`` must not be open in this process, nor the warehouse
    unless by the connection it is given as.
    """
    zone = resolve(timezone)
    if zone is None:
        raise UsageError.of("failure.zone", zone=timezone)
    if not raw_path.exists():
        raise BookwatchError.of("failure.nothing_to_derive")
    key = phone_key if phone_key is not None else read_phone_key(raw_path)
    with _opened(warehouse, memory_limit) as con, _attached(con, raw_path):
        run = _Run(con, zone.offset_minutes, timezone, amounts, rules_version, key, chunk_rows, after_chunk)
        with afterwards(run.close):
            return run.execute(full=full, now=now)


@contextlib.contextmanager
def _opened(
    warehouse: Path | duckdb.DuckDBPyConnection, memory_limit: str
) -> Generator[duckdb.DuckDBPyConnection]:
    """A connection of which DuckDB may hold so much; one that was given may hold what any query of a run may
    afterwards."""
    if isinstance(warehouse, Path):
        with open_warehouse(warehouse) as con:
            con.execute(f"SET memory_limit = '{memory_limit}'")
            yield con
        return
    with afterwards(lambda: warehouse.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")):
        warehouse.execute(f"SET memory_limit = '{memory_limit}'")
        yield warehouse


@contextlib.contextmanager
def _attached(con: duckdb.DuckDBPyConnection, raw_path: Path) -> Generator[None]:
    """The mirror beside the warehouse for the time of the block."""
    attach(con, raw_path)
    if not is_small(raw_path):  # of a warehouse that is made anew the size says nothing
        con.execute("RESET threads")
    with afterwards(lambda: con.execute(f"DETACH {CATALOG}")):
        yield


class _Run:
    """One pass over the mirror, inside one transaction."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        default_offset: int,
        timezone: str,
        amounts: AmountBounds,
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
        self.amounts = amounts
        self.rules_version = rules_version
        self.row_names = RowNames(self.lookup, phone_key, CATALOG)
        self.names = self.row_names.names
        self.key_mark = hashlib.blake2b(b"bookwatch", key=phone_key, digest_size=8).hexdigest()
        self.chunk_rows = chunk_rows
        self.after_chunk = after_chunk
        self.rejects = self.mirror.rejects(con)
        self.readings = self.mirror.readings(con, PROVIDER_COLLECTIONS)
        self.providers_read = _providers_read(self.readings.values())
        self.rows: dict[str, int] = {}
        self.writing = Writing(con)
        self.changed = Since(con)
        self.spelled = Spelled(con, _PEOPLE)
        self.quarantined = 0
        self.findings = 0
        self.fresh = False
        self.since: int | None = None
        """The last change that an earlier run derived of the collection in hand; None where all of it is derived."""
        self.follows = False
        """Whether keys of bookings that change are noted: some record without a provider may refer to them."""

    def close(self) -> None:
        """Let go of the mirror."""
        self.stream.close()
        self.lookup.close()

    def execute(self, *, full: bool, now: datetime) -> CoreOutcome:
        newest = self.mirror.newest_change(self.con)
        attributes = self._attributes()
        nameless = self._nameless()
        state = self._state()
        reason = self._rebuild_reason(state, newest, full=full)
        if reason is None and state is not None:
            same_attributes = state["attributes"] == attributes
            if (
                newest == state["processed_change"]
                and same_attributes
                and not self._waits()
                and self._same_nameless(nameless)
            ):
                return CoreOutcome(changed=False, rebuilt=None, processed_change=newest)
        self.con.execute("BEGIN TRANSACTION")
        try:
            after = None
            again: set[str] = set()
            late: datetime | None = None
            self.changed.begin()
            if reason is not None or state is None:
                self._create_tables()
                self.changed.made_anew(reason or "")
                self.fresh = True
            else:
                after = int(state["processed_change"])
                again = _touched(state["attributes"], attributes)
                late = self._in_doubt_again(state["providers"])
            self.spelled.begin(anew=self.fresh)
            self._derive(after, again, late)
            self._delete("quarantined", "change = 0")
            self._insert("quarantined", nameless)
            self.quarantined += nameless.height
            stamp = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
            self.con.execute("DELETE FROM core.state")
            self.con.execute(
                f"INSERT INTO core.state ({', '.join(_STATE)}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    self.rules_version,
                    newest,
                    stamp,
                    self.timezone,
                    attributes,
                    self.key_mark,
                    self.amounts.minimum,
                    self.amounts.maximum,
                    _as_json(self.readings),
                ],
            )
            self.changed.write()
            self.con.execute("COMMIT")
            self.writing.committed()
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
        expected = {table: one.sql_columns for table, one in CORE.items()}
        if any(list(present.get(t, {}).items()) != list(c.items()) for t, c in expected.items()):
            return None
        row = self.con.execute(f"SELECT {', '.join(_STATE)} FROM core.state").fetchone()
        return dict(zip(_STATE, row, strict=True)) if row else None

    def _rebuild_reason(self, state: dict[str, Any] | None, newest: int, *, full: bool) -> str | None:
        if state is None:
            return "nothing derived yet in this shape"
        if full:
            return "asked for"
        if state["rules_version"] != self.rules_version:
            return "the rules changed"
        if state["timezone"] != self.timezone:
            return "the default time zone changed"
        if AmountBounds(state["amount_min"], state["amount_max"]) != self.amounts:
            return "the bounds of a believable amount changed"
        if state["key_mark"] != self.key_mark:
            return "the secret of the phone hashes changed"
        if newest < int(state["processed_change"]):
            return "the mirror was replaced"
        before = _standings(state["providers"])
        for collection, reading in self.readings.items():
            if before[collection] != reading.standing and "begun" in (before[collection], reading.standing):
                return f"the first reading of {collection} has {'begun' if reading.standing == 'begun' else 'ended'}"
        if newest > int(state["processed_change"]):
            return self._renamed(int(state["processed_change"]))
        return None

    def _renamed(self, after: int) -> str | None:
        """Why rows that stand in core have to be published under other ids: one came whose ``$id`` is the same but for
        its spelling, such as the same phone. Kept under the old one, a row would count twice as soon as it changes; and
        what refers to one of the two was told as if it were either."""
        for source in SOURCES:
            odd = self.row_names.odd_ids(source.collection, after=after)
            told = self.names.row_ids(source.collection, odd).values
            told = told.filter(told.str.contains(SHARED))
            if not len(told):
                continue
            alone = told.str.replace(r"_[^_]*$", "").unique().to_list()
            if self._stand(source, alone) or (
                not self._stand(source, told.to_list(), every=True) and self._referred_to(alone)
            ):
                return f"two rows of {source.collection} have one $id but for its spelling"
        return None

    def _stand(self, source: Source, ids: list[str], *, every: bool = False) -> bool:
        """Whether rows of some published ids stand in core, or in its quarantine: one of them, or ``every`` one."""
        scope = f" AND {source.scope[0]} = '{source.scope[1]}'" if source.scope else ""
        found = self.con.execute(
            f"SELECT {source.key} FROM core.{source.table} WHERE list_contains($ids, {source.key}){scope} UNION "
            "SELECT row_id FROM core.quarantined "
            "WHERE list_contains($ids, row_id) AND collection = $collection AND change <> 0",
            {"ids": ids, "collection": source.collection},
        ).fetchall()
        return len(found) == len(set(ids)) if every else bool(found)

    def _referred_to(self, ids: list[str]) -> bool:
        """Whether a row of core names one of some published ids."""
        for table, columns in {t: names for s in SOURCES for t, names in s.naming.items()}.items():
            named = " OR ".join(f"list_contains($1, {column})" for column in columns)
            if (
                named
                and self.con.execute(f"SELECT 1 FROM core.{table} WHERE {named} LIMIT 1", [ids]).fetchone()
            ):
                return True
        return False

    def _attributes(self) -> str:
        """Per collection what its rows rest on beside their values, as JSON: attributes whose mere existence is
        recorded in rows, and (``-name``) those that are gone. Where that changes, its rows are derived anew."""
        there = self.mirror.attributes(RECORDS)
        known = {c: [f"-{name}" for name in sorted(gone)] for c, gone in self.mirror.gone.items() if gone}
        known[RECORDS] = [
            *sorted(there & {*PROOF_ATTRIBUTES, *FEE_ATTRIBUTES}),
            *known.get(RECORDS, ()),
        ]
        return orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()

    def _nameless(self) -> pl.DataFrame:
        """What the mirror says of rows that stand in no table of it, as core publishes it."""
        found = self.mirror.nameless(self.con)
        if not found.height:
            return found
        ids = found["row_id"]
        numbered = is_nameless(ids)
        told = ids.zip_with(numbered, self.names.ids(ids).values)
        return found.with_columns(
            told.alias("row_id"), self.names.ids(found["business_id"]).values.alias("business_id")
        )

    def _same_nameless(self, nameless: pl.DataFrame) -> bool:
        known = self.con.sql(
            "SELECT * FROM core.quarantined WHERE change = 0 ORDER BY collection, row_id"
        ).pl()
        return known.rows() == nameless.rows()

    def _create_tables(self) -> None:
        self.con.execute("CREATE SCHEMA IF NOT EXISTS core")
        for one in CORE.values():
            self.con.execute(create_table(one, anew=True))
        self.writing.made_anew(CORE.values())

    # Deriving

    def _derive(self, after: int | None, again: set[str], late: datetime | None) -> None:
        before = self._providers()
        self.con.execute("CREATE OR REPLACE TEMP TABLE keys_touched (folded VARCHAR)")
        alone = "SELECT 1 FROM core.commissions WHERE provider_id IS NULL LIMIT 1"
        self.follows = not self.fresh and self.con.execute(alone).fetchone() is not None
        zones, people = ProviderZones(self.default_offset, {}, {}), People.nobody()
        words = [] if self.fresh or after is None else self.row_names.new_words(after)
        moved: pl.DataFrame | None = None
        for source in SOURCES:
            if source.people and moved is None:
                now = self._providers()
                zones = ProviderZones.of(now, self.default_offset, self.providers_read)
                people = self._people(now)
                moved = (
                    _MOVED.clear() if self.fresh or after is None else self._moved(before, now, people, after)
                )
            everything = source.collection in again
            self.since = None if everything else after
            ids = (
                None
                if after is None or moved is None or not source.people
                else self._depending(source, moved, late, words)
            )
            for frame in self.mirror.chunks(
                self.stream,
                source.collection,
                after=None if everything else after,
                again=ids,
                rows=self.chunk_rows,
            ):
                self._chunk(source, frame, zones, people)
            if source.borrows:
                # Rows read anew for their provider's sake are read in the default zone where they have none: all of
                # those are looked at then, it happens seldom.
                reread = ids is not None and len(ids) > 0
                self._borrow(source, zones, people, None if everything or reread else after)
        derived = {source.collection for source in SOURCES}
        for collection in self.mirror.collections():
            if collection in derived:
                continue
            held = self._quarantined_with(collection, words)
            for frame in self.mirror.chunks(
                self.stream,
                collection,
                after=None if collection in again else after,
                again=self.row_names.written(collection, held),
                rows=self.chunk_rows,
                wanted=(),
            ):
                _, rejected, reasons = self._split(collection, frame)
                published = self.names.row_ids(collection, frame["_id"])
                self._forget(collection, published.values)
                self._insert("data_findings", hidden_rows(collection, published, frame["_change"]))
                self._insert(
                    "data_findings", set_aside_findings(collection, Attributes(frame), published.values)
                )
                self._quarantine(collection, rejected, reasons)
                self._after(collection, frame.height)

    def _providers(self) -> pl.DataFrame:
        return self.con.sql(
            "SELECT provider_id, provider_type, utc_offset_minutes, deleted_at IS NULL AS there FROM core.providers"
        ).pl()

    def _people(self, providers: pl.DataFrame) -> People:
        """Whom rows may name: the providers of core, and the users of the mirror; by what is published of them."""
        users = pl.DataFrame(schema={"id": pl.String, "there": pl.Boolean})
        if self.mirror.has(USERS):
            users = self.con.sql(
                f"SELECT _id AS id, _deleted_at IS NULL AS there FROM {CATALOG}.main.{USERS}"
            ).pl()
            users = users.with_columns(self._users_told(users["id"]))
        known = providers.select(pl.col("provider_id").alias("id"), "there")
        return People(
            *(Keys(f.filter("there")["id"], f.filter(~pl.col("there"))["id"]) for f in (known, users))
        )

    def _moved(self, before: pl.DataFrame, now: pl.DataFrame, people: People, after: int) -> pl.DataFrame:
        """The ids for which a reference that is the same but for case may read otherwise than when its row was
        derived: of providers whose zone changed, and of providers and users that came, went or came back.

        ``settled``: a row that names exactly this id reads as before, so that a user who is new costs no row.
        """
        keys = ["provider_type", "provider_id"]
        both = before.join(now, on=keys, how="full", coalesce=True, suffix="_now")
        default = pl.lit(self.default_offset)
        was, is_now = pl.col("utc_offset_minutes"), pl.col("utc_offset_minutes_now")
        rezoned = (was.fill_null(default) != is_now.fill_null(default)) | is_now.is_null()
        if self.providers_read.begun:
            # Of one who was not read until now the rows are in no zone.
            rezoned = rezoned | was.is_null()
        came_or_went = pl.col("there").ne_missing(pl.col("there_now"))
        providers = both.filter(rezoned | came_or_went).select(
            pl.col("provider_id").alias("id"), rezoned.alias("rezoned")
        )
        users = self._users_moved(after).to_frame("id").with_columns(rezoned=pl.lit(False))
        moved = pl.concat([providers, users]).group_by("id").agg(pl.col("rezoned").any())
        if not moved.height:
            return _MOVED.clear()
        moved = moved.with_columns(pl.col("id").str.to_lowercase().alias("folded"))
        # Alone: no other id is, or was a moment ago, the same but for case.
        others = pl.concat([people.anyone.alike(moved["id"]), moved.select("id", "folded")]).unique()
        others = others.group_by("folded").agg(pl.len().alias("spellings"))
        there = people.anyone.alike(moved["id"]).select("id", pl.lit(True).alias("kept"))
        return (
            moved.join(others, on="folded").join(there, on="id", how="left")
            .select("id", settled=~pl.col("rezoned") & (pl.col("spellings") == 1) & (pl.col("id") == pl.col("folded"))
                    & pl.col("kept").fill_null(False))
        )  # fmt: skip

    def _users_moved(self, after: int) -> pl.Series:
        """Ids of users that came, went or came back since the change ``after``."""
        if not self.mirror.has(USERS):
            return pl.Series([], dtype=pl.String)
        before = "SELECT NULL::VARCHAR AS _id, NULL::BOOLEAN AS there WHERE false"
        if self.mirror.has(f"{USERS}_history"):
            before = (
                f"SELECT _id, arg_max(_deleted_at IS NULL, _change) AS there FROM {CATALOG}.main.{USERS}_history "
                f"WHERE _change <= {after} AND _id IN (SELECT _id FROM latest) GROUP BY _id"
            )
        found = self.con.sql(
            f"WITH latest AS (SELECT _id, _deleted_at IS NULL AS there FROM {CATALOG}.main.{USERS} "
            f"WHERE _change > {after}), earlier AS ({before}) "
            "SELECT _id AS id FROM latest LEFT JOIN earlier USING (_id) "
            "WHERE latest.there IS DISTINCT FROM earlier.there"
        ).pl()
        return self._users_told(found["id"].cast(pl.String))

    def _users_told(self, ids: pl.Series) -> pl.Series:
        """``$id``s of users → what a reference to each is published as. Two that are one phone are one customer."""
        odd = self.odd_users
        if not odd:
            return ids
        return ids.replace_strict(odd, default=ids, return_dtype=pl.String)

    @cached_property
    def odd_users(self) -> dict[str, str]:
        odd = self.row_names.odd_ids(USERS)
        return dict(zip(odd.to_list(), self.names.ids(odd).values.to_list(), strict=True))

    def _depending(
        self, source: Source, moved: pl.DataFrame, late: datetime | None, words: list[str]
    ) -> pl.Series | None:
        """``$id``s of rows to be read anew because of what is known of whom they name: who moved, or came or went;
        whose provider was not read when they were, and (rows written after ``late``) may not have been read after
        all; and what was hidden as long as no row had one of the ``words`` as its key."""
        # Who is settled is named exactly or in other letters: where no row has such a name, each reads as before.
        if moved.height and moved["settled"].all() and not self.spelled.any_of(moved["id"]):
            moved = moved.clear()
        if moved.height:
            self.con.register("ids_moved", moved.to_arrow())
        found = [self._unplaced(source), self._quarantined_with(source.collection, words)]
        for one in (source, *source.beside):
            conditions: list[str] = []
            if moved.height:
                conditions += [
                    f"(lower({column}) IN (SELECT lower(id) FROM ids_moved) "
                    f"AND {column} NOT IN (SELECT id FROM ids_moved WHERE settled))"
                    for column in one.people
                ]
            if late is not None and one is source:
                conditions.append(f"updated_at > TIMESTAMP '{late}'")
            if words:
                conditions += [
                    f"lower({column}) IN ({self._hashes(words)})" for column in source.naming[one.table]
                ]
            if conditions:
                found.append(self._ids(source, " OR ".join(conditions), one.table))
        if moved.height:
            self.con.unregister("ids_moved")
        # quarantined rows keep nothing of a zone; a row's own change is picked up by its change number
        ids = pl.concat(found).unique()
        return self.row_names.written(source.collection, ids) if len(ids) else None

    def _hashes(self, words: list[str]) -> str:
        """SQL of what some words in lower case were published as while they were no keys."""
        return ", ".join(f"'{self.names.of(word)}'" for word in words)

    def _quarantined_with(self, collection: str, words: list[str]) -> pl.Series:
        """Published ids of quarantined rows whose booking was hidden as long as no row had one of ``words`` as its
        key."""
        if not words:
            return pl.Series([], dtype=pl.String)
        found = self.con.execute(
            "SELECT row_id FROM core.quarantined WHERE collection = ? AND change <> 0 "
            f"AND lower(business_id) IN ({self._hashes(words)})",
            [collection],
        ).pl()
        return found["row_id"].cast(pl.String)

    def _borrow(self, source: Source, zones: ProviderZones, people: People, after: int | None) -> None:
        """Read rows without a provider anew in the zone of their booking, where it is another than they were read in.

        ``after``: only rows changed after it, and those that a booking which changed has, or had, as a reference; all
        for None. As core's bookings stand, so that it makes no difference which of the two came first.
        """
        without = zones.offsets(nulls(1, pl.String))[0]
        lent = self.con.execute(_LENT, {"after": after, "without": without}).pl()
        if not lent.height:
            return
        newest = self.mirror.newest_change(self.con)
        for frame in self.mirror.chunks(
            self.stream,
            source.collection,
            after=newest,
            again=self.row_names.written(source.collection, lent["id"]),
            rows=self.chunk_rows,
        ):
            self._chunk(source, frame, zones, people, lent)

    def _ids(self, source: Source, condition: str, table: str | None = None) -> pl.Series:
        scope = f" AND {source.scope[0]} = '{source.scope[1]}'" if source.scope else ""
        found = self.con.sql(
            f"SELECT {source.key} AS id FROM core.{table or source.table} WHERE ({condition}){scope}"
        )
        return found.pl()["id"]

    def _unplaced(self, source: Source) -> pl.Series:
        """Ids of rows that were in no zone and could be in one by now. While the first reading goes on, only a provider
        who comes puts them in one."""
        none = pl.Series([], dtype=pl.String)
        if self.providers_read.begun:
            return none
        waiting = self.waiting.filter(pl.col("collection") == source.collection)["row_id"]
        # Few, if any: DuckDB knows of each block whether it holds a null.
        placed = "utc_offset_minutes" in CORE[source.table].sql_columns
        return pl.concat([waiting, self._ids(source, "utc_offset_minutes IS NULL") if placed else none])

    @cached_property
    def waiting(self) -> pl.DataFrame:
        """collection, row_id of rows with a local time that has no instant, as the zone was not known."""
        return self.con.sql(
            "SELECT DISTINCT collection, row_id FROM core.data_findings "
            f"WHERE finding = 'time_unreadable' AND code = '{NO_ZONE}'"
        ).pl()

    def _waits(self) -> bool:
        """Whether rows that were in no zone could be in one by now, though no row has changed: their providers' scan
        came to its end again."""
        return any(len(self._unplaced(source)) for source in SOURCES if source.people)

    def _in_doubt_again(self, before: str) -> datetime | None:
        """After which moment a row's provider may not have been read after all, though it was taken for one who is not
        there: the providers were read less far than when core was derived last, or could not be read then."""
        now = self.providers_read.upto
        known = orjson.loads(before)
        upto = [instant_of(mark) for _, mark in known.values() if mark]
        same = _standings(before) == {c: reading.standing for c, reading in self.readings.items()}
        return None if now is None or (same and min(upto, default=now) <= now) else now

    def _chunk(
        self,
        source: Source,
        frame: pl.DataFrame,
        zones: ProviderZones,
        people: People,
        lent: pl.DataFrame | None = None,
    ) -> None:
        accepted, rejected, reasons = self._split(source.collection, frame)
        batch = Batch(
            source.collection,
            accepted,
            zones,
            self.mirror.gone.get(source.collection, frozenset()),
            names=self.names,
            amounts=self.amounts,
            lent=lent,
            people=people,
        )
        beside: dict[str, pl.DataFrame] = {}
        said: Derived | None = None
        kept = pl.Series([], dtype=pl.String)
        with _without_values(f"the rules for {source.collection}"):
            if source.collection in BOOKING_COLLECTIONS:
                versions = self._versions(batch, (*STATUS_ATTRIBUTES, *PROVIDER_ATTRIBUTES))
                events = observe(versions.frame)
                batch = replace(batch, accepted=observed_acceptance(events))
                beside["booking_events"] = events.with_columns(
                    self.names.row_ids(source.collection, events["booking_id"]).values.alias("booking_id"),
                    pl.lit(source.collection).alias("origin"),
                )
                beside["booking_providers"] = observe_providers(versions)
                said = said_handovers(batch)
                beside["booking_handovers"] = said.rows
            elif source.collection in PROVIDER_COLLECTIONS:
                kept, beside["provider_states"] = self._states(source, batch)
            derived = source.derive(batch)
            if said is not None and said.findings.height:
                both = pl.concat([derived.findings, said.findings])
                derived = replace(
                    derived,
                    findings=both.unique(
                        ["finding", "row_id", "attribute"], keep="first", maintain_order=True
                    ),
                )
            derived = without_long_texts(source.collection, source.key, accepted, derived)
            ids = self.names.row_ids(source.collection, frame["_id"]).values
        self._forget(source.collection, ids, source, written=lent is not None, kept=kept)
        self._insert(source.table, derived.rows)
        if self.follows and source.collection in BOOKING_COLLECTIONS:
            self._touch(derived.rows)
        self._insert("data_findings", derived.findings)
        for table, rows in beside.items():
            self._insert(table, rows)
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

    def _states(self, source: Source, batch: Batch) -> tuple[pl.Series, pl.DataFrame]:
        """(published ids of providers whose rows in core.provider_states stay, the rows that are new).

        A provider has a version for each time it is seen. So what an earlier run saw is not looked at again: only the
        versions since then are, beside the newest row that is there.
        """
        ids = self.names.row_ids(source.collection, batch.frame["_id"]).values
        known = pl.DataFrame(schema=CORE["provider_states"].polars_schema)
        if not self.fresh and self.since is not None:
            ids_asked = pl.DataFrame({"id": ids}).to_arrow()
            kind = source.scope[1] if source.scope else ""
            known = self.con.execute(
                "SELECT * FROM core.provider_states WHERE provider_type = ? "
                "AND provider_id IN (SELECT id FROM ids_asked) "
                "QUALIFY row_number() OVER (PARTITION BY provider_id ORDER BY change DESC) = 1",
                [kind],
            ).pl()
            del ids_asked
            known = known.cast(CORE["provider_states"].polars_schema)
        there = ids.is_in(known["provider_id"].implode())
        found = [pl.DataFrame(schema=CORE["provider_states"].polars_schema)]
        for rows, after in ((batch.frame.filter(~there), None), (batch.frame.filter(there), self.since)):
            for part in self._by_versions(source.collection, rows, after):
                versions = self._versions(batch.of(part), STATE_ATTRIBUTES, after)
                found.append(observe_states(versions, None if after is None else known))
        new = pl.concat(found)
        if known.height:
            # Each part knew all of them: what is none of its own is no row that follows.
            new = new.join(known.select("provider_id", "change"), on=["provider_id", "change"], how="anti")
        return known["provider_id"], new

    def _by_versions(self, collection: str, frame: pl.DataFrame, after: int | None) -> Iterator[pl.DataFrame]:
        """Rows in parts that have about so many versions as a chunk has rows, or one row that has more."""
        if not frame.height:
            return
        counts = self.mirror.versions(self.lookup, collection, frame["_id"], after)["versions"]
        place = (counts.cum_sum() // self.chunk_rows).alias("_part")
        yield from frame.with_columns(place).partition_by("_part", maintain_order=True, include_key=False)

    def _versions(self, batch: Batch, attributes: tuple[str, ...], after: int | None = None) -> Batch:
        """All versions of the rows of a batch, or those written after a change, with some attributes and what the
        mirror knows of each version."""
        wanted = (
            "_id", "_change", "_updated_at", "_ingested_at", "_deleted_at", "_misfits", *attributes,
        )  # fmt: skip
        current = batch.frame.select(c for c in batch.frame.columns if c in wanted)
        replaced = self.mirror.history(self.lookup, batch.collection, current["_id"], attributes, after)
        if replaced is None or not replaced.height:
            return batch.of(current)
        return batch.of(pl.concat([replaced, current], how="diagonal_relaxed"))

    # Writing

    def _forget(
        self,
        collection: str,
        ids: pl.Series,
        source: Source | None = None,
        *,
        written: bool = False,
        kept: pl.Series | None = None,
    ) -> None:
        """Remove what an earlier run wrote for these rows, by their published ids (``written``: or this one); but of
        those ``kept`` what their older versions showed, which later ones only add to."""
        if self.fresh and not written:
            return
        ids_changed = pl.DataFrame({"id": ids}).to_arrow()
        those = "IN (SELECT id FROM ids_changed)"
        if source is not None:
            scope = f" AND {source.scope[0]} = '{source.scope[1]}'" if source.scope else ""
            gone = self._delete(source.table, f"{source.key} {those}{scope}", ids_changed)
            if collection in BOOKING_COLLECTIONS and self.follows:
                self._touch(gone)
            changed = ids_changed
            if kept is not None and len(kept):
                ids_changed = pl.DataFrame({"id": ids.filter(~ids.is_in(kept.implode()))}).to_arrow()
            for one in source.beside:
                self._delete(one.table, f"{source.key} {those}{scope}", ids_changed)
            ids_changed = changed
        for table in ("data_findings", "quarantined"):
            self._delete(table, f"row_id {those} AND collection = '{collection}'", ids_changed)
        del ids_changed

    def _touch(self, bookings: pl.DataFrame) -> None:
        """Note what records may refer to these bookings by."""
        keys = pl.concat([bookings["booking_id"], bookings["business_id"].alias("booking_id")])
        keys_now = pl.DataFrame({"key": keys.drop_nulls()}).to_arrow()
        self.con.execute("INSERT INTO keys_touched SELECT lower(key) FROM keys_now")
        del keys_now

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
                "row_id": self.names.row_ids(collection, ids).values,
                "business_id": self.names.ids(attributes.text("bookingId")).values,
                "reasons": reasons,
                "first_seen_at": coalesce(first_seen.cast(pl.Datetime("us")), stored),
                "change": changes,
            },
            schema=QUARANTINED_SCHEMA,
        )
        self._insert("quarantined", rows)
        self.quarantined += rows.height
        attribute = attributes.which(ALIASES["creation"]).fill_null("$createdAt")
        rows = rows.with_columns(attribute.alias("attribute"))
        for reason, finding, name, code in (
            (CREATION, "creation_unreadable", pl.lit("createdAt"), "noted.no_creation"),
            (NOT_YET, "in_the_future", pl.col("attribute"), CREATION_NOT_YET),
        ):
            found = found_on(
                rows.filter(reasons.str.contains(reason, literal=True)), finding, collection, name, code
            )
            self._insert("data_findings", found)
            self.findings += found.height

    def _delete(self, table: str, where: str, ids_changed: object = None) -> pl.DataFrame:
        """Remove rows. ``ids_changed``: what the condition may call so, which DuckDB finds here by its name. Returns of
        bookings what records may refer to them by."""
        one = CORE[table]
        keys = "booking_id, business_id" if table == "bookings" else "NULL"
        if self.changed.known:
            keys = "*"
        # What is returned of a row is read of every row as it stands: so they are found by the condition's columns, and
        # then by their numbers, where they are few. (As rows_where has it, which finds no frame of here by its name.)
        seek(self.con, TOLD_KEYS)
        found = self.con.execute(
            f"CREATE OR REPLACE TEMP TABLE {NUMBERS} AS SELECT rowid AS number FROM core.{table} WHERE {where}"
            f" LIMIT {FEW_ROWS + 1}"
        ).fetchone()
        if found is not None and found[0] <= FEW_ROWS:
            seek_numbers(self.con, found[0])
            where = f"rowid IN (SELECT number FROM temp.{NUMBERS})" if found[0] else "false"
        gone = self.con.execute(
            f"DELETE FROM core.{table} WHERE {where} RETURNING {keys}, {row_hash(one.sql_columns)} AS hash"
        ).pl()
        self.writing.taken(one, Contents(gone.height, sum(gone["hash"])))
        self.changed.taken(table, gone)
        return gone

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
            raise CoreInvalid(Message("failure.core_invalid", {"table": table, "named": named}), _FAULT)
        # found by its name in this frame: a registered view would keep the rows until the commit
        rows_new = rows.to_arrow()
        one = CORE[table]
        typed = ", ".join(
            f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in one.sql_columns.items()
        )
        found = self.con.execute(
            f"SELECT {digest(one.sql_columns)} FROM (SELECT {typed} FROM rows_new)"
        ).fetchall()
        self.writing.added(one, Contents(*map(int, found[0])), rows)
        self.con.execute(f"INSERT INTO core.{table} BY NAME SELECT * FROM rows_new")
        del rows_new
        self.changed.added(table, rows)
        self.spelled.added(table, rows)
        self.rows[table] = self.rows.get(table, 0) + rows.height

    def _after(self, collection: str, rows: int) -> None:
        if self.after_chunk is not None:
            self.after_chunk(collection, rows)


def _providers_read(readings: Iterable[Reading]) -> ProvidersRead:
    """How far all providers were read: as far as the collection of them that was read least."""
    known = list(readings)
    upto = [reading.upto for reading in known if reading.upto is not None]
    since = [reading.since for reading in known if reading.since is not None]
    return ProvidersRead(
        any(reading.standing == "begun" for reading in known),
        min(upto, default=None),
        min(since) if since and len(since) == len(upto) else None,
    )


def _as_json(readings: Mapping[str, Reading]) -> str:
    """Collection → (standing, how far it was read)."""
    told = {collection: (reading.standing, text_of(reading.upto)) for collection, reading in readings.items()}
    return orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode()


def _standings(written: str) -> dict[str, str]:
    return {collection: standing for collection, (standing, _) in orjson.loads(written).items()}


def _touched(before: str, now: str) -> set[str]:
    """The collections of which ``_Run._attributes`` says another thing than before."""
    known, found = orjson.loads(before), orjson.loads(now)
    if isinstance(known, list):  # as an earlier version wrote it
        known = {RECORDS: known}
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
        place = f"{Path(where.filename).name}:{where.lineno}"
        told: dict[str, Arg] = {"what": self.what, "kind": kind.__name__, "place": place}
        raise BookwatchError(Message("failure.core_rule", told), _FAULT) from None
