"""The units of bookings that were handed over, which may name one another, and of customers with all they booked."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts.follow import Followed, follow, left_by
from assets.marts.parts.links import OF_BOOKINGS
from assets.marts.parts.part import Change, Part, Unit, changed, much_of, part_of
from resources.few_rows import rows_where

HANDED_NAME: Final = "handed"
_HANDED: Final = "booking_id IN (FROM temp.touched_handed)"
#: Parts by a booking that was handed over, or stands in another's place.
BY_HANDED: Final = Part(HANDED_NAME, _HANDED, ("booking_id",))
#: core's tables of a booking.
_OF_A_BOOKING: Final = (
    "bookings",
    "booking_events",
    "booking_providers",
    "booking_handovers",
    "booking_offers",
)
_FOLLOWED: Final = (
    Followed(
        "core.booking_handovers",
        ("booking_id", "handed_from_ref", "handed_to_ref", "from_booking_ref", "to_booking_ref"),
        "booking_id",
        "touched_handed",
    ),
    Followed(
        "core.bookings", ("booking_id", "business_id"), "booking_id", "touched_handed", mixed=OF_BOOKINGS
    ),
)


def _find_handed(con: Any, change: Change) -> str | None:
    queries = " UNION ".join(f"({changed(table, 'booking_id')})" for table in _OF_A_BOOKING)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_handed AS"
        f" SELECT booking_id FROM ({queries}) WHERE booking_id IS NOT NULL"
    )
    # A reference may name a provider, unless none is called so and a booking is.
    named = " UNION ".join(
        f"({changed(table, f'lower({key})')})"
        for table, key in (
            ("bookings", "booking_id"),
            ("bookings", "business_id"),
            ("providers", "provider_id"),
        )
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_handed_keys AS"
        f" SELECT folded FROM ({named}) AS asked(folded) WHERE folded IS NOT NULL"
    )
    if con.execute("SELECT 1 FROM core.booking_handovers LIMIT 1").fetchone():
        follow(con, _FOLLOWED, "touched_handed_keys")
    return None


HANDED: Final = Unit(
    HANDED_NAME,
    dict.fromkeys(_OF_A_BOOKING, _HANDED),
    _find_handed,
    ("touched_handed",),
    ("touched_handed_keys", *left_by("touched_handed_keys")),
)

NAME: Final = "customers"
_KEYS: Final = "(FROM temp.touched_customer_keys)"
#: Parts by any id a customer is spelled by.
BY_CUSTOMER: Final = Part(NAME, "customer_id IN (FROM temp.touched_customer_ids)", ("customer_id",))


def _find(con: Any, change: Change) -> str | None:
    """Whoever booked what changed, or what may have changed hands (reassignments of bookings name others)."""
    others = f"(FROM temp.touched_handed) UNION ALL ({changed('booking_offers', 'booking_id')})"
    there = rows_where(con, "core.bookings", [f"booking_id IN ({others})"])
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customer_keys AS SELECT DISTINCT customer_key FROM ("
        f"{changed('bookings', 'customer_key')} UNION ALL"
        f" SELECT customer_key FROM core.bookings WHERE {there}) WHERE customer_key IS NOT NULL"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customer_spellings AS SELECT DISTINCT customer_key, customer_id FROM ("
        f"SELECT customer_key, customer_id FROM core.bookings WHERE customer_key IN {_KEYS} UNION ALL"
        f" {changed('bookings', 'customer_key, customer_id')})"
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_customer_ids AS SELECT DISTINCT customer_id"
        " FROM temp.touched_customer_spellings WHERE customer_id IS NOT NULL"
    )
    if much_of(con, "marts.customers", "temp.touched_customer_ids"):
        return "many customers are reached"
    return None


_BOOKINGS: Final = f"booking_id IN (SELECT booking_id FROM temp.{part_of(NAME, 'bookings')})"

CUSTOMERS: Final = Unit(
    NAME,
    {"bookings": f"customer_key IN {_KEYS}", "booking_events": _BOOKINGS, "reassignments": _BOOKINGS},
    _find,
    ("touched_customer_keys",),
    ("touched_customer_ids", "touched_customer_spellings"),
    after=(HANDED_NAME,),
)
