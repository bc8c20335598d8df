"""Step: the series of marts.unusual by the hour, as far back as an hour is judged by. What is unusual is not known
here."""

from __future__ import annotations

from typing import Any

from assets.marts.answers import asked
from assets.marts.expressions import seconds_between
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.steps.counted_hours import by_hour, recent
from assets.marts.tables import Instants


@step()
def unusual_hours(counted_hours: Any, bookings: Any, booking_offers: Any, at: Instants) -> ir.Table:
    """As counted_hours, with the series response_time: of the answers to what was booked in the hour, those that took
    longer than half of all answers do. Whenever that half is another, so are all hours of it."""
    requests = asked(bookings, booking_offers)
    requests = requests.filter(recent(requests.created_at, at))
    return ibis.union(counted_hours, _response_time(requests, at), distinct=False)


def _response_time(b: Any, at: Instants) -> Any:
    answered = b.filter((b.responded_at >= b.created_at) & (b.responded_at <= at.now)).mutate(
        took=seconds_between(b.created_at, b.responded_at)
    )
    usual = answered.aggregate(usual=answered.took.median()).as_scalar()
    return by_hour("response_time", answered, answered.created_at, at, hit=answered.took > usual)
