"""The threads that fetch: a scan a collection, and what each says to the one that writes (scan_writer.py)."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from messages.message import Words
from resources.appwrite.bounds import MOST_COLUMNS, is_usable_name
from resources.appwrite.columns import Page, PageDecoder, first_updated
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.order import ids_of, lacks_sequence, prove_order_by_id
from resources.appwrite.page_ahead import PageAhead, position_guess
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
from resources.appwrite.relations import Selection, select_related
from resources.appwrite.windows import made_query, newest_queries, upper_bound, window_queries
from resources.raw.column_types import Column, Order, Position
from resources.raw.rejects import FirstRow, Unread
from resources.raw.watermarks import ScanPlan
from resources.settings import Settings

PAGES_WAITING = 12
"""Pages of all collections that may wait for the writer, so that it and the server work at the same time."""
CLOCKS_AGREE = 5.0
"""Seconds; half the overlap, where that is more: within it a wrong clock hides no row."""
AHEAD = timedelta(days=1)
"""What is written while a scan goes on is read up to here beyond its bound. A row dated later still is the sweep's."""
TRICKLE = 3
"""Pages with fewer rows than asked for, one after another, from which on a scan asks whether all that is left was made
after its bound: where rows are written faster than pages come, none would ever be empty."""


@dataclass
class Planned:
    """What a scan thread asks of the writer: carry the columns in, and say where to read."""

    collection: str
    columns: list[Column]
    bound: datetime
    until: datetime
    full: bool
    order: Order | None
    why_unread: Words
    reply: Future[Reading]


@dataclass(frozen=True)
class Reading:
    """Where to read, and how."""

    plan: ScanPlan
    decoder: PageDecoder
    size: PageSize
    unread: Sequence[Unread] = ()


@dataclass
class Fetched:
    collection: str
    page: Page


@dataclass
class SetAside:
    """A row that cannot be read: the scan goes on behind it."""

    collection: str
    row: FirstRow


@dataclass
class Again:
    """Rows that could not be read were asked for again: one that can be now, or what became of the others."""

    collection: str
    page: Page | None = None
    looked: LookedAgain = field(default_factory=LookedAgain)


@dataclass
class Scanned:
    collection: str
    failure: CallFailure | None
    last: bool


@dataclass
class Crashed:
    error: BaseException


Message = Planned | Fetched | SetAside | Again | Scanned | Crashed


class Stopped(Exception):
    """The writer gave up; a scan thread ends quietly."""


