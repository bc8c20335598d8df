"""The mart marts.customers."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import bookings_read
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.customer_months import became, named, source_of, with_id
from checks.schemas.customers import Customers
from marketplace.statuses import BookingStatus


@mart(Customers)
def customers(customer_months: Any, scans: Any) -> ir.Table:
    """What each customer booked and what became of it. Bookings count on whatever day they were
    made; ``spent_idr`` are the amounts of completed ones, those that are unknown are counted apart.
    A booking was declined or reassigned if it is, or was ever seen to be; reassigned as well if it
    was handed over in its own row (marts.reassignments)."""
    m = customer_months
    rows = m.group_by("customer_key").aggregate(
        customer_id=m.customer_id.min(),
        first_booking_at=m.first_at.min(),
        last_booking_at=m.last_at.max(),
        bookings=m.bookings.sum(),
        completed=m.completed.sum(),
        spent_idr=m.spent_idr.sum(),
        unknown_amounts=m.unknown_amounts.sum(),
        first_mark=m.first_mark.min(),
        first_dated_at=m.first_at.min(where=m.first_day.notnull()),
        first_day=m.first_day.argmin(m.first_at),
        declined=m.declined.sum(),
        reassigned=m.reassigned.sum(),
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
