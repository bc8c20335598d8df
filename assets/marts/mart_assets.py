"""The marts as Dagster assets: one step makes them all as of one instant. What each holds is in its own file."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterable, Iterator
from dataclasses import astuple
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

import duckdb
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, MetadataValue, multi_asset

from assets.closed_months import OF_CLOSED_MONTHS, compare_closed_months, zone_offset
from assets.core.core_assets import CORE_KEYS
from assets.declared import shown
from assets.freshness import FRESHNESS
from assets.marts.build import BuildOutcome, build
from assets.marts.compiled import sql_file
from assets.marts.every import MART_NAMES, MARTS
from assets.ops import create_ops, mirror_bookkeeping, mirror_health
from assets.raw import raw_key
from assets.step import step
from checks.schemas import OPS
from checks.schemas.table import Declaration
from marketplace.collections import INGESTED
from marketplace.health import UNMEASURED_AFTER
from resources.ledger import ClosedGap, HealthVerdict, Ledger
from resources.policy_file import load_policy
from resources.run_context import RunContext

#: Made after this run's verdicts and comparisons are in the ledger, which they are made from.
HISTORY = ("health_history", "health_uptime")
LATER = (*HISTORY, *OF_CLOSED_MONTHS)
#: Mirrored beside the marts, from what the calls of this run and of failed ones left in the ledger.
OPS_KEYS = [AssetKey(["ops", "errors"]), AssetKey(["ops", "timings"])]
MART_KEYS = [AssetKey(["marts", name]) for name in MART_NAMES]
#: The folder of a home where the marts' SQL is kept.
COMPILED = "compiled"
#: What the tables are made of that a build is given and that have no asset: ledger.sqlite keeps what an asset told
#: it. (ops.scans says how the run itself read the source, waivers what people said.)
KEPT_FROM = {
    "health_changes": AssetKey(["marts", "health_points"]),
    "closed_changes": AssetKey(["marts", "month_figures"]),
    "closed_gaps": AssetKey(["marts", "month_figures"]),
}


def upstreams(name: str) -> set[AssetKey]:
    """The assets a mart is made of: what it reads itself, and what the steps read that it reads."""
    found: set[AssetKey] = set()
    for read in MARTS[name].reads:
        if read in KEPT_FROM:
            found.add(KEPT_FROM[read])
        elif read in MARTS[name].needs:
            found |= upstreams(read) if MARTS[read].step else {AssetKey(["marts", read])}
        elif read in CORE_KEYS:
            found.add(CORE_KEYS[read])
    return found


def build_marts(
    con: duckdb.DuckDBPyConnection,
    run: RunContext,
    tables: Iterable[str] | None = None,
    *,
    gap: ClosedGap | None = None,
    now: datetime | None = None,
) -> BuildOutcome:
    """Make the marts named (default: all) as of ``now`` (naive UTC; default: the run's clock), in an open warehouse.
    ``gap``: this run could compare closed months with no snapshot."""
    ledger = Ledger(run.home.ledger)
    now = now or run.clock.naive_now()
    return build(
        con,
        now=now,
        policy=load_policy(),
        tables=tables,
        waived=ledger.waived(),
        closed_changes=[astuple(change) for change in ledger.closed_changes()],
        closed_gaps=[(*astuple(known), known == gap) for known in ledger.closed_gaps()],
        clock_frozen=run.settings.bookwatch_now is not None,
        utc_offset=zone_offset(run),
        cache=run.home.root / COMPILED,
    )


def record_points(con: duckdb.DuckDBPyConnection, run: RunContext, at: datetime) -> None:
    """Enter what marts.health_points says at the instant it was made for into the ledger, and mirror its history."""
    ledger = Ledger(run.home.ledger)
    points = con.execute("SELECT point, status, message FROM marts.health_points ORDER BY point").fetchall()
    ledger.record_health([HealthVerdict(*point) for point in points], at=at, silence=UNMEASURED_AFTER)
    mirror_health(con, ledger, at)
    run.points_judged = True


def make_marts(run: RunContext) -> dict[str, int]:
    """Mirror raw's bookkeeping and make every mart; returns the rows of each."""
    with run.warehouse.open() as con:
        create_ops(con)
        mirror_bookkeeping(con, run.home.raw, run)
        figures = build_marts(con, run, [name for name in MART_NAMES if name not in LATER])
        record_points(con, run, figures.now)
        # What the figures changed since the snapshot before is known only now.
        gap = compare_closed_months(con, run)
        later = build_marts(con, run, LATER, gap=gap, now=figures.now)
        run.figures_changed = bool(figures.changed or later.changed)
        ops = {key.path[-1]: _rows(con, f"ops.{key.path[-1]}") for key in OPS_KEYS}
    return {**figures.rows, **later.rows, **ops}


def _rows(con: duckdb.DuckDBPyConnection, table: str) -> int:
    found = con.execute(f"SELECT count(*) FROM {table}").fetchone()
    assert found is not None
    return int(found[0])


def _mart_spec(name: str) -> AssetSpec:
    mart = MARTS[name]
    assert mart.table is not None
    return AssetSpec(
        ["marts", name],
        deps=sorted(upstreams(name)),
        group_name=mart.table.subject,
        description=mart.description,
        metadata=shown(mart.table),
        freshness_policy=FRESHNESS,
    )


def _ops_spec(table: Declaration) -> AssetSpec:
    """A table of calls: those that reading the collections made."""
    return AssetSpec(
        ["ops", table.name],
        deps=[raw_key(collection) for collection in INGESTED],
        group_name="ops",
        description=table.what,
        metadata=shown(table),
        freshness_policy=FRESHNESS,
    )


@multi_asset(
    name="marts",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[*map(_mart_spec, MART_NAMES), *(_ops_spec(OPS[key.path[-1]]) for key in OPS_KEYS)],
)
def mart_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    run: RunContext = context.resources.run
    run.say("Making the marts …")
    rows = step(run, "marts", lambda: make_marts(run))
    # Dagster wants an asset of the step told after those of the step that it is made of.
    told_first = TopologicalSorter({key: upstreams(key.path[-1]) for key in MART_KEYS}).static_order()
    for key in [*(key for key in told_first if key in MART_KEYS), *OPS_KEYS]:
        if key not in context.selected_asset_keys:
            continue
        layer, name = key.path
        told: dict[str, Any] = {"rows": rows[name], "dagster/row_count": rows[name]}
        if layer == "marts":
            told["sql"] = MetadataValue.path(sql_file(run.home.root / COMPILED, name))
        yield MaterializeResult(asset_key=key, metadata=told)
