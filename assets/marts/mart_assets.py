"""The marts as Dagster assets: one step makes them all as of one instant. What each holds is in its own file."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterable, Iterator
from dataclasses import astuple

import duckdb
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.closed_months import OF_CLOSED_MONTHS, compare_closed_months, zone_offset
from assets.core.core_assets import CORE_KEYS
from assets.marts.build import MART_NAMES, BuildOutcome, build
from assets.ops import create_ops, mirror_bookkeeping
from assets.step import step
from resources.ledger import ClosedGap, Ledger
from resources.policy_file import load_policy
from resources.run_context import RunContext
from resources.warehouse import open_warehouse

MART_KEYS = [AssetKey(["marts", name]) for name in MART_NAMES]


def build_marts(
    con: duckdb.DuckDBPyConnection,
    run: RunContext,
    tables: Iterable[str] | None = None,
    *,
    gap: ClosedGap | None = None,
) -> BuildOutcome:
    """Make the marts named (default: all) as of the run's clock, in an open warehouse. ``gap``: this run could compare
    closed months with no snapshot."""
    ledger = Ledger(run.home.ledger)
    return build(
        con,
        now=run.clock.naive_now(),
        policy=load_policy(),
        tables=tables,
        waived=ledger.waived(),
        closed_changes=[astuple(change) for change in ledger.closed_changes()],
        closed_gaps=[(*astuple(known), known == gap) for known in ledger.closed_gaps()],
        clock_frozen=run.settings.bookwatch_now is not None,
        utc_offset=zone_offset(run),
        cache=run.home.root / "compiled",
    )


def make_marts(run: RunContext) -> dict[str, int]:
    """Mirror raw's bookkeeping and make every mart; returns the rows of each."""
    with open_warehouse(run.home.warehouse) as con:
        create_ops(con)
        mirror_bookkeeping(con, run.home.raw, run)
        figures = build_marts(con, run, (name for name in MART_NAMES if name not in OF_CLOSED_MONTHS))
        # What the figures changed since the snapshot before is known only now.
        gap = compare_closed_months(con, run)
        closed = build_marts(con, run, OF_CLOSED_MONTHS, gap=gap)
    run.marts_made = True
    return {**figures.rows, **closed.rows}


@multi_asset(
    name="marts",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(key, deps=list(CORE_KEYS.values()), group_name="marts", description="See docs/tables.md.")
        for key in MART_KEYS
    ],
)
def mart_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    run: RunContext = context.resources.run
    run.say("Making the marts …")
    rows = step(run, "marts", lambda: make_marts(run))
    for key in MART_KEYS:
        if key in context.selected_asset_keys:
            yield MaterializeResult(asset_key=key, metadata={"rows": rows[key.path[-1]]})
