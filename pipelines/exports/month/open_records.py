"""Which records were open as a period ended, told from the ledger's lines before its end, and what was known of them.

Made for the tables that need it: statements.py sums it by provider, bridges.py leads from the closing to it.
"""

from __future__ import annotations

from typing import Final

import duckdb

from marketplace.commission import SUBMITTED_STATUS, EntryKind, RowState
from marketplace.statements import DISPUTED_STATUS, DISPUTING
from marketplace.statuses import values
from pipelines.exports.commissions import literal
from pipelines.exports.month.accounts import day, of_provider, words
from pipelines.exports.month.table import Asked

_ENTRIES: Final = "marts.commission_entries"
_RECONCILED: Final = "marts.commission_reconciliation"


def put_open_records(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.open_records: each record that does not net to 0 before the period's end, with what it left, and whether
    it was late, awaited verification or is disputed.

    A record that is neither open now, nor a refund, nor has a line after the period nets to 0: only the others are
    added up.
    """
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE record_findings AS
        SELECT coalesce(commission_id, booking_id) AS row_id,
            CASE WHEN commission_id IS NULL THEN origin END AS origin,
            string_agg(DISTINCT finding, ' ' ORDER BY finding) AS findings,
            bool_or(NOT waived AND finding IN {words(DISPUTING)}) AS disputing
        FROM (SELECT NULL::VARCHAR AS origin WHERE false UNION ALL BY NAME FROM marts.commission_findings)
        WHERE commission_id IS NOT NULL OR booking_id IS NOT NULL GROUP BY ALL"""
    )
    until, as_of = day(asked.until), f"TIMESTAMP '{asked.as_of:%Y-%m-%d %H:%M:%S.%f}'"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE left_over AS
        SELECT provider_id, commission_id, sum(amount_idr)::BIGINT AS left_idr,
            bool_and(kind = {literal(EntryKind.REFUND.value)}) AS is_refund
        FROM {_ENTRIES} WHERE local_date < {until} AND {of_provider(asked)} AND commission_id IN (
            SELECT commission_id FROM marts.commission_open
            UNION ALL SELECT commission_id FROM {_ENTRIES}
            WHERE local_date >= {until} OR kind = {literal(EntryKind.REFUND.value)})
        GROUP BY ALL HAVING sum(amount_idr) <> 0"""
    )
    not_owed = words(values(RowState.ORPHAN, RowState.NOT_DUE))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE open_records AS
        WITH known AS (
            SELECT l.*, l.left_idr > 0 AND NOT l.is_refund AS owed, q.commission_id IS NOT NULL AS still,
                q.is_unpaid, coalesce(q.status, c.status) AS status, c.proof_at,
                CASE WHEN q.commission_id IS NOT NULL THEN q.deadline_at
                     ELSE coalesce(r.deadline_at, c.deadline_at) END AS deadline_at,
                CASE WHEN q.commission_id IS NOT NULL THEN q.is_due
                     ELSE coalesce(r.state NOT IN {not_owed}, true) END AS is_due,
                coalesce(f.disputing, false) AS disputing
            FROM left_over l
            LEFT JOIN marts.commission_open q ON q.commission_id = l.commission_id
            LEFT JOIN (SELECT commission_id, deadline_at, state FROM {_RECONCILED}
                       WHERE commission_id IN (SELECT commission_id FROM left_over)) r
                ON r.commission_id = l.commission_id
            LEFT JOIN core.commissions c ON c.commission_id = l.commission_id
            LEFT JOIN temp.record_findings f ON f.row_id = l.commission_id
        )
        SELECT *, CASE WHEN still THEN status = {literal(SUBMITTED_STATUS)} AND coalesce(proof_at < {as_of}, true)
                       ELSE coalesce(proof_at < {as_of}, false) END AS awaiting,
            CASE WHEN is_due IS false OR (still AND NOT is_unpaid)
                      OR (NOT still AND coalesce(proof_at < deadline_at, false)) THEN false
                 WHEN is_due IS NULL THEN NULL ELSE deadline_at < {as_of} END AS late,
            disputing OR (still AND status = {literal(DISPUTED_STATUS)}) AS disputed
        FROM known"""
    )
    con.execute("DROP TABLE temp.left_over")
