"""The unit of local hours in which bookings were made: those that a change reaches are counted anew."""

from __future__ import annotations

from typing import Any, Final

from assets.core import since
from assets.marts.parts.part import Change, Part, Unit
from assets.marts.parts.spans import between
from marketplace.statuses import BookingStatus

NAME: Final = "hours"
_HOUR: Final = "date_trunc('hour', created_at + to_minutes(utc_offset_minutes))"
_HOURS: Final = "(FROM temp.touched_hours)"
#: Parts by the local hour a row is of.
BY_HOUR: Final = Part(NAME, f"local_hour IN {_HOURS}")
#: So many hours are no part any more: nearly all bookings would be read, only in a dearer way.
MOST_HOURS: Final = 1_000


def _find(con: Any, change: Change) -> str | None:
    # Where a provider is: the city of an account is that of its kinds of providers together.
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_cities AS SELECT DISTINCT provider_id"
        f" FROM ({since.changed('providers')}) GROUP BY provider_id, provider_type"
        " HAVING count(*) = 1 OR count(DISTINCT coalesce(city, '')) > 1"
    )
    late = between(("response_deadline",), change.before.now, change.now.now)
    queries = [
        since.changed("bookings", _HOUR),
        f"SELECT DISTINCT {_HOUR} FROM core.bookings WHERE status = '{BookingStatus.PENDING.value}' AND {late}",
        f"SELECT DISTINCT {_HOUR} FROM core.bookings WHERE provider_id IN (FROM temp.touched_cities)",
    ]
    asked = " UNION ".join(f"({query})" for query in queries)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_hours AS"
        f" SELECT hour FROM ({asked}) AS asked(hour) WHERE hour IS NOT NULL"
    )
    hours, first, last = con.execute(
        "SELECT count(*), min(hour), max(hour) FROM temp.touched_hours"
    ).fetchone()
    if hours > MOST_HOURS:
        return f"{hours} hours are reached"
    # In whatever zone: an hour is at most a day from itself in UTC.
    for name, hour, step in (("from", first, "- INTERVAL 1 DAY"), ("until", last, "+ INTERVAL 1 DAY")):
        con.execute(f"SET VARIABLE bookwatch_hours_{name} = CAST(? AS TIMESTAMP) {step}", [hour])
    return None


HOURS: Final = Unit(
    NAME,
    {
        "bookings": "created_at BETWEEN getvariable('bookwatch_hours_from') AND getvariable('bookwatch_hours_until')"
        f" AND {_HOUR} IN {_HOURS}"
    },
    _find,
    ("touched_hours",),
    ("touched_cities",),
)
