"""Step: what each provider was asked and booked for, counted. How fast it answers is provider_responses'."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import PROVIDER_COUNTS, asked_of_providers
from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.part import Difference
from assets.marts.parts.requests import NAME
from assets.marts.tables import Instants


@step(difference=Difference(NAME, ("provider_id",), (*PROVIDER_COUNTS, "booked_minutes", "lines"), "lines"))
def provider_requests(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """provider_id, PROVIDER_COUNTS and booked_minutes of all that names it; ``lines``: of how many requests and
    bookings."""
    b = asked_of_providers(bookings, booking_offers, at)
    return b.group_by("provider_id").aggregate(
        **{name: b.count(where=b[name]) for name in PROVIDER_COUNTS},
        booked_minutes=b.earning_minutes.sum().fill_null(0).cast("int64"),
        lines=b.count(),
    )
