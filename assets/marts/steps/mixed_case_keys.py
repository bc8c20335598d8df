"""Step: what bookings, and the bookings that records name, are called in letters of both cases.

References fit keys but for case (marketplace/references.py). Nearly everything is written in letters of one case, and
is found as it is written; these few are known from build to build.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import BY_ROW
from marketplace.collections import RECORDS


@step(part=BY_ROW, sought=True)
def mixed_case_keys(bookings: Any, commissions: Any) -> ir.Table:
    """collection and row_id of a booking or a record; folded: what it is called, or names, in lower case, where that is
    neither in lower case nor in upper case."""
    parts: list[Any] = []
    for rows, collection, row_id, names in (
        (bookings, bookings.origin, bookings.booking_id, ("booking_id", "business_id")),
        (commissions, ibis.literal(RECORDS), commissions.commission_id, ("booking_ref", "booking_doc_ref")),
    ):
        for name in names:
            folded = rows[name].lower()
            mixed = (rows[name] != folded) & (rows[name] != folded.upper())
            parts.append(rows.filter(mixed).select(collection=collection, row_id=row_id, folded=folded))
    return ibis.union(*parts, distinct=False)
