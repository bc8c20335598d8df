"""The two ends of the graph as Dagster assets: raw and the published snapshot, and the report of every run.

What they do is pipelines/run.py's. Core and marts are declared beside their tables (assets/).
"""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.asset_freshness import FRESHNESS
from assets.core.core_assets import CORE_KEYS
from assets.marts.mart_assets import MART_KEYS
from marketplace.collections import INGESTED, OF_SERVICES
from pipelines.dagster.shared_run import SharedRun
from resources.run_report import CollectionScan

SNAPSHOT_KEY = AssetKey(["published", "snapshot"])
CHECK_RESULTS_KEY = AssetKey(["ops", "check_results"])


def raw_key(collection: str) -> AssetKey:
    """The asset key of a mirrored collection."""
    return AssetKey(["raw", collection])


def scan_metadata(scan: CollectionScan) -> dict[str, str | int]:
    """What Dagster shows of a scan: how it ended and its counts."""
    return {
        name: getattr(scan, name)
        for name in ("outcome", "fetched", "inserted", "updated", "unchanged", "rejected")
    }


@multi_asset(
    name="raw",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            raw_key(collection),
            group_name="raw",
            description=f"Mirror of the Appwrite collection {collection}.",
            freshness_policy=FRESHNESS,
        )
        for collection in INGESTED
    ],
)
def raw_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    run: SharedRun = context.resources.run
    scans = {scan.collection: scan for scan in run.ingest().scans}
    for collection in INGESTED:
        key = raw_key(collection)
        if key not in context.selected_asset_keys:
            continue
        if collection in scans:
            yield MaterializeResult(asset_key=key, metadata=scan_metadata(scans[collection]))
        elif collection in OF_SERVICES:  # what is not there is mirrored with no row
            yield MaterializeResult(asset_key=key)


@multi_asset(
    name="published",
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            SNAPSHOT_KEY,
            deps=[*CORE_KEYS.values(), *MART_KEYS],
            group_name="published",
            description="What people read: core, marts and ops of one run, without personal data.",
            freshness_policy=FRESHNESS,
        )
    ],
)
def published_assets(context: AssetExecutionContext) -> MaterializeResult:
    run: SharedRun = context.resources.run
    published = run.publish()
    return MaterializeResult(
        asset_key=SNAPSHOT_KEY, metadata={"snapshot": published.snapshot_id, "copied": published.changed}
    )


# It depends on nothing, so no failed step or blocking check can skip it; the in-process executor takes steps by
# priority, so it comes after everything that can still run.
@multi_asset(
    name="check_results",
    required_resource_keys={"run"},
    op_tags={"dagster/priority": "-100"},
    specs=[
        AssetSpec(
            CHECK_RESULTS_KEY,
            group_name="ops",
            description="Every check's verdict, status.json and the alerts of this run.",
        )
    ],
)
def check_results(context: AssetExecutionContext) -> MaterializeResult:
    run: SharedRun = context.resources.run
    found = run.conclude()
    return MaterializeResult(
        asset_key=CHECK_RESULTS_KEY,
        metadata={"checks": len(found.checks), "failing": len(found.failed_checks)},
    )
