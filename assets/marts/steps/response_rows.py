"""Step: how long each answer of a provider took. Their quantiles are provider_responses'."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import responses
from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.requests import NAME


@step(of=NAME)
def response_rows(bookings: Any, booking_offers: Any) -> ir.Table:
    """provider_id, took_us (whole microseconds), a row an answer."""
    return responses(bookings, booking_offers).select("provider_id", "took_us")
