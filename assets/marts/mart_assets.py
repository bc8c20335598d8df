"""The marts as Dagster assets: one step makes them all as of one instant. What it does is make.py's."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, MetadataValue, multi_asset

from assets.asset_freshness import FRESHNESS
from assets.core.core_assets import CORE_KEYS
from assets.declared import shown
from assets.marts.every import MART_NAMES, MARTS
from assets.marts.make import COMPILED, OPS_TABLES
from assets.marts.sql_cache import sql_file
from checks.schemas import OPS
from checks.schemas.table import Declaration
from marketplace.collections import INGESTED

OPS_KEYS = [AssetKey(["ops", table]) for table in OPS_TABLES]
MART_KEYS = [AssetKey(["marts", name]) for name in MART_NAMES]
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
        deps=[AssetKey(["raw", collection]) for collection in INGESTED],
        group_name="ops",
        description=table.what,
        metadata=shown(table),
        freshness_policy=FRESHNESS,
    )


@multi_asset(
    name="marts",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[*map(_mart_spec, MART_NAMES), *(_ops_spec(OPS[table]) for table in OPS_TABLES)],
)
def mart_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    shared = context.resources.run
    rows = shared.build().rows
    compiled = shared.report.home.root / COMPILED
    # Dagster wants an asset of the step told after those of the step that it is made of.
    told_first = TopologicalSorter({key: upstreams(key.path[-1]) for key in MART_KEYS}).static_order()
    for key in [*(key for key in told_first if key in MART_KEYS), *OPS_KEYS]:
        if key not in context.selected_asset_keys:
            continue
        layer, name = key.path
        told: dict[str, Any] = {"rows": rows[name], "dagster/row_count": rows[name]}
        if layer == "marts":
            told["sql"] = MetadataValue.path(sql_file(compiled, name))
        yield MaterializeResult(asset_key=key, metadata=told)
