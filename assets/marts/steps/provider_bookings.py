"""Step: how many bookings name each provider, up to the clock."""

from __future__ import annotations

from typing import Any

from assets.marts.expressions import counted
from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.part import Difference
from assets.marts.parts.requests import NAME
from assets.marts.tables import Instants


@step(difference=Difference(NAME, ("provider_id",), ("bookings",), "bookings"))
def provider_bookings(bookings: Any, at: Instants) -> ir.Table:
    """provider_id, bookings (counted ones; offers are none)."""
    b = counted(bookings)
    b = b.filter(b.provider_id.notnull() & (b.created_at <= at.now))
    return b.group_by("provider_id").aggregate(bookings=b.count())
