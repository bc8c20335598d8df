"""Which records were open as of a day, how late and of what standing: told from the ledger's lines up to that day.

What the words mean is in marketplace/ageing.py; the table that shows them is ageing.py beside this.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import duckdb

from marketplace.ageing import AGE_UNKNOWN, LATE_CLASSES, NOT_DUE, Standing, counted_before
from marketplace.commission import (
    ENDED_STATUSES,
    PAID_STATUS,
    REVENUE_STATUSES,
    SUBMITTED_STATUS,
    UNKNOWN_STATUS,
    EntryKind,
    EntryPart,
    Unentered,
)
from pipelines.exports.commissions import of_period, of_provider
from pipelines.exports.month.rows import period_of
from pipelines.exports.month.table import Asked

_ENTRIES: Final = "marts.commission_entries"
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1) // _MICROSECOND


def put_open_records(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """Make ``temp.open_records``: each record that does not net to 0 in the lines that count as of ``asked.as_of``, and
    each open one whose amount is not known.

    Columns: provider_id, commission_id, booking_id, local_date (of its accrual), status (now), deadline_at, standing,
    is_late, days_overdue, age, commission_idr (null: unknown), fee_idr, open_idr (what is known of both).

    A snapshot of an older version lacks some of the tables: what they would tell is unknown then.
    """
    before = _counted_before(con, asked)
    period = period_of(asked)
    tables = _tables(con)
    con.execute(of_period(f"CREATE OR REPLACE TEMP TABLE open_left AS {_left(before)}", period))
    if "unentered_records" in tables:
        con.execute(of_period(f"INSERT INTO temp.open_left {_of_unknown_amount(before)}", period))
    at = f"TIMESTAMP '{asked.as_of.isoformat(sep=' ')}'"
    con.execute(f"CREATE OR REPLACE TEMP TABLE open_records AS {_judged(at, tables)}")
    con.execute("DROP TABLE temp.open_left")


def _tables(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    return frozenset(
        str(name)
        for (name,) in con.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'"
        ).fetchall()
    )


def _counted_before(con: duckdb.DuckDBPyConnection, asked: Asked) -> date:
    row = con.execute("SELECT as_of FROM marts.commission_summary").fetchone()
    return counted_before(asked.as_of, row[0] if row else None, asked.until, asked.time_zone)


def _left(before: date) -> str:
    """What the lines before a day leave of each record. One that is not open now, gives nothing back and has no line
    later nets to 0, so only the others are added up."""
    counts = f"local_date < DATE '{before}'"
    fee = f"part = '{EntryPart.FEE.value}'"
    return f"""
        SELECT provider_id, commission_id, any_value(booking_id) AS booking_id,
            min(local_date) FILTER (kind = '{EntryKind.ACCRUAL.value}') AS local_date,
            bool_and(kind = '{EntryKind.REFUND.value}') AS is_refund,
            CASE WHEN bool_or(NOT {fee}) THEN coalesce(sum(amount_idr) FILTER (NOT {fee}), 0)::BIGINT END
                AS commission_idr,
            coalesce(sum(amount_idr) FILTER ({fee}), 0)::BIGINT AS fee_idr
        FROM {_ENTRIES} WHERE {counts} AND {of_provider("provider_id")} AND commission_id IN (
            SELECT commission_id FROM marts.commission_open
            UNION ALL SELECT commission_id FROM {_ENTRIES}
            WHERE NOT ({counts}) OR kind = '{EntryKind.REFUND.value}')
        GROUP BY provider_id, commission_id
        HAVING coalesce(commission_idr, 0) <> 0 OR fee_idr <> 0"""


def _of_unknown_amount(before: date) -> str:
    """Records whose amount is not known (they have no line for it) and that were neither paid nor taken back by that
    day. One whose fee is open stands there already."""
    paid = (
        f"(c.status = '{PAID_STATUS}'"
        f" OR (c.paid_at IS NOT NULL AND (NOT c.is_live OR c.status = '{UNKNOWN_STATUS}')))"
    )

    def local(instant: str) -> str:
        return f"CAST({instant} + to_minutes(c.utc_offset_minutes) AS DATE) < DATE '{before}'"

    return f"""
        SELECT u.provider_id, u.commission_id, u.booking_id, u.local_date, false, NULL, 0
        FROM marts.unentered_records u JOIN core.commissions c ON c.commission_id = u.commission_id
        WHERE u.reason = '{Unentered.AMOUNT_UNKNOWN.value}' AND u.local_date < DATE '{before}'
            AND {of_provider("u.provider_id")}
            AND NOT coalesce({paid} AND {local("coalesce(c.paid_at, c.verified_at, c.created_at)")}, false)
            AND NOT coalesce(NOT c.is_live AND {local("coalesce(c.updated_at, c.created_at)")}, false)
            AND NOT coalesce(c.deleted_at IS NOT NULL AND {local("c.deleted_at")}, false)
            AND u.commission_id NOT IN (SELECT commission_id FROM temp.open_left)"""


def _judged(at: str, tables: frozenset[str]) -> str:
    """Every open record with what it is as of the instant ``at``.

    What its booking was is as it is known now. Of its status only what is dated can be told of an earlier day: a proof
    that was handed in by then.
    """
    earns = f"r.booking_status IN {REVENUE_STATUSES}"
    beside = (
        "marts.unreconciled_records"
        if "unreconciled_records" in tables
        else "(SELECT NULL::VARCHAR AS commission_id, NULL::TIMESTAMP AS deadline_at, NULL::BOOLEAN AS is_due"
        " WHERE false)"
    )
    settled = f"k.status NOT IN ('{SUBMITTED_STATUS}', '{UNKNOWN_STATUS}') AND NOT k.is_open_now"
    standing = f"""CASE
        WHEN k.is_refund THEN '{Standing.REFUND.value}'
        WHEN coalesce(k.commission_idr, 0) + k.fee_idr < 0 THEN '{Standing.CREDIT.value}'
        WHEN NOT k.is_due THEN '{Standing.NOT_OWED.value}'
        WHEN k.is_due IS NULL OR k.status = '{UNKNOWN_STATUS}' THEN '{Standing.UNKNOWN.value}'
        WHEN k.status = '{SUBMITTED_STATUS}' AND coalesce(k.proof_at < {at}, true)
            OR {settled} AND coalesce(k.proof_at < {at}, false) THEN '{Standing.AWAITING_VERIFICATION.value}'
        WHEN k.deadline_at IS NULL THEN '{Standing.UNKNOWN.value}'
        ELSE '{Standing.UNPAID.value}' END"""
    counted = (Standing.UNPAID.value, Standing.AWAITING_VERIFICATION.value)
    steps = " ".join(
        f"WHEN s.past < {one.end // _MICROSECOND} THEN '{one.word}'"
        for one in LATE_CLASSES
        if one.end is not None
    )
    return f"""
        WITH known AS (
            SELECT l.*, c.status, c.proof_at, o.commission_id IS NOT NULL AS is_open_now,
                CASE WHEN o.commission_id IS NOT NULL THEN o.deadline_at
                     WHEN r.commission_id IS NOT NULL THEN r.deadline_at ELSE u.deadline_at END AS deadline_at,
                CASE WHEN o.commission_id IS NOT NULL THEN o.is_due
                     WHEN r.commission_id IS NOT NULL THEN CASE
                         WHEN {earns} THEN r.booking_amount_idr IS DISTINCT FROM 0
                         WHEN r.state IN ('orphan', 'not_due') OR r.booking_status IN {ENDED_STATUSES} THEN false END
                     ELSE u.is_due END AS is_due
            FROM temp.open_left l
            JOIN core.commissions c ON c.commission_id = l.commission_id
            LEFT JOIN marts.commission_open o ON o.commission_id = l.commission_id
            LEFT JOIN marts.commission_reconciliation r ON r.commission_id = l.commission_id
            LEFT JOIN {beside} u ON u.commission_id = l.commission_id
        ),
        standing AS (
            SELECT k.*, {standing} AS standing, epoch_us({at}) - epoch_us(k.deadline_at) AS past FROM known k
        ),
        late AS (
            SELECT s.*, CASE
                WHEN s.standing NOT IN {counted} THEN NULL
                WHEN s.standing = '{Standing.AWAITING_VERIFICATION.value}' AND s.proof_at < s.deadline_at THEN false
                ELSE s.deadline_at < {at} END AS is_late
            FROM standing s
        )
        SELECT s.provider_id, s.commission_id, s.booking_id, s.local_date, s.status, s.deadline_at, s.standing,
            s.is_late,
            CASE WHEN s.is_late THEN s.past // {_DAY} END AS days_overdue,
            CASE WHEN s.standing = '{Standing.UNKNOWN.value}' THEN '{AGE_UNKNOWN.word}'
                WHEN s.standing NOT IN {counted} THEN NULL
                WHEN s.is_late IS NULL THEN '{AGE_UNKNOWN.word}'
                WHEN NOT s.is_late THEN '{NOT_DUE.word}'
                {steps} ELSE '{LATE_CLASSES[-1].word}' END AS age,
            s.commission_idr, s.fee_idr, (coalesce(s.commission_idr, 0) + s.fee_idr)::BIGINT AS open_idr
        FROM late s"""
