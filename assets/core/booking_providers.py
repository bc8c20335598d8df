"""Whose a booking was: as its versions show, and as it says itself."""

from __future__ import annotations

import polars as pl

from assets.core.batch import FINDINGS_SCHEMA, Batch, Derived, Reader, constant
from assets.core.long_texts import too_long
from assets.core.versions import changes, observed
from checks.schemas import CORE
from marketplace.aliases import ALIASES
from marketplace.attributes import Attributes
from marketplace.collections import BOOKING_COLLECTIONS, PROVIDER_COLLECTIONS

PROVIDER_ATTRIBUTES = tuple(dict.fromkeys(name.partition(".")[0] for name in ALIASES["booking.provider_id"]))
_SAID_NAMES = (
    *ALIASES["booking.handed_from"],
    *ALIASES["booking.handed_to"],
    *ALIASES["booking.handed_from_booking"],
    *ALIASES["booking.handed_to_booking"],
)


def observe_providers(versions: Batch) -> pl.DataFrame:
    """All versions of some bookings (PROVIDER_ATTRIBUTES) → rows of core.booking_providers: one a change of the
    provider it names, the first sight included."""
    schema = CORE["booking_providers"].polars_schema
    if not versions.frame.height:
        return pl.DataFrame(schema=schema)
    read = Reader(versions)
    provider = read.provider(*ALIASES["booking.provider_id"])
    seen = pl.DataFrame(
        {
            "booking_id": read.ids,
            "origin": constant(versions.collection, pl.String(), read.height),
            "to_provider_id": provider.set(too_long(provider), None),
            **observed(read.attributes),
        }
    )
    return changes(seen, "booking_id", "to_provider_id", "from_provider_id").select(list(schema))


def said_handovers(bookings: Batch) -> Derived:
    """Bookings → rows of core.booking_handovers: those of them that say that they were handed over."""
    schema = CORE["booking_handovers"].polars_schema
    written = Attributes(bookings.frame, gone=bookings.gone).first(_SAID_NAMES)
    if written.null_count() == len(written):
        return Derived(pl.DataFrame(schema=schema), pl.DataFrame(schema=FINDINGS_SCHEMA))
    some = bookings.of(bookings.frame.filter(written.is_not_null()))
    read = Reader(some)
    anyone = (*PROVIDER_COLLECTIONS, *BOOKING_COLLECTIONS)
    said = {
        **{
            f"{side}_ref": read.reference(some.people.providers, *ALIASES[f"booking.{side}"], of=anyone).key
            for side in ("handed_from", "handed_to")
        },
        "from_booking_ref": read.identifier(*ALIASES["booking.handed_from_booking"], of=BOOKING_COLLECTIONS),
        "to_booking_ref": read.identifier(*ALIASES["booking.handed_to_booking"], of=BOOKING_COLLECTIONS),
    }
    handed_at = read.instant(
        read.offsets(read.provider(*ALIASES["booking.provider_id"])), *ALIASES["booking.handed_at"]
    )
    rows = pl.DataFrame(
        {
            "booking_id": read.ids,
            "origin": constant(bookings.collection, pl.String(), read.height),
            **{name: value.set(too_long(value), None) for name, value in said.items()},
            "handed_at": handed_at,
            "change": read.changes,
        },
        schema=schema,
    )
    noted = pl.col("attribute").is_in((*_SAID_NAMES, *ALIASES["booking.handed_at"]))
    return Derived(rows, read.findings().filter(noted))
