"""The raw layer: each ingested collection mirrored into raw.duckdb. The only room that talks to Appwrite."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from datetime import timedelta

from dagster import (
    AssetExecutionContext,
    AssetKey,
    AssetSpec,
    FreshnessPolicy,
    MaterializeResult,
    multi_asset,
)

from assets.step import step
from marketplace.acceptance import reject_reasons
from marketplace.collections import INGESTED, REQUIRED
from marketplace.rules import RULES_VERSION
from resources.appwrite.gateway import Gateway
from resources.appwrite.sync import sync
from resources.call_log import CallLog
from resources.errors import SourceUnavailable
from resources.ledger import Ledger
from resources.progress import Quiet, progress_for
from resources.raw_store import RawStore
from resources.run_context import CollectionScan, RunContext


def raw_key(collection: str) -> AssetKey:
    """The asset key of a mirrored collection."""
    return AssetKey(["raw", collection])


def ingest(run: RunContext) -> list[CollectionScan]:
    """Scan every ingested collection into raw.duckdb; returns one outcome each.

    Raises SourceUnavailable when Appwrite cannot be reached, refuses the key, or lacks a required collection.
    """
    settings = run.settings.require_appwrite()
    with (
        CallLog(Ledger(run.home.ledger), run.run_id, run.calls) as calls,
        Gateway(settings, run.clock, calls) as gateway,
        RawStore(run.home.raw) as store,
        nullcontext(Quiet()) if run.quiet else progress_for() as progress,
    ):
        outcomes = sync(
            gateway,
            store,
            INGESTED,
            settings=settings,
            run_id=run.run_id,
            reject_reasons=reject_reasons,
            progress=progress,
            rules_version=RULES_VERSION,
            full=run.full_refresh,
        )
    scans = [
        CollectionScan(
            collection=outcome.collection,
            required=outcome.collection in REQUIRED,
            outcome=outcome.outcome,
            detail=". ".join(part for part in (outcome.detail, outcome.changes.sentence) if part),
            **asdict(outcome.counts),
        )
        for outcome in outcomes
    ]
    barred = [scan for scan in scans if scan.required and scan.outcome in ("missing", "forbidden")]
    if barred:
        raise SourceUnavailable(
            "; ".join(f"The required collection {scan.collection} is {scan.outcome}" for scan in barred)
            + ".",
            "Check the ids in BOOKWATCH_TABLES and the key's scopes (rows.read, tables.read).",
        )
    return scans


@multi_asset(
    name="raw",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            raw_key(collection),
            group_name="raw",
            description=f"Mirror of the Appwrite collection {collection}.",
            freshness_policy=FreshnessPolicy.time_window(fail_window=timedelta(minutes=10)),
        )
        for collection in INGESTED
    ],
)
def raw_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    run: RunContext = context.resources.run
    with step(run, "ingest"):
        run.scans = ingest(run)
    for scan in run.scans:
        key = raw_key(scan.collection)
        if key in context.selected_asset_keys:
            yield MaterializeResult(
                asset_key=key,
                metadata={
                    "outcome": scan.outcome,
                    "fetched": scan.fetched,
                    "inserted": scan.inserted,
                    "updated": scan.updated,
                    "unchanged": scan.unchanged,
                    "rejected": scan.rejected,
                },
            )
