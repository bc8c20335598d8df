"""The unit of bookings by when they were made and begin: those that changed, and those that the windows of
marts.peak_hours came to or left."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import links
from assets.marts.parts.part import Change, Unit, changed, part_of
from assets.marts.parts.spans import each_once, edges
from marketplace.peaks import BASELINE_WEEKS, PEAK_WINDOW, RECENT_DAYS

NAME: Final = "peaks"
_TOUCHED: Final = "touched_peaks"
#: Bookings whose instant came, looked up by it.
_DUE: Final = "touched_peaks_due"


def _find(con: Any, change: Change) -> str | None:
    windows = (RECENT_DAYS, RECENT_DAYS * (1 + BASELINE_WEEKS), PEAK_WINDOW)
    due = each_once("core.bookings", edges(("created_at", "starts_at"), change, *windows))
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_DUE} AS {due}")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_TOUCHED} AS {changed('bookings', 'booking_id')}"
        f" UNION SELECT booking_id FROM temp.{_DUE}"
    )
    return None


PEAKS: Final = Unit(
    NAME,
    {"bookings": f"booking_id IN (FROM temp.{_TOUCHED})"},
    _find,
    (_TOUCHED,),
    (_DUE,),
    {
        "bookings": f"SELECT * FROM temp.{part_of(links.NAME, 'bookings')} UNION ALL"
        f" SELECT * FROM temp.{_DUE} WHERE booking_id NOT IN (FROM temp.touched_bookings)"
    },
)
