"""The mart marts.month_figures."""

from __future__ import annotations

from typing import Any

from assets.marts.commission.commission_ledger import first_day, month_number
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from checks.schemas.commission import MonthFigures


@mart(MonthFigures)
def month_figures(revenue_daily: Any, commission_reconciliation: Any, commission_ledger: Any) -> ir.Table:
    """The figures of each local month that must not change once it is closed, small enough to
    compare at each run. A figure that is not listed for a month is 0. What has no local day is in
    none."""
    d, r, entries = revenue_daily, commission_reconciliation, commission_ledger
    # The ledger's rows are by month already; expected and actual are by accrual day.
    parts = [
        *_figures(
            d, month_number(d.local_date), ("bookings", "booked_idr", "completed_idr", "collected_idr")
        ),
        *_figures(r, month_number(r.local_date), ("expected_idr", "actual_idr")),
        *_figures(
            entries,
            month_number(entries.local_month),
            ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr"),
            "ledger_",
        ),
    ]
    found: Any = ibis.union(*parts, distinct=False)
    return found.filter((found.value != 0) & found.month.notnull()).select(
        local_month=first_day(found.month), figure=found.figure, value=found.value
    )


def _figures(rows: Any, month: Any, names: tuple[str, ...], prefix: str = "") -> list[Any]:
    sums: Any = rows.group_by(month=month).aggregate(
        **{name: rows[name].sum().fill_null(0).cast("int64") for name in names}
    )
    return [sums.select("month", figure=ibis.literal(prefix + name), value=sums[name]) for name in names]
