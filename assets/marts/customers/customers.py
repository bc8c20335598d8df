"""The mart marts.customers."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.customer_bookings import became, dated_mark_of, mark_of, named, source_of, with_id
from assets.marts.expressions import bookings_read, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.customers import BY_CUSTOMER
from checks.schemas.customers import Customers
from marketplace.statuses import BookingStatus

#: Of a large table a part is read with every column that is named.
_READ: Final = (
    "booking_id",
    "origin",
    "customer_key",
    "customer_id",
    "source",
    "status",
    "amount_idr",
    "created_at",
    "utc_offset_minutes",
)


@mart(Customers, part=BY_CUSTOMER)
def customers(bookings: Any, booking_events: Any, reassignments: Any, scans: Any) -> ir.Table:
    """What each customer booked and what became of it. Bookings count on whatever day they were
    made; ``spent_idr`` are the amounts of completed ones, those that are unknown are counted apart.
    A booking was declined or reassigned if it is, or was ever seen to be; reassigned as well if it
    was handed over in its own row (marts.reassignments)."""
    b = became(with_id(bookings).select(*_READ), booking_events, reassignments)
    completed = b.status == BookingStatus.COMPLETED.value
    b = b.mutate(
        completed=completed,
        mark=mark_of(b),
        dated_mark=dated_mark_of(b),
        local_day=local_day(b.created_at, b.utc_offset_minutes),
    )
    rows = b.group_by("customer_key").aggregate(
        customer_id=b.customer_id.min(),
        first_booking_at=b.created_at.min(),
        last_booking_at=b.created_at.max(),
        bookings=b.count(),
        completed=b.count(where=b.completed),
        spent_idr=b.amount_idr.sum(where=b.completed).fill_null(0),
        unknown_amounts=b.count(where=b.completed & b.amount_idr.isnull()),
        first_mark=b.mark.min(),
        first_dated_at=b.created_at.min(where=b.local_day.notnull()),
        first_day=b.local_day.argmin(b.dated_mark),
        declined=b.count(where=b.ever_declined),
        reassigned=b.count(where=b.ever_reassigned),
    )
    return rows.select(
        "customer_id",
        "first_booking_at",
        "last_booking_at",
        "bookings",
        "completed",
        "spent_idr",
        "unknown_amounts",
        first_source=source_of(rows.first_mark),
        first_local_date=ibis.cases((rows.first_dated_at == rows.first_booking_at, rows.first_day)),
        declined=rows.declined,
        reassigned=rows.reassigned,
        is_complete=ibis.cases((bookings_read(scans), True)),
    )


@behind(customers)
def customers_rows(bookings: Any, booking_events: Any, reassignments: Any) -> ir.Table:
    """The bookings of each customer."""
    b = named(with_id(bookings))
    completed = b.status == BookingStatus.COMPLETED.value
    made = of_booking(
        b,
        "customer_id",
        bookings=one(),
        completed=where(completed),
        spent_idr=where(completed, b.amount_idr.fill_null(0)),
        unknown_amounts=where(completed & b.amount_idr.isnull()),
    )
    # Apart, so that no other figure waits for the joins.
    b = became(b, booking_events, reassignments)
    ended = of_booking(b, "customer_id", declined=where(b.ever_declined), reassigned=where(b.ever_reassigned))
    return gather(made, ended)
