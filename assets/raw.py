"""The raw layer: each ingested collection mirrored into raw.duckdb. The only room that talks to Appwrite."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict

from marketplace.aliases import ALIASES
from marketplace.collections import INGESTED, OF_SERVICES, PROVIDER_COLLECTIONS, REQUIRED
from marketplace.events import NOT_THERE, ScanOutcome
from marketplace.expected import NAMED
from marketplace.quarantine import READ, reject_reasons
from marketplace.rules import RULES_VERSION
from messages.catalogue import english
from messages.message import Message, as_message, in_a_row
from resources.appwrite.gateway import Gateway
from resources.appwrite.outcomes import CollectionOutcome
from resources.appwrite.refusals import PASSES_BY_ITSELF
from resources.appwrite.sweep import MASS_DELETE_SHARE, sweep
from resources.appwrite.sync import sync
from resources.appwrite.unavailable import source_unavailable
from resources.call_log import CallLog
from resources.errors import SourceUnavailable
from resources.ledger import Ledger
from resources.policy_file import load_policy
from resources.progress import Quiet, progress_for
from resources.raw.store import RawStore
from resources.run_report import CollectionScan, CollectionSweep, Ingested, Run, SweepOrder


def ingest(run: Run) -> Ingested:
    """Scan every ingested collection into raw.duckdb (and sweep it, where the run is asked to); one outcome each.

    Therapists and places come first: the rest is read in their zones. Raises SourceUnavailable when Appwrite cannot
    be reached, refuses the key, or lacks a required collection, and while one has never been read to its end;
    UsageError where the commission policy is wrong.
    """
    settings = run.settings.require_appwrite()
    load_policy()  # a policy that cannot be used is an error now, not after an hour of reading
    with (
        CallLog(Ledger(run.home.ledger), run.run_id, run.journal.calls) as calls,
        Gateway(settings, run.clock, calls, say=run.say) as gateway,
        RawStore(run.home.raw) as store,
        nullcontext(Quiet()) if run.order.quiet else progress_for() as progress,
    ):
        outcomes = sync(
            gateway,
            store,
            INGESTED,
            settings=settings,
            run_id=run.run_id,
            reject_reasons=reject_reasons,
            first=PROVIDER_COLLECTIONS,
            judged_by=READ,
            named=NAMED,
            told=ALIASES["booking.business_id"],
            if_there=OF_SERVICES,
            progress=progress,
            rules_version=RULES_VERSION,
            full=run.order.full_refresh,
        )
        scans = tuple(
            CollectionScan(
                collection=outcome.collection,
                required=outcome.collection in REQUIRED,
                outcome=outcome.outcome.value,
                detail=". ".join(part for part in (outcome.detail, outcome.changes.sentence) if part),
                why=in_a_row(
                    [part for part in (outcome.why, outcome.changes.sentence) if part], "failure.two"
                ),
                unread=outcome.unread,
                **asdict(outcome.counts),
            )
            for outcome in outcomes
        )
        if barred := _barred(outcomes, gateway):
            raise barred
        unread = [
            scan
            for scan in scans
            if scan.required and store.watermarks.of(scan.collection).completed_at is None
        ]
        if unread:
            # A part of the bookings, or of their records, is no marketplace: every figure of it would be wrong.
            lasting = [
                outcome.failure
                for outcome in outcomes
                if outcome.collection in {scan.collection for scan in unread}
                and outcome.failure is not None
                and outcome.failure.reason not in PASSES_BY_ITSELF
            ]
            broken = in_a_row(
                [
                    Message(
                        "failure.first_reading",
                        {
                            "collection": scan.collection,
                            "why": as_message(scan.why or Message(f"outcome.{scan.outcome}")),
                        },
                    )
                    for scan in unread
                ]
            )
            then = source_unavailable(lasting[0], gateway).todo if lasting else Message("failure.run_again")
            raise SourceUnavailable(
                Message("failure.sentence", {"problem": as_message(broken)}),
                Message("failure.first_reading_do", {"then": then}),
            )
        sweeps: tuple[CollectionSweep, ...] = ()
        if run.order.sweep:
            run.say("Comparing every row with Appwrite …")
            sweeps = _swept(run, run.order.sweep, gateway, store, scans)
    return Ingested(scans, sweeps)


def _barred(outcomes: list[CollectionOutcome], gateway: Gateway) -> SourceUnavailable | None:
    """Why nothing can be published: a server whose rows cannot be followed, or a required collection that is missing
    or refused, with the cause Appwrite names."""
    for outcome in outcomes:
        if outcome.failure is not None and outcome.failure.reason == "no_order":
            return source_unavailable(outcome.failure, gateway)
    barred = [o for o in outcomes if o.collection in REQUIRED and o.outcome in NOT_THERE]
    if not barred:
        return None
    lacking = as_message(
        in_a_row([Message(f"failure.required_{o.outcome}", {"collection": o.collection}) for o in barred])
    )
    next_step = Message("failure.required_do")
    first = barred[0].failure
    if first is None:
        return SourceUnavailable(Message("failure.sentence", {"problem": lacking}), next_step)
    cause = source_unavailable(first, gateway)
    return SourceUnavailable(
        Message("failure.two", {"first": lacking, "then": cause.why}), cause.todo or next_step
    )


def _swept(
    run: Run, order: SweepOrder, gateway: Gateway, store: RawStore, scans: Sequence[CollectionScan]
) -> tuple[CollectionSweep, ...]:
    """Sweep the collections just scanned. One that could not be scanned is not compared either, and says so."""
    readable = [scan.collection for scan in scans if scan.outcome == ScanOutcome.COMPLETE]
    outcomes = sweep(
        gateway,
        store,
        readable,
        settings=run.settings,
        run_id=run.sweep_id,
        reject_reasons=reject_reasons,
        progress=Quiet(),
        rules_version=RULES_VERSION,
        deep=order.deep,
        guard=1.0 if order.accept_deletes else MASS_DELETE_SHARE,
        told=ALIASES["booking.business_id"],
    )
    found = {
        outcome.collection: CollectionSweep(
            collection=outcome.collection,
            outcome=outcome.outcome.value,
            server_rows=outcome.server_rows,
            mirror_rows=outcome.mirror_rows,
            deleted=outcome.counts.deleted,
            repaired=outcome.repaired,
            missing=outcome.missing,
            held=outcome.held,
            detail=outcome.detail,
            why=outcome.why,
        )
        for outcome in outcomes
    }
    return tuple(found.get(scan.collection) or _not_compared(scan) for scan in scans)


def _not_compared(scan: CollectionScan) -> CollectionSweep:
    """One that could not be scanned is not compared either."""
    why = scan.why or Message("scan.unreadable")
    return CollectionSweep(scan.collection, scan.outcome, detail=english(why), why=why)
