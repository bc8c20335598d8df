"""The scan that misses no row: pages by $sequence inside a window of $updatedAt, merged as they come.

Measured against a real Appwrite 1.9.6, paging `greaterThan($updatedAt, watermark)` by cursor lost 1,972 of
12,002 rows while rows were being touched. So a bound is set before the scan starts (by the server's clock, minus a
safety lag), and pages follow $sequence, which never changes. Every row that was made up to the bound is in the mirror
when the scan has ended: as it is now where the mirror had none of it, else as it was by the bound; one that is touched
meanwhile is read again by the next scan. Deletes and backdated rows are the sweep's task (sweep.py).
A server without a numeric $sequence is followed by $id (order.py). What a row means is not known here.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import polars as pl
from appwrite.query import Query

from resources.appwrite.bounds import MOST_COLUMNS, chosen, is_usable_name
from resources.appwrite.columns import Page, PageDecoder, first_updated, last_id, last_sequence
from resources.appwrite.failures import CallFailure, Malformed, PermanentFailure, TransientFailure
from resources.appwrite.gateway import TABLE_MISSING, Gateway
from resources.appwrite.order import following, lacks_sequence, prove_order_by_id
from resources.appwrite.page_sizes import (
    FewerRows,
    LookedAgain,
    OddRows,
    OneRow,
    PageSize,
    but_for,
    look_again,
)
from resources.appwrite.page_threads import PageThreads
from resources.appwrite.refusals import is_refusal
from resources.appwrite.relations import Selection, select_related
from resources.appwrite.unavailable import blank_id, source_unavailable
from resources.clock import Clock
from resources.progress import Progress, Quiet
from resources.raw.column_types import Column, Order, Position
from resources.raw.columns import ColumnChanges
from resources.raw.merging import RejectReasons
from resources.raw.rejects import FirstRow, Unread
from resources.raw.runs import Counts, RunOutcome
from resources.raw.store import RawStore
from resources.raw.watermarks import ScanPlan
from resources.settings import Settings
from resources.told import a_few, told_name

FLUSH_ROWS = 20_000
FLUSH_SECONDS = 2.0
FIRST_FLUSH_ROWS = 40_000
FIRST_FLUSH_SECONDS = 15.0
"""What a first load has read is stored after this long, also where a slow server has brought fewer rows."""
FLUSH_BYTES = 48 << 20
"""However many rows it is: what may wait in memory for its commit, a collection."""
PAGES_AHEAD = 2
"""Pages of a collection that may be fetched beyond the one being handed over: bounds the memory."""
PAGES_WAITING = 12
"""Pages of all collections that may wait for the writer, so that it and the server work at the same time."""
CLOCKS_AGREE = 5.0
"""Seconds; half the overlap, where that is more: within it a wrong clock hides no row."""
AHEAD = timedelta(days=1)
"""What is written while a scan goes on is read up to here beyond its bound. A row dated later still is the sweep's."""
SETTLING = 10.0
"""Seconds; how long a first load waits at most until what it met beyond its bound can be read as settled."""


@dataclass(frozen=True)
class CollectionOutcome:
    """How the scan of a collection ended. ``outcome`` other than complete: ``detail`` is one sentence. ``unread``:
    relationship columns the server does not hand out."""

    collection: str
    outcome: RunOutcome
    counts: Counts
    seconds: float
    watermark: datetime | None
    detail: str = ""
    changes: ColumnChanges = field(default_factory=ColumnChanges)
    failure: CallFailure | None = None
    unread: tuple[str, ...] = ()


def ping(gateway: Gateway) -> datetime:
    """The server's time, or SourceUnavailable in one sentence."""
    refused: CallFailure
    try:
        return gateway.ping()
    except CallFailure as failure:
        refused = failure
    raise source_unavailable(refused, gateway)


