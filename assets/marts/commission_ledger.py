"""Mart: the commission account of each provider, month by month: opening + accrued + fees − paid − reversed = closing.

It sums commission_entries. What the policy expects stands beside it and is in no balance.
"""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from assets.marts.commission_entries import charged_provider
from assets.marts.tables import Instants, Tables
from marketplace.commission import NO_PROVIDER

NO_MONTH = 0
"""Stands for the month of what is in no local month yet: its provider was not read. It comes before all others."""
MEASURES = (
    "accrued_idr",
    "fees_idr",
    "paid_idr",
    "reversed_idr",
    "expected_idr",
    "unrecorded_idr",
    "unknown_amount_records",
)


def month_number(day: Any) -> Any:
    """Months since year 0: consecutive numbers, so that no month is skipped."""
    return (day.year() * 12 + day.month() - 1).cast("int64")


def first_day(month: Any) -> Any:
    """The first day of a month given by its number, null for NO_MONTH. (Ibis compiles // to floating division: only
    exact multiples are divided.)"""
    month = month.nullif(NO_MONTH)
    year = ((month - month % 12) / 12).cast("int64")
    return ibis.date(year.cast("int32"), (month % 12 + 1).cast("int32"), 1)


def table(t: Tables, at: Instants) -> ir.Table:
    """A row a provider and local month, from its first line to the clock's month (or its last line), none left out;
    before them one without a month, of what is in none yet."""
    moved = _movements(t)
    here = month_number(at.local_month)
    dated = moved.month.nullif(NO_MONTH)
    spans: Any = moved.group_by("provider_id").aggregate(first=dated.min(), last=dated.max())
    spans = spans.mutate(first=ibis.coalesce(spans["first"], here), last=ibis.greatest(spans["last"], here))
    months = ibis.union(
        spans.select("provider_id", month=ibis.range(spans["first"], spans["last"] + 1).unnest()),
        moved.filter(moved.month == NO_MONTH).select("provider_id", "month"),
        distinct=False,
    )
    rows: Any = months.left_join(moved, ["provider_id", "month"]).select(
        months.provider_id, months.month, **{name: moved[name].fill_null(0) for name in MEASURES}
    )
    rows = rows.mutate(net=rows.accrued_idr + rows.fees_idr - rows.paid_idr - rows.reversed_idr)
    upto = ibis.window(group_by="provider_id", order_by="month", following=0)
    rows = rows.mutate(closing_idr=rows.net.sum().over(upto).cast("int64"))
    names = t.providers.filter(t.providers.provider_name.notnull())
    names = names.group_by(named="provider_id").aggregate(provider_name=names.provider_name.min())
    rows = rows.left_join(names, rows.provider_id == names.named)
    return rows.select(
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
    )


def _movements(t: Tables) -> Any:
    """What happened in each provider's months, one row each."""
    e = t.commission_entries
    r = t.commission_reconciliation
    reviews = t.commission_reviews
    # (A refund was not charged: where its amount is unknown, refund_record and the data findings say so.)
    unknown = reviews.filter(reviews.commission.isnull() & ~reviews.is_refund)
    parts = [
        _part(
            e,
            e.provider_id,
            accrued_idr=e.amount_idr.sum(where=e.kind == "accrual"),
            fees_idr=e.amount_idr.sum(where=e.kind == "fee"),
            paid_idr=-e.amount_idr.sum(where=e.kind.isin(("payment", "refund"))),
            reversed_idr=-e.amount_idr.sum(where=e.kind == "reversal"),
        ),
        _part(
            r,
            r.provider_id.fill_null(NO_PROVIDER),
            expected_idr=r.expected_idr.sum(),
            unrecorded_idr=r.expected_idr.sum(where=r.state.isin(("missing", "awaiting"))),
        ),
        _part(unknown, charged_provider(unknown), unknown_amount_records=unknown.count()),
    ]
    moved: Any = ibis.union(*parts, distinct=False)
    return moved.group_by("provider_id", "month").aggregate(
        **{name: moved[name].sum().cast("int64") for name in MEASURES}
    )


def _part(rows: Any, provider: Any, **sums: Any) -> Any:
    """Sums by provider and month; the other measures are 0."""
    month = month_number(rows.local_date).fill_null(NO_MONTH)
    found = rows.group_by(provider_id=provider, month=month).aggregate(**sums)
    zero = ibis.literal(0).cast("int64")
    return found.select(
        "provider_id",
        "month",
        **{name: found[name].fill_null(0).cast("int64") if name in sums else zero for name in MEASURES},
    )
