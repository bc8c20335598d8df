"""Mart: how many rows are tests, kept out of every figure."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from assets.marts.tables import Instants, Tables


def table(t: Tables, at: Instants) -> ir.Table:
    """collection, rows. A commission is a test if it says so or refers to a test booking."""
    b = t.bookings.filter(t.bookings.deleted_at.isnull() & t.bookings.is_test.fill_null(False))
    links = t.commission_links.filter(t.commission_links.is_test)
    c = t.commissions.filter(t.commissions.deleted_at.isnull()).semi_join(links, "commission_id")
    per_origin = [
        b.aggregate(rows=b.count(where=b.origin == origin)).select(
            collection=ibis.literal(origin), rows="rows"
        )
        for origin in ("bookings", "hotel_bookings")
    ]
    records = c.aggregate(rows=c.count()).select(collection=ibis.literal("commission_records"), rows="rows")
    return ibis.union(*per_origin, records, distinct=False)
