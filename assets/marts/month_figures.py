"""Mart: the figures of each local month that must not change once it is closed, small enough to compare at each run."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.commission_ledger import first_day, month_number
from assets.marts.tables import Instants, Tables


def table(t: Tables, at: Instants) -> ir.Table:
    """local_month, figure, value. A figure that is not listed for a month is 0. What is in no local month yet is in
    none of them."""
    d, r, entries = t.revenue_daily, t.commission_reconciliation, t.commission_ledger
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
