"""The mart marts.commission_entries.

The basis is what the app charged: every record that is no test, live or not, deleted or not. Its sums by provider and
month are commission_ledger's. A record whose amount is unknown has no line for it; commission_ledger counts it. One
whose local day is not known has none at all (marts.undated_rows). A refund record has one line, once its money went
back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from assets.marts.behind import itself
from assets.marts.expressions import local_day
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_ENTRY
from assets.marts.said import Said, either, said
from checks.schemas.commission import CommissionEntries
from marketplace.commission import NO_PROVIDER, PAID_STATUS, PAYMENT_MOMENTS, EntryKind, EntryPart
from marketplace.statuses import NOT_LIVE_STATUSES, CommissionStatus


def charged_provider(r: Any) -> Any:
    """Whom a record charges: its own provider, else its booking's."""
    return ibis.coalesce(r.record_provider, r.b_provider, NO_PROVIDER)


def payment_day(r: Any) -> Any:
    """The local day on which a record's money counts as collected."""
    return local_day(payment_moment(r), r.offset)


def payment_moment(r: Any) -> Any:
    """The instant of that day: core's ``paid_rule`` names it."""
    return ibis.coalesce(*(r[name] for name in PAYMENT_MOMENTS))


@dataclass(frozen=True)
class _Line:
    """One kind of line of a record: on which day, with which sign, and why, as the end of a code (None: why the record
    no longer stands)."""

    kind: EntryKind
    part: EntryPart
    day: str
    sign: int
    why: str | None = None

    def of(self, rows: Any) -> Any:
        amount = rows.commission if self.part is EntryPart.COMMISSION else rows.fee_idr
        name = ibis.literal(f"{self.kind}:") + rows.commission_id
        # A fee's own line needs no suffix: its kind says it.
        if self.part is EntryPart.FEE and self.kind is not EntryKind.FEE:
            name = name + ":fee"
        message = _why_undone(rows) if self.why is None else said(f"entry.{self.why}")
        return rows.select(
            entry_id=name,
            kind=ibis.literal(self.kind.value),
            commission_id=rows.commission_id,
            booking_id=rows.booking_id,
            provider_id=rows.charged,
            local_date=rows[self.day],
            amount_idr=-amount if self.sign < 0 else amount,
            detail=message.text,
            part=ibis.literal(self.part.value),
            code=message.code,
            args=message.args,
        )


def _why_undone(r: Any) -> Said:
    return either(
        (r.status == CommissionStatus.CANCELLED.value, said("entry.cancelled")),
        (r.status == CommissionStatus.REVERSED.value, said("entry.reversed")),
        else_=said("entry.gone"),
    )


@mart(CommissionEntries, part=BY_ENTRY)
def commission_entries(commission_reviews: Any, commissions: Any) -> ir.Table:
    """The lines of the commission ledger, each of one record, one day and one signed amount.
    Accruals and fees are positive, payments and reversals negative, refunds positive."""
    r = commission_reviews
    r = r.filter(r.local_date.notnull())
    back = r.filter(r.is_refund & r.settled & r.gone_at.isnull() & r.commission.notnull())
    r = r.filter(~r.is_refund)
    rows = r.select(
        "commission_id",
        "booking_id",
        "commission",
        "status",
        "fee_idr",
        "gone_at",
        charged=charged_provider(r),
        accrual_day=r.local_date,
        paid_day=payment_day(r),
        # While it stood, a record that is not live now was paid if it says when. (A pending one that says when is not.)
        paid=r.settled | (r.status.isin(NOT_LIVE_STATUSES) & r.paid_at.notnull()),
        # The word paid settles the fee too; a payment under a word nobody knows is the commission's.
        fee_paid=(r.status == PAID_STATUS) | (r.status.isin(NOT_LIVE_STATUSES) & r.paid_at.notnull()),
        undone=r.status.isin(NOT_LIVE_STATUSES) | r.gone_at.notnull(),
        has_fee=(r.fee_idr != 0).fill_null(False),
        paid_moment=payment_moment(r),
        created_at=r.created_at,
        fee_from=r.fee_from,
        offset=r.offset,
    )
    known = rows.filter(rows.commission.notnull())
    special = _dated(commissions, rows.filter(rows.undone | rows.has_fee))
    undone = special.filter(special.undone & special.commission.notnull())
    fees = special.filter(special.has_fee)
    undone_fees = fees.filter(fees.undone)
    back = back.select(
        "commission_id",
        "booking_id",
        "commission",
        charged=charged_provider(back),
        paid_day=payment_day(back),
    )
    lines = (
        (back, _Line(EntryKind.REFUND, EntryPart.COMMISSION, "paid_day", -1, "given_back")),
        (known, _Line(EntryKind.ACCRUAL, EntryPart.COMMISSION, "accrual_day", 1, "charged")),
        (known.filter(known.paid), _Line(EntryKind.PAYMENT, EntryPart.COMMISSION, "paid_day", -1, "paid")),
        (undone, _Line(EntryKind.REVERSAL, EntryPart.COMMISSION, "undone_day", -1)),
        (undone.filter(undone.paid), _Line(EntryKind.REFUND, EntryPart.COMMISSION, "undone_day", 1)),
        (fees, _Line(EntryKind.FEE, EntryPart.FEE, "fee_day", 1, "fee")),
        (
            fees.filter(fees.fee_paid),
            _Line(EntryKind.PAYMENT, EntryPart.FEE, "paid_day", -1, "fee_paid"),
        ),
        (undone_fees, _Line(EntryKind.REVERSAL, EntryPart.FEE, "fee_undone_day", -1)),
        (
            undone_fees.filter(undone_fees.fee_paid),
            _Line(EntryKind.REFUND, EntryPart.FEE, "fee_undone_day", 1),
        ),
    )
    return ibis.union(*(line.of(kept) for kept, line in lines), distinct=False)


def _dated(commissions: Any, rows: Any) -> Any:
    """Add the days of what few records have: a fee, or an end before or after payment.

    A fee is dated by the moment of restriction on the record, else by the policy's, but not after the record was
    last written or paid: it was on it by then. A reversal is dated by the record's last change (that is when it
    ceased to be live, or later), or by when it was found gone. Neither is ever before the accrual.
    """
    c = commissions.select("commission_id", changed_at="updated_at", restricted_at="restricted_at")
    rows = rows.inner_join(c, "commission_id")
    changed = ibis.coalesce(rows.changed_at, rows.gone_at, rows.created_at)
    charged_from = ibis.coalesce(rows.restricted_at, rows.fee_from, changed)
    latest = ibis.cases((rows.paid, ibis.least(changed, rows.paid_moment)), else_=changed)
    fee_day = local_day(ibis.least(charged_from, latest), rows.offset)
    undone_at = ibis.cases((rows.status.isin(NOT_LIVE_STATUSES), changed), else_=rows.gone_at)
    first = ibis.cases((rows.paid, ibis.greatest(rows.accrual_day, rows.paid_day)), else_=rows.accrual_day)
    rows = rows.mutate(
        fee_day=ibis.greatest(fee_day, rows.accrual_day),
        undone_day=ibis.cases((rows.undone, ibis.greatest(local_day(undone_at, rows.offset), first))),
    )
    return rows.mutate(fee_undone_day=ibis.cases((rows.undone, ibis.greatest(rows.undone_day, rows.fee_day))))


itself(commission_entries)
