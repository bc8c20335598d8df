"""The mart marts.data_findings.

References to bookings and rooms are matched here, not in core: what they refer to may be read later than they are.
"""

from __future__ import annotations

from typing import Any

from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.said import said
from assets.marts.steps.commission_matches import DELETED
from checks.schemas.data import FoundInData
from marketplace.aliases import ALIASES
from marketplace.references import CASE_DETAIL, REFERENCE_CASE


@mart(FoundInData)
def data_findings(
    data_findings: Any,
    booking_cases: Any,
    room_cases: Any,
    commission_links: Any,
    commissions: Any,
    bookings: Any,
    chat_rooms: Any,
    messages: Any,
    notifications: Any,
) -> ir.Table:
    """Every value that could not be trusted, as core noted it, and references that only case tells
    from their key."""
    noted = data_findings.select("finding", "collection", "row_id", "attribute", "detail", "code", "args")
    of_bookings, of_rooms = (
        cases.filter(cases.alone & (cases.kind != DELETED)).select("written").distinct()
        for cases in (booking_cases, room_cases)
    )
    links = commission_links.filter(commission_links.case_attribute.notnull())
    records = commissions.filter(commissions.deleted_at.isnull())
    records = records.inner_join(links, "commission_id").select(
        row_id=records.commission_id, attribute=links.case_attribute
    )
    customers = _customers(bookings)
    return ibis.union(
        noted,
        _found(records, "commission_records"),
        *(
            _found(_naming(rows, key, reference, of, attribute), collection)
            for rows, collection, key, reference, of, attribute in (
                (chat_rooms, "chat_rooms", "room_id", "booking_ref", of_bookings, "bookingId"),
                (messages, "chat_messages", "message_id", "booking_ref", of_bookings, "bookingId"),
                (messages, "chat_messages", "message_id", "conversation_id", of_rooms, ALIASES["message.room"][0]),
                (notifications, "notifications", "notification_id", "booking_ref", of_bookings,
                 ALIASES["notification.booking"][0]),
            )
        ),
        *(_found(customers.filter(customers.origin == origin), origin) for origin in ("bookings", "hotel_bookings")),
        distinct=False,
    )  # fmt: skip


def _found(rows: Any, collection: str) -> Any:
    return rows.select(
        finding=ibis.literal(REFERENCE_CASE),
        collection=ibis.literal(collection),
        row_id=rows.row_id,
        attribute=rows.attribute,
        **said(CASE_DETAIL).columns("detail"),
    )


def _naming(rows: Any, key: str, reference: str, meant: Any, attribute: str) -> Any:
    """The rows whose reference is one of those."""
    there = rows.filter(rows.deleted_at.isnull())
    return there.semi_join(meant, there[reference] == meant.written).select(
        row_id=there[key], attribute=ibis.literal(attribute)
    )


def _customers(bookings: Any) -> Any:
    """Bookings of a customer who is no known user under another spelling than that of their first booking. (Core gives
    one customer_key to spellings that no user tells apart; it is in lower case.)"""
    b = bookings.filter(bookings.deleted_at.isnull() & bookings.customer_id.notnull())
    b = b.filter(b.customer_key.startswith("c:"))  # else the id is a role word, which names nobody
    folded = b.filter(b.customer_key != ibis.literal("c:") + b.customer_id).select("customer_key").distinct()
    same = b.semi_join(folded, "customer_key")
    first = same.customer_id.first().over(
        ibis.window(group_by=same.customer_key, order_by=[same.created_at, same.booking_id, same.origin])
    )
    same = same.mutate(spelled=first)
    return same.filter(same.customer_id != same.spelled).select(
        "origin", row_id=same.booking_id, attribute=ibis.literal(ALIASES["booking.customer_id"][0])
    )
