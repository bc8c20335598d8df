"""The table ``payments``: the trail of the money that came in, and of what went back, record by record.

On which day a payment counts is the ledger's; which instant of the record told that day is core's ``paid_rule``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import polars as pl

from marketplace.commission import (
    PAID_STATUS,
    PAYMENT_MOMENTS,
    UNKNOWN_STATUS,
    EntryKind,
    EntryPart,
    Unentered,
)
from marketplace.proofs import PROOF_KINDS
from marketplace.statuses import NOT_LIVE_STATUSES
from pipelines.exports.commissions import PROVIDERS, Period, in_period, of_period, of_provider
from pipelines.exports.month.instants import local_text, utc_text
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

#: Of money that went back because its record does not stand any more: by its last change, by when it was found gone,
#: or, as none is dated before what it takes back, by that.
BY_CHANGE: Final = "$updatedAt"
BY_LOSS: Final = "found_gone"
BY_WHAT_IT_UNDOES: Final = "not_before"
#: What stands in the place of what a snapshot of an older version does not hold.
NOT_HELD: Final = "not_in_this_snapshot"
#: Rows asked for and sorted at a time, in whole days.
SLICE_ROWS: Final = 100_000

_ENTRIES: Final = "marts.commission_entries"
_MOVED: Final = f"kind IN ('{EntryKind.PAYMENT.value}', '{EntryKind.REFUND.value}')"
_MOMENT: Final = f"coalesce({', '.join(f'c.{name}' for name in PAYMENT_MOMENTS)})"


@dataclass(frozen=True)
class _Held:
    """What the snapshot holds: the columns of core.commissions, and whether it lists records without a line."""

    columns: frozenset[str]
    unentered: bool

    def column(self, name: str, otherwise: str) -> str:
        """A column of the record ``c``, or what is said where an older version did not make it."""
        return f"c.{name}" if name in self.columns else otherwise


def _local_day(instant: str) -> str:
    return f"CAST({instant} + to_minutes(c.utc_offset_minutes) AS DATE)"


#: What a payment's day was told by, also of a snapshot that does not say: the same order as core's.
_PAID_RULE: Final = (
    "CASE "
    + " ".join(f"WHEN c.{name} IS NOT NULL THEN '{word}'" for name, word in PAYMENT_MOMENTS.items())
    + " END"
)


def _columns(held: _Held) -> tuple[PackageColumn, ...]:
    payment = f"m.kind = '{EntryKind.PAYMENT.value}'"
    paid_rule = held.column("paid_rule", _PAID_RULE)
    ended = f"c.status IN {NOT_LIVE_STATUSES}"
    changed = "coalesce(c.updated_at, c.deleted_at, c.created_at)"
    undone = f"CASE WHEN {ended} THEN {changed} ELSE c.deleted_at END"
    gives_back = "coalesce(c.commission_idr, c.written_commission, 0) < 0"
    rule = f"""CASE WHEN {payment} OR {gives_back} THEN {paid_rule}
        WHEN {_local_day(undone)} IS DISTINCT FROM m.local_date THEN '{BY_WHAT_IT_UNDOES}'
        WHEN {ended} THEN '{BY_CHANGE}' ELSE '{BY_LOSS}' END"""
    total = "m.commission_idr + m.fee_idr"
    # A record without a base is read in thousands where that gives what its booking owes; so is its due.
    due = f"""CASE WHEN {payment} THEN CASE
        WHEN c.due_idr * 1000 IN (m.commission_idr, {total}) THEN c.due_idr * 1000 ELSE c.due_idr END END"""
    proof = f"CASE WHEN c.proof_state = 'present' THEN '{NOT_HELD}' END"
    offset = "c.utc_offset_minutes"
    return (
        PackageColumn(
            "local_date",
            "m.local_date",
            "the day on which the money counts, local to the booking's, else the record's provider",
        ),
        PackageColumn("kind", "m.kind", "payment: it came in; refund: it went back"),
        PackageColumn(
            "day_rule",
            rule,
            f"what told that day: {', '.join(PAYMENT_MOMENTS.values())} (the first that is known); of money that went"
            f" back with its record {BY_CHANGE} (its last change), {BY_LOSS} (a sweep found it gone) or"
            f" {BY_WHAT_IT_UNDOES} (the day of what it takes back, which came later)",
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
        PackageColumn("total_idr", total, "both: what the ledger has as paid; empty where one is not known"),
        PackageColumn("total_due_idr", due, "of a payment: what was due in all, as the record says"),
        PackageColumn(
            "paid_at_local", local_text("c.paid_at", offset), "when it was paid, with its offset", "instant"
        ),
        PackageColumn("paid_at_utc", utc_text("c.paid_at"), "the same in UTC", "instant"),
        PackageColumn(
            "verified_at_local",
            local_text("c.verified_at", offset),
            "when that was verified, with its offset",
            "instant",
        ),
        PackageColumn("verified_at_utc", utc_text("c.verified_at"), "the same in UTC", "instant"),
        PackageColumn(
            "verified_by",
            held.column("verified_by", f"'{NOT_HELD}'"),
            "who verified it, where the app says so: an id, a role, or a keyed hash in the place of a name",
        ),
        PackageColumn(
            "proof",
            "c.proof_state",
            "whether a proof of payment stands: present, empty, or absent (the app has no attribute for it)",
        ),
        PackageColumn(
            "proof_kind",
            held.column("proof_kind", proof),
            f"what the proof is: {', '.join(PROOF_KINDS)}",
        ),
        PackageColumn(
            "proof_key",
            held.column("proof_key", proof),
            "a keyed hash of the proof's address: the same proof of two records has the same; never the address",
        ),
        PackageColumn(
            "proof_at_utc", utc_text("c.proof_at"), "when the proof was handed in, in UTC", "instant"
        ),
    )


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
            coalesce(a.booking_id, b.booking_id) AS booking_id,
            CASE WHEN a.amount_idr IS NOT NULL OR u.commission_id IS NULL THEN coalesce(a.amount_idr, 0) END
                AS commission_idr, coalesce(b.amount_idr, 0) AS fee_idr
        FROM {lines.format(part=EntryPart.COMMISSION.value)} a
        FULL JOIN {lines.format(part=EntryPart.FEE.value)} b USING (commission_id, kind, local_date)
        LEFT JOIN {_unknown(held)} u USING (commission_id)"""
    if not held.unentered:
        return told
    paid = (
        f"(c.status = '{PAID_STATUS}'"
        f" OR (c.paid_at IS NOT NULL AND (NOT c.is_live OR c.status = '{UNKNOWN_STATUS}')))"
    )
    of_it = f"kind = '{EntryKind.PAYMENT.value}' AND {of_provider('provider_id')}"
    return f"""{told}
        UNION ALL
        SELECT u.commission_id, '{EntryKind.PAYMENT.value}' AS kind, {_local_day(_MOMENT)} AS local_date,
            u.provider_id, u.booking_id, NULL AS commission_idr, 0 AS fee_idr
        FROM marts.unentered_records u JOIN core.commissions c ON c.commission_id = u.commission_id
        WHERE u.reason = '{Unentered.AMOUNT_UNKNOWN.value}' AND u.local_date IS NOT NULL AND {paid}
            AND {_local_day(_MOMENT)} >= CAST($first AS DATE) AND {_local_day(_MOMENT)} < CAST($until AS DATE)
            AND {of_provider("u.provider_id")}
            AND u.commission_id NOT IN (SELECT commission_id FROM {_ENTRIES} WHERE {of_it})"""


