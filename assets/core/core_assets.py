"""The core layer as Dagster assets: one step derives every changed row. The derivation itself is engine.py."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator

import duckdb
from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.core.engine import CoreOutcome, process
from assets.declared import shown
from assets.freshness import FRESHNESS
from assets.raw import raw_key
from assets.renewal import renew
from assets.rescue import open_or_rescue, rescue_if_damaged
from assets.step import step
from checks.schemas import CORE
from marketplace.money import AmountBounds
from marketplace.rules import RULES_VERSION
from resources.run_context import RunContext
from resources.warehouse import is_damage

_PROVIDERS = ("therapists", "places")
_DERIVED = (
    "bookings",
    "hotel_bookings",
    "commission_records",
    "chat_messages",
    "chat_rooms",
    "notifications",
    *_PROVIDERS,
)
# Core table → the collections its rows are derived from; every derivation also reads the providers' zones, that of a
# record without a provider its booking's.
CORE_SOURCES: dict[str, tuple[str, ...]] = {
    "bookings": ("bookings", "hotel_bookings", *_PROVIDERS),
    "commissions": ("commission_records", "bookings", "hotel_bookings", *_PROVIDERS),
    "messages": ("chat_messages", *_PROVIDERS),
    "chat_rooms": ("chat_rooms", *_PROVIDERS),
    "notifications": ("notifications", *_PROVIDERS),
    "providers": _PROVIDERS,
    "booking_events": ("bookings", "hotel_bookings"),
    "data_findings": _DERIVED,
    "quarantined": _DERIVED,
}
CORE_KEYS = {table: AssetKey(["core", table]) for table in CORE_SOURCES}


def derive(run: RunContext) -> CoreOutcome:
    """Bring core up to the mirror, in a warehouse made anew where it is damaged or of other rules."""
    open_or_rescue(run)
    try:
        if renew(run.home, RULES_VERSION):
            run.say("The rules changed: the warehouse is made anew from raw.duckdb.")
        return _process(run)
    except duckdb.Error as broken:
        if not is_damage(broken) or not rescue_if_damaged(run):
            raise
    return _process(run)


def _process(run: RunContext) -> CoreOutcome:
    return process(
        run.home.raw,
        run.home.warehouse,
        timezone=run.settings.bookwatch_timezone,
        rules_version=RULES_VERSION,
        now=run.clock.naive_now(),
        full=run.full_refresh,
        amounts=AmountBounds(run.settings.bookwatch_amount_min, run.settings.bookwatch_amount_max),
    )


@multi_asset(
    name="core",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            CORE_KEYS[table],
            deps=[raw_key(collection) for collection in collections],
            group_name="core",
            description=CORE[table].what,
            metadata=shown(CORE[table]),
            freshness_policy=FRESHNESS,
        )
        for table, collections in CORE_SOURCES.items()
    ],
)
def core_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    run: RunContext = context.resources.run
    run.say("Deriving core …")
    outcome = step(run, "core", lambda: derive(run))
    for table, key in CORE_KEYS.items():
        if key in context.selected_asset_keys:
            yield MaterializeResult(asset_key=key, metadata={"rows_written": outcome.rows.get(table, 0)})