def instant_text(moment: datetime) -> str:
    """A naive UTC instant as Appwrite writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+00:00"


def window_queries(
    lower: datetime | None,
    bound: datetime | None,
    after: Position | None,
    limit: int,
    order: Order = "$sequence",
) -> list[str]:
    """The queries of one page. ``bound`` None: whatever was written since ``lower``, to the very last row."""
    window: list[str] = []
    if lower is not None and bound is not None:
        window = [Query.between("$updatedAt", instant_text(lower), instant_text(bound))]
    elif bound is not None:
        window = [Query.less_than_equal("$updatedAt", instant_text(bound))]
    elif lower is not None:
        window = [Query.greater_than_equal("$updatedAt", instant_text(lower))]
    return [*window, *following(order, after, limit)]


def newest_queries(upto: datetime) -> list[str]:
    """The queries for the row that was written last, not after a moment."""
    return [
        Query.less_than_equal("$updatedAt", instant_text(upto)),
        Query.order_desc("$updatedAt"),
        Query.limit(1),
    ]


def position_guess(order: Order, selection: Selection) -> Callable[[bytes], Position | None]:
    """How to tell where an answer ends before it is read. Not where related rows, with their own places, are in it."""
    if selection.keys:
        return lambda body: None
    return last_sequence if order == "$sequence" else last_id


class PageAhead:
    """Pages of one scan in order, each next one fetched while the last is decoded and merged.

    ``guess``: where the next page begins, from the tail of an answer before it is parsed; a wrong guess is thrown
    away.
    """

    def __init__(
        self,
        pool: PageThreads,
        fetch: Callable[[Position | None, Callable[[bytes], Page]], Page],
        decode: Callable[[bytes], Page],
        guess: Callable[[bytes], Position | None] = last_sequence,
    ) -> None:
        self._pool = pool
        self._fetch = fetch
        self._decode = decode
        self._guessed = guess
        self._lock = threading.Lock()
        self._ahead: dict[Position | None, Future[Page]] = {}
        self._closed = False

    def page(self, after: Position | None) -> Page:
        """The page after a position. Raises what the fetch raised."""
        with self._lock:
            future = self._ahead.pop(after, None)
            if future is None:
                # A wrong guess: what was fetched on from it leads nowhere.
                self._ahead.clear()
                future = self._pool.submit(self._job, after)
        return future.result()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for future in self._ahead.values():
                future.cancel()
            self._ahead.clear()

    def _job(self, after: Position | None) -> Page:
        def decode(body: bytes) -> Page:
            # Before anything else is done with the answer: the server works on the next page meanwhile.
            guess = self._guessed(body)
            if guess is not None and guess != after:
                self._guess(guess)
            page = self._decode(body)
            if not page.follows(after):
                raise Malformed  # the server does not keep to the order asked for
            if guess is None and page.last is not None:
                self._guess(page.last)
            return page

        return self._fetch(after, decode)

    def _guess(self, after: Position) -> None:
        with self._lock:
            if not self._closed and after not in self._ahead and len(self._ahead) < PAGES_AHEAD:
                self._ahead[after] = self._pool.submit(self._job, after)


@dataclass
class _Planned:
    """What a scan thread asks of the writer: carry the columns in, and say where to read."""

    collection: str
    columns: list[Column]
    bound: datetime
    full: bool
    order: Order | None
    why_unread: str
    reply: Future[_Reading]


@dataclass(frozen=True)
class _Reading:
    """Where to read, and how."""

    plan: ScanPlan
    decoder: PageDecoder
    size: PageSize
    unread: Sequence[Unread] = ()


@dataclass
class _Fetched:
    collection: str
    page: Page


@dataclass
class _OneRow:
    """A row that cannot be read: the scan goes on behind it."""

    collection: str
    row: FirstRow


@dataclass
class _Again:
    """Rows that could not be read were asked for again: one that can be now, or what became of the others."""

    collection: str
    page: Page | None = None
    looked: LookedAgain = field(default_factory=LookedAgain)


@dataclass
class _Scanned:
    collection: str
    failure: CallFailure | None
    last: bool


@dataclass
class _Crashed:
    error: BaseException


_Message = _Planned | _Fetched | _OneRow | _Again | _Scanned | _Crashed


class _Stopped(Exception):
    """The writer gave up; a scan thread ends quietly."""


class _Scans:
    """The threads that fetch: one a collection, as many at a time as the server's patience allows.

    The scans of ``first`` have ended, well or not, before any other begins; no other reads beyond what they did.
    """

    def __init__(
        self,
        gateway: Gateway,
        collections: Sequence[str],
        first: frozenset[str],
        settings: Settings,
        full: bool,
        told: Sequence[str] = (),
    ) -> None:
        self._gateway = gateway
        self._told = told
        self._settings = settings
        self._full = full
        self._first = first
        self._awaited = set(first).intersection(collections)
        self._others_may = threading.Event()
        self._reached: dict[str, datetime] = {}
        if not self._awaited:
            self._others_may.set()
        self._todo = iter(sorted(collections, key=lambda collection: collection not in first))
        self._lock = threading.Lock()
        self.messages: queue.Queue[_Message] = queue.Queue(maxsize=PAGES_WAITING)
        self._stop = threading.Event()
        self._pool = PageThreads(2 * settings.bookwatch_workers, "page")
        self._threads = [
            threading.Thread(target=self._work, name=f"scan-{n}", daemon=True)
            for n in range(min(settings.bookwatch_workers, len(collections)))
        ]

    def __enter__(self) -> _Scans:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.close()

    def say(self, message: _Message) -> None:
        while not self._stop.is_set():
            try:
                self.messages.put(message, timeout=0.2)
                return
            except queue.Full:
                continue
        raise _Stopped

    def _work(self) -> None:
        while not self._stop.is_set():
            with self._lock:
                collection = next(self._todo, None)
            if collection is None:
                return
            try:
                failure: CallFailure | None = None
                self._wait_its_turn(collection)
                try:
                    self._scan(collection)
                except CallFailure as failed:
                    failure = failed
                    self._reached.pop(collection, None)
                self.say(_Scanned(collection, failure, last=True))
                self._ended(collection)
            except _Stopped:
                return
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for it
                with contextlib.suppress(_Stopped):
                    self.say(_Crashed(error))
                return

    def _wait_its_turn(self, collection: str) -> None:
        while collection not in self._first and not self._others_may.wait(timeout=0.2):
            if self._stop.is_set():
                raise _Stopped

    def _ended(self, collection: str) -> None:
        with self._lock:
            self._awaited.discard(collection)
            if not self._awaited:
                self._others_may.set()

    def _scan(self, collection: str) -> None:
        resumed = self._scan_window(collection, self._full)
        if resumed:
            # What was resumed ends at its old bound: catch up with what changed since.
            self.say(_Scanned(collection, None, last=False))
            self._scan_window(collection, False)

    def _bound(self, collection: str, server_now: datetime) -> datetime:
        """The end of the window. Where the server's clock and ours disagree, nobody knows which is right.

        A watermark in the future of the clock that writes $updatedAt would hide every row to come. So the rows
        themselves tell the time then: the window ends at the newest one there is.
        """
        settings = self._settings
        ours = datetime.now(UTC)
        apart = abs((server_now - ours).total_seconds())
        if apart <= max(CLOCKS_AGREE, settings.bookwatch_overlap / 2):
            bound = upper_bound(server_now, settings.bookwatch_safety_lag)
            if collection in self._first:
                self._reached[collection] = bound
                return bound
            # A row written later may refer to what was made after those scans: both are the next run's.
            return min([bound, *self._reached.values()])
        newest = self._gateway.rows(
            collection, newest_queries(max(server_now, ours).replace(tzinfo=None)), first_updated
        )
        return newest or upper_bound(min(server_now, ours), settings.bookwatch_safety_lag)

    def _scan_window(self, collection: str, full: bool) -> bool:
        try:
            return self._window(collection, full, None)
        except PermanentFailure as failed:
            refused = failed
        if not lacks_sequence(refused):
            raise refused
        prove_order_by_id(self._gateway, collection, refused)
        return self._window(collection, full, "$id")

    def _window(self, collection: str, full: bool, order: Order | None) -> bool:
        """Scan to the end; whether an unfinished scan was gone on with. ``order``: None, as it was read before."""
        columns, server_now = self._gateway.columns_and_time(collection)
        # Others are not mirrored (the writer sets them aside), and in a query their names might mean something.
        related = [c.key for c in columns if c.storage == "reference" and is_usable_name(c.key)]
        selection = select_related(self._gateway, collection, related[:MOST_COLUMNS])
        unread = {*selection.unread, *related[MOST_COLUMNS:]}
        columns = [replace(column, unread=column.key in unread) for column in columns]
        bound = self._bound(collection, server_now)
        reply: Future[_Reading] = Future()
        self.say(_Planned(collection, columns, bound, full, order, selection.why, reply))
        while True:
            try:
                reading = reply.result(timeout=0.2)
                break
            except TimeoutError:
                if self._stop.is_set():
                    raise _Stopped from None
        left_out = self._look_again(collection, reading, full, selection)
        self._follow(collection, reading, selection, left_out)
        return reading.plan.resumed

    def _look_again(
        self, collection: str, reading: _Reading, full: bool, selection: Selection
    ) -> Sequence[str]:
        """Try rows that could not be read; those that still need not be asked for with others."""
        if not reading.unread:
            return ()
        looked = look_again(
            self._gateway,
            collection,
            reading.unread,
            reading.decoder.decode,
            lambda page: self.say(_Again(collection, page)),
            now=self._gateway.clock.naive_now(),
            all_due=full,
            order=reading.plan.order,
            selected=selection.queries,
        )
        self.say(_Again(collection, looked=looked))
        return looked.left_out

    def _follow(
        self,
        collection: str,
        reading: _Reading,
        selection: Selection,
        left_out: Sequence[str] = (),
    ) -> None:
        """Read to the end."""
        plan, after = reading.plan, reading.plan.after
        # A row touched after the bound must not leave the window: one that the mirror does not have yet would be missed
        # beside those that refer to it. The writer takes of what lies beyond the bound only what it may.
        upto = None if collection in self._first or plan.lower is None else plan.bound + AHEAD
        told = [name for name in self._told if any(c.attribute == name for c in reading.decoder.columns)]
        # Until a collection was read whole it is not known whether rows have a $sequence: then no is an answer.
        unknown = plan.lower is None and plan.order == "$sequence"
        asking = FewerRows(
            self._gateway,
            collection,
            reading.size,
            "list_rows",
            told,
            order=plan.order,
            expected=lacks_sequence if unknown else False,
        )

        def fetch(after: Position | None, decode: Callable[[bytes], Page]) -> Page:
            def which(rows: int) -> list[str]:
                window = window_queries(plan.lower, upto, after, rows, plan.order)
                return [*selection.queries, *but_for(left_out), *window]

            return asking.fetch(which, decode)[1]

        odd_rows = OddRows()
        guess = position_guess(plan.order, selection)
        pages = PageAhead(self._pool, fetch, reading.decoder.decode, guess)
        try:
            # Only an empty page ends a scan: a server that gives fewer rows than asked for must not end it
            # early.
            while True:
                try:
                    page = pages.page(after)
                except OneRow as odd:
                    odd_rows.check(odd)
                    self.say(_OneRow(collection, odd.row))
                    after = odd.row.position
                    continue
                odd_rows.had_a_page()
                if page.last is None:
                    break
                self.say(_Fetched(collection, page))
                after = page.last
        finally:
            pages.close()


def upper_bound(server_now: datetime, safety_lag: float) -> datetime:
    """The newest $updatedAt a scan reads: the server's clock minus the lag, in whole milliseconds, naive UTC."""
    bound = (server_now - timedelta(seconds=safety_lag)).replace(tzinfo=None)
    return bound.replace(microsecond=bound.microsecond // 1000 * 1000)


class _Writer:
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
        self._references: dict[str, tuple[tuple[str, ...], str]] = {}
        self._aside: dict[str, str] = {}
        self._sizes: dict[str, PageSize] = {}
        self._unread: dict[str, bool] = {}

    def start(self, collection: str) -> None:
        if collection not in self._started:
            self._started[collection] = (self._clock.naive_now(), time.perf_counter())
            self._counts[collection] = Counts()
            self._progress.start(collection)

    def plan(self, asked: _Planned) -> _Reading:
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
            overlap=timedelta(seconds=self._settings.bookwatch_overlap),
            run_id=self._run_id,
            full=asked.full,
            order=asked.order,
        )
        self._first[collection] = plan.lower is None
        self._bounds[collection] = plan.bound
        if plan.lower is None:
            self._loaded.add(collection)
        size = self._sizes[collection] = PageSize(
            self._settings.bookwatch_page_size, self._store.pages.learned(collection)
        )
        unread = self._store.rejects.unread(collection)
        self._unread[collection] = bool(unread)
        decoder = PageDecoder(self._store.columns.of(collection), self._list_key, plan.order)
        return _Reading(plan, decoder, size, unread)

    def take(self, fetched: _Fetched) -> None:
        buffer = self._pages.setdefault(fetched.collection, [])
        buffer.append(fetched.page)
        self._since.setdefault(fetched.collection, time.monotonic())
        most = self._flush_rows or (FIRST_FLUSH_ROWS if self._first[fetched.collection] else FLUSH_ROWS)
        if sum(len(page) for page in buffer) >= most or sum(page.bytes for page in buffer) >= FLUSH_BYTES:
            self.flush(fetched.collection)

    def set_aside(self, odd: _OneRow) -> None:
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
            record=lambda counts: self._record(collection, self._counts[collection] + counts, "partial", ""),
        )

    def looked_again(self, again: _Again) -> None:
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
                    collection, self._counts[collection] + counts, "partial", ""
                ),
            )

    def _unread_now(self, collection: str) -> str:
        """A sentence on the rows that cannot be read; empty where there are none."""
        ids = self._store.published_ids(
            collection, [one.row_id for one in self._store.rejects.unread(collection)]
        )
        names = [f"'{told_name(row_id)}'" for row_id in ids]
        if not self._unread.get(collection) or not names:
            return ""
        what = "a row" if len(names) == 1 else f"{len(names):,} rows"
        return f"{what} cannot be read and stand{'s' * (len(names) == 1)} in quarantine: {a_few(names)}"

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
                "complete" if complete else "partial",
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

    def _record(self, collection: str, counts: Counts, outcome: RunOutcome, detail: str) -> None:
        started_at, began = self._started[collection]
        changes = self._changes.get(collection, ColumnChanges()).sentence
        told = (changes, self._aside.get(collection, ""), self._unread_references(collection), detail)
        notes = "; ".join(part for part in told if part)
        self._store.runs.record(
            self._run_id,
            collection,
            counts,
            started_at=started_at,
            seconds=round(time.perf_counter() - began, 3),
            outcome=outcome,
            detail=notes,
        )

    def _unread_references(self, collection: str) -> str:
        """A sentence on the relationship columns that rows do not carry; empty where there are none."""
        unread, why = self._references.get(collection, ((), ""))
        return f"references not read: {a_few([told_name(key) for key in unread])} ({why})" if unread else ""

    def finish(self, collection: str, failure: CallFailure | None) -> CollectionOutcome:
        self.start(collection)
        # What was fetched is kept, with the point it reaches, also when the scan broke off.
        self.flush(collection, complete=failure is None)
        if collection in self._sizes:
            self._store.pages.remember(collection, self._sizes[collection].learned)
        outcome: RunOutcome = "complete"
        detail = ""
        if failure is not None:
            outcome, detail = outcome_of(
                failure, self._store.watermarks.of(collection).resume is not None, self._settings
            )
            with self._store.transaction():
                self._record(collection, self._counts[collection], outcome, detail)
        self._progress.finish(collection, outcome, detail)
        return CollectionOutcome(
            collection,
            outcome,
            self._counts[collection],
            time.perf_counter() - self._started[collection][1],
            self._store.watermarks.of(collection).watermark,
            "; ".join(
                part
                for part in (
                    detail,
                    self._unread_references(collection),
                    self._unread_now(collection),
                    self._aside.get(collection, ""),
                )
                if part
            ),
            self._changes.get(collection, ColumnChanges()),
            failure,
            self._references.get(collection, ((), ""))[0],
        )


