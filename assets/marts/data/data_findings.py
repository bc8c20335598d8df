"""The mart marts.data_findings.

References to bookings and rooms are matched in steps, not in core: what they refer to may be read later than they are.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.said import said
from assets.marts.steps.commission_matches import DELETED
from checks.schemas.data import FoundInData
from marketplace.aliases import ALIASES
from marketplace.collections import BOOKING_COLLECTIONS, RECORDS
from marketplace.references import CASE_DETAIL, REFERENCE_CASE


@mart(FoundInData)
def data_findings(
    data_findings: Any,
    booking_cases: Any,
    loose_references: Any,
    room_spellings: Any,
    record_spellings: Any,
    customer_spellings: Any,
) -> ir.Table:
    """Every value that could not be trusted, as core noted it, and references that only case tells
    from their key."""
    noted = data_findings.select("finding", "collection", "row_id", "attribute", "detail", "code", "args")
    meant = booking_cases.filter(booking_cases.alone & (booking_cases.kind != DELETED))
    loose = loose_references.semi_join(meant, "written")
    attributes = {
        "chat_rooms": "bookingId",
        "chat_messages": "bookingId",
        "notifications": ALIASES["notification.booking"][0],
    }
    rooms, records, customers = room_spellings, record_spellings, customer_spellings
    return ibis.union(
        noted,
        _found(records, RECORDS, records.commission_id, records.attribute),
        *(
            _found(rows := loose.filter(loose.collection == collection), collection, rows.row_id, attribute)
            for collection, attribute in attributes.items()
        ),
        _found(rooms, "chat_messages", rooms.row_id, ALIASES["message.room"][0]),
        *(
            _found(
                rows := customers.filter(customers.origin == origin),
                origin,
                rows.row_id,
                ALIASES["booking.customer_id"][0],
            )
            for origin in BOOKING_COLLECTIONS
        ),
        distinct=False,
    )


def _found(rows: Any, collection: str, row_id: Any, attribute: Any) -> Any:
    return rows.select(
        finding=ibis.literal(REFERENCE_CASE),
        collection=ibis.literal(collection),
        row_id=row_id,
        attribute=ibis.literal(attribute) if isinstance(attribute, str) else attribute,
        **said(CASE_DETAIL).columns("detail"),
    )
