"""What is owed and until when, by whom, and whose account is restricted. Asked through reading.py."""

from __future__ import annotations

from typing import Any

import polars as pl

from dashboards.queries.query import Column, Query
from dashboards.queries.reading import ask, cached
from marketplace.commission import AGE_WORDS, age_column

_OPEN = """SELECT commission_id, booking_id, booking_ref, provider_id, provider_name, status, owed_idr, fee_idr,
                  service_ended_at, deadline_at, is_overdue, restriction_at, age, is_due, is_unpaid
           FROM marts.commission_open"""
_SOONEST = " ORDER BY deadline_at NULLS LAST, commission_id"

#: The unpaid live records, the earliest deadline first.
OPEN = Query(
    "open_commissions",
    _OPEN + _SOONEST,
    columns=(
        Column("commission_id", "col.commission_id"),
        Column("booking_id", "col.booking_id"),
        Column("provider_name", "col.provider_name"),
        Column("status", "col.status"),
        Column("owed_idr", "receivables.owed"),
        Column("fee_idr", "receivables.fee"),
        Column("deadline_at", "col.deadline"),
        Column("is_overdue", "receivables.overdue"),
        Column("age", "receivables.age", stretches="age"),
        Column("restriction_at", "receivables.restriction_from"),
    ),
)


#: The open records that will be overdue if nobody pays, the earliest deadline first. Not among them: one whose proof
#: came in time, one that is not due, one of which neither can be told.
DUE_NEXT = Query(
    "due_next", f"{_OPEN} WHERE NOT is_overdue AND is_unpaid AND is_due AND deadline_at IS NOT NULL{_SOONEST}"
)
#: The overdue ones, the longest overdue first.
OVERDUE = Query("overdue", f"{_OPEN} WHERE is_overdue{_SOONEST}")


@cached
def open_totals(path: str) -> dict[str, Any]:
    """records, owed_idr, fees_idr and of the overdue ones the same (overdue_…); the records
    of which it can't be told whether they are overdue or how much is owed (unknown_records), and those not due."""
    return ask(
        path,
        """SELECT count(*)::BIGINT AS records, coalesce(sum(owed_idr), 0)::BIGINT AS owed_idr,
                  coalesce(sum(fee_idr), 0)::BIGINT AS fees_idr,
                  count(*) FILTER (is_overdue)::BIGINT AS overdue_records,
                  coalesce(sum(owed_idr) FILTER (is_overdue), 0)::BIGINT AS overdue_idr,
                  coalesce(sum(fee_idr) FILTER (is_overdue), 0)::BIGINT AS overdue_fees_idr,
                  count(*) FILTER (fee_idr > 0)::BIGINT AS fee_records,
                  count(*) FILTER (is_overdue IS NULL OR owed_idr IS NULL)::BIGINT AS unknown_records,
                  count(*) FILTER (NOT is_due)::BIGINT AS not_due_records
           FROM marts.commission_open""",
    ).to_dicts()[0]


@cached
def open_by_age(path: str) -> pl.DataFrame:
    """age, records, owed_idr, fees_idr: since the service ended, in the order of AGE_WORDS."""
    frame = ask(
        path,
        """SELECT coalesce(age, 'unknown') AS age, count(*)::BIGINT AS records,
                  coalesce(sum(owed_idr), 0)::BIGINT AS owed_idr, coalesce(sum(fee_idr), 0)::BIGINT AS fees_idr
           FROM marts.commission_open GROUP BY 1""",
    )
    places = {age: place for place, age in enumerate(AGE_WORDS)}
    order = pl.col("age").replace_strict(places, default=len(AGE_WORDS), return_dtype=pl.Int64)
    return frame.sort(order, "age")


#: Who owes what now, one row a provider with anything open, the largest debt first.
BALANCES = Query(
    "balances",
    f"""SELECT provider_id, provider_name, owed_idr, fees_idr, overdue_idr, records, overdue_records,
                      {", ".join(age_column(word) for word in AGE_WORDS)},
                      oldest_deadline_at, not_due_idr, unknown_amount_records, restriction_due, restriction_due_at,
                      restriction_actual, provider_status
               FROM marts.commission_balances ORDER BY owed_idr DESC NULLS LAST, provider_id""",
    columns=(
        Column("provider_name", "col.provider_name"),
        Column("owed_idr", "receivables.owed"),
        Column("overdue_idr", "receivables.overdue"),
        Column("fees_idr", "receivables.fees"),
        Column("records", "receivables.records"),
        *(Column(age_column(word), "age", written=word) for word in AGE_WORDS),
        Column("not_due_idr", "receivables.not_due"),
        Column("unknown_amount_records", "receivables.unknown_amounts"),
        Column("oldest_deadline_at", "receivables.oldest"),
        Column("provider_id", "col.provider_id"),
    ),
)


#: Every provider that should be restricted or is: provider_id, provider_name, due, actual (null = not known),
#: restriction_due_at, overdue_records, overdue_idr, verdict (agrees, not_restricted, restricted_wrongly, unknown); the
#: differing ones first.
RESTRICTIONS = Query(
    "restrictions",
    """SELECT provider_id, provider_name, due, actual, restriction_due_at, overdue_records, overdue_idr, verdict
       FROM marts.commission_restrictions
       ORDER BY CASE verdict WHEN 'agrees' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END, restriction_due_at NULLS LAST,
                provider_id""",
)


@cached
def restriction_verdicts(path: str) -> dict[str, int]:
    """verdict → providers."""
    rows = ask(path, "SELECT verdict, count(*) AS n FROM marts.commission_restrictions GROUP BY 1").rows()
    return dict(rows)