def outcome_of(failure: CallFailure, something_kept: bool, settings: Settings) -> tuple[RunOutcome, str]:
    """The outcome a failed scan has, and its sentence."""
    if isinstance(failure, PermanentFailure):
        if is_refusal(failure):
            return "forbidden", failure.sentence
        blank = blank_id(failure, settings)
        if blank:
            return "missing", f"{failure.sentence}; {blank} begins or ends with a blank"
        if failure.error_type in TABLE_MISSING:
            return "missing", failure.sentence
    return ("partial" if something_kept else "failed"), failure.sentence


def sync(
    gateway: Gateway,
    store: RawStore,
    collections: Sequence[str],
    *,
    settings: Settings,
    run_id: str,
    reject_reasons: RejectReasons,
    progress: Progress,
    first: Sequence[str] = (),
    judged_by: Sequence[str] | None = None,
    rules_version: str = "",
    full: bool = False,
    flush_rows: int | None = None,
    named: frozenset[str] = frozenset(),
    told: Sequence[str] = (),
) -> list[CollectionOutcome]:
    """Bring the mirror up to date, several collections at a time; one outcome a collection, in their order.

    ``first``: what the rows of the others refer to. Their scans end before any other begins, and read to the last
    row there is: whatever existed when a row that refers to it was written until their watermark is in the mirror.

    ``reject_reasons(collection, rows)`` gives per row why it is quarantined, from the attributes ``judged_by``
    (None: any) and the mirror's own columns; a changed ``rules_version`` has stored rows judged again. ``full`` reads
    everything anew. ``named``: attributes that are mirrored whatever else a collection has; ``told``: those that are
    kept of a row which cannot be read as a whole, where they can be had. A collection that is forbidden, missing or
    breaks off stops no other and keeps what it stored.
    Raises SourceUnavailable if Appwrite cannot be reached or refuses the key at the start, UsageError if the mirror
    belongs to another source, StoreFailure if the file cannot be written.
    """
    clock = gateway.clock
    if store.source.known() is not None:
        store.source.claim(*gateway.identity, clock.naive_now())
    ping(gateway)
    # A new file is claimed only for a source that answered: a mistyped endpoint must not stick.
    store.source.claim(*gateway.identity, clock.naive_now())
    writer = _Writer(
        store,
        settings=settings,
        clock=clock,
        run_id=run_id,
        reject_reasons=reject_reasons,
        judged_by=judged_by,
        rules_version=rules_version,
        progress=progress,
        list_key=gateway.api.list_key,
        first=frozenset(first),
        full=full,
        flush_rows=flush_rows,
        named=named,
    )
    outcomes: dict[str, CollectionOutcome] = {}

    def read(collections: Sequence[str], full: bool) -> None:
        scans = _Scans(gateway, collections, frozenset(first), settings, full, told)
        with scans:
            outcomes.update(_ended(scans, writer, frozenset(collections)))

    read(collections, full)
    if _settled(gateway, writer, settings.bookwatch_safety_lag):
        writer.read_on()
        read([c for c in collections if outcomes[c].outcome == "complete"], False)
    return [outcomes[collection] for collection in collections]


