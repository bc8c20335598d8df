"""The mart marts.revenue_daily.

What has no local day (it cannot be known before the providers were all read once) is in marts.undated_rows, never on
a day of the default zone.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.commission.commission_entries import payment_day
from assets.marts.expressions import counted, gives_back, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from checks.schemas.revenue import RevenueDaily
from marketplace.commission import REVENUE_STATUSES, EntryKind, EntryPart
from marketplace.statuses import NOT_LIVE_STATUSES, values


@mart(RevenueDaily, part=BY_DAY)
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


@behind(revenue_daily)
def revenue_daily_rows(bookings: Any, commission_entries: Any, commissions: Any) -> ir.Table:
    """The bookings of each day, and the records whose money came in on it (of a refund: went out)."""
    b = counted(bookings)
    b = b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes))
    b = b.filter(b.local_date.notnull())
    created = of_booking(
        b,
        "local_date",
        bookings=one(),
        booked_idr=where(b.status.isin(REVENUE_STATUSES), b.amount_idr.fill_null(0)),
        completed_idr=where(b.status == "completed", b.amount_idr.fill_null(0)),
    )
    e = collected_lines(commission_entries, commissions)
    return gather(
        created,
        e.select(
            "local_date",
            "status",
            "booking_id",
            "provider_id",
            "paid_at",
            "change",
            id=e.commission_id,
            of=ibis.literal("core.commissions"),
            collected_idr=-e.amount_idr,
        ),
    )


def collected_lines(commission_entries: Any, commissions: Any) -> Any:
    """The lines of the ledger that are collected: commission that was paid on records that stand, and refunds. (What
    was paid before a record was taken back is in the ledger, and no longer collected.)"""
    e, c = commission_entries, commissions
    e = e.filter(
        (e.part == EntryPart.COMMISSION.value) & e.kind.isin(values(EntryKind.PAYMENT, EntryKind.REFUND))
    )
    c = c.filter(c.deleted_at.isnull())
    gone = c.status.isin(NOT_LIVE_STATUSES) & ~gives_back(c)
    c = c.filter(~gone).select("status", "paid_at", "change", record=c.commission_id)
    return e.inner_join(c, e.commission_id == c.record)
