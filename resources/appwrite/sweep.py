"""The sweep: finds what a scan by $updatedAt cannot see (deletes, backdated and missed rows) and repairs it.

It reads ($id, $updatedAt) of every row in ranges of $sequence and compares with the mirror. Rows newer than
the watermark are the next scan's (sync.py), unless they are dated ahead of the clock. Deletes are marked only at
the end of a whole sweep, and never more than 5 % of a collection, unless its rows are fleeting. Where rows are followed
by $id (order.py), whose order is the server's, no range of the mirror can be told: what was seen is remembered, and
what was not is missing at the end.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl
from appwrite.query import Query

from marketplace.collections import BY_NAME
from marketplace.events import ScanOutcome
from messages.catalogue import english
from messages.message import Arg, Message, Words, as_message
from resources.appwrite.columns import Page, PageDecoder
from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.order import following
from resources.appwrite.outcomes import outcome_of
from resources.appwrite.page_ahead import PageAhead, position_guess
from resources.appwrite.page_sizes import FewerRows, OddRows, OneRow, PageSize
from resources.appwrite.page_threads import PageThreads
from resources.appwrite.relations import Selection, select_related
from resources.appwrite.sync import ping
from resources.progress import Progress
from resources.raw.column_types import Order, Position
from resources.raw.merging import RejectReasons
from resources.raw.pages import Learned
from resources.raw.rejects import FirstRow
from resources.raw.runs import Counts
from resources.raw.store import RawStore
from resources.raw.sweeps import SweepState
from resources.settings import Settings
from resources.told import few, told_name

MASS_DELETE_SHARE = 0.05
"""If more of a collection than this would be marked deleted, nothing is.

