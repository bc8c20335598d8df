"""The mart marts.month_figures."""

from __future__ import annotations

from typing import Any, Final

from assets.marts.behind import behind, gather
from assets.marts.commission.commission_ledger import first_day, month_number
from assets.marts.commission.commission_reconciliation import reconciled
from assets.marts.later import ibis, ir
from assets.marts.mart import mart
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
    revenue_daily: Any, commission_reconciliation: Any, commission_ledger: Any
) -> ir.Table:
    """The days, reconciled rows and months of a provider's ledger that each figure sums up. What is behind those, they
    tell themselves."""
    d, e = revenue_daily, commission_ledger
    r = reconciled(commission_reconciliation)
    days = d.mutate(id=d.local_date.cast("string"), of=ibis.literal("marts.revenue_daily"))
    months = e.mutate(id=e.provider_id, of=ibis.literal("marts.commission_ledger"))
    return gather(
        *_long(days, days.local_date, OF_DAYS),
        *_long(r, r.local_date, OF_RECONCILIATION),
        *_long(months, months.local_month, OF_LEDGER, "ledger_"),
    )


def _long(rows: Any, day: Any, names: tuple[str, ...], prefix: str = "") -> list[Any]:
    rows = rows.mutate(month=day.truncate("M"))
    rows = rows.filter(rows.month.notnull())
    return [
        rows.filter(rows[name] != 0).select(
            "id", "of", local_month="month", figure=ibis.literal(prefix + name), value=rows[name]
        )
        for name in names
    ]
