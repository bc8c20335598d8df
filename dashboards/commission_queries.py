"""Questions on commissions beyond the Overview's: what is owed and until when, the ledger, and the two records a
finding speaks of. Asked through queries.py; names every column, and none that could hold personal data.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl

from dashboards.queries import ask, cached
from marketplace.commission import AGE_WORDS

_OPEN = """SELECT commission_id, booking_id, booking_ref, provider_id, provider_name, status, owed_idr, fee_idr,
                  service_ended_at, deadline_at, is_overdue, restriction_at, age, is_due, is_unpaid
           FROM marts.commission_open"""
_SOONEST = " ORDER BY deadline_at NULLS LAST, commission_id LIMIT ?"


@cached
def open_records(path: str, limit: int) -> pl.DataFrame:
    """The unpaid live records, the earliest deadline first; the first ``limit`` of them."""
    return ask(path, _OPEN + _SOONEST, [limit])


def all_open_records(path: str) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return ask(path, _OPEN + _SOONEST, [None])


@cached
def due_next(path: str, limit: int) -> pl.DataFrame:
    """The open records that will be overdue if nobody pays, the earliest deadline first. Not among them: one whose
    proof came in time, one that is not due, one of which neither can be told."""
    return ask(
        path,
        _OPEN + " WHERE NOT is_overdue AND is_unpaid AND is_due AND deadline_at IS NOT NULL" + _SOONEST,
        [limit],
    )


@cached
def overdue_longest(path: str, limit: int) -> pl.DataFrame:
    """The overdue ones, the longest overdue first."""
    return ask(path, _OPEN + " WHERE is_overdue" + _SOONEST, [limit])


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


_BALANCES = """SELECT provider_id, provider_name, owed_idr, fees_idr, overdue_idr, records, overdue_records,
                      not_ended_idr, age_0_3h_idr, age_3_24h_idr, age_1_7d_idr, age_over_7d_idr, age_unknown_idr,
                      oldest_deadline_at, not_due_idr, unknown_amount_records, restriction_due, restriction_due_at,
                      restriction_actual, provider_status
               FROM marts.commission_balances ORDER BY owed_idr DESC NULLS LAST, provider_id LIMIT ?"""


@cached
def balances(path: str, limit: int) -> pl.DataFrame:
    """Who owes what now, one row a provider with anything open, the largest debt first."""
    return ask(path, _BALANCES, [limit])


def all_balances(path: str) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return ask(path, _BALANCES, [None])


@cached
def balance_count(path: str) -> int:
    """How many providers owe anything."""
    return int(ask(path, "SELECT count(*) AS n FROM marts.commission_balances")["n"][0])


# A provider who owes nothing has no balance and may be restricted nevertheless: that one should not be.
_RESTRICTIONS = """
WITH named AS (
  SELECT provider_id, arg_max(provider_name, provider_type) AS provider_name,
         max(status) FILTER (status = 'RESTRICTED') AS status
  FROM core.providers WHERE deleted_at IS NULL GROUP BY provider_id),
judged AS (SELECT coalesce(bool_or(as_of IS NOT NULL), false) AS yes FROM marts.commission_summary),
both_sides AS (
  SELECT coalesce(b.provider_id, n.provider_id) AS provider_id,
         coalesce(b.provider_name, n.provider_name) AS provider_name,
         CASE WHEN b.provider_id IS NOT NULL THEN b.restriction_due WHEN judged.yes THEN false END AS due,
         CASE WHEN b.provider_id IS NULL THEN n.status = 'RESTRICTED' ELSE b.restriction_actual END AS actual,
         b.restriction_due_at, b.overdue_records, b.overdue_idr, b.provider_id IS NOT NULL AS owes
  FROM marts.commission_balances b FULL JOIN named n ON n.provider_id = b.provider_id
       CROSS JOIN judged)
SELECT provider_id, provider_name, due, actual, restriction_due_at,
       coalesce(overdue_records, 0)::BIGINT AS overdue_records, coalesce(overdue_idr, 0)::BIGINT AS overdue_idr,
       CASE WHEN due IS NULL OR actual IS NULL THEN 'unknown' WHEN due = actual THEN 'agrees'
            WHEN due THEN 'not_restricted' ELSE 'restricted_wrongly' END AS verdict