An empty answer, the wrong database.
"""
LARGEST_PAGE = 5000
REPAIRED_AT_ONCE = 100
AHEAD = timedelta(hours=1)
"""A row dated further ahead of the server's clock than this is repaired here: the scan would come to it only when that
time has come, which may be never (a key may set $updatedAt to anything)."""
SAVED_EVERY_PAGES = 5
TWO_VALUES_BYTES = 512
"""What a row weighs of which two values are asked for."""


@dataclass(frozen=True)
class SweepOutcome:
    """How the sweep of a collection ended.

    ``outcome``: complete; partial (its turn is over or it broke off: the next one goes on); failed (also:
    ``held`` back by the 5 % guard); forbidden; missing. ``server_rows`` are the rows seen in Appwrite that
    the mirror should have by now, ``mirror_rows`` those it has: equal after a complete sweep, unless rows
    changed while it ran. ``repaired``: rows that differed though the scan had been past them; what was written since
    is stored by a deep sweep as well, and is not among them.
    """

    collection: str
    outcome: ScanOutcome
    counts: Counts
    server_rows: int
    mirror_rows: int
    missing: int
    held: bool
    seconds: float
    why: Words = ""
    repaired: int = 0

    @property
    def detail(self) -> str:
        """Why it did not compare everything, in English."""
        return english(self.why)


class _Sweep:
    """One collection's sweep: its turn from where the last one stopped."""

    def __init__(
        self,
        gateway: Gateway,
        store: RawStore,
        collection: str,
        run_id: str,
        reject_reasons: RejectReasons,
        rules_version: str,
        deep: bool,
        anew: bool,
        server_now: datetime,
        told: Sequence[str],
    ) -> None:
        self._gateway = gateway
        self._store = store
        self._collection = collection
        self._run_id = run_id
        self._reject_reasons = reject_reasons
        self._rules_version = rules_version
        self._deep = deep
        self._order: Order = store.watermarks.of(collection).order
        self._rows = PageDecoder(store.columns.of(collection), gateway.api.list_key, self._order)
        self._decoder = self._rows if deep else PageDecoder((), gateway.api.list_key, self._order)
        page_size = gateway.settings.page_size
        self._size = PageSize(page_size, store.pages.learned(collection))
        told = [name for name in told if any(c.attribute == name for c in store.columns.of(collection))]
        most = min(5 * page_size, LARGEST_PAGE)
        # Two values of a row weigh nothing.
        self._pages = FewerRows(
            gateway,
            collection,
            self._size if deep else PageSize(most, Learned(row_bytes=TWO_VALUES_BYTES)),
            "sweep_rows",
            told,
            order=self._order,
        )
        self._repairs = FewerRows(gateway, collection, self._size, "repair_rows", told, order=self._order)
        # Unchanged they cannot be repaired: the scan tries them again.
        self._unread = {one.row_id: one.updated_at for one in store.rejects.unread(collection)}
        self._dated_ahead = server_now.replace(tzinfo=None) + AHEAD
        self.counts = Counts()
        now = gateway.clock.naive_now()
        if anew:
            store.sweeps.save(collection, None)
        self.repaired = 0
        self._selection = Selection()
        self.state = store.sweeps.state(collection) or SweepState(
            now, None, 0, None, store.file.last_change()
        )

    def ask_related(self) -> Words:
        """Find out how to ask for relationship columns. Tells why nothing can be compared where the server hands out
        less than when the rows were stored: what it leaves out would be taken for empty. Raises CallFailure."""
        references = [c.attribute for c in self._rows.columns if c.storage == "reference"]
        self._selection = select_related(self._gateway, self._collection, references)
        lost = [
            key for key in self._selection.unread if key not in self._store.columns.unread(self._collection)
        ]
        if not lost:
            return ""
        names = as_message(few([told_name(key) for key in lost]))
        return Message("scan.unread_references", {"names": names, "why": as_message(self._selection.why)})

    def _fetch(self, after: Position | None, decode: Callable[[bytes], Page]) -> Page:
        def which(rows: int) -> list[str]:
            selected = self._selection.queries if self._deep else [Query.select(["$id", "$updatedAt"])]
            return [*selected, *following(self._order, after, rows)]

        return self._pages.fetch(which, decode)[1]

    def turn(self, watermark: datetime, max_rows: int | None, progress: Progress) -> bool:
        """Compare ranges until the end (True) or until ``max_rows`` were seen (False). Raises CallFailure."""
        seen_now, pages_since, missing = 0, 0, list[pl.DataFrame]()
        guess = position_guess(self._order, self._selection if self._deep else Selection())
        with PageThreads(2, "sweep") as pool:
            pages = PageAhead(pool, self._fetch, self._decoder.decode, guess=guess)
            odd_rows = OddRows()
            try:
                while max_rows is None or seen_now < max_rows:
                    after = self.state.resume
                    try:
                        page, unread = pages.page(after), None
                    except OneRow as odd:
                        odd_rows.check(odd)
                        page, unread = _only(odd.row), odd.row
                    if unread is None:
                        odd_rows.had_a_page()
                    missing.append(self._compare(page, after, watermark, unread))
                    seen_now += len(page)
                    if page.last is None:
                        self._save(missing)
                        return True
                    pages_since += 1
                    if pages_since >= SAVED_EVERY_PAGES:
                        self._save(missing)
                        pages_since = 0
                    progress.advance(self._collection, len(page))
                self._save(missing)
                return False
            except CallFailure:
                self._save(missing)
                raise
            finally:
                pages.close()

    def _save(self, apart: list[pl.DataFrame]) -> None:
        """Remember where the sweep stands, with what stands ``apart``: rows of the mirror only, or ids seen."""
        found = pl.concat(apart) if apart else None
        if self._order == "$sequence":
            self._store.sweeps.save(self._collection, self.state, found)
        else:
            seen = None if found is None else found["row_id"]
            self._store.sweeps.save(self._collection, self.state, seen=seen)
        self._store.pages.remember(self._collection, self._size.learned)
        apart.clear()

    def _compare(
        self, page: Page, after: Position | None, watermark: datetime, unread: FirstRow | None = None
    ) -> pl.DataFrame:
        """Repair what differs in one range. ``unread``: the one row in it, which cannot be read.

        Returns the rows (row_id, sequence) that are in the mirror only; followed by $id, those of the page.
        """
        there = page.frame.select("_id", "_updated_at", "_sequence")
        here = (
            self._store.versions.living_among(self._collection, there["_id"])
            if self._order == "$id"
            else self._store.versions.living(self._collection, _number(after), _number(page.last))
        )
        both = there.join(here.select("_id", pl.col("_updated_at").alias("_here")), on="_id", how="left")
        # A row stored under another $sequence (deleted and made again) is looked at here as one not stored.
        known = pl.col("_id").is_in(here["_id"].implode())
        updated = pl.col("_updated_at")
        reached = ((updated <= watermark) | (updated > self._dated_ahead)).fill_null(True)
        # A deep sweep stores what it reads, also what is newer than the watermark: that is in the mirror then, too.
        # A row without a usable id can stand in no table; it is in quarantine, and counted there.
        named = (pl.col("_id").str.strip_chars() != "").fill_null(False)
        due = named & (known | reached | pl.lit(self._deep))
        self.state = self.state.at(
            page.last if page.last is not None else after,
            self.state.seen + int(both.select(due.sum()).item() or 0),
        )
        if unread is not None:
            self._set_aside(unread)
        elif self._deep:
            self._merge(page.frame.filter(reached), repairs=True)
            self._merge(page.frame.filter(~reached), repairs=False)
        else:
            # Without a time nothing tells whether a row has changed, and no scan comes by it: it is read each time.
            differs = both.filter((updated.ne_missing(pl.col("_here")) | updated.is_null()) & reached)
            self._repair(
                [
                    row_id
                    for row_id, at in differs.select("_id", "_updated_at").iter_rows()
                    if row_id is not None and (row_id not in self._unread or self._unread[row_id] != at)
                ]
            )
        if self._order == "$id":
            return there.select(pl.col("_id").alias("row_id"), pl.col("_sequence").alias("sequence"))
        return here.join(there, on="_id", how="anti").select(
            pl.col("_id").alias("row_id"), pl.col("_sequence").alias("sequence")
        )

    def _repair(self, ids: Sequence[str]) -> None:
        done = 0
        while done < len(ids):
            some = list(ids[done : done + REPAIRED_AT_ONCE])

            def which(rows: int, some: list[str] = some) -> list[str]:
                return [
                    *self._selection.queries,
                    Query.equal("$id", some[:rows]),
                    *following(self._order, None, rows),
                ]

            try:
                asked, page = self._repairs.fetch(which, self._rows.decode, most=len(some))
            except OneRow as odd:
                self._set_aside(odd.row)
                done += 1
                continue
            self._merge(page.frame, repairs=True)
            done += asked

    def _set_aside(self, row: FirstRow) -> None:
        self.counts += self._store.merge.set_aside(
            self._collection,
            row,
            run_id=self._run_id,
            now=self._gateway.clock.naive_now(),
            rules_version=self._rules_version,
            reached=False,
        )

    def _merge(self, rows: pl.DataFrame, *, repairs: bool) -> None:
        """Store rows. ``repairs``: of what differs, the scan had been past it."""
        if not rows.height:
            return
        counts = self._store.merge.page(
            self._collection,
            rows,
            run_id=self._run_id,
            now=self._gateway.clock.naive_now(),
            reject_reasons=self._reject_reasons,
            rules_version=self._rules_version,
            forced=True,
        )
        self.counts += counts
        if repairs:
            self.repaired += counts.inserted + counts.updated

    def finish(self, guard: float) -> tuple[int, bool, Words]:
        """Mark what is missing as deleted, unless it is too much: (missing, held back, sentence)."""
        missing = (
            self._store.sweeps.missing(self._collection)
            if self._order == "$sequence"
            else self._store.sweeps.unseen(self._collection, self.state.since_change or 0)
        )
        living = self._store.versions.count_living(self._collection)
        if missing.height > guard * living:
            self._store.sweeps.save(self._collection, None)
            counts: dict[str, Arg] = {"missing": missing.height, "living": living, "share": f"{guard:.0%}"}
            return missing.height, True, Message("scan.held", counts)
        deleted = self._store.merge.mark_deleted(
            self._collection, missing["row_id"], run_id=self._run_id, now=self._gateway.clock.naive_now()
        )
        self._store.sweeps.save(self._collection, None)
        self.counts += Counts(deleted=deleted)
        return missing.height, False, ""


