"""The core layer as Dagster assets: one step derives every changed row. What it does is derive.py's."""

# Dagster reads the annotation of `context`, so annotations are not postponed here.
from collections.abc import Iterator

from dagster import AssetExecutionContext, AssetKey, AssetSpec, MaterializeResult, multi_asset

from assets.asset_freshness import FRESHNESS
from assets.declared import shown
from checks.schemas import CORE

_PROVIDERS = ("therapists", "places")
_DERIVED = (
    "bookings",
    "hotel_bookings",
    "commission_records",
    "chat_messages",
    "chat_rooms",
    "notifications",
    "reviews",
    "booking_offers",
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
    "reviews": ("reviews", *_PROVIDERS),
    "booking_offers": ("booking_offers", *_PROVIDERS),
    "providers": _PROVIDERS,
    "booking_events": ("bookings", "hotel_bookings"),
    "booking_providers": ("bookings", "hotel_bookings", *_PROVIDERS),
    "booking_handovers": ("bookings", "hotel_bookings", *_PROVIDERS),
    "provider_states": _PROVIDERS,
    "data_findings": _DERIVED,
    "quarantined": _DERIVED,
}
CORE_KEYS = {table: AssetKey(["core", table]) for table in CORE_SOURCES}


@multi_asset(
    name="core",
    can_subset=True,
    required_resource_keys={"run"},
    specs=[
        AssetSpec(
            CORE_KEYS[table],
            deps=[AssetKey(["raw", collection]) for collection in collections],
            group_name="core",
            description=CORE[table].what,
            metadata=shown(CORE[table]),
            freshness_policy=FRESHNESS,
        )
        for table, collections in CORE_SOURCES.items()
    ],
)
def core_assets(context: AssetExecutionContext) -> Iterator[MaterializeResult]:
    outcome = context.resources.run.derive()
    for table, key in CORE_KEYS.items():
        if key in context.selected_asset_keys:
            yield MaterializeResult(asset_key=key, metadata={"rows_written": outcome.rows.get(table, 0)})
