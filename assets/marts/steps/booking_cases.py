"""Step: references to bookings that match no key exactly, beside each key that is the same but for case.

The rule is that of marketplace/references.py. Few references are loose, so only these are compared by case; what
becomes of them is said where they are read (commission_links, link_states, data_findings).
"""

from __future__ import annotations

from typing import Any

from assets.marts.cases import alike, named
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_REFERENCE
from assets.marts.steps.commission_matches import booking_keys
from marketplace.collections import BOOKING_COLLECTIONS


@step(part=BY_REFERENCE)
def booking_cases(
    commission_matches: Any,
    commissions: Any,
    chat_rooms: Any,
    messages: Any,
    notifications: Any,
    bookings: Any,
    quarantined: Any,
) -> ir.Table:
    """written; key, target, origin, kind and test of what has such a key (as in commission_matches); alone: exactly one
    that is not deleted has, a test counting only where none is real."""
    m = commission_matches
    c = commissions.semi_join(m.filter(m.target.isnull()), "commission_id")
    others = (rows.filter(rows.deleted_at.isnull()) for rows in (chat_rooms, messages, notifications))
    refs = [
        named(c, "booking_ref"),  # known to fit nothing: that is why the record is here
        _loose(bookings, quarantined, c, "booking_doc_ref"),
        *(_loose(bookings, quarantined, rows, "booking_ref") for rows in others),
    ]
    return alike(ibis.union(*refs, distinct=False).distinct(), booking_keys(bookings, quarantined))


def _loose(bookings: Any, quarantined: Any, rows: Any, column: str) -> Any:
    """References to bookings that no booking there, and none in quarantine, has as a key."""
    b = bookings.filter(bookings.deleted_at.isnull())
    q = quarantined.filter(quarantined.collection.isin(BOOKING_COLLECTIONS))
    refs = named(rows, column)
    for key in (b.booking_id, b.business_id, q.row_id, q.business_id):
        there = key.as_table().rename(key=key.get_name())
        refs = refs.anti_join(there, refs.written == there.key)
    return refs