def _number(position: Position | None) -> int | None:
    return position if isinstance(position, int) else None


def _only(row: FirstRow) -> Page:
    """A page of the one row that cannot be read, as far as it is compared."""
    return Page(
        pl.DataFrame(
            {"_id": [row.row_id], "_updated_at": [row.updated_at], "_sequence": [_number(row.position)]},
            schema={"_id": pl.String, "_updated_at": pl.Datetime("us"), "_sequence": pl.Int64},
        ),
        row.position,
    )


def sweep(
    gateway: Gateway,
    store: RawStore,
    collections: Sequence[str],
    *,
    settings: Settings,
    run_id: str,
    reject_reasons: RejectReasons,
    progress: Progress,
    rules_version: str = "",
    max_rows: int | None = None,
    deep: bool = False,
    guard: float = MASS_DELETE_SHARE,
    told: Sequence[str] = (),
) -> list[SweepOutcome]:
    """Compare each collection with Appwrite, repair what differs, mark what is gone.

    ``max_rows``: rows a collection a turn; the next call goes on from there. ``deep`` reads whole rows, and so finds
    those changed under an unchanged $updatedAt as well; without turns it begins anew. ``told``: as of ``sync``. Raises
    SourceUnavailable, UsageError and StoreFailure as ``sync`` does; one collection's failure stops no other.
    """
    if store.source.known() is not None:
        store.source.claim(*gateway.identity, gateway.clock.naive_now())
    now = ping(gateway)
    del settings
    return [
        _swept(
            gateway,
            store,
            name,
            run_id,
            reject_reasons,
            rules_version,
            progress,
            max_rows,
            deep,
            guard,
            now,
            told,
        )
        for name in collections
    ]


