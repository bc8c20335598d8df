"""The mart marts.commission_ledger.

It sums commission_entries. What the policy expects stands beside it and is in no balance.
"""

from __future__ import annotations

from typing import Any

from assets.marts.behind import behind, gather, one, where
from assets.marts.commission.commission_reconciliation import reconciled
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.steps.ledger_movements import MEASURES, month_number
from assets.marts.tables import Instants
from checks.schemas.commission import CommissionLedger
from marketplace.commission import LEDGER_SIGNS, NO_PROVIDER, EntryKind, RowState, Unentered
from marketplace.statuses import values


def first_day(month: Any) -> Any:
    """The first day of a month given by its number. (Ibis compiles // to floating division: only exact multiples
    are divided.)"""
    year = ((month - month % 12) / 12).cast("int64")
    return ibis.date(year.cast("int32"), (month % 12 + 1).cast("int32"), 1)


@mart(CommissionLedger)
def commission_ledger(
    ledger_movements: Any,
    providers: Any,
    at: Instants,
) -> ir.Table:
    """The commission account of each provider, month by month: opening + accrued + fees − paid −
    reversed = closing. A row a provider and local month, from its first line to the clock's month
    (or its last line), none left out."""
    moved = ledger_movements
    here = month_number(at.local_month)
    spans: Any = moved.group_by("provider_id").aggregate(first=moved.month.min(), last=moved.month.max())
    last: Any = ibis.greatest(spans.last, here)
    months = spans.select("provider_id", month=ibis.range(spans.first, last + 1).unnest())
    rows: Any = months.left_join(moved, ["provider_id", "month"]).select(
        months.provider_id, months.month, **{name: moved[name].fill_null(0) for name in MEASURES}
    )
    rows = rows.mutate(net=rows.accrued_idr + rows.fees_idr - rows.paid_idr - rows.reversed_idr)
    upto = ibis.window(group_by="provider_id", order_by="month", following=0)
    rows = rows.mutate(closing_idr=rows.net.sum().over(upto).cast("int64"))
    names = providers.filter(providers.provider_name.notnull())
    names = names.group_by(named="provider_id").aggregate(provider_name=names.provider_name.min())
    rows = rows.left_join(names, rows.provider_id == names.named)
    rows = rows.select(
        "provider_id",
        "provider_name",
        local_month=first_day(rows.month),
        opening_idr=rows.closing_idr - rows.net,
        accrued_idr=rows.accrued_idr,
        fees_idr=rows.fees_idr,
        paid_idr=rows.paid_idr,
        reversed_idr=rows.reversed_idr,
        closing_idr=rows.closing_idr,
        expected_idr=rows.expected_idr,
        unrecorded_idr=rows.unrecorded_idr,
        unknown_amount_records=rows.unknown_amount_records,
        lines=rows.lines,
    )
    closing: Any = sum(sign * rows[name] for name, sign in LEDGER_SIGNS.items())
    return rows.mutate(holds=(closing == rows.closing_idr).fill_null(False)).relocate("lines", after="holds")


@behind(commission_ledger)
def commission_ledger_rows(
    commission_entries: Any, commission_reconciliation: Any, unentered_records: Any
) -> ir.Table:
    """The lines of each provider and month, what its bookings owe by the policy, and the records without a line."""
    e = commission_entries
    lines = e.select(
        "provider_id",
        "kind",
        "part",
        "commission_id",
        "booking_id",
        "local_date",
        local_month=e.local_date.truncate("M"),
        id=e.entry_id,
        of=ibis.literal("marts.commission_entries"),
        accrued_idr=where(e.kind == EntryKind.ACCRUAL.value, e.amount_idr),
        fees_idr=where(e.kind == EntryKind.FEE.value, e.amount_idr),
        paid_idr=where(e.kind.isin(values(EntryKind.PAYMENT, EntryKind.REFUND)), -e.amount_idr),
        reversed_idr=where(e.kind == EntryKind.REVERSAL.value, -e.amount_idr),
        lines=one(),
    )
    r = reconciled(commission_reconciliation)
    r = r.filter(r.local_date.notnull())
    owed = r.select(
        "id",
        "of",
        "commission_id",
        "booking_id",
        "local_date",
        "state",
        "policy_version",
        provider_id=r.provider_id.fill_null(NO_PROVIDER),
        local_month=r.local_date.truncate("M"),
        expected_idr=r.expected_idr,
        unrecorded_idr=where(r.state.isin(values(RowState.MISSING, RowState.AWAITING)), r.expected_idr),
        lines=one(),
    )
    u = unentered_records
    u = u.filter((u.reason == Unentered.AMOUNT_UNKNOWN.value) & u.local_date.notnull())
    unknown = u.select(
        "provider_id",
        "commission_id",
        "booking_id",
        "local_date",
        local_month=u.local_date.truncate("M"),
        id=u.commission_id,
        of=ibis.literal("core.commissions"),
        unknown_amount_records=one(),
        lines=one(),
    )
    return gather(lines, owed, unknown)
