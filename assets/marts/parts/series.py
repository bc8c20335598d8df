"""The unit of hours (UTC) in which anything came, as marts.unusual counts it: those that a change reaches, those the
clock went through, and those that are too long ago now.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from assets.marts.parts.part import Change, Part, Unit, changed, part_of
from assets.marts.parts.spans import between, each_once
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus
from marketplace.unusual import COUNTED_BACK

NAME: Final = "series"
_HOURS: Final = "touched_series_hours"
#: Parts by hour.
BY_HOUR: Final = Part(NAME, f"hour_start IN (FROM temp.{_HOURS})")
#: Hours that lie further apart are no part: looking for the rows of a few of them costs what counting all does.
WIDEST: Final = timedelta(days=7)
#: Of each table the instants that a row is counted by. (The later of two is one of them.)
_MOMENTS: Final = {
    "bookings": ("created_at", "cancelled_at", "completed_at"),
    "messages": ("sent_at", "created_at"),
    "chat_rooms": ("created_at",),
    "notifications": ("sent_at", "created_at"),
    "commissions": ("paid_at", "verified_at", "created_at"),
    "reviews": ("created_at",),
}
_OFFERS: Final = "booking_offers"


def _find(con: Any, change: Change) -> str | None:
    span = change.before.now, change.now.now
    oldest = _hour(change.now.now) - COUNTED_BACK
    late = f"status = '{BookingStatus.PENDING.value}' AND {between(('response_deadline',), *span)}"
    offered = f"state = '{OfferState.OFFERED.value}' AND {between(('deadline',), *span)}"
    of_offered = "SELECT created_at FROM core.bookings WHERE booking_id IN ({})"
    queries = [
        f"SELECT unnest([{', '.join(moments)}]) FROM ({changed(table)})"
        for table, moments in _MOMENTS.items()
        if table in change.written
    ]
    if _OFFERS in change.written:
        # Of a booking that is offered what was asked stands in its offers.
        queries += [
            changed(_OFFERS, "offered_at"),
            of_offered.format(changed(_OFFERS, "booking_id")),
        ]
    queries += [
        (
            f"SELECT offered_at FROM core.booking_offers WHERE ({offered})"
            f" OR booking_id IN ({changed('bookings', 'booking_id')})"
        ),
        f"SELECT created_at FROM core.bookings WHERE {late}",
        f"SELECT unnest(generate_series(TIMESTAMP '{_hour(span[0])}', TIMESTAMP '{span[1]}', INTERVAL 1 HOUR))",
    ]
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_HOURS} AS SELECT DISTINCT date_trunc('hour', moment) AS hour"
        f" FROM ({' UNION ALL '.join(f'({query})' for query in queries)}) AS asked(moment)"
        f" WHERE moment >= TIMESTAMP '{oldest}' AND moment <= TIMESTAMP '{span[1]}'"
    )
    first, last = con.execute(f"SELECT min(hour), max(hour) FROM temp.{_HOURS}").fetchone()
    if last - first > WIDEST:
        return f"hours from {first} to {last} are reached"
    for name, hour, step in (("from", first, "INTERVAL 0 HOUR"), ("until", last, "INTERVAL 1 HOUR")):
        con.execute(f"SET VARIABLE bookwatch_series_{name} = CAST(? AS TIMESTAMP) + {step}", [hour])
    # Of those that are too long ago now nothing is counted any more.
    con.execute(
        f"INSERT INTO temp.{_HOURS} SELECT DISTINCT hour_start FROM temp.counted_hours"
        f" WHERE hour_start < TIMESTAMP '{oldest}'"
    )
    return None


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _touched(moment: str) -> str:
    """That a moment lies in an hour that is touched. Blocks of rows that lie beside all of them are not read."""
    return (
        f"({moment} BETWEEN getvariable('bookwatch_series_from') AND getvariable('bookwatch_series_until')"
        f" AND date_trunc('hour', {moment}) IN (FROM temp.{_HOURS}))"
    )


_WITHIN: Final = {
    table: each_once(f"core.{table}", map(_touched, moments))
    for table, moments in _MOMENTS.items()
    if table != "bookings"
}
_OFFERED: Final = f"SELECT booking_id FROM core.{_OFFERS} WHERE {_touched('offered_at')}"

SERIES: Final = Unit(
    NAME,
    dict.fromkeys(("bookings", _OFFERS, *_WITHIN), "true"),
    _find,
    (_HOURS,),
    (),
    {
        "bookings": each_once(
            "core.bookings", (*map(_touched, _MOMENTS["bookings"]), f"booking_id IN ({_OFFERED})")
        ),
        _OFFERS: each_once(
            f"core.{_OFFERS}",
            (
                _touched("offered_at"),
                f"booking_id IN (SELECT booking_id FROM temp.{part_of(NAME, 'bookings')})",
            ),
        ),
        **_WITHIN,
    },
)
