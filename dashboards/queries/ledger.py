"""The ledger by month and provider, an account down to its lines, and figures of closed months that changed. Asked
through reading.py."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached, with_messages
from marketplace.commission import LEDGER_SIGNS

SUMS: tuple[str, ...] = (*LEDGER_SIGNS, "closing_idr")
_SUMS = ", ".join(f"sum({name})::BIGINT AS {name}" for name in SUMS)
#: A snapshot of before the ledger told it says of no line whether it holds.
_LEDGER = "(SELECT NULL::BOOLEAN AS holds WHERE false UNION ALL BY NAME FROM marts.commission_ledger)"


@cached
def ledger_months(path: str) -> pl.DataFrame:
    """local_month, providers, the six sums of all providers, off (lines whose sum does not hold to the rupiah), untold
    (lines of which the snapshot does not say) and unknown_amounts (records whose amount is not known: in no sum); the
    newest month first."""
    return ask(
        path,
        f"""SELECT local_month, count(*)::BIGINT AS providers, {_SUMS},
                   count(*) FILTER (NOT holds)::BIGINT AS off,
                   count(*) FILTER (holds IS NULL)::BIGINT AS untold,
                   sum(unknown_amount_records)::BIGINT AS unknown_amounts
            FROM {_LEDGER} GROUP BY local_month ORDER BY local_month DESC""",
    )


def lines(month: date) -> Query:
    """The lines of a month, one a provider: those that do not hold first, then the largest balance."""
    return Query(
        f"ledger_{month:%Y_%m}",
        f"""SELECT provider_id, provider_name, local_month, opening_idr, accrued_idr, fees_idr, paid_idr,
                     reversed_idr, closing_idr, holds, expected_idr, unrecorded_idr
              FROM {_LEDGER} WHERE local_month = ?
              ORDER BY holds NULLS FIRST, abs(closing_idr) DESC, provider_id""",
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


@cached
def account(path: str, provider_id: str) -> pl.DataFrame:
    """local_month, the six sums, holds, expected_idr, unrecorded_idr and unknown_amount_records of one provider, the
    newest month first; no row where the ledger has no such account."""
    return ask(
        path,
        f"""SELECT local_month, {", ".join(f"{name}::BIGINT AS {name}" for name in SUMS)}, holds,
                   expected_idr::BIGINT AS expected_idr, unrecorded_idr::BIGINT AS unrecorded_idr,
                   unknown_amount_records::BIGINT AS unknown_amount_records
            FROM {_LEDGER} WHERE provider_id = ? ORDER BY local_month DESC""",
        [provider_id],
    )


_ENTRY = (
    Column("local_date", "revenue.day"),
    Column("kind", "commissions.kind", words="entry"),
    Column("part", "commissions.part", words="entry_part"),
    Column("amount_idr", "commissions.amount"),
    Column("detail", "commissions.why", told=True),
    Column("commission_id", "col.commission_id"),
    Column("booking_id", "col.booking_id"),
)
_ENTRIES = """SELECT local_date, kind, part, amount_idr, detail, commission_id, booking_id, entry_id, code, args
              FROM marts.commission_entries"""


def entries(provider_id: str, month: date) -> Query:
    """The lines of an account in a month, day by day: with their signs they add up to what moved it."""
    return Query(
        "account_lines",
        f"""{_ENTRIES} WHERE provider_id = ? AND local_date >= ? AND local_date < ?::DATE + INTERVAL 1 MONTH
            ORDER BY local_date, entry_id""",
        (provider_id, month, month),
        columns=_ENTRY,
    )


def entries_of(commission_id: str) -> Query:
    """The lines that a record has in the ledger, day by day."""
    return Query(
        "record_lines",
        f"{_ENTRIES} WHERE commission_id = ? ORDER BY local_date, entry_id",
        (commission_id,),
        columns=tuple(column for column in _ENTRY if column.name != "commission_id"),
    )


@cached
def why_unentered(path: str, commission_id: str) -> list[str]:
    """Why a record has no line in the ledger: words of marts.unentered_records."""
    frame = ask(
        path,
        "SELECT reason FROM marts.unentered_records WHERE commission_id = ? ORDER BY reason",
        [commission_id],
    )
    return frame["reason"].to_list()


#: finding_id, local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, detail, waived:
#: figures of closed months that changed, open ones first, the newest first.
CLOSED_MONTH_CHANGES = Query(
    "closed_month_changes",
    """SELECT finding_id, local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, detail,
                  coalesce(waived, false) AS waived
           FROM marts.closed_month_changes ORDER BY coalesce(waived, false), seen_at DESC, finding_id""",
)


@cached
def closed_change(path: str, finding_id: str) -> dict[str, Any] | None:
    """One of them, by its finding; None where the snapshot has none of that id."""
    rows = ask(
        path,
        "SELECT finding_id, local_month FROM marts.closed_month_changes WHERE finding_id = ? LIMIT 1",
        [finding_id],
    ).to_dicts()
    return rows[0] if rows else None


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
