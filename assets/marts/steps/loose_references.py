"""Step: which rooms, messages and notifications name a booking by what no booking has as a key. They are few among
millions, and are known from build to build: which booking one may mean but for case is booking_cases' to say.
"""

from __future__ import annotations

from typing import Any

from assets.marts.cases import unfitting
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_REFERENCE, REFERRING


@step(part=BY_REFERENCE)
def loose_references(
    chat_rooms: Any, messages: Any, notifications: Any, bookings: Any, quarantined: Any
) -> ir.Table:
    """collection and row_id of a row that is not deleted, and the reference (``written``) that no booking there, and
    none in quarantine, has as a key."""
    tables = {"chat_rooms": chat_rooms, "messages": messages, "notifications": notifications}
    parts: list[Any] = []
    for table, (key, collection) in REFERRING.items():
        rows = tables[table].filter(tables[table].deleted_at.isnull() & tables[table].booking_ref.notnull())
        rows = rows.select(collection=ibis.literal(collection), row_id=rows[key], written=rows.booking_ref)
        parts.append(unfitting(rows, bookings, quarantined))
    return ibis.union(*parts, distinct=False)
