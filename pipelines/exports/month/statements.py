"""The package's table statements: each provider's account as it can be sent to them.

What each line and sum is, and what puts a charge in dispute, is said in marketplace/statements.py; whether a record is
open is told from its lines before the period's end, as the ledger's closing is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import duckdb
import polars as pl

from marketplace.commission import (
    ENTRY_KINDS,
    REVENUE_STATUSES,
    SUBMITTED_STATUS,
    EntryKind,
    RowState,
    Unentered,
)
from marketplace.statements import DISPUTED_STATUS, DISPUTING, STATEMENT_LINES, StatementPart
from marketplace.statuses import values
from pipelines.exports.month.accounts import (
    NAMES,
    OF_REPORT,
    batches,
    day,
    of_provider,
    text,
    within,
    words,
)
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_ENTRIES: Final = "marts.commission_entries"
_RECONCILED: Final = "marts.commission_reconciliation"
_COUNTED: Final = (StatementPart.OPENING.value, StatementPart.LINE.value)
_PLACES: Final = {part.value: number for number, part in enumerate(StatementPart)}


def _local(instant: str, offset: str) -> str:
    """An instant in the zone of the row, with its offset; in UTC where that is not known."""
    shown = "strftime({at}, '%Y-%m-%dT%H:%M:%S.%f')"
    sign = f"CASE WHEN {offset} < 0 THEN '-' ELSE '+' END"
    zone = f"printf('%s%02d:%02d', {sign}, abs({offset}) // 60, abs({offset}) % 60)"
    local = f"{shown.format(at=f'{instant} + to_minutes({offset})')} || {zone}"
    return f"coalesce({local}, {shown.format(at=instant)} || 'Z')"


#: Columns of a line that are asked for as they stand in temp.statement_lines; the others are made of these.
COLUMNS: Final = (
    PackageColumn("provider_id", "provider_id", "whose statement it is; none: records that name nobody"),
    PackageColumn("provider_name", "provider_name", "its business name"),
    PackageColumn(
        "part",
        "part",
        "opening; line: of the account; beside: on no account, and why; total: a sum, or what is of others",
    ),
    PackageColumn("line", "line", "what the line is"),
    PackageColumn("local_date", "local_date", "its day, local to the booking's, else the record's provider"),
    PackageColumn("amount_idr", "amount_idr", "signed: charges add, payments lower; empty: nobody knows"),
    PackageColumn("balance_idr", "", "what is owed after the line"),
    PackageColumn("rows", "rows", "of a sum: of how many rows"),
    PackageColumn("booking_id", "booking_id", "the booking's $id"),
    PackageColumn("booking_key", "booking_key", "the booking's key as the app shows it"),
    PackageColumn("commission_id", "commission_id", "the record's $id"),
    PackageColumn("of", "of", "commission, or fee: the late fee on it"),
    PackageColumn("service_at_local", "service_at_local", "when the service starts, with its offset", "instant"),
    PackageColumn("booking_status", "booking_status", "the booking's status"),
    PackageColumn("booking_amount_idr", "booking_amount_idr", "what the booking costs its customer"),
    PackageColumn("expected_idr", "expected_idr", "the commission the policy asks for it"),
    PackageColumn("state", "state", "how booking and record agree (docs/commission.md)"),
    PackageColumn("commission_status", "commission_status", "the record's status"),
    PackageColumn("deadline_at_local", "deadline_at_local", "until when it was to be paid", "instant"),
    PackageColumn("paid_at_local", "paid_at_local", "when it was paid, as the record says", "instant"),
    PackageColumn("verified_at_local", "verified_at_local", "when the payment was verified", "instant"),
    PackageColumn("proof", "proof", "whether a proof of payment stands: present, empty, absent (the app has none)"),
    PackageColumn("findings", "findings", "what was found wrong with the record, by code"),
    PackageColumn("detail", "detail", "the line in words"),
    PackageColumn("counts", "counts", "line: counted once; total: sums up others, or is on no account"),
)


def _entries(asked: Asked) -> str:
    """The lines of the account in the period, with what is known of booking, payment and proof."""
    kinds = ", ".join(f"WHEN {text(kind)} THEN {number}" for number, kind in enumerate(ENTRY_KINDS)).replace(
        ",", ""
    )
    accrual = f"e.kind = {text(EntryKind.ACCRUAL.value)}"
    own = f"r.of_provider = e.provider_id"
    return f"""
        SELECT e.provider_id, {text(StatementPart.LINE.value)} AS part, e.kind AS line, e.local_date,
            CASE e.kind {kinds} END AS rank, e.entry_id, e.amount_idr, e.booking_id, e.commission_id, e.part AS of,
            b.business_id AS booking_key,
            CASE WHEN {accrual} THEN {_local("b.starts_at", "b.utc_offset_minutes")} END AS service_at_local,
            r.booking_status, CASE WHEN {own} THEN r.booking_amount_idr END AS booking_amount_idr,
            CASE WHEN {own} THEN r.expected_idr END AS expected_idr, r.state, c.status AS commission_status,
            CASE WHEN {accrual}
                THEN {_local("coalesce(r.deadline_at, c.deadline_at)", "coalesce(r.utc_offset_minutes, c.utc_offset_minutes)")}
                END AS deadline_at_local,
            CASE WHEN {_is_payment("e")} THEN {_local("c.paid_at", "c.utc_offset_minutes")} END AS paid_at_local,
            CASE WHEN {_is_payment("e")} THEN {_local("c.verified_at", "c.utc_offset_minutes")} END
                AS verified_at_local,
            c.proof_state AS proof, f.findings, e.detail
        FROM (SELECT * FROM {_ENTRIES} WHERE {within(asked)} AND {of_provider(asked)}) e
        LEFT JOIN core.commissions c ON c.commission_id = e.commission_id
        LEFT JOIN (SELECT *, {OF_REPORT} AS of_provider FROM {_RECONCILED}
                   WHERE {within(asked)} AND commission_id IS NOT NULL) r
            ON {accrual} AND r.commission_id = e.commission_id
        LEFT JOIN ({_BOOKINGS}) b ON b.booking_id = e.booking_id
        LEFT JOIN temp.statement_findings f ON f.row_id = e.commission_id"""


def _is_payment(row: str) -> str:
    return f"{row}.kind = {text(EntryKind.PAYMENT.value)}"


#: One id may stand in both collections of bookings, and a line of the ledger does not say in which: then neither is
#: shown. Few are in the second.
_BOOKINGS: Final = """
    SELECT booking_id, business_id, starts_at, utc_offset_minutes FROM core.bookings WHERE origin = 'bookings'
        AND booking_id NOT IN (SELECT booking_id FROM core.bookings WHERE origin <> 'bookings')
    UNION ALL
    SELECT booking_id, business_id, starts_at, utc_offset_minutes FROM core.bookings WHERE origin <> 'bookings'
        AND booking_id NOT IN (SELECT o.booking_id FROM core.bookings o SEMI JOIN
            (SELECT booking_id FROM core.bookings WHERE origin <> 'bookings') h USING (booking_id)
            WHERE o.origin = 'bookings')"""


def _beside(asked: Asked) -> Iterator[str]:
    """What is on no account: bookings nobody was charged for, or another provider was; records without a line."""
    lacking = values(RowState.MISSING, RowState.AWAITING, RowState.UNKNOWN)
    facts = """r.booking_id, r.commission_id, b.business_id AS booking_key, r.booking_status, r.booking_amount_idr,
        r.expected_idr, r.state, r.commission_status"""
    instants = f"""{_local("b.starts_at", "b.utc_offset_minutes")} AS service_at_local,
        {_local("r.deadline_at", "r.utc_offset_minutes")} AS deadline_at_local"""
    booking = """LEFT JOIN core.bookings b ON b.booking_id = r.booking_id AND b.origin = r.origin"""
    reported = f"(SELECT *, {OF_REPORT} AS of_provider FROM {_RECONCILED} WHERE {within(asked)})"
    yield f"""
        SELECT r.of_provider AS provider_id, 'unrecorded' AS line, r.local_date, {facts}, {instants},
            0 AS amount_idr, f.findings
        FROM {reported} r {booking}
        LEFT JOIN temp.statement_findings f ON r.commission_id IS NULL AND f.row_id = r.booking_id
            AND f.origin = r.origin
        WHERE r.commission_id IS NULL AND r.state IN {words(lacking)}"""
    yield f"""
        SELECT r.of_provider AS provider_id, 'charged_elsewhere' AS line, r.local_date, {facts}, {instants},
            0 AS amount_idr, f.findings
        FROM {reported} r
        JOIN (SELECT commission_id, provider_id FROM {_ENTRIES}
              WHERE kind = {text(EntryKind.ACCRUAL.value)} AND {within(asked)}
              UNION ALL SELECT commission_id, provider_id FROM marts.unentered_records
              WHERE reason = {text(Unentered.AMOUNT_UNKNOWN.value)} AND {within(asked)}) e
            ON e.commission_id = r.commission_id AND e.provider_id <> r.of_provider
        {booking} LEFT JOIN temp.statement_findings f ON f.row_id = r.commission_id"""
    for reason, code, days in (
        (Unentered.AMOUNT_UNKNOWN, "amount_unknown", within(asked, "u.local_date")),
        (Unentered.UNDATED, "undated", "true"),
    ):
        yield f"""
            SELECT u.provider_id, {text(code)} AS line, u.local_date, u.booking_id, u.commission_id,
                r.booking_status, CASE WHEN r.of_provider = u.provider_id THEN r.booking_amount_idr END
                    AS booking_amount_idr,
                CASE WHEN r.of_provider = u.provider_id THEN r.expected_idr END AS expected_idr, r.state,
                c.status AS commission_status, {_local("c.deadline_at", "c.utc_offset_minutes")} AS deadline_at_local,
                {_local("c.paid_at", "c.utc_offset_minutes")} AS paid_at_local,
                {_local("c.verified_at", "c.utc_offset_minutes")} AS verified_at_local, c.proof_state AS proof,
                f.findings
            FROM (SELECT * FROM marts.unentered_records
                  WHERE reason = {text(reason.value)} AND provider_id IS NOT NULL) u
            LEFT JOIN core.commissions c ON c.commission_id = u.commission_id
            LEFT JOIN {reported} r ON r.commission_id = u.commission_id
            LEFT JOIN temp.statement_findings f ON f.row_id = u.commission_id
            WHERE {days}"""


def _put_open(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.statement_open: each record that does not net to 0 before the period's end, with what it left, and whether
    it was late, awaited verification or is disputed.

    A record that is neither open now, nor a refund, nor has a line after the period nets to 0: only the others are
    added up.
    """
    until, as_of = day(asked.until), f"TIMESTAMP '{asked.as_of:%Y-%m-%d %H:%M:%S.%f}'"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_left AS
        SELECT provider_id, commission_id, sum(amount_idr)::BIGINT AS left_idr,
            bool_and(kind = {text(EntryKind.REFUND.value)}) AS is_refund
        FROM {_ENTRIES} WHERE local_date < {until} AND {of_provider(asked)} AND commission_id IN (
            SELECT commission_id FROM marts.commission_open
            UNION ALL SELECT commission_id FROM {_ENTRIES}
            WHERE local_date >= {until} OR kind = {text(EntryKind.REFUND.value)})
        GROUP BY ALL HAVING sum(amount_idr) <> 0"""
    )
    not_owed = words(values(RowState.ORPHAN, RowState.NOT_DUE))
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_open AS
        WITH known AS (
            SELECT l.*, l.left_idr > 0 AND NOT l.is_refund AS owed, q.commission_id IS NOT NULL AS still,
                q.is_unpaid, coalesce(q.status, c.status) AS status, c.proof_at,
                CASE WHEN q.commission_id IS NOT NULL THEN q.deadline_at
                     ELSE coalesce(r.deadline_at, c.deadline_at) END AS deadline_at,
                CASE WHEN q.commission_id IS NOT NULL THEN q.is_due
                     ELSE coalesce(r.state NOT IN {not_owed}, true) END AS is_due,
                coalesce(f.disputing, false) AS disputing
            FROM statement_left l
            LEFT JOIN marts.commission_open q ON q.commission_id = l.commission_id
            LEFT JOIN (SELECT commission_id, deadline_at, state FROM {_RECONCILED}
                       WHERE commission_id IN (SELECT commission_id FROM statement_left)) r
                ON r.commission_id = l.commission_id
            LEFT JOIN core.commissions c ON c.commission_id = l.commission_id
            LEFT JOIN temp.statement_findings f ON f.row_id = l.commission_id
        )
        SELECT *, CASE WHEN still THEN status = {text(SUBMITTED_STATUS)} AND coalesce(proof_at < {as_of}, true)
                       ELSE coalesce(proof_at < {as_of}, false) END AS awaiting,
            CASE WHEN is_due IS false OR (still AND NOT is_unpaid)
                      OR (NOT still AND coalesce(proof_at < deadline_at, false)) THEN false
                 WHEN is_due IS NULL THEN NULL ELSE deadline_at < {as_of} END AS late,
            disputing OR (still AND status = {text(DISPUTED_STATUS)}) AS disputed
        FROM known"""
    )


