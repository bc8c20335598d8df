"""The unit of local days: the cohorts of a day that a change reaches are made anew together.

Which days those are follows from the bookings and records that were touched (links.py comes first), from offers, and
from the instants at which a day's figures change with time alone.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import links
from assets.marts.parts.part import Change, Part, Unit, changed, gone_of, many_days, part_of
from assets.marts.parts.spans import between
from marketplace.cohorts import FUNNEL_SETTLES, LAST_ZONE
from marketplace.commission import PAYMENT_MOMENTS
from marketplace.offers import OfferState
from marketplace.statuses import BookingStatus

NAME: Final = "days"
_DAYS: Final = "(FROM temp.touched_days)"

#: Parts by the day a row is of.
BY_DAY: Final = Part(NAME, f"local_date IN {_DAYS}", ("local_date",))


def _day(instant: str, offset: str = "utc_offset_minutes") -> str:
    """SQL of the local day of an instant, as expressions.local_day has it."""
    return f"CAST({instant} + to_minutes({offset}) AS DATE)"


_CREATED: Final = _day("created_at")
_PAID: Final = _day(f"coalesce({', '.join(PAYMENT_MOMENTS)})", '"offset"')
#: An offer is a request of its own day: its booking has to be there as well.
_OFFERED: Final = (
    "SELECT booking_id FROM core.booking_offers"
    " WHERE offered_at BETWEEN getvariable('bookwatch_days_from') AND getvariable('bookwatch_days_until')"
)


def _find(con: Any, change: Change) -> str | None:
    late = between(("response_deadline",), change.before.now, change.now.now)
    pending = f"status = '{BookingStatus.PENDING.value}'"
    offered = f"o.state = '{OfferState.OFFERED.value}' AND " + between(
        ("o.deadline",), change.before.now, change.now.now
    )
    # A cohort is complete a while after its day is over everywhere, and its last service ended.
    ends = f"CAST(local_date + 1 AS TIMESTAMP) - to_minutes({LAST_ZONE.offset_minutes})"
    final = between(
        (f"greatest({ends}, settles_at)",),
        change.before.now - FUNNEL_SETTLES,
        change.now.now - FUNNEL_SETTLES,
    )
    of_offers = "SELECT DISTINCT CAST(o.offered_at + to_minutes(b.utc_offset_minutes) AS DATE) FROM {} AS o"
    of_offers += " JOIN {} AS b ON b.booking_id = o.booking_id WHERE {}"
    bookings = f"({changed('bookings')})"
    of_bookings = f"SELECT DISTINCT {_CREATED} FROM core.bookings WHERE booking_id IN ({{}})"
    reviews = "commission_reviews"
    queries = [
        changed("bookings", _CREATED),
        # The bookings touched, as they are; as they were they are among the changed ones.
        f"SELECT DISTINCT {_CREATED} FROM temp.{part_of(links.NAME, 'bookings')}",
        *(f"SELECT DISTINCT {_PAID} FROM temp.{table(links.NAME, reviews)}" for table in (part_of, gone_of)),
        f"SELECT DISTINCT {_CREATED} FROM core.bookings WHERE {pending} AND {late}",
        f"SELECT local_date FROM marts.booking_funnel WHERE {final}",
        # Also in the zone it had, and of a booking that does not count any more: an offer has a day of its own.
        of_offers.format(f"({changed('booking_offers')})", "core.bookings", "true"),
        of_offers.format(f"({changed('booking_offers')})", bookings, "true"),
        of_offers.format("core.booking_offers", bookings, "true"),
        of_bookings.format(changed("booking_offers", "booking_id")),
        of_offers.format("core.booking_offers", "core.bookings", offered),
        of_bookings.format(f"SELECT o.booking_id FROM core.booking_offers AS o WHERE {offered}"),
        *_of_new_kinds(con),
    ]
    asked = " UNION ".join(f"({query})" for query in queries)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_days AS SELECT day FROM ({asked}) AS asked(day) WHERE day IS NOT NULL"
    )
    days, first, last = con.execute("SELECT count(*), min(day), max(day) FROM temp.touched_days").fetchone()
    if many := many_days(con, "marts.booking_funnel", days):
        return many
    # In whatever zone: a day begins at most a day earlier, and ends at most a day later, than in UTC.
    for name, day, step in (("from", first, "- INTERVAL 1 DAY"), ("until", last, "+ INTERVAL 2 DAY")):
        con.execute(f"SET VARIABLE bookwatch_days_{name} = CAST(? AS DATE)::TIMESTAMP {step}", [day])
    return None


def _of_new_kinds(con: Any) -> list[str]:
    """Days on which a provider is named whose kind came or went."""
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_kinds AS SELECT DISTINCT provider_id"
        f" FROM ({changed('providers')}) GROUP BY provider_id, provider_type HAVING count(*) = 1"
    )
    if con.execute("SELECT 1 FROM temp.touched_kinds LIMIT 1").fetchone() is None:
        return []
    named = "(FROM temp.touched_kinds)"
    owner = f"record_provider IN {named} OR b_provider IN {named}"
    return [
        f"SELECT DISTINCT {_CREATED} FROM core.bookings WHERE provider_id IN {named}",
        f"SELECT DISTINCT {_PAID} FROM temp.commission_reviews WHERE {owner}",
    ]


#: Of blocks of bookings of other times nothing is read.
_NEAR: Final = "created_at BETWEEN getvariable('bookwatch_days_from') AND getvariable('bookwatch_days_until')"
_IN_PART: Final = f"SELECT booking_id FROM temp.{part_of(NAME, 'bookings')}"

DAYS: Final = Unit(
    NAME,
    {
        "bookings": (f"{_NEAR} AND {_CREATED} IN {_DAYS}", f"booking_id IN ({_OFFERED})"),
        "booking_offers": f"booking_id IN ({_IN_PART})",
        "commission_reviews": (f"{_PAID} IN {_DAYS}", f"booking_id IN ({_IN_PART})"),
        "commission_reconciliation": f"booking_id IN ({_IN_PART})",
    },
    _find,
    ("touched_days",),
    ("touched_kinds",),
)