FROM both_sides WHERE due OR actual OR (due IS NULL AND owes)
ORDER BY CASE verdict WHEN 'agrees' THEN 2 WHEN 'unknown' THEN 1 ELSE 0 END, restriction_due_at NULLS LAST, provider_id
"""


@cached
def restrictions(path: str) -> pl.DataFrame:
    """Every provider that should be restricted or is: provider_id, provider_name, due, actual (null = not known),
    restriction_due_at, overdue_records, overdue_idr, verdict (agrees, not_restricted, restricted_wrongly, unknown);
    the differing ones first."""
    return ask(path, _RESTRICTIONS)


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


_LEDGER = f"""SELECT provider_id, provider_name, local_month, opening_idr, accrued_idr, fees_idr, paid_idr,
                     reversed_idr, closing_idr, coalesce({_HOLDS}, false) AS holds, expected_idr, unrecorded_idr
              FROM marts.commission_ledger WHERE local_month = ?
              ORDER BY holds, abs(closing_idr) DESC, provider_id LIMIT ?"""


@cached
def ledger(path: str, month: date, limit: int) -> pl.DataFrame:
    """The lines of a month, one a provider: those that do not hold first, then the largest balance."""
    return ask(path, _LEDGER, [month, limit])


def all_ledger(path: str, month: date) -> pl.DataFrame:
    """The same, all of them: for a download, so not kept."""
    return ask(path, _LEDGER, [month, None])


@cached
def closed_month_changes(path: str) -> pl.DataFrame:
    """finding_id, local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, detail, waived:
    figures of closed months that changed, open ones first, the newest first."""
    return ask(
        path,
        """SELECT finding_id, local_month, figure, previous_value, current_value, previous_snapshot_id, seen_at, detail,
                  coalesce(waived, false) AS waived
           FROM marts.closed_month_changes ORDER BY coalesce(waived, false), seen_at DESC, finding_id""",
    )


@cached
def closed_month_gap(path: str) -> str | None:
    """Why this snapshot's closed months were compared with none before it; None where they were compared."""
    rows = ask(
        path, "SELECT reason FROM marts.closed_month_gaps WHERE is_newest ORDER BY compared_at DESC LIMIT 1"
    )
    return None if rows.is_empty() else str(rows["reason"][0])


# A finding and its records ------------------------------------------------------------------------


@cached
def finding(path: str, finding_id: str) -> dict[str, Any] | None:
    """One finding with all it says, or None where the snapshot holds none of that id."""
    return _one(
        ask(
            path,
            # A snapshot of before findings said in which collection their booking stands holds none.
            """SELECT finding_id, finding, severity, booking_id, booking_ref, commission_id, provider_id, expected_idr,
                      actual_idr, variance_idr, coalesce(waived, false) AS waived, detail, origin
               FROM (SELECT NULL::VARCHAR AS origin WHERE false UNION ALL BY NAME FROM marts.commission_findings)
               WHERE finding_id = ? LIMIT 1""",
            [finding_id],
        )
    )


@cached
def booking_record(
    path: str, booking_id: str, commission_id: str | None, origin: str | None
) -> dict[str, Any] | None:
    """The booking as the snapshot holds it, with what the policy asks for it. Where two collections hold one id, that
    of ``origin``; where that is not known the one that was reconciled with this record."""
    return _one(
        ask(
            path,
            """SELECT b.booking_id, b.origin, b.business_id, b.provider_id, b.provider_name, b.status, b.raw_status,
                      b.source, b.amount_idr, b.created_at, b.accepted_at, b.starts_at, b.ends_at, b.completed_at,
                      b.is_test, b.deleted_at, r.policy_version, r.policy_rate_ppm, r.expected_idr,
                      r.deadline_at AS due_at,
                      b.starts_at + to_minutes(b.service_minutes) + (r.deadline_at - b.ends_at) AS due_by_start_at,
                      r.records, r.commission_id AS own_commission_id
               FROM core.bookings b
               LEFT JOIN marts.commission_reconciliation r ON r.booking_id = b.booking_id AND r.origin = b.origin
               WHERE b.booking_id = ?
               ORDER BY (b.origin IS NOT DISTINCT FROM ?) DESC, (r.commission_id IS NOT DISTINCT FROM ?) DESC,
                        r.booking_id IS NULL, b.origin LIMIT 1""",
            [booking_id, origin, commission_id],
        )
    )


@cached
def commission_record(path: str, commission_id: str) -> dict[str, Any] | None:
    """The commission record as the snapshot holds it."""
    return _one(
        ask(
            path,
            """SELECT commission_id, booking_ref, booking_doc_ref, provider_id, provider_name, booking_amount_idr,
                      rate_ppm, commission_idr, amount_rule, written_booking_amount, written_commission, status,
                      raw_status, is_live, source, created_at, deadline_at, paid_at, verified_at, proof_at, proof_state,
                      fee_idr, fee_state, is_test, deleted_at
               FROM core.commissions WHERE commission_id = ? LIMIT 1""",
            [commission_id],
        )
    )


@cached
def provider_records(path: str, provider_id: str) -> list[dict[str, Any]]:
    """The provider as the snapshot holds it: provider_id, provider_type, provider_name, status, city,
    commission_plan, deleted_at. One id may be a therapist's and a place's."""
    return ask(
        path,
        """SELECT provider_id, provider_type, provider_name, status, city, commission_plan, deleted_at
           FROM core.providers WHERE provider_id = ? ORDER BY provider_type DESC""",
        [provider_id],
    ).to_dicts()


@cached
def provider_balance(path: str, provider_id: str) -> dict[str, Any] | None:
    """What a provider owes now, or None where it owes nothing."""
    return _one(
        ask(
            path,
            """SELECT provider_id, provider_name, owed_idr, overdue_idr, records, overdue_records, oldest_deadline_at,
                      restriction_due, restriction_due_at, restriction_actual
               FROM marts.commission_balances WHERE provider_id = ? LIMIT 1""",
            [provider_id],
        )
    )


def _one(frame: pl.DataFrame) -> dict[str, Any] | None:
    rows = frame.to_dicts()
    return rows[0] if rows else None