def _swept(
    gateway: Gateway,
    store: RawStore,
    collection: str,
    run_id: str,
    reject_reasons: RejectReasons,
    rules_version: str,
    progress: Progress,
    max_rows: int | None,
    deep: bool,
    guard: float,
    server_now: datetime,
    told: Sequence[str],
) -> SweepOutcome:
    started_at, began = gateway.clock.naive_now(), time.perf_counter()
    progress.start(collection)
    outcome: ScanOutcome
    detail: Words = ""
    counts, seen, missing, held, repaired = Counts(), 0, 0, False, 0
    watermark = store.watermarks.of(collection).watermark
    if watermark is None:
        outcome, detail = ScanOutcome.FAILED, Message("scan.first_run", {"collection": collection})
    else:
        # The part that an unfinished one compared may have been compared by time only.
        anew = deep and max_rows is None
        one = _Sweep(
            gateway, store, collection, run_id, reject_reasons, rules_version, deep, anew, server_now, told
        )
        try:
            detail = one.ask_related()
            if detail:
                outcome = ScanOutcome.FAILED
            elif one.turn(watermark, max_rows, progress):
                known = BY_NAME.get(collection)
                missing, held, detail = one.finish(1.0 if known is not None and known.fleeting else guard)
                outcome = ScanOutcome.FAILED if held else ScanOutcome.COMPLETE
            else:
                outcome, detail = ScanOutcome.PARTIAL, Message("scan.goes_on")
        except CallFailure as failure:
            outcome, detail = outcome_of(failure, True, gateway.settings)
        counts, seen, repaired = one.counts, one.state.seen, one.repaired
        unread = store.rejects.unread(collection)
        if outcome is ScanOutcome.COMPLETE and unread:
            ids = store.published_ids(collection, [row.row_id for row in unread])
            names = as_message(few([f"'{told_name(row_id)}'" for row_id in ids]))
            detail = Message("scan.unread_rows", {"n": len(unread), "names": names})
    seconds = time.perf_counter() - began
    with store.transaction():
        store.runs.record(
            run_id,
            collection,
            counts,
            started_at=started_at,
            seconds=round(seconds, 3),
            outcome=outcome,
            detail=english(detail),
        )
    progress.finish(collection, outcome.value, english(detail))
    living = store.versions.count_living(collection) if store.columns.has_table(collection) else 0
    return SweepOutcome(collection, outcome, counts, seen, living, missing, held, seconds, detail, repaired)
