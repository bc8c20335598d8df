"""The ledger by month and provider, and figures of closed months that changed. Asked through reading.py."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, with_messages

SUMS: tuple[str, ...] = ("opening_idr", "accrued_idr", "fees_idr", "paid_idr", "reversed_idr", "closing_idr")
_SUMS = """sum(opening_idr)::BIGINT AS opening_idr, sum(accrued_idr)::BIGINT AS accrued_idr,
           sum(fees_idr)::BIGINT AS fees_idr, sum(paid_idr)::BIGINT AS paid_idr,
           sum(reversed_idr)::BIGINT AS reversed_idr, sum(closing_idr)::BIGINT AS closing_idr"""
_HOLDS = "opening_idr + accrued_idr + fees_idr - paid_idr - reversed_idr = closing_idr"


@cached
def ledger_months(path: str) -> pl.DataFrame:
    """local_month, providers, the six sums of all providers, off (lines whose sum does not hold to the rupiah) and
    unknown_amounts (records whose amount is not known: in no sum); the newest month first."""
    return ask(
        path,
        f"""SELECT local_month, count(*)::BIGINT AS providers, {_SUMS},
                   count(*) FILTER (NOT coalesce({_HOLDS}, false))::BIGINT AS off,
                   sum(unknown_amount_records)::BIGINT AS unknown_amounts
            FROM marts.commission_ledger GROUP BY local_month ORDER BY local_month DESC""",
    )


def lines(month: date) -> Query:
    """The lines of a month, one a provider: those that do not hold first, then the largest balance."""
    return Query(
        f"ledger_{month:%Y_%m}",
        f"""SELECT provider_id, provider_name, local_month, opening_idr, accrued_idr, fees_idr, paid_idr,
                     reversed_idr, closing_idr, coalesce({_HOLDS}, false) AS holds, expected_idr, unrecorded_idr
              FROM marts.commission_ledger WHERE local_month = ?
              ORDER BY holds, abs(closing_idr) DESC, provider_id""",
        (month,),
        columns=(
            Column("provider_name", "col.provider_name"),
            *(Column(name, f"ledger.{name}") for name in SUMS),
            Column("holds", "ledger.holds"),
            Column("expected_idr", "ledger.expected_idr"),
            Column("unrecorded_idr", "ledger.unrecorded_idr"),
            Column("provider_id", "col.provider_id"),
        ),
    )


#: finding_id, local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, detail, waived:
#: figures of closed months that changed, open ones first, the newest first.
CLOSED_MONTH_CHANGES = Query(
    "closed_month_changes",
    """SELECT finding_id, local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, detail,
                  coalesce(waived, false) AS waived
           FROM marts.closed_month_changes ORDER BY coalesce(waived, false), seen_at DESC, finding_id""",
)


@cached
def closed_month_gap(path: str) -> dict[str, Any] | None:
    """Why this snapshot's closed months were compared with none before it (reason, code, args); None where they were
    compared."""
    rows = ask(
        path,
        f"""SELECT reason, code, args FROM {with_messages("marts.closed_month_gaps")}
            WHERE is_newest ORDER BY compared_at DESC LIMIT 1""",
    ).to_dicts()
    return rows[0] if rows else None
