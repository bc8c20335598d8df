"""Step: bookings of a customer who is no known user under another spelling than that of their first booking."""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.retention import BY_KEY


@step(part=BY_KEY)
def customer_spellings(bookings: Any) -> ir.Table:
    """customer_key, origin and row_id of the booking. (Core gives one customer_key to spellings that no user tells
    apart; it is in lower case.)"""
    b = bookings.filter(bookings.deleted_at.isnull() & bookings.customer_id.notnull())
    b = b.select("customer_key", "customer_id", "created_at", "booking_id", "origin")
    b = b.filter(b.customer_key.startswith("c:"))  # else the id is a role word, which names nobody
    folded = b.filter(b.customer_key != ibis.literal("c:") + b.customer_id).select("customer_key").distinct()
    same = b.semi_join(folded, "customer_key")
    first = same.customer_id.first().over(
        ibis.window(group_by=same.customer_key, order_by=[same.created_at, same.booking_id, same.origin])
    )
    same = same.mutate(spelled=first)
    return same.filter(same.customer_id != same.spelled).select(
        "customer_key", "origin", row_id=same.booking_id
    )
