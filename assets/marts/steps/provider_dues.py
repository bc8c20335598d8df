"""Step: how each provider paid what its bookings owe. Made of marts."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.later import ibis, ir
from assets.marts.mart import step
from assets.marts.parts.links import NAME
from assets.marts.parts.part import Difference
from marketplace.commission import PAID_STATUS, TRACKED_STATES, EntryKind, EntryPart
from marketplace.statuses import values

MEASURES: Final = ("paid_in_time", "paid_late", "paid_undated", "fees_idr", "lines")


@step(difference=Difference(NAME, ("provider_id",), MEASURES, "lines"))
def provider_dues(commission_reconciliation: Any, commission_entries: Any) -> ir.Table:
    """provider_id, how many of its bookings' own records were paid in time, late and without a date, and its late fees
    in rupiah; ``lines``: of how many records and entries."""
    r = own_paid(commission_reconciliation)
    e = late_fees(commission_entries)
    parts = [
        _part(
            r,
            paid_in_time=r.count(where=r.in_time.fill_null(False)),
            paid_late=r.count(where=(~r.in_time).fill_null(False)),
            paid_undated=r.count(where=r.in_time.isnull()),
        ),
        _part(e, fees_idr=e.amount_idr.sum()),
    ]
    found: Any = ibis.union(*parts, distinct=False)
    return found.group_by("provider_id").aggregate(
        **{name: found[name].sum().cast("int64") for name in MEASURES}
    )


def _part(rows: Any, **sums: Any) -> Any:
    """Sums by provider; the other measures are 0."""
    found = rows.group_by("provider_id").aggregate(lines=rows.count(), **sums)
    zero = ibis.literal(0).cast("int64")
    return found.select(
        "provider_id",
        **{
            name: found[name].fill_null(0).cast("int64") if name in (*sums, "lines") else zero
            for name in MEASURES
        },
    )


def own_paid(commission_reconciliation: Any) -> Any:
    """Bookings whose own record is paid, with ``in_time`` (null where that cannot be told)."""
    r = commission_reconciliation
    r = r.filter(
        r.state.isin(TRACKED_STATES) & (r.commission_status == PAID_STATUS) & r.provider_id.notnull()
    )
    return r.mutate(in_time=r.paid_at <= r.deadline_at)


def late_fees(commission_entries: Any) -> Any:
    """The late fees that were charged and given back."""
    e = commission_entries
    return e.filter((e.part == EntryPart.FEE.value) & e.kind.isin(values(EntryKind.FEE, EntryKind.REVERSAL)))
