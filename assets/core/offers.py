"""Raw offers of bookings → core.booking_offers."""

from __future__ import annotations

from typing import Final

import polars as pl

from assets.core.batch import Batch, Derived, Reader
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.money import MICRO, NOT_A_NUMBER, read_micros
from marketplace.offers import OFFER_STATES
from marketplace.statuses import PROVIDER_TYPE, UNKNOWN

_STATES: Final = {state: state for state in OFFER_STATES}


def derive_offers(batch: Batch) -> Derived:
    """A batch of ``booking_offers`` → rows of core.booking_offers."""
    read = Reader(batch)
    provider_id = read.provider("providerId")
    provider_type = read.word(PROVIDER_TYPE, "provider_type_unknown", "providerType")
    offsets = read.offsets(provider_id, provider_type)
    created, _ = read.created(offsets)
    rows = pl.DataFrame(
        {
            "offer_id": read.ids,
            "booking_id": read.identifier("bookingId", of=BOOKING_COLLECTIONS),
            "provider_id": provider_id,
            "provider_type": provider_type,
            "round": _round(read),
            "state": read.word(_STATES, "status_unknown", "state").fill_null(UNKNOWN),
            "offered_at": read.instant(offsets, "offeredAt"),
            "deadline": read.instant(offsets, "deadline"),
            "answered_at": read.instant(offsets, "answeredAt"),
            "created_at": created,
            **read.bookkeeping(),
        }
    )
    return Derived(rows, read.findings())


def _round(read: Reader) -> pl.Series:
    micros = read_micros(read.text("round"), grouped=False)
    good = ((micros % MICRO == 0) & (micros >= MICRO)).fill_null(False)
    read.note("number_unreadable", read.text("round").is_not_null() & ~good, "round", NOT_A_NUMBER)
    return (micros // MICRO).set(~good, None)
