"""The one that merges what the scans bring: pages are buffered, then committed with the point each scan reached."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import polars as pl

from marketplace.events import ScanOutcome
from messages.catalogue import english
from messages.message import Message, Words, as_message, in_a_row
from resources.appwrite.bounds import chosen
from resources.appwrite.columns import Page, PageDecoder
from resources.appwrite.failures import CallFailure
from resources.appwrite.outcomes import CollectionOutcome, outcome_of
from resources.appwrite.page_sizes import (
    PageSize,
)
from resources.appwrite.scan_threads import Again, Fetched, Planned, Reading, SetAside
from resources.clock import Clock
from resources.progress import Progress, Quiet
from resources.raw.columns import ColumnChanges
from resources.raw.merging import RejectReasons
from resources.raw.runs import Counts
from resources.raw.store import RawStore
from resources.settings import Settings
from resources.told import few, told_name

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 2.0
FIRST_FLUSH_ROWS = 40_000
FIRST_FLUSH_SECONDS = 15.0
"""What a first load has read is stored after this long, also where a slow server has brought fewer rows."""
FLUSH_BYTES = 48 << 20
"""However many rows it is: what may wait in memory for its commit, a collection."""


class Writer:
    """The one that merges: buffers pages per collection and commits them with the point they reach."""

    def __init__(
        self,
        store: RawStore,
        *,
        settings: Settings,
        clock: Clock,
        run_id: str,
        reject_reasons: RejectReasons,
        judged_by: Sequence[str] | None,
        rules_version: str,
        progress: Progress,
        list_key: str,
        first: frozenset[str],
        full: bool,
        flush_rows: int | None,
        named: frozenset[str],
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._run_id = run_id
        self._reject_reasons = reject_reasons
        self._judged_by = judged_by
        self._rules_version = rules_version
        self._progress = progress
        self._list_key = list_key
        self._first_of_all = first
        self._full = full
        self._flush_rows = flush_rows
        self._named = named
        self._loaded: set[str] = set()
        self._bounds: dict[str, datetime] = {}
        self._first: dict[str, bool] = {}
        self._pages: dict[str, list[Page]] = {}
        self._since: dict[str, float] = {}
        self._started: dict[str, tuple[datetime, float]] = {}
        self._counts: dict[str, Counts] = {}
        self._changes: dict[str, ColumnChanges] = {}
        self._references: dict[str, tuple[tuple[str, ...], Words]] = {}
        self._aside: dict[str, str] = {}
        self._sizes: dict[str, PageSize] = {}
        self._unread: dict[str, bool] = {}

    def start(self, collection: str) -> None:
        if collection not in self._started:
            self._started[collection] = (self._clock.naive_now(), time.perf_counter())
            self._counts[collection] = Counts()
            self._progress.start(collection)

    def plan(self, asked: Planned) -> Reading:
        collection, now = asked.collection, self._clock.naive_now()
        self.start(collection)
        known = frozenset(c.attribute for c in self._store.columns.of(collection))
        columns, self._aside[collection] = chosen(asked.columns, known, self._named)
        changes = self._store.columns.reconcile(collection, columns, now)
        if changes:
            self._changes[collection] = changes
        self._references[collection] = tuple(c.key for c in columns if c.unread), asked.why_unread
        self._store.merge.rejudge(
            collection,
            self._reject_reasons,
            rules_version=self._rules_version,
            run_id=self._run_id,
            now=now,
            judged_by=self._judged_by,
        )
        plan = self._store.watermarks.begin_scan(
            collection,
            bound=asked.bound,
            overlap=timedelta(seconds=self._settings.overlap),
            run_id=self._run_id,
            full=asked.full,
            order=asked.order,
            until=asked.until,
        )
        self._first[collection] = plan.lower is None
        self._bounds[collection] = plan.bound
        if plan.lower is None:
            self._loaded.add(collection)
        size = self._sizes[collection] = PageSize(
            self._settings.page_size, self._store.pages.learned(collection)
        )
        unread = self._store.rejects.unread(collection)
        self._unread[collection] = bool(unread)
        decoder = PageDecoder(self._store.columns.of(collection), self._list_key, plan.order)
        return Reading(plan, decoder, size, unread)

    def take(self, fetched: Fetched) -> None:
        buffer = self._pages.setdefault(fetched.collection, [])
        buffer.append(fetched.page)
        self._since.setdefault(fetched.collection, time.monotonic())
        most = self._flush_rows or (FIRST_FLUSH_ROWS if self._first[fetched.collection] else FLUSH_ROWS)
        if sum(len(page) for page in buffer) >= most or sum(page.bytes for page in buffer) >= FLUSH_BYTES:
            self.flush(fetched.collection)

    def set_aside(self, odd: SetAside) -> None:
        """Enter a row that cannot be read, behind what came before it."""
        collection = odd.collection
        self.flush(collection)
        self._unread[collection] = True
        self._counts[collection] += self._store.merge.set_aside(
            collection,
            odd.row,
            run_id=self._run_id,
            now=self._clock.naive_now(),
            rules_version=self._rules_version,
            record=lambda counts: self._record(
                collection, self._counts[collection] + counts, ScanOutcome.PARTIAL, ""
            ),
        )

    def looked_again(self, again: Again) -> None:
        """Store a row that can be read now; note what became of others that could not."""
        collection, now = again.collection, self._clock.naive_now()
        if again.looked.gone:
            self._store.rejects.no_longer_unread(collection, again.looked.gone)
        for row_id in again.looked.tried:
            self._store.rejects.tried_again(collection, row_id, now)
        if again.page is not None:
            self._counts[collection] += self._store.merge.page(
                collection,
                again.page.frame,
                run_id=self._run_id,
                now=now,
                reject_reasons=self._reject_reasons,
                rules_version=self._rules_version,
                forced=True,
                record=lambda counts: self._record(
                    collection, self._counts[collection] + counts, ScanOutcome.PARTIAL, ""
                ),
            )

    def _unread_now(self, collection: str) -> Words:
        """A sentence on the rows that cannot be read; empty where there are none."""
        ids = self._store.published_ids(
            collection, [one.row_id for one in self._store.rejects.unread(collection)]
        )
        names = [f"'{told_name(row_id)}'" for row_id in ids]
        if not self._unread.get(collection) or not names:
            return ""
        code = "scan.unread_row_now" if len(names) == 1 else "scan.unread_rows_now"
        return Message(code, {"n": len(names), "names": as_message(few(names))})

    def _made_upto(self, collection: str) -> datetime | None:
        """Rows made (and written) later are the next scan's: they may refer to what was made after the scans of what
        they refer to. None: those of what the others refer to are taken to the last one."""
        return None if collection in self._first_of_all else self._bounds.get(collection)

    def newest_beyond(self, until: datetime) -> datetime | None:
        """The newest $updatedAt up to ``until`` that a collection read from its beginning has beyond its watermark.

        Such a row is newer than the rows it belongs to, which were read as of the bound.
        """
        newest = [
            self._store.versions.newest_between(collection, watermark, until)
            for collection in sorted(self._loaded)
            if (watermark := self._store.watermarks.of(collection).watermark) is not None
        ]
        return max((at for at in newest if at is not None), default=None)

    def read_on(self) -> None:
        """From here on only what changed is read, and nothing more is told of how it goes on."""
        self._full = False
        self._progress = Quiet()

    def flush_waiting(self) -> None:
        """Store what has waited long enough: a slow server must not keep rows in memory only."""
        for collection, since in list(self._since.items()):
            patience = FIRST_FLUSH_SECONDS if self._first[collection] else FLUSH_SECONDS
            if time.monotonic() - since >= patience:
                self.flush(collection)

    def flush(self, collection: str, complete: bool = False) -> None:
        pages = self._pages.pop(collection, [])
        self._since.pop(collection, None)
        if not pages and not complete:
            return
        columns = self._store.columns.of(collection)
        rows = (
            pl.concat([page.frame for page in pages])
            if pages
            else pl.DataFrame(schema=PageDecoder(columns).schema)
        )

        def record(counts: Counts) -> None:
            self._record(
                collection,
                self._counts[collection] + counts,
                ScanOutcome.COMPLETE if complete else ScanOutcome.PARTIAL,
                "",
            )

        counts = self._store.merge.page(
            collection,
            rows,
            run_id=self._run_id,
            now=self._clock.naive_now(),
            reject_reasons=self._reject_reasons,
            rules_version=self._rules_version,
            resume_sequence=pages[-1].last if pages else None,
            complete=complete,
            forced=self._full,
            # Read beyond its bound for what is new. What the mirror has stays as of the bound: a state newer than
            # that of the rows read after it would not fit them.
            known_upto=self._bounds.get(collection),
            made_upto=self._made_upto(collection),
            record=record,
        )
        self._counts[collection] += counts
        self._progress.advance(collection, rows.height)

    def _record(self, collection: str, counts: Counts, outcome: ScanOutcome, detail: Words) -> None:
        started_at, began = self._started[collection]
        changes = self._changes.get(collection, ColumnChanges()).sentence
        told = (changes, self._aside.get(collection, ""), self._unread_references(collection), detail)
        notes = english(in_a_row([part for part in told if part]))
        self._store.runs.record(
            self._run_id,
            collection,
            counts,
            started_at=started_at,
            seconds=round(time.perf_counter() - began, 3),
            outcome=outcome,
            detail=notes,
        )

    def _unread_references(self, collection: str) -> Words:
        """A sentence on the relationship columns that rows do not carry; empty where there are none."""
        unread, why = self._references.get(collection, ((), ""))
        if not unread:
            return ""
        names = as_message(few([told_name(key) for key in unread]))
        return Message("scan.unread_references", {"names": names, "why": as_message(why)})

    def finish(self, collection: str, failure: CallFailure | None) -> CollectionOutcome:
        self.start(collection)
        # What was fetched is kept, with the point it reaches, also when the scan broke off.
        self.flush(collection, complete=failure is None)
        if collection in self._sizes:
            self._store.pages.remember(collection, self._sizes[collection].learned)
        outcome = ScanOutcome.COMPLETE
        detail: Words = ""
        if failure is not None:
            outcome, detail = outcome_of(
                failure, self._store.watermarks.of(collection).resume is not None, self._settings
            )
            with self._store.transaction():
                self._record(collection, self._counts[collection], outcome, detail)
        self._progress.finish(collection, outcome.value, english(detail))
        return CollectionOutcome(
            collection,
            outcome,
            self._counts[collection],
            time.perf_counter() - self._started[collection][1],
            self._store.watermarks.of(collection).watermark,
            in_a_row(
                [
                    part
                    for part in (
                        detail,
                        self._unread_references(collection),
                        self._unread_now(collection),
                        self._aside.get(collection, ""),
                    )
                    if part
                ]
            ),
            self._changes.get(collection, ColumnChanges()),
            failure,
            self._references.get(collection, ((), ""))[0],
        )
