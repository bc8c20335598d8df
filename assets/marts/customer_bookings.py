"""Ibis expressions of the marts of customers: whose a booking is, and what became of it. No mart is here.

A customer is who has an id (customer_key says which spellings of one are the same). A hash of a phone is no customer
here: it is no id, and one phone books for many guests of a hotel.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.expressions import counted
from assets.marts.later import ibis
from marketplace.statuses import SOURCES, BookingStatus

#: What a customer_key that stands for an id begins with (checks/schemas/core.py).
WITH_ID: Final = "c:"
_EPOCH: Final = "2015-01-01"
#: Instants of bookings are told apart by source as well: two of one microsecond have an order.
_PLACES: Final = 8
#: More minutes than a zone is ahead of UTC.
_OFFSETS: Final = 1_000


def _micros(b: Any) -> Any:
    return b.created_at.delta(ibis.timestamp(_EPOCH), unit="microsecond")


def dated_mark_of(b: Any) -> Any:
    """A number by which bookings stand in the order they were made, of one instant those in the west first; null where
    the zone is not known."""
    return _micros(b) * _OFFSETS + b.utc_offset_minutes


def mark_of(b: Any) -> Any:
    """A number by which bookings stand in the order they were made, with their source in it (``source_of``)."""
    place = ibis.cases(*((b.source == source, at) for at, source in enumerate(SOURCES)), else_=_PLACES - 1)
    return _micros(b) * _PLACES + place.cast("int64")


def source_of(mark: Any) -> Any:
    """The source in a mark."""
    return ibis.cases(*((mark % _PLACES == at, source) for at, source in enumerate(SOURCES)))


def with_id(bookings: Any) -> Any:
    """The bookings that count for a customer."""
    b = counted(bookings)
    return b.filter(b.customer_key.startswith(WITH_ID) & b.customer_id.notnull())


def named(b: Any) -> Any:
    """Bookings of customers by the one id that marts.customers has for each: of several spellings the least. (A key is
    in lower case where no user tells spellings apart: only then there are several.)"""
    folded = (
        b.filter(b.customer_key != ibis.literal(WITH_ID) + b.customer_id).select("customer_key").distinct()
    )
    same = b.semi_join(folded, "customer_key")
    least = same.group_by(spelled="customer_key").aggregate(least=same.customer_id.min())
    rows = b.left_join(least, b.customer_key == least.spelled)
    return rows.mutate(customer_id=ibis.coalesce(rows.least, rows.customer_id)).drop("spelled", "least")


def became(b: Any, booking_events: Any, reassignments: Any) -> Any:
    """Add ever_declined and ever_reassigned: whether bookings have that status, or had it once. One that was handed
    over in its own row was reassigned and never had it."""
    declined, reassigned = BookingStatus.DECLINED.value, BookingStatus.REASSIGNED.value
    seen = booking_events.filter(booking_events.to_status.isin((declined, reassigned)))
    found: Any = ibis.union(
        seen.select("booking_id", "origin", "to_status"),
        reassignments.select("booking_id", "origin", to_status=ibis.literal(reassigned)),
        distinct=False,
    )
    found = found.group_by(found_id="booking_id", found_origin="origin").aggregate(
        was_declined=(found.to_status == declined).any(), was_reassigned=(found.to_status == reassigned).any()
    )
    rows = b.left_join(found, [b.booking_id == found.found_id, b.origin == found.found_origin])
    return rows.mutate(
        ever_declined=(rows.status == declined) | rows.was_declined.fill_null(False),
        ever_reassigned=(rows.status == reassigned) | rows.was_reassigned.fill_null(False),
    ).drop("found_id", "found_origin", "was_declined", "was_reassigned")
