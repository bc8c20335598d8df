"""Step: the requests of each local hour by city. Which providers were there then is capacity's."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.answers import accounts, with_answers
from assets.marts.expressions import counted, local
from assets.marts.later import ir
from assets.marts.mart import step
from assets.marts.parts.hours import NAME
from assets.marts.parts.part import Difference
from assets.marts.tables import Instants

#: How many bookings there were.
COUNTS: Final = ("requests", "accepted", "unanswered", "undecided")


@step(difference=Difference(NAME, ("city", "local_hour"), COUNTS, "requests"))
def hour_requests(bookings: Any, providers: Any, at: Instants) -> ir.Table:
    """city (of the provider; null: not known), local_hour, and COUNTS of the bookings created in it."""
    b = asked_by_hour(bookings, providers, at)
    return b.group_by("city", "local_hour").aggregate(
        requests=b.count(), **{name: b.count(where=b[name]) for name in COUNTS[1:]}
    )


def local_hour(instant: Any, offset: Any) -> Any:
    """The local hour that an instant lies in."""
    return local(instant, offset).truncate("h")


def asked_by_hour(bookings: Any, providers: Any, at: Instants) -> Any:
    """Counted bookings with the city of their provider and the local hour in which they were created."""
    b = with_answers(counted(bookings), at)
    b = b.mutate(local_hour=local_hour(b.created_at, b.utc_offset_minutes))
    b = b.filter(b.local_hour.notnull())
    p = accounts(providers).select("account", city="home")
    return b.left_join(p, b.provider_id == p.account)
