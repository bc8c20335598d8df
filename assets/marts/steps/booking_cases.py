"""Step: references to bookings that match no key exactly, beside each key that is the same but for case.

The rule is that of marketplace/references.py. Few references are loose, so only these are compared by case; what
becomes of them is said where they are read (commission_links, link_states, data_findings).
"""

from __future__ import annotations

from typing import Any

from assets.marts.cases import alike, named, unfitting
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_REFERENCE
from assets.marts.steps.commission_matches import booking_keys


@step(part=BY_REFERENCE)
def booking_cases(
    commission_matches: Any,
    commissions: Any,
    loose_references: Any,
    bookings: Any,
    quarantined: Any,
) -> ir.Table:
    """written; key, target, origin, kind and test of what has such a key (as in commission_matches); alone: exactly one
    that is not deleted has, a test counting only where none is real."""
    m = commission_matches
    c = commissions.semi_join(m.filter(m.target.isnull()), "commission_id")
    refs = [
        named(c, "booking_ref"),  # known to fit nothing: that is why the record is here
        unfitting(named(c, "booking_doc_ref"), bookings, quarantined),
        loose_references.select("written"),
    ]
    return alike(ibis.union(*refs, distinct=False).distinct(), booking_keys(bookings, quarantined))
