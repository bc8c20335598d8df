"""Raw reviews → core.reviews, without their words."""

from __future__ import annotations

import polars as pl

from assets.core.batch import Batch, Derived, Reader
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.data_codes import NO_RATING
from marketplace.money import MICRO, read_micros
from marketplace.services import BEST_RATING, WORST_RATING


def derive_reviews(batch: Batch) -> Derived:
    """A batch of ``reviews`` → rows of core.reviews."""
    read = Reader(batch)
    provider_id = read.provider(*ALIASES["review.provider_id"])
    created, _ = read.created(read.offsets(provider_id))
    rows = pl.DataFrame(
        {
            "review_id": read.ids,
            "booking_ref": read.identifier("bookingId", of=BOOKING_COLLECTIONS),
            "customer_id": read.customer(*ALIASES["review.customer_id"]).key,
            "provider_id": provider_id,
            "rating": _rating(read),
            "created_at": created,
            **read.bookkeeping(),
        }
    )
    return Derived(rows, read.findings())


def _rating(read: Reader) -> pl.Series:
    """Whole stars; what is none of them is no rating, 0 too."""
    names = ALIASES["review.rating"]
    text = read.text(*names)
    micros = read_micros(text, grouped=False)
    good = (micros % MICRO == 0) & micros.is_between(WORST_RATING * MICRO, BEST_RATING * MICRO)
    read.note("rating_unreadable", text.is_not_null() & ~good.fill_null(False), names, NO_RATING)
    return (micros // MICRO).set(~good.fill_null(False), None)
