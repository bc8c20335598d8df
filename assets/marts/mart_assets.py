"""The marts as Dagster assets: one step makes them all as of one instant. What it does is make.py's."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.core.core_assets import CORE_KEYS
from assets.freshness import FRESHNESS
from assets.marts.catalog import MART_NAMES
from assets.marts.make import OPS_TABLES

OPS_KEYS = [AssetKey(["ops", table]) for table in OPS_TABLES]
MART_KEYS = [AssetKey(["marts", name]) for name in MART_NAMES]


@multi_asset(
    name="marts",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            key,
            deps=list(CORE_KEYS.values()),
            group_name=key.path[0],
            description="See docs/tables.md.",
            freshness_policy=FRESHNESS,
        )
        for key in [*MART_KEYS, *OPS_KEYS]
    ],
)
def mart_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    rows = context.resources.run.build().rows
    for key in [*MART_KEYS, *OPS_KEYS]:
        if key in context.selected_asset_keys:
            yield MaterializeResult(asset_key=key, metadata={"rows": rows[key.path[-1]]})
