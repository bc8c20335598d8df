"""The unit of the local hours in which bookings were made: what is counted of an hour is what it was, less what changed
bookings were and with what they are.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import requests
from assets.marts.parts.part import Change, Unit, changed

NAME: Final = "hours"


def _find(con: Any, change: Change) -> str | None:
    # Where a provider is: the city of an account is that of its kinds of providers together.
    moved = con.execute(
        f"SELECT 1 FROM ({changed('providers')}) GROUP BY provider_id, provider_type"
        " HAVING count(*) = 1 OR count(DISTINCT coalesce(city, '')) > 1 LIMIT 1"
    )
    if moved.fetchone() is not None:
        return "a provider came, went or moved"
    return requests.REQUESTS.find(con, change)


#: As of requests, with all providers: their cities are what they were.
HOURS: Final = Unit(
    NAME,
    {"bookings": requests.REQUESTS.reads["bookings"], "providers": "true"},
    _find,
    requests.REQUESTS.keys,
    requests.REQUESTS.touched,
    requests.REQUESTS.within,
)
