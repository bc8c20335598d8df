"""The unit of requests: bookings that changed, or whose offers did, that nobody answered in time, or that the clock or
the window of response times came to or left, each with all its offers. What is summed of them is what it was, less
what they were and with what they are.
"""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import links
from assets.marts.parts.part import Change, Unit, changed, part_of
from assets.marts.parts.spans import between, each_once, edges
from marketplace.offers import OfferState
from marketplace.services import RESPONSE_WINDOW
from marketplace.statuses import BookingStatus

NAME: Final = "requests"
_TOUCHED: Final = "booking_id IN (FROM temp.touched_requests)"
#: Bookings whose instant came, looked up by it; ids of those whose offers changed or ran out, and which of these are
#: not in the part of bookings that are linked with what changed.
_DUE: Final = "touched_due"
_OFFERED: Final = "touched_offered"
_OTHERS: Final = "touched_other_requests"


def _find(con: Any, change: Change) -> str | None:
    span = change.before.now, change.now.now
    late = f"status = '{BookingStatus.PENDING.value}' AND {between(('response_deadline',), *span)}"
    offered = f"state = '{OfferState.OFFERED.value}' AND {between(('deadline',), *span)}"
    due = each_once("core.bookings", [late, *edges(("created_at",), change, RESPONSE_WINDOW)])
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_DUE} AS {due}")
    offers = " OR ".join((offered, *edges(("offered_at",), change, RESPONSE_WINDOW)))
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_OFFERED} AS SELECT booking_id FROM ("
        f"{changed('booking_offers', 'booking_id')} UNION"
        f" SELECT booking_id FROM core.booking_offers WHERE {offers}) WHERE booking_id IS NOT NULL"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_OTHERS} AS SELECT booking_id FROM temp.{_OFFERED}"
        " WHERE booking_id NOT IN (FROM temp.touched_bookings)"
    )
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_requests AS {changed('bookings', 'booking_id')}"
        f" UNION SELECT booking_id FROM temp.{_DUE} UNION FROM temp.{_OFFERED}"
    )
    return None


REQUESTS: Final = Unit(
    NAME,
    {"bookings": _TOUCHED, "booking_offers": _TOUCHED},
    _find,
    ("touched_requests",),
    (_DUE, _OFFERED, _OTHERS),
    {
        "bookings": f"SELECT * FROM temp.{part_of(links.NAME, 'bookings')} UNION ALL BY NAME"
        # (An id may be of two bookings: of the others both are there.)
        f" SELECT * FROM temp.{_DUE} WHERE booking_id NOT IN (FROM temp.touched_bookings)"
        f" AND booking_id NOT IN (FROM temp.{_OTHERS}) UNION ALL BY NAME"
        f" SELECT * FROM core.bookings WHERE booking_id IN (FROM temp.{_OTHERS})"
    },
)
