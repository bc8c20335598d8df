"""The mart marts.unreconciled_records: few rows, of which the reconciliation says nothing and the ledger does."""

from __future__ import annotations

from typing import Any

from assets.marts.behind import itself
from assets.marts.commission.commission_entries import charged_provider
from assets.marts.commission.commission_open import is_due
from assets.marts.commission.commission_reconciliation import is_reconciled
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.parts.links import BY_RECORD
from checks.schemas.commission import UnreconciledRecords
from marketplace.commission import PAID_STATUS, UNKNOWN_STATUS, Unreconciled


@mart(UnreconciledRecords, part=BY_RECORD)
def unreconciled_records(commission_reviews: Any) -> ir.Table:
    """The records that no row of the reconciliation shows, each with the reason: further ones of a
    booking, refunds, and those that do not stand any more. Tests are left out. ``is_due`` as in
    commission_open, as of the time it stood: beside a record that is paid it asked for nothing either."""
    r = commission_reviews
    rows = r.filter(~is_reconciled(r))
    told_unpaid = ~rows.is_refund & ~rows.status.isin((PAID_STATUS, UNKNOWN_STATUS))
    beside_paid = ~rows.live & rows.own_is_paid & told_unpaid
    return rows.select(
        "commission_id",
        reason=ibis.cases(
            (rows.is_refund, Unreconciled.REFUND.value),
            (rows.gone_at.notnull(), Unreconciled.GONE.value),
            (~rows.live, Unreconciled.NOT_LIVE.value),
            else_=Unreconciled.FURTHER.value,
        ),
        booking_id=rows.booking_id,
        origin=rows.origin,
        provider_id=charged_provider(rows),
        status=rows.status,
        local_date=rows.local_date,
        deadline_at=rows.due_at,
        is_due=ibis.cases((beside_paid, False), else_=is_due(rows)),
        commission_idr=rows.commission,
        fee_idr=rows.fee_idr,
    )


itself(unreconciled_records, of="core.commissions")
