"""The mart marts.response_times."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import asked
from assets.marts.behind import behind, of_booking, where
from assets.marts.expressions import dated, local_day, of_days, seconds_between
from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from assets.marts.tables import Instants
from checks.schemas.providers import ResponseTimes
from marketplace.services import MEDIAN, TAIL


@mart(ResponseTimes, part=BY_DAY)
def response_times(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """How fast requests are answered, by local day of creation and source. Seconds from creation to
    first acceptance or decline, of a booking that was offered from each offer to its own;
    ``never_answered`` = expired, or pending past the response deadline."""
    b = _requests(of_days(bookings), booking_offers, at)
    rows = b.group_by("local_date", "source").aggregate(
        responded=b.count(where=b.answered),
        never_answered=b.count(where=b.ignored),
        avg_response_s=b.response.mean(where=b.answered),
        p50_response_s=b.response.quantile(MEDIAN, where=b.answered),
        p95_response_s=b.response.quantile(TAIL, where=b.answered),
    )
    return rows.filter((rows.responded > 0) | (rows.never_answered > 0))


def _requests(bookings: Any, booking_offers: Any, at: Instants) -> Any:
    """What was asked with its local_date, their ``response`` in seconds, ``answered`` and ``ignored``."""
    b = asked(bookings, booking_offers)
    b = b.mutate(
        local_date=local_day(b.created_at, b.utc_offset_minutes),
        response=seconds_between(b.created_at, b.responded_at),
        answered=(b.responded_at >= b.created_at).fill_null(False),
        ignored=b.responded_at.isnull()
        & (
            (b.status == "expired")
            | ((b.status == "pending") & (b.response_deadline < at.now).fill_null(False))
        ),
    )
    return dated(b)


@behind(response_times)
def response_times_rows(bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """The bookings of each day and source that were answered, or never were."""
    b = _requests(bookings, booking_offers, at)
    b = b.filter(b.answered | b.ignored)
    return of_booking(
        b,
        "local_date",
        "responded_at",
        "response_deadline",
        "deadline_rule",
        responded=where(b.answered),
        never_answered=where(b.ignored),
        response_s=where(b.answered, b.response),
    )
