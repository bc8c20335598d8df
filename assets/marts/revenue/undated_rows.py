"""The mart marts.undated_rows.

A local day is not known while a collection of providers, which tell the zone, was not read to its end once.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import counted
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.revenue import UndatedRows
from marketplace.collections import BOOKING_COLLECTIONS
from marketplace.commission import COMMISSION_COLLECTION, REVENUE_STATUSES, Unentered


@mart(UndatedRows)
def undated_rows(bookings: Any, commission_reviews: Any) -> ir.Table:
    """What has no local day and so is in no figure by day or month, and in no ledger: how much of
    it there is. One row a collection, also where there is nothing."""
    b = counted(bookings).filter(lambda b: b.utc_offset_minutes.isnull())
    r = commission_reviews
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


@behind(undated_rows)
def undated_rows_rows(bookings: Any, unentered_records: Any) -> ir.Table:
    """The bookings and records without a local day."""
    b = counted(bookings).filter(lambda b: b.utc_offset_minutes.isnull())
    u = unentered_records.filter(unentered_records.reason == Unentered.UNDATED.value)
    return gather(
        of_booking(
            b,
            "provider_id",
            collection=b.origin,
            rows=one(),
            booked_idr=where(b.status.isin(REVENUE_STATUSES), b.amount_idr.fill_null(0)),
            completed_idr=where(b.status == "completed", b.amount_idr.fill_null(0)),
        ),
        u.select(
            "provider_id",
            "booking_id",
            id=u.commission_id,
            of=ibis.literal("core.commissions"),
            collection=ibis.literal(COMMISSION_COLLECTION),
            rows=one(),
            collected_idr=u.collected_idr,
        ),
    )
