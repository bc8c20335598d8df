"""The unit of the months in which customers booked: each customer whose bookings changed."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.parts import customers
from assets.marts.parts.part import Change, Part, Unit, changed

NAME: Final = "retention"
_KEYS: Final = "customer_key IN (FROM temp.touched_booked)"
#: Parts by the key of a customer.
BY_KEY: Final = Part(NAME, _KEYS)


def _find(con: Any, change: Change) -> str | None:
    con.execute(
        "CREATE OR REPLACE TEMP TABLE touched_booked AS SELECT DISTINCT customer_key"
        f" FROM ({changed('bookings', 'customer_key')}) WHERE customer_key IS NOT NULL"
    )
    return None


RETENTION: Final = Unit(
    NAME,
    {"bookings": _KEYS},
    _find,
    ("touched_booked",),
    after=(customers.NAME,),
    among={"bookings": customers.NAME},
)
