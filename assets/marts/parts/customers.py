"""The units of bookings that were handed over, which may name one another, and of customers with all they booked."""

from __future__ import annotations

from typing import Any, Final

from assets.core import since
from assets.marts.parts.part import LARGEST_SHARE, Change, Part, Unit, gone_of, part_of

HANDED_NAME: Final = "handed"
_HANDED: Final = "booking_id IN (FROM temp.touched_handed)"
#: Parts by a booking that was handed over, or stands in another's place.
BY_HANDED: Final = Part(HANDED_NAME, _HANDED)
#: core's tables of a booking.
_OF_A_BOOKING: Final = (
    "bookings",
    "booking_events",
    "booking_providers",
    "booking_handovers",
    "booking_offers",
)
_REFERENCES: Final = ("handed_from_ref", "handed_to_ref", "from_booking_ref", "to_booking_ref")


def _find_handed(con: Any, change: Change) -> str | None:
    changed = " UNION ".join(f"({since.changed(table, 'booking_id')})" for table in _OF_A_BOOKING)
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_handed AS SELECT booking_id FROM ({changed}) WHERE booking_id IS NOT NULL"
    )
    folds = " UNION ".join(
        f"({since.changed('bookings', f'lower({key})')})" for key in ("booking_id", "business_id")
    )
    # A reference may name a provider, unless none is called so and a booking is.
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE touched_handed_keys AS SELECT folded FROM ({folds} UNION"
        f" ({since.changed('providers', 'lower(provider_id)')})) AS asked(folded) WHERE folded IS NOT NULL"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE touched_handed_new AS FROM temp.touched_handed_keys")
    (handovers,) = con.execute("SELECT count(*) FROM core.booking_handovers").fetchone()
    while handovers:
        names = " OR ".join(f"lower({name}) IN (FROM temp.touched_handed_new)" for name in _REFERENCES)
        # Those that name what was touched, and what those that were touched name.
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE touched_handed_rows AS SELECT booking_id, {', '.join(_REFERENCES)}"
            f" FROM core.booking_handovers WHERE {_HANDED} OR {names}"
        )
        found = " UNION ".join(f"SELECT lower({name}) FROM temp.touched_handed_rows" for name in _REFERENCES)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE touched_handed_new AS SELECT folded FROM ({found}"
            " UNION SELECT lower(booking_id) FROM temp.touched_handed_rows) AS asked(folded)"
            " WHERE folded IS NOT NULL AND folded NOT IN (FROM temp.touched_handed_keys)"
        )
        con.execute(
            "INSERT INTO temp.touched_handed SELECT DISTINCT booking_id FROM temp.touched_handed_rows"
            " WHERE booking_id NOT IN (FROM temp.touched_handed)"
        )
        if con.execute("SELECT 1 FROM temp.touched_handed_new LIMIT 1").fetchone() is None:
            break
        con.execute("INSERT INTO temp.touched_handed_keys FROM temp.touched_handed_new")
        is_named = "lower(booking_id) IN (FROM temp.touched_handed_new) OR lower(business_id) IN (FROM temp.touched_handed_new)"
        con.execute(
            "CREATE OR REPLACE TEMP TABLE touched_handed_bookings AS"
            f" SELECT booking_id, business_id FROM core.bookings WHERE {is_named}"
        )
        con.execute(
            "INSERT INTO temp.touched_handed SELECT DISTINCT booking_id FROM temp.touched_handed_bookings"
            " WHERE booking_id NOT IN (FROM temp.touched_handed)"
        )
        con.execute(
            "INSERT INTO temp.touched_handed_new SELECT DISTINCT lower(key) FROM"
            " (SELECT booking_id AS key FROM temp.touched_handed_bookings UNION"
            " SELECT business_id FROM temp.touched_handed_bookings)"
            " WHERE key IS NOT NULL AND lower(key) NOT IN (FROM temp.touched_handed_keys)"
        )
        con.execute(
            "INSERT INTO temp.touched_handed_keys SELECT folded FROM temp.touched_handed_new"
            " WHERE folded NOT IN (FROM temp.touched_handed_keys)"
        )
    return None


HANDED: Final = Unit(
    HANDED_NAME,
    dict.fromkeys(_OF_A_BOOKING, _HANDED),
    _find_handed,
    tuple(f"touched_handed{name}" for name in ("", "_keys", "_new", "_rows", "_bookings")),
)

NAME: Final = "customers"
_KEYS: Final = "(FROM temp.touched_customer_keys)"
#: Parts by any id a customer is spelled by.
BY_CUSTOMER: Final = Part(NAME, "customer_id IN (FROM temp.touched_customer_ids)")


def _find(con: Any, change: Change) -> str | None:
    tables = [
        f"SELECT booking_id FROM temp.{table(HANDED_NAME, 'reassignments')}" for table in (part_of, gone_of)
    ]
    others = " UNION ".join([since.changed("booking_events", "booking_id"), *tables])
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customer_keys AS SELECT DISTINCT customer_key FROM ("
        f"{since.changed('bookings', 'customer_key')} UNION ALL"
        f" SELECT customer_key FROM core.bookings WHERE booking_id IN ({others})) WHERE customer_key IS NOT NULL"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customer_ids AS SELECT DISTINCT customer_id FROM ("
        f"SELECT customer_id FROM core.bookings WHERE customer_key IN {_KEYS} UNION ALL"
        f" {since.changed('bookings', 'customer_id')}) WHERE customer_id IS NOT NULL"
    )
    (reached,), (there,) = (
        con.execute(f"SELECT count(*) FROM {table}").fetchone()
        for table in ("temp.touched_customer_ids", "marts.customers")
    )
    return "most customers are reached" if reached > 1_000 and reached > LARGEST_SHARE * there else None


_BOOKINGS: Final = f"booking_id IN (SELECT booking_id FROM temp.{part_of(NAME, 'bookings')})"

CUSTOMERS: Final = Unit(
    NAME,
    {"bookings": f"customer_key IN {_KEYS}", "booking_events": _BOOKINGS, "reassignments": _BOOKINGS},
    _find,
    ("touched_customer_keys", "touched_customer_ids"),
)
