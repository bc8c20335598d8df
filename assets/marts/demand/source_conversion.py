"""The mart marts.source_conversion."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, of_booking, one, where
from assets.marts.expressions import counted, dated, local_day, of_days
from assets.marts.later import ir
from assets.marts.mart import mart
from assets.marts.parts.days import BY_DAY
from checks.schemas.demand import SourceConversion
from marketplace.commission import REVENUE_STATUSES


@mart(SourceConversion, part=BY_DAY)
def source_conversion(commission_reconciliation: Any, bookings: Any) -> ir.Table:
    """What became of the bookings of each local day of creation and source (one cohort a row).
    Counts of bookings; ``accepted`` = earns now or was ever accepted; ``commissions`` = bookings
    with a live record."""
    recorded = _recorded(commission_reconciliation).select(recorded="booking_id", recorded_origin="origin")
    b = _cohorts(of_days(bookings))
    b = b.left_join(recorded, [b.booking_id == recorded.recorded, b.origin == recorded.recorded_origin])
    return b.group_by("local_date", "source").aggregate(
        created=b.count(),
        accepted=b.count(where=b.booked | b.accepted_at.notnull()),
        completed=b.count(where=b.status == "completed"),
        declined=b.count(where=b.status == "declined"),
        expired=b.count(where=b.status == "expired"),
        cancelled=b.count(where=b.status == "cancelled"),
        booked_idr=b.amount_idr.sum(where=b.booked).fill_null(0),
        completed_idr=b.amount_idr.sum(where=b.status == "completed").fill_null(0),
        commissions=b.count(where=b.recorded.notnull()),
        decided=b.count(where=_decided(b)),
    )


def _decided(b: Any) -> Any:
    """Whether somebody accepted it, or it was declined or expired: what the acceptance rate is of."""
    return b.booked | b.accepted_at.notnull() | b.status.isin(("declined", "expired"))


def _recorded(commission_reconciliation: Any) -> Any:
    """booking_id and origin of the bookings with a record, each once."""
    r = commission_reconciliation
    return (
        r.filter(r.booking_id.notnull() & r.commission_id.notnull()).select("booking_id", "origin").distinct()
    )


def _cohorts(bookings: Any) -> Any:
    """Counted bookings with their local_date, and whether they are ``booked``."""
    b = counted(bookings)
    b = b.mutate(
        local_date=local_day(b.created_at, b.utc_offset_minutes),
        booked=b.status.isin(REVENUE_STATUSES),
    )
    return dated(b)


@behind(source_conversion)
def source_conversion_rows(commission_reconciliation: Any, bookings: Any) -> ir.Table:
    """The bookings of each day and source."""
    b = _cohorts(bookings)
    amount = b.amount_idr.fill_null(0)
    made = of_booking(
        b,
        "local_date",
        "accepted_at",
        created=one(),
        accepted=where(b.booked | b.accepted_at.notnull()),
        **{status: where(b.status == status) for status in ("completed", "declined", "expired", "cancelled")},
        booked_idr=where(b.booked, amount),
        completed_idr=where(b.status == "completed", amount),
        decided=where(_decided(b)),
    )
    # Apart, so that no other figure waits for the join.
    b = b.semi_join(_recorded(commission_reconciliation), ["booking_id", "origin"])
    return gather(made, of_booking(b, "local_date", "accepted_at", commissions=one()))
