"""Raw therapists and places → core.providers. Their zones decide how bare times of their bookings are
read."""

from __future__ import annotations

import polars as pl

from assets.core.batch import Batch, Derived, Reader, constant
from marketplace.aliases import ALIASES
from marketplace.collections import PROVIDER_TYPES
from marketplace.money import MICRO, NOT_A_NUMBER, read_micros
from marketplace.services import LARGEST_CAPACITY
from marketplace.statuses import PROVIDER_STATUS, ProviderType
from marketplace.text import nulls
from marketplace.zones import resolve_all


def derive_providers(batch: Batch) -> Derived:
    """A batch of ``therapists`` or ``places`` → rows of core.providers. An unknown zone is null, its offset
    the default."""
    read = Reader(batch)
    written = read.text("timezone")
    zone, offset = resolve_all(written)
    read.note("timezone_unknown", written.is_not_null() & offset.is_null(), "timezone", "noted.no_timezone")
    offsets = offset.fill_null(batch.zones.default)
    created, _ = read.created(offsets)
    rows = pl.DataFrame(
        {
            "provider_id": read.ids,
            "provider_type": constant(PROVIDER_TYPES[batch.collection], pl.String(), read.height),
            "provider_name": read.business(*ALIASES["provider.name"]),
            "status": read.word(PROVIDER_STATUS, "status_unknown", "status"),
            "city": read.city("city"),
            "timezone": zone,
            "utc_offset_minutes": offsets,
            "commission_plan": read.code("commissionPlan"),
            "notifications_enabled": read.flag("notificationsEnabled"),
            "sound_enabled": read.flag("soundEnabled"),
            "last_seen_at": read.instant(offsets, *ALIASES["provider.last_seen_at"]),
            "browser": read.browser("browser"),
            "capacity": _capacity(read),
            "created_at": created,
            **read.bookkeeping(),
        }
    )
    return Derived(rows, read.findings())


def _capacity(read: Reader) -> pl.Series:
    """How many bookings a place takes at once, where it says so: 0 says nothing (a column's default). A therapist takes
    one, whatever is written."""
    if PROVIDER_TYPES[read.batch.collection] != ProviderType.PLACE:
        return nulls(read.height, pl.Int64)
    names = ALIASES["provider.capacity"]
    text = read.text(*names)
    micros = read_micros(text, grouped=False)
    whole = (micros % MICRO == 0) & micros.is_between(0, LARGEST_CAPACITY * MICRO)
    read.note(
        "number_unreadable",
        text.is_not_null() & ~whole.fill_null(False),
        names,
        NOT_A_NUMBER,
    )
    return (micros // MICRO).set(~(whole & (micros > 0)).fill_null(False), None)