def _unknown(held: _Held) -> str:
    if not held.unentered:
        return "(SELECT NULL::VARCHAR AS commission_id WHERE false)"
    return f"(SELECT commission_id FROM marts.unentered_records WHERE reason = '{Unentered.AMOUNT_UNKNOWN.value}')"


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    held = _held(con)
    listed = ", ".join(f'{column.sql} AS "{column.name}"' for column in _columns(held))
    moved = _moved(held)
    for part in _slices(con, asked):
        yield from batches(
            con,
            f"""SELECT {listed} FROM ({moved}) m
            LEFT JOIN core.commissions c ON c.commission_id = m.commission_id
            LEFT JOIN {PROVIDERS} p ON p.provider_id = m.provider_id
            ORDER BY m.local_date, m.commission_id, m.kind""",
            part,
        )


def _slices(con: duckdb.DuckDBPyConnection, asked: Asked) -> list[Period]:
    """The period in parts of whole days, so that sorting the rows of one holds little; none is left out."""
    period: dict[str, Any] = dict(period_of(asked))
    days = con.execute(
        of_period(
            f"SELECT local_date, count(*) FROM {_ENTRIES} WHERE {_MOVED} AND {in_period()} GROUP BY 1 ORDER BY 1",
            period_of(asked),
        )
    ).fetchall()
    found: list[Period] = []
    first, held = asked.first, 0
    for day, rows in days:
        if held and held + rows > SLICE_ROWS:
            found.append({**period, "first": first.isoformat(), "until": day.isoformat()})
            first, held = day, 0
        held += rows
    return [*found, {**period, "first": first.isoformat(), "until": asked.until.isoformat()}]


TABLE: Final = PackageTable(
    "payments",
    "Money of a record that came in or went back on a day of the period; their sum is what the ledger has as paid.",
    _columns(_Held(frozenset(("paid_rule", "verified_by", "proof_kind", "proof_key")), True)),
    _rows,
)
