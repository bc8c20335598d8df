"""Mart: what has no local day and so is in no figure by day or month, and in no ledger: how much of it there is.

A local day is not known while a collection of providers, which tell the zone, was not read to its end once.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.expressions import counted
from assets.marts.tables import Instants, Tables
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import COMMISSION_COLLECTION, REVENUE_STATUSES


def table(t: Tables, at: Instants) -> ir.Table:
    """collection, rows, booked_idr, completed_idr, collected_idr: one row a collection, also where there is nothing."""
    b = counted(t.bookings).filter(lambda b: b.utc_offset_minutes.isnull())
    r = t.commission_reviews
    r = r.filter(r.local_date.isnull() & r.gone_at.isnull())
    zero = ibis.literal(0).cast("int64")
    parts = [
        b.aggregate(
            rows=b.count(where=b.origin == origin),
            booked_idr=b.amount_idr.sum(where=(b.origin == origin) & b.status.isin(REVENUE_STATUSES)),
            completed_idr=b.amount_idr.sum(where=(b.origin == origin) & (b.status == "completed")),
        ).select(
            "rows",
            "booked_idr",
            "completed_idr",
            collection=ibis.literal(origin),
            collected_idr=zero,
        )
        for origin in BOOKING_COLLECTIONS
    ]
    records = r.aggregate(rows=r.count(), collected_idr=r.commission.sum(where=r.settled)).select(
        "rows",
        "collected_idr",
        collection=ibis.literal(COMMISSION_COLLECTION),
        booked_idr=zero,
        completed_idr=zero,
    )
    order = ("collection", "rows", "booked_idr", "completed_idr", "collected_idr")
    whole: Any = ibis.union(*(part.select(*order) for part in (*parts, records)), distinct=False)
    return whole.select(
        "collection", "rows", **{name: whole[name].fill_null(0).cast("int64") for name in order[2:]}
    )
