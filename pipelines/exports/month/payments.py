"""The table ``payments``: the trail of the money that came in, and of what went back, record by record.

On which day money counts is the ledger's; what told that day, marketplace/payments.py's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import duckdb
import polars as pl

from marketplace.commission import (
    PAID_STATUS,
    PAYMENT_MOMENTS,
    PAYMENT_RULES,
    UNKNOWN_STATUS,
    EntryKind,
    EntryPart,
    Unentered,
)
from marketplace.payments import BY_CHANGE, BY_LOSS, BY_WHAT_IT_UNDOES, day_rules, total_due
from marketplace.proofs import PROOF_KINDS
from pipelines.exports.commissions import PROVIDERS, Period, in_period, of_period, of_provider
from pipelines.exports.month.instants import local_text, utc_text
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

#: What stands in the place of what a snapshot of an older version does not hold.
NOT_HELD: Final = "not_in_this_snapshot"
#: Rows sorted at a time, in whole days.
SLICE_ROWS: Final = 100_000
#: Rows told at a time.
_TOLD_ROWS: Final = 20_000
#: Rows whose records are looked for at a time in the snapshot, which is read from end to end for it.
_BLOCK_ROWS: Final = 8 * _TOLD_ROWS

_ENTRIES: Final = "marts.commission_entries"
_MOVED: Final = f"kind IN ('{EntryKind.PAYMENT.value}', '{EntryKind.REFUND.value}')"
_OFFSET: Final = "c.utc_offset_minutes"

#: A column without SQL is made of the others and of what else is asked for (_BESIDE).
COLUMNS: Final = (
    PackageColumn(
        "local_date",
        "m.local_date",
        "the day on which the money counts, local to the booking's, else the record's provider",
    ),
    PackageColumn("kind", "m.kind", "payment: it came in; refund: it went back"),
    PackageColumn(
        "day_rule",
        "",
        f"what told that day: {', '.join(PAYMENT_RULES)} (the first that is known); of money that went back with its"
        f" record {BY_CHANGE} (its last change), {BY_LOSS} (a sweep found it gone) or {BY_WHAT_IT_UNDOES} (the day of"
        " what it takes back, which came later)",
    ),
    PackageColumn("commission_id", "m.commission_id", "the record"),
    PackageColumn("booking_id", "m.booking_id", "its booking"),
    PackageColumn("provider_id", "m.provider_id", "whom the record charges; none where nobody is named"),
    PackageColumn("provider_name", "p.provider_name", "the provider's business name"),
    PackageColumn("commission_status", "c.status", "the record's status"),
    PackageColumn(
        "commission_idr",
        "m.commission_idr",
        "commission that came in, below zero: that went back; empty: not known",
    ),
    PackageColumn("fee_idr", "m.fee_idr", "late fee that came in, below zero: that went back"),
    PackageColumn(
        "total_idr",
        "CASE WHEN m.commission_idr IS NOT NULL OR m.fee_idr <> 0 THEN coalesce(m.commission_idr, 0) + m.fee_idr END",
        "both, as far as known: what the ledger has as paid; empty where nothing of it is known",
    ),
    PackageColumn("total_due_idr", "", "of a payment: what was due in all, as the record says"),
    PackageColumn(
        "paid_at_local", local_text("c.paid_at", _OFFSET), "when it was paid, with its offset", "instant"
    ),
    PackageColumn("paid_at_utc", utc_text("c.paid_at"), "the same in UTC", "instant"),
    PackageColumn(
        "verified_at_local",
        local_text("c.verified_at", _OFFSET),
        "when that was verified, with its offset",
        "instant",
    ),
    PackageColumn("verified_at_utc", utc_text("c.verified_at"), "the same in UTC", "instant"),
    PackageColumn(
        "verified_by",
        "c.verified_by",
        "who verified it, where the app says so: an id, a role, or a keyed hash in the place of a name",
    ),
    PackageColumn(
        "proof",
        "c.proof_state",
        "whether a proof of payment stands: present, empty, or absent (the app has no attribute for it)",
    ),
    PackageColumn("proof_kind", "c.proof_kind", f"what the proof is: {', '.join(PROOF_KINDS)}"),
    PackageColumn(
        "proof_key",
        "c.proof_key",
        "a keyed hash of the proof's address: the same proof of two records has the same; never the address",
    ),
    PackageColumn("proof_at_utc", utc_text("c.proof_at"), "when the proof was handed in, in UTC", "instant"),
)
#: What a snapshot of an older version lacks of a record.
_NEWER: Final = ("verified_by", "proof_kind", "proof_key")
#: What the columns without SQL are made of besides.
_BESIDE: Final = (
    *(f"c.{name}" for name in PAYMENT_MOMENTS),
    "c.status",
    "c.updated_at",
    "c.deleted_at",
    "c.utc_offset_minutes",
    "c.due_idr",
    "c.is_negative",
)
#: What is looked for of a record, but for what a snapshot may lack.
_OF_RECORD: Final = (
    *PAYMENT_MOMENTS, "status", "updated_at", "deleted_at", "utc_offset_minutes", "due_idr", "proof_state", "proof_at",
)  # fmt: skip


@dataclass(frozen=True)
class _Held:
    """What the snapshot holds: columns of core.commissions, and whether it lists the records without a line."""

    columns: frozenset[str]
    unentered: bool


def _held(con: duckdb.DuckDBPyConnection) -> _Held:
    columns = con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'core' AND table_name = 'commissions'"
    ).fetchall()
    listed = con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'marts' AND table_name = 'unentered_records'"
    ).fetchone()
    return _Held(frozenset(name for (name,) in columns), listed is not None)


def _moved(held: _Held) -> str:
    """What moved in the period: a row a record, kind and day. A fee's line goes with its commission's of that day."""
    lines = f"""(SELECT commission_id, kind, local_date, provider_id, booking_id, -amount_idr AS amount_idr
        FROM {_ENTRIES} WHERE {_MOVED} AND part = '{{part}}' AND {in_period()})"""
    told = f"""
        SELECT commission_id, kind, local_date, coalesce(a.provider_id, b.provider_id) AS provider_id,
            coalesce(a.booking_id, b.booking_id) AS booking_id, a.amount_idr AS commission_idr,
            coalesce(b.amount_idr, 0) AS fee_idr
        FROM {lines.format(part=EntryPart.COMMISSION.value)} a
        FULL JOIN {lines.format(part=EntryPart.FEE.value)} b USING (commission_id, kind, local_date)"""
    if not held.unentered:
        return told
    return f"""{told} UNION ALL SELECT *, NULL, 0 FROM temp.paid_unknown
        WHERE local_date >= CAST($first AS DATE) AND local_date < CAST($until AS DATE)"""


#: That a record ``c`` is or was paid, as marts.commission_entries has it of those whose amount is known.
WAS_PAID: Final = (
    f"(c.status = '{PAID_STATUS}'"
    f" OR (c.paid_at IS NOT NULL AND (NOT c.is_live OR c.status = '{UNKNOWN_STATUS}')))"
)


def _of_unknown_amount() -> str:
    """Payments, on any day, of records whose commission is not known: the ledger has at most the line of a fee."""
    moment = f"coalesce({', '.join(f'c.{name}' for name in PAYMENT_MOMENTS)})"
    return f"""
        SELECT u.commission_id, '{EntryKind.PAYMENT.value}' AS kind,
            CAST({moment} + to_minutes(c.utc_offset_minutes) AS DATE) AS local_date, u.provider_id, u.booking_id
        FROM marts.unentered_records u JOIN core.commissions c ON c.commission_id = u.commission_id
        WHERE u.reason = '{Unentered.AMOUNT_UNKNOWN.value}' AND u.local_date IS NOT NULL AND {WAS_PAID}
            AND {of_provider("u.provider_id")} AND u.commission_id NOT IN (
                SELECT commission_id FROM {_ENTRIES} WHERE kind = '{EntryKind.PAYMENT.value}'
                    AND commission_id IN (SELECT commission_id FROM marts.unentered_records))"""


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    held = _held(con)
    if held.unentered:
        con.execute(
            of_period(
                f"CREATE OR REPLACE TEMP TABLE paid_unknown AS {_of_unknown_amount()}", period_of(asked)
            )
        )
    _put_moved(con, asked, held)
    ((rows,),) = con.execute("SELECT count(*) FROM temp.money_moved").fetchall()
    lacking = {name for name in _NEWER if name not in held.columns}
    listed = ", ".join(
        f"'{NOT_HELD}' AS {column.name}" if column.name in lacking else f'{column.sql} AS "{column.name}"'
        for column in COLUMNS
        if column.sql
    )
    names = [column.name for column in COLUMNS]
    for low in range(0, rows, _TOLD_ROWS):
        if low % _BLOCK_ROWS == 0:
            _look_up(con, low, (*_OF_RECORD, *(name for name in _NEWER if name not in lacking)))
        sql = f"""SELECT {listed}, {", ".join(_BESIDE)}
            FROM (SELECT rowid AS pos, * FROM temp.money_moved WHERE rowid >= {low} AND rowid < {low + _TOLD_ROWS}) m
            LEFT JOIN (FROM temp.money_records WHERE pos >= {low} AND pos < {low + _TOLD_ROWS}) c ON c.pos = m.pos
            LEFT JOIN {PROVIDERS} p ON p.provider_id = m.provider_id
            ORDER BY m.pos"""
        for frame in batches(con, sql, period_of(asked)):
            yield frame.with_columns(day_rule=day_rules(), total_due_idr=total_due()).select(names)
    for name in ("money_moved", "money_records"):
        con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _put_moved(con: duckdb.DuckDBPyConnection, asked: Asked, held: _Held) -> None:
    """temp.money_moved: what moved in the period, in its order; a part is sorted and stands behind the one before."""
    first = f"CREATE OR REPLACE TEMP TABLE money_moved AS SELECT * FROM ({_moved(held)}) LIMIT 0"
    con.execute(of_period(first, period_of(asked)))
    for part in _slices(con, asked):
        sql = f"INSERT INTO temp.money_moved {_moved(held)} ORDER BY local_date, commission_id, kind"
        con.execute(of_period(sql, part))


def _look_up(con: duckdb.DuckDBPyConnection, low: int, columns: tuple[str, ...]) -> None:
    """temp.money_records: the records of a block of rows, each at the place of its row."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE money_records AS
        SELECT m.pos, {", ".join(f"c.{name}" for name in columns)},
            coalesce(c.commission_idr, c.written_commission) < 0 AS is_negative
        FROM (SELECT rowid AS pos, commission_id FROM temp.money_moved
              WHERE rowid >= {low} AND rowid < {low + _BLOCK_ROWS}) m
        JOIN core.commissions c ON c.commission_id = m.commission_id ORDER BY m.pos"""
    )


def _slices(con: duckdb.DuckDBPyConnection, asked: Asked) -> list[Period]:
    """The period in parts of whole days, so that sorting the rows of one holds little; none is left out."""
    period = period_of(asked)
    days = con.execute(
        of_period(
            f"SELECT local_date, count(*) FROM {_ENTRIES} WHERE {_MOVED} AND {in_period()} GROUP BY 1 ORDER BY 1",
            period,
        )
    ).fetchall()
    found: list[Period] = []
    first, rows = asked.first, 0
    for day, more in days:
        if rows and rows + more > SLICE_ROWS:
            found.append({**period, "first": first.isoformat(), "until": day.isoformat()})
            first, rows = day, 0
        rows += more
    return [*found, {**period, "first": first.isoformat(), "until": asked.until.isoformat()}]


TABLE: Final = PackageTable(
    "payments",
    "Money of a record that came in or went back on a day of the period; their sum is what the ledger has as paid.",
    COLUMNS,
    _rows,
)
