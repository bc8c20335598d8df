"""Which records were open as a period ended, told from the ledger's lines before its end, and what was known of them.

Made for the tables that need it: statements.py sums it by provider, bridges.py leads from the closing to it.
"""

from __future__ import annotations

from dataclasses import replace

import duckdb

from marketplace.ageing import NOT_A_DEBT, Standing
from marketplace.statements import DISPUTED_STATUS, DISPUTING
from marketplace.statuses import values
from pipelines.exports.month.accounts import words
from pipelines.exports.month.ageing_records import put_judged
from pipelines.exports.month.table import Asked


def put_open_records(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.open_records: each record that does not net to 0 before the period's end, with what it left, and whether
    it was late, awaited verification (as the table ageing has it) or is disputed."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE record_findings AS
        SELECT coalesce(commission_id, booking_id) AS row_id,
            CASE WHEN commission_id IS NULL THEN origin END AS origin,
            string_agg(DISTINCT finding, ' ' ORDER BY finding) AS findings,
            bool_or(NOT waived AND finding IN {words(DISPUTING)}) AS disputing
        FROM (SELECT NULL::VARCHAR AS origin WHERE false UNION ALL BY NAME FROM marts.commission_findings)
        WHERE commission_id IS NOT NULL OR booking_id IS NOT NULL GROUP BY ALL"""
    )
    # Records and standings are of one instant: ages may be asked for as of another.
    put_judged(con, replace(asked, as_of=asked.ended or asked.as_of), asked.until)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE open_records AS
        SELECT j.provider_id, j.commission_id, j.open_idr AS left_idr, j.is_refund,
            j.standing NOT IN {words(NOT_A_DEBT)} AS owed, j.is_late AS late,
            j.standing IN {words(values(Standing.AWAITING_VERIFICATION))} AS awaiting,
            coalesce(f.disputing, false) OR (j.is_open_now AND j.status IN {words((DISPUTED_STATUS,))}) AS disputed
        FROM temp.open_judged j LEFT JOIN temp.record_findings f ON f.row_id = j.commission_id
        WHERE j.open_idr IS DISTINCT FROM 0"""
    )
    con.execute("DROP TABLE temp.open_judged")
