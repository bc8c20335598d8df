"""Step: what happened in the months of each provider's commission account. Its balances are commission_ledger's."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.commission.commission_entries import charged_provider
from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import NAME
from assets.marts.parts.part import Difference
from marketplace.commission import NO_PROVIDER, EntryKind, RowState
from marketplace.statuses import values

MEASURES: Final = (
    "accrued_idr",
    "fees_idr",
    "paid_idr",
    "reversed_idr",
    "expected_idr",
    "unrecorded_idr",
    "unknown_amount_records",
    "lines",
)


#: What it was, as the ledger has it.
_WAS: Final = (
    f"SELECT provider_id, year(local_month) * 12 + month(local_month) - 1 AS month, {', '.join(MEASURES)}"
    " FROM marts.commission_ledger WHERE lines > 0"
)


def month_number(day: Any) -> Any:
    """Months since year 0: consecutive numbers, so that no month is skipped."""
    return (day.year() * 12 + day.month() - 1).cast("int64")


@step(difference=Difference(NAME, ("provider_id", "month"), MEASURES, "lines", _WAS))
def ledger_movements(
    commission_entries: Any, commission_reconciliation: Any, commission_reviews: Any
) -> ir.Table:
    """provider_id, month (its number) and MEASURES: what happened in each provider's months, one row each. ``lines``:
    of how many entries, reconciled rows and records of unknown amount."""
    e = commission_entries
    r = commission_reconciliation
    reviews = commission_reviews
    # (A refund was not charged: where its amount is unknown, refund_record and the data findings say so.)
    unknown = reviews.filter(reviews.commission.isnull() & ~reviews.is_refund)
    parts = [
        _part(
            e,
            e.provider_id,
            accrued_idr=e.amount_idr.sum(where=e.kind == EntryKind.ACCRUAL.value),
            fees_idr=e.amount_idr.sum(where=e.kind == EntryKind.FEE.value),
            paid_idr=-e.amount_idr.sum(where=e.kind.isin(values(EntryKind.PAYMENT, EntryKind.REFUND))),
            reversed_idr=-e.amount_idr.sum(where=e.kind == EntryKind.REVERSAL.value),
            lines=e.count(),
        ),
        _part(
            r,
            r.provider_id.fill_null(NO_PROVIDER),
            expected_idr=r.expected_idr.sum(),
            unrecorded_idr=r.expected_idr.sum(
                where=r.state.isin(values(RowState.MISSING, RowState.AWAITING))
            ),
            lines=r.count(),
        ),
        _part(
            unknown, charged_provider(unknown), unknown_amount_records=unknown.count(), lines=unknown.count()
        ),
    ]
    moved: Any = ibis.union(*parts, distinct=False)
    return moved.group_by("provider_id", "month").aggregate(
        **{name: moved[name].sum().cast("int64") for name in MEASURES}
    )


def _part(rows: Any, provider: Any, **sums: Any) -> Any:
    """Sums by provider and month; the other measures are 0. What has no local day is in no month."""
    found = rows.group_by(provider_id=provider, month=month_number(rows.local_date)).aggregate(**sums)
    found = found.filter(found.month.notnull())
    zero = ibis.literal(0).cast("int64")
    return found.select(
        "provider_id",
        "month",
        **{name: found[name].fill_null(0).cast("int64") if name in sums else zero for name in MEASURES},
    )
