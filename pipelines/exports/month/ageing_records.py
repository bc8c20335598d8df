"""Which records were open as of a day: told from the ledger's lines up to that day, with what the snapshot knows of
each. What such a record is worth is marketplace/ageing.py's; the table that shows them is ageing.py beside this.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

import duckdb
import polars as pl

from marketplace.ageing import counted_before, judged
from marketplace.commission import EntryKind, EntryPart, Unentered
from pipelines.exports.commissions import PROVIDERS, of_period, of_provider
from pipelines.exports.month.instants import local_text, utc_text
from pipelines.exports.month.payments import WAS_PAID
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked

#: Records judged at a time.
PART_ROWS: Final = 50_000

_ENTRIES: Final = "marts.commission_entries"
_IN_ORDER: Final = f"""
    SELECT k.*, p.provider_name, {local_text("k.deadline_at", "k.utc_offset_minutes")} AS deadline_at_local,
        {utc_text("k.deadline_at")} AS deadline_at_utc
    FROM temp.open_known k LEFT JOIN {PROVIDERS} p ON p.provider_id = k.provider_id
    ORDER BY k.provider_id, k.deadline_at NULLS LAST, k.commission_id"""
_JUDGED: Final = """CREATE OR REPLACE TEMP TABLE open_judged (provider_id VARCHAR, commission_id VARCHAR,
    open_idr BIGINT, is_refund BOOLEAN, is_open_now BOOLEAN, status VARCHAR, standing VARCHAR, is_late BOOLEAN)"""
_JUDGED_COLUMNS: Final = (
    "provider_id", "commission_id", "open_idr", "is_refund", "is_open_now", "status", "standing", "is_late",
)  # fmt: skip


def open_records(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    """Each record that does not net to 0 in the lines that count as of ``asked.as_of``, and each open one whose amount
    is not known; by provider, deadline and id.

    Columns: those of marketplace.ageing.judged, provider_id, provider_name, commission_id, booking_id, local_date (of
    its accrual), deadline_at_local and deadline_at_utc (text). A snapshot of an older version lacks some of the marts:
    what they would tell is unknown then.
    """
    _put_known(con, asked, _counted_before(con, asked))
    for frame in batches(con, _IN_ORDER, period_of(asked)):
        yield judged(frame, asked.as_of)
    con.execute("DROP TABLE temp.open_known")


def put_judged(con: duckdb.DuckDBPyConnection, asked: Asked, before: date) -> None:
    """Make ``temp.open_judged``: of each record that does not net to 0 in the lines before a day, and each open one
    whose amount is not known, provider_id, commission_id, open_idr, is_refund, is_open_now, status, standing and
    is_late as of ``asked.as_of``."""
    _put_known(con, asked, before)
    con.execute(_JUDGED)
    for part in range(_parts(con)):
        # (A table that is read cannot be written on one connection: in parts, each read to its end.)
        known = con.execute(f"SELECT * FROM temp.open_known WHERE part = {part}").pl()
        told = judged(known, asked.as_of).select(_JUDGED_COLUMNS)
        con.register("told_of_open", told)
        con.execute("INSERT INTO temp.open_judged FROM told_of_open")
        con.unregister("told_of_open")
    con.execute("DROP TABLE temp.open_known")


def _parts(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("SELECT coalesce(max(part) + 1, 0) FROM temp.open_known").fetchone()
    return int(row[0]) if row else 0


def _put_known(con: duckdb.DuckDBPyConnection, asked: Asked, before: date) -> None:
    """``temp.open_known``: the records with what the snapshot knows of them, in parts of PART_ROWS."""
    period = period_of(asked)
    marts = _marts(con)
    con.execute(of_period(f"CREATE OR REPLACE TEMP TABLE open_left AS {_left(before)}", period))
    if "unentered_records" in marts:
        con.execute(of_period(f"INSERT INTO temp.open_left {_of_unknown_amount(before)}", period))
    con.execute(f"CREATE OR REPLACE TEMP TABLE open_known AS {_known(marts)}")
    con.execute("DROP TABLE temp.open_left")


def _marts(con: duckdb.DuckDBPyConnection) -> frozenset[str]:
    names = con.execute("SELECT table_name FROM duckdb_tables() WHERE schema_name = 'marts'").fetchall()
    return frozenset(str(name) for (name,) in names)


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
            (sum(amount_idr) FILTER (NOT {fee}))::BIGINT AS commission_idr,
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

    def local(instant: str) -> str:
        return f"CAST({instant} + to_minutes(c.utc_offset_minutes) AS DATE) < DATE '{before}'"

    return f"""
        SELECT u.provider_id, u.commission_id, u.booking_id, u.local_date, false, NULL, 0
        FROM marts.unentered_records u JOIN core.commissions c ON c.commission_id = u.commission_id
        WHERE u.reason = '{Unentered.AMOUNT_UNKNOWN.value}' AND u.local_date < DATE '{before}'
            AND {of_provider("u.provider_id")}
            AND NOT coalesce({WAS_PAID} AND {local("coalesce(c.paid_at, c.verified_at, c.created_at)")}, false)
            AND NOT coalesce(NOT c.is_live AND {local("coalesce(c.updated_at, c.created_at)")}, false)
            AND NOT coalesce(c.deleted_at IS NOT NULL AND {local("c.deleted_at")}, false)
            AND u.commission_id NOT IN (SELECT commission_id FROM temp.open_left)"""


def _known(marts: frozenset[str]) -> str:
    """What the snapshot knows of each open record. Its deadline and whether it is due are the same wherever they stand:
    of one that is open now, of one in the reconciliation, of one beside it."""
    beside = (
        "marts.unreconciled_records"
        if "unreconciled_records" in marts
        else "(SELECT NULL::VARCHAR AS commission_id, NULL::TIMESTAMP AS deadline_at, NULL::BOOLEAN AS is_due LIMIT 0)"
    )
    return f"""
        SELECT l.*, c.status, c.proof_at, c.utc_offset_minutes, o.commission_id IS NOT NULL AS is_open_now,
            coalesce(o.deadline_at, r.deadline_at, u.deadline_at) AS deadline_at,
            coalesce(o.is_due, u.is_due) AS is_due, r.booking_status, r.booking_amount_idr, r.state,
            row_number() OVER () // {PART_ROWS} AS part
        FROM temp.open_left l
        JOIN core.commissions c ON c.commission_id = l.commission_id
        LEFT JOIN marts.commission_open o ON o.commission_id = l.commission_id
        LEFT JOIN marts.commission_reconciliation r ON r.commission_id = l.commission_id
        LEFT JOIN {beside} u ON u.commission_id = l.commission_id"""
