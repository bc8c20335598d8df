"""The mart marts.revenue_daily.

What has no local day (it cannot be known before the providers were all read once) is in marts.undated_rows, never on
a day of the default zone.
"""

from __future__ import annotations

from typing import Any

from assets.marts.commission.commission_entries import payment_day
from assets.marts.expressions import counted, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.revenue import RevenueDaily
from marketplace.commission import REVENUE_STATUSES


@mart(RevenueDaily)
def revenue_daily(bookings: Any, commission_reviews: Any) -> ir.Table:
    """Booked, completed and collected by local day, always three figures apart. Bookings, booked
    and completed by day of creation; collected (commissions paid) by day of payment."""
    b = counted(bookings)
    zero = ibis.literal(0).cast("int64")
    amount = b.amount_idr.fill_null(0)
    created = b.select(
        local_date=local_day(b.created_at, b.utc_offset_minutes),
        bookings=ibis.literal(1).cast("int64"),
        booked_idr=ibis.cases((b.status.isin(REVENUE_STATUSES), amount), else_=zero),
        completed_idr=ibis.cases((b.status == "completed", amount), else_=zero),
        collected_idr=zero,
    )
    # Orphans and duplicates included: that money came in. Refunds went out. Reviews hold no test records.
    r = commission_reviews
    paid = r.filter(r.settled & r.gone_at.isnull())
    collected = paid.select(
        local_date=payment_day(paid),
        bookings=zero,
        booked_idr=zero,
        completed_idr=zero,
        collected_idr=paid.commission.fill_null(0),
    )
    rows: Any = ibis.union(created, collected, distinct=False)
    rows = rows.filter(rows.local_date.notnull())
    return rows.group_by("local_date").aggregate(
        bookings=rows.bookings.sum(),
        booked_idr=rows.booked_idr.sum(),
        completed_idr=rows.completed_idr.sum(),
        collected_idr=rows.collected_idr.sum(),
    )