class Scans:
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
        self._common: datetime | None = None
        if not self._awaited:
            self._others_may.set()
        self._todo = iter(sorted(collections, key=lambda collection: collection not in first))
        self._lock = threading.Lock()
        self.messages: queue.Queue[Message] = queue.Queue(maxsize=PAGES_WAITING)
        self._stop = threading.Event()
        self._pool = PageThreads(2 * settings.workers, "page")
        self._threads = [
            threading.Thread(target=self._work, name=f"scan-{n}", daemon=True)
            for n in range(min(settings.workers, len(collections)))
        ]

    def __enter__(self) -> Scans:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.close()

    def say(self, message: Message) -> None:
        while not self._stop.is_set():
            try:
                self.messages.put(message, timeout=0.2)
                return
            except queue.Full:
                continue
        raise Stopped

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
                self.say(Scanned(collection, failure, last=True))
                self._ended(collection)
            except Stopped:
                return
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for it
                with contextlib.suppress(Stopped):
                    self.say(Crashed(error))
                return

    def _wait_its_turn(self, collection: str) -> None:
        while collection not in self._first and not self._others_may.wait(timeout=0.2):
            if self._stop.is_set():
                raise Stopped

    def _ended(self, collection: str) -> None:
        with self._lock:
            self._awaited.discard(collection)
            if not self._awaited:
                self._others_may.set()

    def _scan(self, collection: str) -> None:
        resumed = self._scan_window(collection, self._full)
        if resumed:
            # What was resumed ends at its old bound: catch up with what changed since.
            self.say(Scanned(collection, None, last=False))
            self._scan_window(collection, False)

    def _bound(self, collection: str, server_now: datetime) -> tuple[datetime, datetime]:
        """The end of the window, and the moment as of which it is read. Where the server's clock and ours disagree,
        nobody knows which is right.

        A watermark in the future of the clock that writes $updatedAt would hide every row to come. So the rows
        themselves tell the time then: the window ends at the newest one there is. That may be days old where nothing
        is written; of what other collections have since, this one is no less of the same moment for it.
        """
        settings = self._settings
        ours = datetime.now(UTC)
        apart = abs((server_now - ours).total_seconds())
        if apart <= max(CLOCKS_AGREE, settings.overlap / 2):
            bound = upper_bound(server_now, settings.safety_lag)
            # One for all that is read beside each other, the first that was asked for: a row written later may refer to
            # what was made after the scans of what it refers to, and one written between two bounds would be here as of
            # another moment than those that belong to it.
            with self._lock:
                if self._common is None:
                    self._common = bound
                return self._common, self._common
        newest = self._gateway.rows(
            collection, newest_queries(max(server_now, ours).replace(tzinfo=None)), first_updated
        )
        earlier = min(server_now, ours)
        bound = newest or upper_bound(earlier, settings.safety_lag)
        # A frozen clock is a replay's: there rows are as old as the server says, whatever day it is here.
        frozen = self._gateway.clock.frozen is not None
        return bound, max(bound, upper_bound(server_now if frozen else earlier, 0))

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
        bound, until = self._bound(collection, server_now)
        reply: Future[Reading] = Future()
        self.say(Planned(collection, columns, bound, until, full, order, selection.why, reply))
        while True:
            try:
                reading = reply.result(timeout=0.2)
                break
            except TimeoutError:
                if self._stop.is_set():
                    raise Stopped from None
        left_out = self._look_again(collection, reading, full, selection)
        self._follow(collection, reading, selection, left_out)
        return reading.plan.resumed

    def _look_again(
        self, collection: str, reading: Reading, full: bool, selection: Selection
    ) -> Sequence[str]:
        """Try rows that could not be read; those that still need not be asked for with others."""
        if not reading.unread:
            return ()
        looked = look_again(
            self._gateway,
            collection,
            reading.unread,
            reading.decoder.decode,
            lambda page: self.say(Again(collection, page)),
            now=self._gateway.clock.naive_now(),
            all_due=full,
            order=reading.plan.order,
            selected=selection.queries,
        )
        self.say(Again(collection, looked=looked))
        return looked.left_out

    def _follow(
        self,
        collection: str,
        reading: Reading,
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
        short = 0
        guess = position_guess(plan.order, selection)
        pages = PageAhead(self._pool, fetch, reading.decoder.decode, guess)
        try:
            # Only an empty page ends a scan, or the server's word that no row it must have is left: a server that gives
            # fewer rows than asked for must not end it early.
            while True:
                try:
                    page = pages.page(after)
                except OneRow as odd:
                    odd_rows.check(odd)
                    self.say(SetAside(collection, odd.row))
                    after = odd.row.position
                    continue
                odd_rows.had_a_page()
                if page.last is None:
                    break
                self.say(Fetched(collection, page))
                after = page.last
                short = short + 1 if len(page) < reading.size.rows() else 0
                if short == TRICKLE:
                    short = 0
                    if self._all_later(collection, plan, upto, after, left_out):
                        break
        finally:
            pages.close()

    def _all_later(
        self,
        collection: str,
        plan: ScanPlan,
        upto: datetime | None,
        after: Position,
        left_out: Sequence[str],
    ) -> bool:
        """Whether all rows behind a position were made and written after the bound: they are the next scan's. Never of
        what the others refer to, and not where the server refuses to tell."""
        if collection in self._first:
            return False
        written = window_queries(plan.lower, plan.bound, after, 1, plan.order)
        made = [made_query(plan.bound), *window_queries(plan.lower, upto, after, 1, plan.order)]
        try:
            return not any(
                self._gateway.rows(
                    collection, [*but_for(left_out), *window], ids_of, operation="probe_rows", expected=True
                )
                for window in (written, made)
            )
        except PermanentFailure:
            return False
