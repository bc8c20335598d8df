"""The units of providers by what is seen of their status: those whose statuses, city or zone changed, and bookings by
how much of their service lies within what is known of their provider.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from assets.marts.parts import links
from assets.marts.parts.part import Change, Part, Unit, changed, part_of, remembered

NAME: Final = "accounts"
_ACCOUNTS: Final = "provider_id IN (FROM temp.touched_accounts)"
#: Parts by provider.
BY_ACCOUNT: Final = Part(NAME, _ACCOUNTS)


def _find(con: Any, change: Change) -> str | None:
    moved = (
        f"SELECT provider_id FROM ({changed('providers')}) GROUP BY provider_id, provider_type"
        " HAVING count(*) = 1 OR count(DISTINCT (city, utc_offset_minutes)) > 1"
    )
    # A status that is dated ahead of the clock begins, or ends another, when the clock is there.
    ahead = (
        f"SELECT provider_id FROM core.provider_states WHERE observed_at > TIMESTAMP '{change.before.now}'"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_accounts AS SELECT provider_id FROM ("
        f"{changed('provider_states', 'provider_id')} UNION {moved} UNION {ahead})"
    )
    return None


ACCOUNTS: Final = Unit(
    NAME,
    {"provider_states": _ACCOUNTS, "providers": _ACCOUNTS},
    _find,
    ("touched_accounts",),
)

SERVED_NAME: Final = "served"
_SERVED: Final = "touched_services"
_KNOWN: Final = "provider_known"
#: What is known of a provider usually grows by the pace of runs; by more, all its bookings are looked at.
_PACE: Final = timedelta(days=2)


def _find_served(con: Any, change: Change) -> str | None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_known AS SELECT provider_id, w.until_at AS was_until, k.until_at,"
        f" coalesce(w.since_at = k.since_at AND w.until_at <= k.until_at"
        f" AND w.until_at >= TIMESTAMP '{change.before.now - _PACE}', false) AS grew"
        f" FROM temp.{_KNOWN} AS k FULL JOIN temp.{remembered(_KNOWN)} AS w USING (provider_id)"
        " WHERE (w.since_at, w.until_at) IS DISTINCT FROM (k.since_at, k.until_at)"
    )
    first, last = con.execute(
        "SELECT min(was_until), max(until_at) FROM temp.touched_known WHERE grew"
    ).fetchone()
    known = "(SELECT provider_id FROM temp.touched_known WHERE NOT grew)"
    rows = [f"SELECT * FROM core.bookings WHERE provider_id IN {known}"]
    if first is not None:
        (longest,) = con.execute("SELECT coalesce(max(service_minutes), 0) FROM core.bookings").fetchone()
        # Blocks of bookings that begin before or after are not read.
        rows.append(
            "SELECT b.* FROM core.bookings AS b SEMI JOIN (FROM temp.touched_known WHERE grew) AS k"
            " ON b.provider_id = k.provider_id"
            f" WHERE b.starts_at < TIMESTAMP '{last}'"
            f" AND b.starts_at > TIMESTAMP '{first}' - to_minutes({longest})"
        )
    con.execute(f"CREATE OR REPLACE TEMP TABLE {_SERVED}_rows AS {' UNION ALL '.join(rows)}")
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE {_SERVED} AS {changed('bookings', 'booking_id')}"
        f" UNION SELECT booking_id FROM temp.{_SERVED}_rows"
    )
    return None


SERVED: Final = Unit(
    SERVED_NAME,
    {"bookings": f"booking_id IN (FROM temp.{_SERVED})"},
    _find_served,
    (_SERVED,),
    ("touched_known", f"{_SERVED}_rows"),
    {
        # A booking in the part that is linked with what changed has all rows of its id there.
        "bookings": f"SELECT * FROM temp.{part_of(links.NAME, 'bookings')} UNION ALL BY NAME"
        f" SELECT * FROM temp.{_SERVED}_rows WHERE booking_id NOT IN (FROM temp.touched_bookings)"
    },
)
