"""The mart marts.month_figures."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.behind import behind, gather
from assets.marts.commission.commission_ledger import commission_ledger_rows, first_day, month_number
from assets.marts.commission.commission_reconciliation import reconciled
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
from assets.marts.revenue.revenue_daily import revenue_daily_rows
from checks.schemas.commission import MonthFigures

OF_DAYS: Final = ("bookings", "booked_idr", "completed_idr", "collected_idr")
OF_RECONCILIATION: Final = ("expected_idr", "actual_idr")
OF_LEDGER: Final = ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")


@mart(MonthFigures)
def month_figures(revenue_daily: Any, commission_reconciliation: Any, commission_ledger: Any) -> ir.Table:
    """The figures of each local month that must not change once it is closed, small enough to
    compare at each run. A figure that is not listed for a month is 0. What has no local day is in
    none."""
    d, r, entries = revenue_daily, commission_reconciliation, commission_ledger
    # The ledger's rows are by month already; expected and actual are by accrual day.
    parts = [
        *_figures(d, month_number(d.local_date), OF_DAYS),
        *_figures(r, month_number(r.local_date), OF_RECONCILIATION),
        *_figures(
            entries,
            month_number(entries.local_month),
            OF_LEDGER,
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


@behind(month_figures)
def month_figures_rows(
    bookings: Any,
    commissions: Any,
    commission_entries: Any,
    commission_reconciliation: Any,
    unentered_records: Any,
) -> ir.Table:
    """The rows behind each day, reconciled row and month of a ledger, by month and figure."""
    days = revenue_daily_rows(bookings, commission_entries, commissions)
    r = reconciled(commission_reconciliation)
    r = r.filter(r.local_date.notnull())
    ledger = commission_ledger_rows(commission_entries, commission_reconciliation, unentered_records)
    return gather(
        *_long(days.mutate(local_month=days.local_date.truncate("M")), OF_DAYS),
        *_long(r.mutate(local_month=r.local_date.truncate("M")), OF_RECONCILIATION),
        *_long(ledger, OF_LEDGER, "ledger_"),
    )


def _long(rows: Any, names: tuple[str, ...], prefix: str = "") -> list[Any]:
    return [
        rows.filter(rows[name].notnull()).select(
            "local_month", "id", "of", figure=ibis.literal(prefix + name), value=rows[name].cast("int64")
        )
        for name in names
    ]