def _ended(scans: _Scans, writer: _Writer, collections: frozenset[str]) -> dict[str, CollectionOutcome]:
    """Carry out what the scans say until each has ended."""
    outcomes: dict[str, CollectionOutcome] = {}
    while len(outcomes) < len(collections):
        try:
            message = scans.messages.get(timeout=0.5)
        except queue.Empty:
            writer.flush_waiting()
            continue
        match message:
            case _Planned():
                message.reply.set_result(writer.plan(message))
            case _Fetched():
                writer.take(message)
            case _OneRow():
                writer.set_aside(message)
            case _Again():
                writer.looked_again(message)
            case _Scanned(collection, failure, last) if last:
                outcomes[collection] = writer.finish(collection, failure)
            case _Crashed(error):
                raise error
            case _Scanned(collection):
                writer.flush(collection, complete=True)
        writer.flush_waiting()
    return outcomes


def _settled(gateway: Gateway, writer: _Writer, safety_lag: float) -> bool:
    """Whether first loads met rows that were written while they went on. Then waits (SETTLING at most) until a scan can
    read up to the newest of these, so that what belongs to them can be read as of the same moment.

    False where the server does not answer any more: what was read stands, and the next run reads on.
    """
    try:
        now = gateway.ping()
        newest = writer.newest_beyond(now.replace(tzinfo=None))
        if newest is None:
            return False
        until = time.monotonic() + SETTLING
        # (A lag that is longer than that is not waited for.)
        while upper_bound(now, safety_lag) < newest and safety_lag < SETTLING and time.monotonic() < until:
            time.sleep(0.1)
            now = gateway.ping()
    except CallFailure:
        return False
    return True


__all__ = [
    "CollectionOutcome",
    "TransientFailure",
    "outcome_of",
    "ping",
    "sync",
    "upper_bound",
    "window_queries",
]
