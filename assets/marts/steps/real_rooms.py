"""Step: the chat rooms that are neither deleted nor of a test booking.

Brought together before what was said in them: joined in one query, millions of both are more than a run's memory.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.steps.commission_matches import DELETED
from assets.marts.steps.reference_cases import BOOKING


@step
def real_rooms(chat_rooms: Any, bookings: Any, reference_cases: Any) -> ir.Table:
    """room_id, booking_ref, customer_id, provider_id, status, expires_at, created_at and utc_offset_minutes of each."""
    rooms = chat_rooms.filter(chat_rooms.deleted_at.isnull())
    tests = _tests(bookings, reference_cases)
    return rooms.anti_join(tests, rooms.booking_ref == tests.test_key).select(
        "room_id",
        "booking_ref",
        "customer_id",
        "provider_id",
        "status",
        "expires_at",
        "created_at",
        "utc_offset_minutes",
    )


def _tests(bookings: Any, reference_cases: Any) -> Any:
    """What names a test booking and no real one."""
    b = bookings.filter(bookings.deleted_at.isnull())
    tests, real = b.filter(b.is_test), b.filter(~b.is_test)
    keys = ibis.union(
        tests.select(test_key=tests.booking_id),
        tests.filter(tests.business_id.notnull()).select(test_key=tests.business_id),
        distinct=True,
    )
    # Few are tests: only what has one of their keys is looked at.
    for key in ("booking_id", "business_id"):
        same = real.semi_join(keys, real[key] == keys.test_key).select(same=real[key])
        keys = keys.anti_join(same, keys.test_key == same.same)
    c = reference_cases
    c = c.filter((c.reference == BOOKING) & (c.kind != DELETED) & (c.test == 1))
    return ibis.union(keys, c.select(test_key=c.written), distinct=True)
