"""The mart marts.discounts."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, of_booking, one, where
from assets.marts.expressions import dated, earning, is_free, local_day, of_days
from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from checks.schemas.revenue import Discounts


@mart(Discounts, part=BY_DAY)
def discounts(bookings: Any) -> ir.Table:
    """What discount codes gave, by local day of creation, on bookings that earn. It is known of
    those that say what they cost before and after; of the others nothing is guessed, they are
    counted as unknown."""
    b = _earning(of_days(bookings))
    known = _known(b)
    rows = b.group_by("local_date").aggregate(
        bookings=b.count(),
        discounted=b.count(where=b.discounted),
        free=b.count(where=b.discounted & is_free(b.amount_idr)),
        known=b.count(where=known),
        before_idr=b.amount_before_idr.sum(where=known).fill_null(0),
        after_idr=b.amount_idr.sum(where=known).fill_null(0),
    )
    return rows.select(
        "local_date",
        "bookings",
        "discounted",
        share=rows.discounted / rows.bookings,
        free=rows.free,
        known=rows.known,
        unknown=rows.discounted - rows.known,
        before_idr=rows.before_idr,
        after_idr=rows.after_idr,
        given_idr=rows.before_idr - rows.after_idr,
    )


@behind(discounts)
def discounts_rows(bookings: Any) -> ir.Table:
    """The bookings that earn of each day."""
    b = _earning(bookings)
    known = _known(b)
    return of_booking(
        b,
        "local_date",
        "amount_before_idr",
        bookings=one(),
        discounted=where(b.discounted),
        free=where(b.discounted & is_free(b.amount_idr)),
        known=where(known),
        unknown=where(b.discounted & ~known),
        before_idr=where(known, b.amount_before_idr),
        after_idr=where(known, b.amount_idr),
        given_idr=where(known, b.amount_before_idr - b.amount_idr),
    )


def _earning(bookings: Any) -> Any:
    b = earning(bookings)
    return dated(b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes)))


def _known(b: Any) -> Any:
    """Whether it is known what a booking cost before and after."""
    return b.discounted & b.amount_before_idr.notnull() & b.amount_idr.notnull()
