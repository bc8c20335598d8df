"""The package's table ledger: the account of each provider in the period, and a last line of all.

Its lines one by one are statements.py's, how it leads to other figures bridges.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from marketplace.commission import EntryKind, RowState, Unentered
from marketplace.statuses import values
from messages.figures import sentence
from pipelines.exports.commissions import PROVIDERS, literal
from pipelines.exports.month.accounts import OF_REPORT, day, of_provider, within, words
from pipelines.exports.month.rows import batches, period_of, select
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_UNRECORDED: Final = values(RowState.MISSING, RowState.AWAITING)


def _kind(kind: EntryKind, *, sign: int = 1) -> str:
    """What lines of a kind in the period add up to, as SQL."""
    minus = "-" if sign < 0 else ""
    return f"{minus}coalesce(sum(amount_idr) FILTER (WHERE kind = {literal(kind.value)} AND inside), 0)"


def accounts(asked: Asked) -> str:
    """SQL: a row a provider with any line before the period's end, or anything expected or unknown in it."""
    entries = f"""
        SELECT provider_id,
            coalesce(sum(amount_idr) FILTER (WHERE NOT inside), 0) AS opening_idr,
            {_kind(EntryKind.ACCRUAL)} AS accrued_idr, {_kind(EntryKind.FEE)} AS fees_idr,
            {_kind(EntryKind.PAYMENT, sign=-1)} AS paid_gross_idr, {_kind(EntryKind.REFUND)} AS refunds_idr,
            {_kind(EntryKind.REVERSAL, sign=-1)} AS reversed_idr, sum(amount_idr) AS closing_idr
        FROM (SELECT *, local_date >= {day(asked.first)} AS inside FROM marts.commission_entries
              WHERE local_date < {day(asked.until)} AND {of_provider(asked)})
        GROUP BY provider_id"""
    owed = f"""
        SELECT {OF_REPORT} AS provider_id, coalesce(sum(expected_idr), 0) AS expected_idr,
            coalesce(sum(expected_idr) FILTER (WHERE state IN {words(_UNRECORDED)}), 0) AS unrecorded_idr
        FROM marts.commission_reconciliation WHERE {within(asked)} AND {of_provider(asked, OF_REPORT)}
        GROUP BY ALL"""
    unknown = f"""
        SELECT provider_id,
            count(*) FILTER (WHERE reason = {literal(Unentered.AMOUNT_UNKNOWN.value)} AND {within(asked)})
                AS unknown_amount_records,
            count(*) FILTER (WHERE reason = {literal(Unentered.UNDATED.value)}) AS undated_records
        FROM marts.unentered_records WHERE provider_id IS NOT NULL AND {of_provider(asked)} GROUP BY provider_id"""
    return f"""
        SELECT * FROM ({entries})
        UNION ALL BY NAME SELECT * FROM ({owed})
        UNION ALL BY NAME
        SELECT * FROM ({unknown}) WHERE unknown_amount_records > 0 OR undated_records > 0"""


def _sum(name: str) -> str:
    return f"coalesce(sum({name}), 0)::BIGINT"


def _of(metric: str) -> str:
    return sentence(metric, within=True)


_COLUMNS: Final = (
    PackageColumn(
        "line", "if(grouping(a.provider_id) = 1, 'total', 'provider')", "provider, or total: all of them"
    ),
    PackageColumn("provider_id", "a.provider_id", "the provider; none: records that name nobody"),
    PackageColumn(
        "provider_name",
        "if(grouping(a.provider_id) = 1, NULL, any_value(p.provider_name))",
        "its business name",
    ),
    PackageColumn("opening_idr", _sum("opening_idr"), _of("opening_balance")),
    PackageColumn("accrued_idr", _sum("accrued_idr"), f"{_of('accrued_commission')} in it"),
    PackageColumn("fees_idr", _sum("fees_idr"), f"{_of('late_fees')} in it"),
    PackageColumn("paid_gross_idr", _sum("paid_gross_idr"), _of("paid_gross")),
    PackageColumn("refunds_idr", _sum("refunds_idr"), _of("given_back")),
    PackageColumn(
        "paid_idr",
        f"({_sum('paid_gross_idr')} - {_sum('refunds_idr')})",
        _of("paid"),
    ),
    PackageColumn("reversed_idr", _sum("reversed_idr"), _of("taken_back")),
    PackageColumn(
        "closing_idr",
        _sum("closing_idr"),
        f"{_of('closing_balance')}: opening + accrued + fees − paid − reversed",
    ),
    PackageColumn(
        "expected_idr", _sum("expected_idr"), "beside the account: what its bookings owe by the policy"
    ),
    PackageColumn(
        "unrecorded_idr", _sum("unrecorded_idr"), "of that, of bookings missing or awaiting a record"
    ),
    PackageColumn(
        "unknown_amount_records",
        _sum("unknown_amount_records"),
        "records of the period whose amount is unknown: they have no line",
    ),
    PackageColumn(
        "undated_records",
        _sum("undated_records"),
        "records whose local day cannot be known: in no period, and without a line",
    ),
)


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    return batches(
        con,
        f"SELECT {select(_COLUMNS)} FROM ({accounts(asked)}) a LEFT JOIN {PROVIDERS} p ON p.provider_id = a.provider_id"
        " GROUP BY GROUPING SETS ((a.provider_id), ()) ORDER BY grouping(a.provider_id), a.provider_id",
        period_of(asked),
    )


TABLE: Final = PackageTable(
    "ledger",
    "A provider's account in the period: opening + accrued + fees − paid − reversed = closing. The last line is all.",
    _COLUMNS,
    _rows,
    total="line",
)