def _totals(asked: Asked) -> Iterator[str]:
    """The sums, each with how many rows it is of."""

    def entries(code: str, kinds: tuple[EntryKind, ...], sign: str = "") -> str:
        return f"""SELECT provider_id, {text(code)} AS line, ({sign}sum(amount_idr))::BIGINT AS amount_idr,
            count(*) AS rows FROM {_ENTRIES} WHERE {within(asked)} AND {of_provider(asked)}
            AND kind IN {words(values(*kinds))} GROUP BY provider_id"""

    yield f"""SELECT provider_id, 'closing' AS line, sum(amount_idr)::BIGINT AS amount_idr, NULL::BIGINT AS rows
        FROM {_ENTRIES} WHERE local_date < {day(asked.until)} AND {of_provider(asked)} GROUP BY provider_id"""
    earning = f"booking_status IN {words(REVENUE_STATUSES)}"
    for code, amount, of in (
        ("earned", "sum(booking_amount_idr)", f"{earning} AND booking_amount_idr IS NOT NULL"),
        ("earned_unknown", "NULL", f"{earning} AND booking_amount_idr IS NULL"),
        ("expected", "sum(expected_idr)", "expected_idr IS NOT NULL"),
    ):
        yield f"""SELECT {OF_REPORT} AS provider_id, {text(code)} AS line, {amount}::BIGINT AS amount_idr,
            count(*) AS rows FROM {_RECONCILED} WHERE {within(asked)} AND {of} GROUP BY 1"""
    yield entries("charged", (EntryKind.ACCRUAL, EntryKind.FEE))
    yield entries("paid", (EntryKind.PAYMENT,), "-")
    yield entries("refunded", (EntryKind.REFUND,))
    yield entries("reversed", (EntryKind.REVERSAL,), "-")
    for code, amount, of in (
        ("owed", "sum(left_idr)", "owed"),
        ("late", "sum(left_idr)", "owed AND late"),
        ("late_unknown", "sum(left_idr)", "owed AND late IS NULL"),
        ("awaiting_verification", "sum(left_idr)", "owed AND awaiting"),
        ("disputed", "sum(left_idr)", "owed AND disputed"),
        ("credit", "-sum(left_idr)", "NOT owed"),
    ):
        yield f"""SELECT provider_id, {text(code)} AS line, ({amount})::BIGINT AS amount_idr, count(*) AS rows
            FROM temp.statement_open WHERE {of} GROUP BY provider_id"""


