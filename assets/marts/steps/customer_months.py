"""Step: what each customer booked in each local month of creation.

A customer is who has an id (customer_key says which spellings of one are the same). A hash of a phone is no customer
here: it is no id, and one phone books for many guests of a hotel.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.cohorts import month_of
from assets.marts.expressions import counted, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from marketplace.statuses import SOURCES, BookingStatus

#: What a customer_key that stands for an id begins with (checks/schemas/core.py).
WITH_ID: Final = "c:"
_EPOCH: Final = "2015-01-01"
#: Instants of bookings are told apart by source as well: two of one microsecond have an order.
_PLACES: Final = 8


@step
def customer_months(bookings: Any, booking_events: Any, reassignments: Any) -> ir.Table:
    """customer_key, customer_id (one of the spellings of it), local_month (null where the zone is not known),
    first_mark (instant and source of the first: ``source_of``), first_at, first_day (its local day), last_at, bookings,
    completed, spent_idr, unknown_amounts, declined, reassigned."""
    b = became(with_id(bookings), booking_events, reassignments)
    day = local_day(b.created_at, b.utc_offset_minutes)
    completed = b.status == BookingStatus.COMPLETED.value
    micros = b.created_at.delta(ibis.timestamp(_EPOCH), unit="microsecond")
    place = ibis.cases(*((b.source == source, at) for at, source in enumerate(SOURCES)), else_=_PLACES - 1)
    b = b.select(
        "customer_key",
        "customer_id",
        "created_at",
        "amount_idr",
        "ever_declined",
        "ever_reassigned",
        local_day=day,
        local_month=month_of(day),
        completed=completed,
        mark=micros * _PLACES + place.cast("int64"),
    )
    return b.group_by("customer_key", "local_month").aggregate(
        customer_id=b.customer_id.min(),
        first_mark=b.mark.min(),
        first_at=b.created_at.min(),
        first_day=b.local_day.min(),
        last_at=b.created_at.max(),
        bookings=b.count(),
        completed=b.count(where=b.completed),
        spent_idr=b.amount_idr.sum(where=b.completed).fill_null(0).cast("int64"),
        unknown_amounts=b.count(where=b.completed & b.amount_idr.isnull()),
        declined=b.count(where=b.ever_declined),
        reassigned=b.count(where=b.ever_reassigned),
    )


def source_of(mark: Any) -> Any:
    """The source in a ``first_mark``."""
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
    handed = reassignments.select("booking_id", "origin")
    b = _ever(b, declined, _seen(booking_events, declined))
    return _ever(b, reassigned, ibis.union(_seen(booking_events, reassigned), handed, distinct=False))


def _seen(booking_events: Any, status: str) -> Any:
    return booking_events.filter(booking_events.to_status == status).select("booking_id", "origin")


def _ever(b: Any, status: str, found: Any) -> Any:
    """Add ``ever_<status>``: it has that status, or was found to have had it."""
    found = found.select(found_id="booking_id", found_origin="origin").distinct()
    rows = b.left_join(found, [b.booking_id == found.found_id, b.origin == found.found_origin])
    ever = {f"ever_{status}": (rows.status == status) | rows.found_id.notnull()}
    return rows.mutate(**ever).drop("found_id", "found_origin")
