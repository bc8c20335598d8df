"""The mart marts.revenue_by_kind."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.commission.commission_entries import charged_provider, payment_day
from assets.marts.expressions import counted, local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from assets.marts.revenue.revenue_daily import collected_lines
from checks.schemas.revenue import RevenueByKind
from marketplace.commission import REVENUE_STATUSES
from marketplace.provider_kinds import HOTEL_ORIGIN, ProviderKind


@mart(RevenueByKind, part=BY_DAY)
def revenue_by_kind(bookings: Any, commission_reviews: Any, providers: Any) -> ir.Table:
    """Booked, completed and collected by local day and kind of provider, always three figures apart.
    A booking of hotel_bookings is a hotel's, whoever carries it out; any other is of the kind its
    provider is there as, else of the kind it says itself. A commission is of the kind of whom it
    charges, as in the ledger. Bookings, booked and completed by day of creation; collected by day of
    payment."""
    kinds = _kinds(providers)
    b = counted(bookings)
    b = b.left_join(kinds, b.provider_id == kinds.kind_of)
    b = b.select(
        "amount_idr",
        local_date=local_day(b.created_at, b.utc_offset_minutes),
        kind=_kind(b.origin, b.there_as, b.provider_type),
        earns=b.status.isin(REVENUE_STATUSES),
        completed=b.status == "completed",
    )
    # Each part by day first: one of both together would add up twice as many columns of twice as many rows.
    created = b.group_by("local_date", "kind").aggregate(
        bookings=b.count(),
        booked_idr=b.amount_idr.sum(where=b.earns),
        completed_idr=b.amount_idr.sum(where=b.completed),
    )
    r = commission_reviews
    r = r.filter(r.settled & r.gone_at.isnull())
    charged = charged_provider(r)
    r = r.select(
        "origin",
        charged=charged,
        # What the booking says of its provider, where that is who is charged.
        own_type=ibis.cases(((charged == r.b_provider).fill_null(False), r.b_type)),
        local_date=payment_day(r),
        collected_idr=r.commission.fill_null(0),
    )
    r = r.left_join(kinds, r.charged == kinds.kind_of)
    r = r.select("local_date", "collected_idr", kind=_kind(r.origin, r.there_as, r.own_type))
    collected = r.group_by("local_date", "kind").aggregate(collected_idr=r.collected_idr.sum())
    rows = gather(created, collected)
    rows = rows.filter(rows.local_date.notnull())
    return rows.group_by("local_date", "kind").aggregate(
        **{
            figure: rows[figure].sum().fill_null(0)
            for figure in ("bookings", "booked_idr", "completed_idr", "collected_idr")
        }
    )


def _kinds(p: Any) -> Any:
    """The kind of each provider: kind_of, there_as."""
    # An id may stand for a therapist and for a place: what the booking says tells then, and deleted ones tell as well.
    kinds = p.group_by(kind_of="provider_id").aggregate(low=p.provider_type.min(), high=p.provider_type.max())
    return kinds.filter(kinds.low == kinds.high).select("kind_of", there_as="low")


def _kind(origin: Any, there_as: Any, own_type: Any) -> Any:
    return ibis.cases(
        ((origin == HOTEL_ORIGIN).fill_null(False), ProviderKind.HOTEL.value),
        else_=ibis.coalesce(there_as, own_type, ProviderKind.UNKNOWN.value),
    )


@behind(revenue_by_kind)
def revenue_by_kind_rows(
    bookings: Any, commission_entries: Any, commissions: Any, providers: Any
) -> ir.Table:
    """The bookings of each day and kind, and the records whose money came in on it."""
    kinds = _kinds(providers)
    b = counted(bookings)
    b = b.mutate(local_date=local_day(b.created_at, b.utc_offset_minutes))
    b = b.filter(b.local_date.notnull())
    b = b.left_join(kinds, b.provider_id == kinds.kind_of)
    amount = b.amount_idr.fill_null(0)
    created = of_booking(
        b,
        "local_date",
        "provider_id",
        kind=_kind(b.origin, b.there_as, b.provider_type),
        bookings=one(),
        booked_idr=where(b.status.isin(REVENUE_STATUSES), amount),
        completed_idr=where(b.status == "completed", amount),
    )
    e = collected_lines(commission_entries, commissions)
    # A record refers to one booking of both collections at most.
    own = counted(bookings).select(
        own_id="booking_id", own_origin="origin", own_type="provider_type", own_provider="provider_id"
    )
    e = e.left_join(own, e.booking_id == own.own_id)
    e = e.left_join(kinds, e.provider_id == kinds.kind_of)
    own_type = ibis.cases(((e.provider_id == e.own_provider).fill_null(False), e.own_type))
    collected = e.select(
        "local_date",
        "status",
        "booking_id",
        "provider_id",
        "change",
        kind=_kind(e.own_origin, e.there_as, own_type),
        id=e.commission_id,
        of=ibis.literal("core.commissions"),
        collected_idr=-e.amount_idr,
    )
    return gather(created, collected)
