"""Mart: every value that could not be trusted, as core noted it, and references that only case tells from their key.

References to bookings and rooms are matched here, not in core: what they refer to may be read later than they are.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.steps.commission_matches import DELETED
from assets.marts.steps.reference_cases import BOOKING, ROOM
from assets.marts.tables import Instants, Tables
from marketplace.aliases import ALIASES
from marketplace.references import CASE_DETAIL, REFERENCE_CASE


def table(t: Tables, at: Instants) -> ir.Table:
    """finding, collection, row_id, attribute, detail."""
    noted = t.data_findings.select("finding", "collection", "row_id", "attribute", "detail")
    cases = t.reference_cases
    meant = cases.filter(cases.alone & (cases.kind != DELETED)).select("reference", "written").distinct()
    bookings, rooms = (meant.filter(meant.reference == name) for name in (BOOKING, ROOM))
    links = t.commission_links.filter(t.commission_links.case_attribute.notnull())
    records = t.commissions.filter(t.commissions.deleted_at.isnull())
    records = records.inner_join(links, "commission_id").select(
        row_id=records.commission_id, attribute=links.case_attribute
    )
    customers = _customers(t)
    return ibis.union(
        noted,
        _found(records, "commission_records"),
        *(
            _found(_naming(rows, key, reference, of, attribute), collection)
            for rows, collection, key, reference, of, attribute in (
                (t.chat_rooms, "chat_rooms", "room_id", "booking_ref", bookings, "bookingId"),
                (t.messages, "chat_messages", "message_id", "booking_ref", bookings, "bookingId"),
                (t.messages, "chat_messages", "message_id", "conversation_id", rooms, ALIASES["message.room"][0]),
                (t.notifications, "notifications", "notification_id", "booking_ref", bookings,
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
        detail=ibis.literal(CASE_DETAIL),
    )


def _naming(rows: Any, key: str, reference: str, meant: Any, attribute: str) -> Any:
    """The rows whose reference is one of those."""
    there = rows.filter(rows.deleted_at.isnull())
    return there.semi_join(meant, there[reference] == meant.written).select(
        row_id=there[key], attribute=ibis.literal(attribute)
    )


def _customers(t: Tables) -> Any:
    """Bookings of a customer who is no known user under another spelling than that of their first booking. (Core gives
    one customer_key to spellings that no user tells apart; it is in lower case.)"""
    b = t.bookings.filter(t.bookings.deleted_at.isnull() & t.bookings.customer_id.notnull())
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