def _put_lines(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.statement_lines: every line in its place."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_findings AS
        SELECT coalesce(commission_id, booking_id) AS row_id,
            CASE WHEN commission_id IS NULL THEN origin END AS origin,
            string_agg(DISTINCT finding, ' ' ORDER BY finding) AS findings,
            bool_or(NOT waived AND finding IN {words(DISPUTING)}) AS disputing
        FROM (SELECT NULL::VARCHAR AS origin WHERE false UNION ALL BY NAME FROM marts.commission_findings)
        WHERE commission_id IS NOT NULL OR booking_id IS NOT NULL GROUP BY ALL"""
    )
    _put_open(con, asked)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_beside AS
        SELECT * FROM ({" UNION ALL BY NAME ".join(_beside(asked))}) WHERE {of_provider(asked)}"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_totals AS
        SELECT * FROM ({" UNION ALL BY NAME ".join(_totals(asked))}) WHERE {of_provider(asked)}"""
    )
    of_lines = [line.code for line in STATEMENT_LINES.values() if line.part is StatementPart.TOTAL]
    codes = ", ".join(f"({text(code)}, {number})" for number, code in enumerate(of_lines))
    only = "" if asked.provider is None else f"UNION SELECT {text(asked.provider)}"
    opening = f"""
        SELECT provider_id, {text(StatementPart.OPENING.value)} AS part, 'opening' AS line,
            coalesce(sum(o.amount_idr), 0)::BIGINT AS amount_idr, 'opening' AS of_line
        FROM statement_of LEFT JOIN (
            SELECT provider_id, amount_idr FROM {_ENTRIES} WHERE local_date < {day(asked.first)}
        ) o USING (provider_id) GROUP BY provider_id"""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_of AS
        SELECT provider_id FROM statement_totals UNION SELECT provider_id FROM statement_beside {only}"""
    )
    totals = f"""
        SELECT w.provider_id, {text(StatementPart.TOTAL.value)} AS part, t.line, t.rank,
            CASE WHEN t.line <> 'earned_unknown' THEN coalesce(s.amount_idr, 0) END AS amount_idr,
            CASE WHEN t.line <> 'closing' THEN coalesce(s.rows, 0) END AS rows
        FROM statement_of w CROSS JOIN (VALUES {codes}) t(line, rank)
        LEFT JOIN statement_totals s ON s.provider_id = w.provider_id AND s.line = t.line"""
    places = " ".join(f"WHEN {text(part)} THEN {number}" for part, number in _PLACES.items())
    beside = f"SELECT *, {text(StatementPart.BESIDE.value)} AS part FROM statement_beside"
    asked_for = ", ".join(
        f"l.{column.sql}"
        for column in COLUMNS
        if column.sql and column.name not in ("provider_name", "counts")
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_lines AS
        SELECT {asked_for}, CASE WHEN l.part IN {words(_COUNTED)} THEN 'line' ELSE 'total' END AS counts
        FROM (SELECT * FROM ({opening}) UNION ALL BY NAME SELECT * FROM ({_entries(asked)})
              UNION ALL BY NAME SELECT * FROM ({beside}) UNION ALL BY NAME SELECT * FROM ({totals})) l
        ORDER BY l.provider_id, CASE l.part {places} END, l.local_date NULLS LAST, l.rank NULLS LAST,
            l.line, l.commission_id NULLS LAST, l.booking_id NULLS LAST, l.entry_id"""
    )
    for name in ("findings", "left", "open", "beside", "totals", "of"):
        con.execute(f"DROP TABLE temp.statement_{name}")


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    _put_lines(con, asked)
    names = dict(con.execute(f"SELECT provider_id, provider_name FROM {NAMES}").fetchall())
    columns = [column.name for column in COLUMNS]
    carried, of = 0, None
    for frame in batches(con, "FROM temp.statement_lines"):
        counted = frame.select(
            "provider_id", amount=pl.when(pl.col("counts") == "line").then(pl.col("amount_idr")).fill_null(0)
        )
        upto = counted.select(pl.col("amount").cum_sum().over("provider_id")).to_series()
        if of is not None:
            # An account that began in the batch before goes on from there.
            upto += pl.select(
                pl.when(counted["provider_id"] == of).then(carried).otherwise(0)
            ).to_series()
        of, carried = counted["provider_id"][-1], upto[-1]
        shown = (pl.col("counts") == "line") | (pl.col("line") == "closing")
        yield frame.with_columns(
            balance_idr=pl.when(shown).then(upto),
            provider_name=pl.col("provider_id").replace_strict(names, default=None, return_dtype=pl.String),
        ).select(columns)
    con.execute("DROP TABLE temp.statement_lines")


TABLE: Final = PackageTable(
    "statements",
    "A line of a provider's account in the period, from opening to closing, then what is beside it and its sums.",
    COLUMNS,
    _rows,
    total="counts",
)
