"""The scan that misses no row: pages by $sequence inside a window of $updatedAt, merged as they come.

Measured against a real Appwrite 1.9.6, paging `greaterThan($updatedAt, watermark)` by cursor lost 1,972 of
12,002 rows while rows were being touched. So a bound is set before the scan starts (by the server's clock, minus a
safety lag), and pages follow $sequence, which never changes. Every row that was made up to the bound is in the mirror
when the scan has ended: as it is now where the mirror had none of it, else as it was by the bound; one that is touched
meanwhile is read again by the next scan. Deletes and backdated rows are the sweep's task (sweep.py).
A server without a numeric $sequence is followed by $id (order.py). Fetching is scan_threads.py's, storing
scan_writer.py's. What a row means is not known here.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from marketplace.events import ScanOutcome
from resources.appwrite.failures import CallFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.outcomes import CollectionOutcome
from resources.appwrite.scan_threads import Again, Crashed, Fetched, Planned, Scanned, Scans, SetAside
from resources.appwrite.scan_writer import Writer
from resources.appwrite.unavailable import source_unavailable
from resources.appwrite.windows import upper_bound
from resources.progress import Progress
from resources.raw.merging import RejectReasons
from resources.raw.store import RawStore
from resources.settings import Settings

SETTLING = 10.0
"""Seconds; how long a first load waits at most until what it met beyond its bound can be read as settled."""
BEHIND = timedelta(seconds=1)
"""How far the server's time as it is known here (a moment that its clock has certainly reached) may be behind it."""


def ping(gateway: Gateway) -> datetime:
    """The server's time, or SourceUnavailable in one sentence."""
    refused: CallFailure
    try:
        return gateway.ping()
    except CallFailure as failure:
        refused = failure
    raise source_unavailable(refused, gateway)


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
    if_there: Sequence[str] = (),
) -> list[CollectionOutcome]:
    """Bring the mirror up to date, several collections at a time; one outcome a collection, in their order.

    ``first``: what the rows of the others refer to. Their scans end before any other begins, and read to the last
    row there is: whatever existed when a row that refers to it was written until their watermark is in the mirror.

    ``reject_reasons(collection, rows)`` gives per row why it is quarantined, from the attributes ``judged_by``
    (None: any) and the mirror's own columns; a changed ``rules_version`` has stored rows judged again. ``full`` reads
    everything anew. ``named``: attributes that are mirrored whatever else a collection has; ``told``: those that are
    kept of a row which cannot be read as a whole, where they can be had. ``if_there``: collections of which nothing is
    said, and no outcome told, where the server never had them; where it has not the first, it has none of them. A
    collection that is forbidden, missing or breaks off stops no other and keeps what it stored.
    Raises SourceUnavailable if Appwrite cannot be reached or refuses the key at the start, UsageError if the mirror
    belongs to another source, StoreFailure if the file cannot be written.
    """
    clock = gateway.clock
    if store.source.known() is not None:
        store.source.claim(*gateway.identity, clock.naive_now())
    ping(gateway)
    # A new file is claimed only for a source that answered: a mistyped endpoint must not stick.
    store.source.claim(*gateway.identity, clock.naive_now())
    known = store.columns.collections()
    collections = _there(gateway, collections, if_there, known)
    writer = Writer(
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
        scans = Scans(gateway, collections, frozenset(first), settings, full, told)
        with scans:
            outcomes.update(_ended(scans, writer, frozenset(collections)))

    read(collections, full)
    if _settled(gateway, writer, settings.safety_lag):
        writer.read_on()
        read([c for c in collections if outcomes[c].outcome is ScanOutcome.COMPLETE], False)
    return [outcomes[collection] for collection in collections]


def _there(
    gateway: Gateway, collections: Sequence[str], if_there: Sequence[str], known: Collection[str]
) -> list[str]:
    """The collections without those of ``if_there`` that the mirror has no rows of, nor the server a table."""
    asked = [name for name in if_there if name in collections and name not in known]
    first = if_there[0] if if_there else None
    if first in asked and not gateway.is_there(str(first)):
        gone = set(asked)
    else:
        gone = {name for name in asked if name != first and not gateway.is_there(name)}
    return [name for name in collections if name not in gone]


def _ended(scans: Scans, writer: Writer, collections: frozenset[str]) -> dict[str, CollectionOutcome]:
    """Carry out what the scans say until each has ended."""
    outcomes: dict[str, CollectionOutcome] = {}
    while len(outcomes) < len(collections):
        try:
            message = scans.messages.get(timeout=0.5)
        except queue.Empty:
            writer.flush_waiting()
            continue
        match message:
            case Planned():
                message.reply.set_result(writer.plan(message))
            case Fetched():
                writer.take(message)
            case SetAside():
                writer.set_aside(message)
            case Again():
                writer.looked_again(message)
            case Scanned(collection, failure, last) if last:
                outcomes[collection] = writer.finish(collection, failure)
            case Crashed(error):
                raise error
            case Scanned(collection):
                writer.flush(collection, complete=True)
        writer.flush_waiting()
    return outcomes


def _settled(gateway: Gateway, writer: Writer, safety_lag: float) -> bool:
    """Whether first loads met rows that were written while they went on. Then waits (SETTLING at most) until a scan can
    read up to the newest of these, so that what belongs to them can be read as of the same moment.

    False where the server does not answer any more: what was read stands, and the next run reads on.
    """
    try:
        now = gateway.ping()
        newest = writer.newest_beyond(now.replace(tzinfo=None) + BEHIND)
        if newest is None:
            return False
        until = time.monotonic() + SETTLING
        # (A lag that is longer than that is not waited for.)
        while upper_bound(now, safety_lag) < newest and safety_lag < SETTLING and time.monotonic() < until:
            time.sleep(0.1)  # until the server's clock, asked again, is past the newest row
            now = gateway.ping()
    except CallFailure:
        return False
    return True
