"""The published snapshot: a copy of the closed warehouse under a name of its own, and the link readers follow."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
import time
from datetime import timedelta

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.core.private import update_private
from assets.ops import describe_snapshot
from assets.step import step
from marketplace.rules import RULES_VERSION
from resources.ledger import Ledger
from resources.run_context import RunContext
from resources.snapshots import (
    copy_closed_file,
    current_snapshot,
    drop_old_snapshots,
    open_snapshot,
    point_link,
    snapshot_path,
)
from resources.warehouse import open_warehouse

# Ages and counters move with the clock alone. Between two copies they stand in status.json, which every run
# replaces; the snapshot is copied again once its own figures would be older than this.
REFRESH_AFTER = timedelta(minutes=5)
# Publishing may take a tenth of the wall time at most.
WALL_TIME_SHARE = 0.1

SNAPSHOT_KEY = AssetKey(["published", "snapshot"])


def _must_copy(run: RunContext) -> bool:
    """Whether the warehouse shows anything the newest snapshot does not."""
    current = current_snapshot(run.home)
    if current is None or run.full_refresh or run.changed:
        return True
    with open_snapshot(current) as con:
        row = con.execute("SELECT published_at, rules_version FROM ops.snapshot").fetchone()
    if row is None or row[1] != RULES_VERSION:
        return True
    return abs(run.clock.naive_now() - row[0]) >= REFRESH_AFTER


def publish(run: RunContext) -> str:
    """Copy the closed warehouse, swap the link, refresh private.duckdb; returns the snapshot's id.

    When nothing changed the newest snapshot's id is returned and nothing is copied.
    """
    began = time.perf_counter()
    update_private(run.home.raw, run.home.published)
    if not _must_copy(run):
        current = current_snapshot(run.home)
        assert current is not None
        run.snapshot_id, run.snapshot_changed = current.stem, False
        return current.stem
    snapshot_id = run.run_id
    with open_warehouse(run.home.warehouse) as con:
        describe_snapshot(con, run, snapshot_id, RULES_VERSION)
        con.execute("CHECKPOINT")
    target = snapshot_path(run.home, snapshot_id)
    copy_closed_file(run.home.warehouse, target)
    point_link(run.home.current, target)
    run.snapshot_id, run.snapshot_changed = snapshot_id, True
    run.publishing_seconds = time.perf_counter() - began
    drop_old_snapshots(run.home, now=run.clock.now(), cited=Ledger(run.home.ledger).cited_snapshots())
    return snapshot_id


def published_assets(upstream: list[AssetKey]):
    """The published snapshot as a Dagster asset that waits for ``upstream`` and its blocking checks."""

    @multi_asset(
        name="published",
        required_resource_keys={"run"},
        specs=[
            AssetSpec(
                SNAPSHOT_KEY,
                deps=upstream,
                group_name="published",
                description="What people read: core, marts and ops of one run, without personal data.",
            )
        ],
    )
    def published(context: AssetExecutionContext) -> MaterializeResult:
        run: RunContext = context.resources.run
        with step(run, "publish"):
            publish(run)
        return MaterializeResult(
            asset_key=SNAPSHOT_KEY,
            metadata={"snapshot": run.snapshot_id or "", "copied": run.snapshot_changed},
        )

    return published
