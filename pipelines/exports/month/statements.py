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
    EntryKind,
    RowState,
    Unentered,
)
from marketplace.statements import STATEMENT_LINES, StatementPart
from marketplace.statuses import values
from pipelines.exports.commissions import PROVIDERS, literal
from pipelines.exports.month.accounts import (
    OF_REPORT,
    day,
    of_provider,
    within,
    words,
)
from pipelines.exports.month.open_records import put_open_records
from pipelines.exports.month.rows import batches, period_of
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_ENTRIES: Final = "marts.commission_entries"
_RECONCILED: Final = "marts.commission_reconciliation"
_COUNTED: Final = (StatementPart.OPENING.value, StatementPart.LINE.value)
#: What is said of a line that has no words of its own.
_SENTENCES: Final = {line.code: line.sentence for line in STATEMENT_LINES.values()}
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
    PackageColumn(
        "service_at_local", "service_at_local", "when the service starts, with its offset", "instant"
    ),
    PackageColumn("booking_status", "booking_status", "the booking's status"),
    PackageColumn("booking_amount_idr", "booking_amount_idr", "what the booking costs its customer"),
    PackageColumn("expected_idr", "expected_idr", "the commission the policy asks for it"),
    PackageColumn("state", "state", "how booking and record agree (docs/commission.md)"),
    PackageColumn("commission_status", "commission_status", "the record's status"),
    PackageColumn("deadline_at_local", "deadline_at_local", "until when it was to be paid", "instant"),
    PackageColumn("paid_at_local", "paid_at_local", "when it was paid, as the record says", "instant"),
    PackageColumn("verified_at_local", "verified_at_local", "when the payment was verified", "instant"),
    PackageColumn(
        "proof", "proof", "whether a proof of payment stands: present, empty, absent (the app has none)"
    ),
    PackageColumn("findings", "findings", "what was found wrong with the record, by code"),
    PackageColumn("detail", "detail", "the line in words"),
    PackageColumn("counts", "counts", "line: counted once; total: sums up others, or is on no account"),
)


#: What stands in temp.statement_lines; the others follow from these.
_KEPT: Final = tuple(
    column.sql for column in COLUMNS if column.sql and column.name not in ("provider_name", "counts")
)
#: Lines of which facts are looked up at a time.
_SLICE_ROWS: Final = 60_000
#: What is looked up of the lines of the account, some tens of thousands at a time: of all at once it takes more memory
#: than there is. One id may stand in both collections of bookings, and a line of the ledger does not say in which: then
#: nothing is shown of it.
_LOOKED_UP: Final = {
    "statement_records": "SELECT commission_id, status, deadline_at, paid_at, verified_at, proof_state,"
    " utc_offset_minutes FROM core.commissions WHERE commission_id IN"
    " (SELECT commission_id FROM statement_slice WHERE entry_id IS NOT NULL)",
    "statement_reported": "SELECT commission_id, {of_report} AS of_provider, booking_status, booking_amount_idr,"
    " expected_idr, state, deadline_at, utc_offset_minutes FROM marts.commission_reconciliation WHERE {within}"
    " AND commission_id IN (SELECT commission_id FROM statement_slice WHERE line = {accrual})",
    "statement_bookings": "SELECT booking_id, any_value(business_id) AS business_id, any_value(starts_at) AS starts_at,"
    " any_value(utc_offset_minutes) AS utc_offset_minutes FROM core.bookings WHERE booking_id IN"
    " (SELECT booking_id FROM statement_slice WHERE entry_id IS NOT NULL) GROUP BY booking_id HAVING count(*) = 1",
}
_ACCRUAL: Final = f"l.line = {literal(EntryKind.ACCRUAL.value)}"
_PAYMENT: Final = f"l.line = {literal(EntryKind.PAYMENT.value)}"
#: What a line of the account has instead of what stands in temp.statement_lines.
_OF_ENTRY: Final = {
    "booking_key": "b.business_id",
    "service_at_local": f"CASE WHEN {_ACCRUAL} THEN {_local('b.starts_at', 'b.utc_offset_minutes')} END",
    "booking_status": "r.booking_status",
    "booking_amount_idr": "CASE WHEN r.of_provider = l.provider_id THEN r.booking_amount_idr END",
    "expected_idr": "CASE WHEN r.of_provider = l.provider_id THEN r.expected_idr END",
    "state": "r.state",
    "commission_status": "c.status",
    "deadline_at_local": f"CASE WHEN {_ACCRUAL} THEN "
    + _local("coalesce(r.deadline_at, c.deadline_at)", "coalesce(r.utc_offset_minutes, c.utc_offset_minutes)")
    + " END",
    "paid_at_local": f"CASE WHEN {_PAYMENT} THEN {_local('c.paid_at', 'c.utc_offset_minutes')} END",
    "verified_at_local": f"CASE WHEN {_PAYMENT} THEN {_local('c.verified_at', 'c.utc_offset_minutes')} END",
    "proof": "c.proof_state",
    "findings": "f.findings",
}


def _entries(asked: Asked) -> str:
    """The lines of the account in the period; what is known of booking, payment and proof is looked up later."""
    ranks = " ".join(f"WHEN {literal(kind)} THEN {number}" for number, kind in enumerate(ENTRY_KINDS))
    return f"""
        SELECT provider_id, {literal(StatementPart.LINE.value)} AS part, kind AS line, local_date,
            CASE kind {ranks} END AS rank, entry_id, amount_idr, booking_id, commission_id, part AS of, detail
        FROM {_ENTRIES} WHERE {within(asked)} AND {of_provider(asked)}"""


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
        LEFT JOIN temp.record_findings f ON r.commission_id IS NULL AND f.row_id = r.booking_id
            AND f.origin = r.origin
        WHERE r.commission_id IS NULL AND r.state IN {words(lacking)}"""
    yield f"""
        SELECT r.of_provider AS provider_id, 'charged_elsewhere' AS line, r.local_date, {facts}, {instants},
            0 AS amount_idr, f.findings
        FROM {reported} r
        JOIN (SELECT commission_id, provider_id FROM {_ENTRIES}
              WHERE kind = {literal(EntryKind.ACCRUAL.value)} AND {within(asked)}
              UNION ALL SELECT commission_id, provider_id FROM marts.unentered_records
              WHERE reason = {literal(Unentered.AMOUNT_UNKNOWN.value)} AND {within(asked)}) e
            ON e.commission_id = r.commission_id AND e.provider_id <> r.of_provider
        {booking} LEFT JOIN temp.record_findings f ON f.row_id = r.commission_id"""
    for reason, code, days in (
        (Unentered.AMOUNT_UNKNOWN, "amount_unknown", within(asked, "u.local_date")),
        (Unentered.UNDATED, "undated", "true"),
    ):
        yield f"""
            SELECT u.provider_id, {literal(code)} AS line, u.local_date, u.booking_id, u.commission_id,
                r.booking_status, CASE WHEN r.of_provider = u.provider_id THEN r.booking_amount_idr END
                    AS booking_amount_idr,
                CASE WHEN r.of_provider = u.provider_id THEN r.expected_idr END AS expected_idr, r.state,
                c.status AS commission_status, {_local("c.deadline_at", "c.utc_offset_minutes")} AS deadline_at_local,
                {_local("c.paid_at", "c.utc_offset_minutes")} AS paid_at_local,
                {_local("c.verified_at", "c.utc_offset_minutes")} AS verified_at_local, c.proof_state AS proof,
                f.findings
            FROM (SELECT * FROM marts.unentered_records
                  WHERE reason = {literal(reason.value)} AND provider_id IS NOT NULL) u
            LEFT JOIN core.commissions c ON c.commission_id = u.commission_id
            LEFT JOIN {reported} r ON r.commission_id = u.commission_id
            LEFT JOIN temp.record_findings f ON f.row_id = u.commission_id
            WHERE {days}"""


def _totals(asked: Asked) -> Iterator[str]:
    """The sums, each with how many rows it is of."""

    def entries(code: str, kinds: tuple[EntryKind, ...], sign: str = "") -> str:
        return f"""SELECT provider_id, {literal(code)} AS line, ({sign}sum(amount_idr))::BIGINT AS amount_idr,
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
        yield f"""SELECT {OF_REPORT} AS provider_id, {literal(code)} AS line, {amount}::BIGINT AS amount_idr,
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
        yield f"""SELECT provider_id, {literal(code)} AS line, ({amount})::BIGINT AS amount_idr, count(*) AS rows
            FROM temp.open_records WHERE {of} GROUP BY provider_id"""


def _put_lines(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.statement_lines: every line in its place."""
    put_open_records(con, asked)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_beside AS
        SELECT * FROM ({" UNION ALL BY NAME ".join(_beside(asked))}) WHERE {of_provider(asked)}"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_totals AS
        SELECT * FROM ({" UNION ALL BY NAME ".join(_totals(asked))}) WHERE {of_provider(asked)}"""
    )
    of_lines = [line.code for line in STATEMENT_LINES.values() if line.part is StatementPart.TOTAL]
    codes = ", ".join(f"({literal(code)}, {number})" for number, code in enumerate(of_lines))
    only = "" if asked.provider is None else f"UNION SELECT {literal(asked.provider)}"
    opening = f"""
        SELECT provider_id, {literal(StatementPart.OPENING.value)} AS part, 'opening' AS line,
            coalesce(sum(o.amount_idr), 0)::BIGINT AS amount_idr
        FROM statement_of LEFT JOIN (
            SELECT provider_id, amount_idr FROM {_ENTRIES} WHERE local_date < {day(asked.first)}
        ) o USING (provider_id) GROUP BY provider_id"""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_of AS
        SELECT provider_id FROM statement_totals UNION SELECT provider_id FROM statement_beside {only}"""
    )
    totals = f"""
        SELECT w.provider_id, {literal(StatementPart.TOTAL.value)} AS part, t.line, t.rank,
            CASE WHEN t.line <> 'earned_unknown' THEN coalesce(s.amount_idr, 0) END AS amount_idr,
            CASE WHEN t.line <> 'closing' THEN coalesce(s.rows, 0) END AS rows
        FROM statement_of w CROSS JOIN (VALUES {codes}) t(line, rank)
        LEFT JOIN statement_totals s ON s.provider_id = w.provider_id AND s.line = t.line"""
    places = " ".join(f"WHEN {literal(part)} THEN {number}" for part, number in _PLACES.items())
    beside = f"SELECT *, {literal(StatementPart.BESIDE.value)} AS part FROM statement_beside"
    kept = ", ".join(f"l.{name}" for name in _KEPT)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_lines AS
        SELECT {kept}, l.entry_id, CASE WHEN l.part IN {words(_COUNTED)} THEN 'line' ELSE 'total' END AS counts
        FROM (SELECT * FROM ({opening}) UNION ALL BY NAME SELECT * FROM ({_entries(asked)})
              UNION ALL BY NAME SELECT * FROM ({beside}) UNION ALL BY NAME SELECT * FROM ({totals})) l
        JOIN (SELECT provider_id, row_number() OVER (ORDER BY provider_id) AS account FROM statement_of) o
            ON o.provider_id = l.provider_id
        ORDER BY o.account, CASE l.part {places} END, l.local_date NULLS LAST, l.rank NULLS LAST,
            l.line, l.commission_id NULLS LAST, l.booking_id NULLS LAST, l.entry_id"""
    )
    for name in ("statement_beside", "statement_totals", "statement_of", "open_records"):
        con.execute(f"DROP TABLE temp.{name}")


def _slices(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    """The lines in their order, each with what is known of its booking, payment and proof."""
    ((lines,),) = con.execute("SELECT count(*) FROM temp.statement_lines").fetchall()
    chosen = ", ".join(
        f"CASE WHEN l.entry_id IS NULL THEN l.{name} ELSE {_OF_ENTRY[name]} END AS {name}"
        if name in _OF_ENTRY
        else f"l.{name}"
        for name in (*_KEPT, "counts")
    )
    for low in range(0, lines, _SLICE_ROWS):
        # Lines lie in the order they were put there in.
        con.execute(
            "CREATE OR REPLACE TEMP TABLE statement_slice AS SELECT rowid AS place, * FROM temp.statement_lines"
            f" WHERE rowid >= {low} AND rowid < {low + _SLICE_ROWS}"
        )
        for name, sql in _LOOKED_UP.items():
            given = {"of_report": OF_REPORT, "within": within(asked)}
            asked_for = sql.format(accrual=literal(EntryKind.ACCRUAL.value), **given)
            con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {asked_for}")
        yield from batches(
            con,
            f"""SELECT {chosen} FROM statement_slice l
            LEFT JOIN statement_records c ON c.commission_id = l.commission_id
            LEFT JOIN statement_reported r ON {_ACCRUAL} AND r.commission_id = l.commission_id
            LEFT JOIN statement_bookings b ON b.booking_id = l.booking_id
            LEFT JOIN record_findings f ON f.row_id = l.commission_id
            ORDER BY l.place""",
            period_of(asked),
        )
    for name in ("statement_lines", "statement_slice", *_LOOKED_UP, "record_findings"):
        con.execute(f"DROP TABLE IF EXISTS temp.{name}")


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    _put_lines(con, asked)
    names = dict(con.execute(f"SELECT provider_id, provider_name FROM {PROVIDERS}").fetchall())
    columns = [column.name for column in COLUMNS]
    carried, of = 0, None
    for frame in _slices(con, asked):
        counted = frame.select(
            "provider_id", amount=pl.when(pl.col("counts") == "line").then(pl.col("amount_idr")).fill_null(0)
        )
        upto = counted.select(pl.col("amount").cum_sum().over("provider_id")).to_series()
        if of is not None:
            # An account that began in the batch before goes on from there.
            upto += pl.select(pl.when(counted["provider_id"] == of).then(carried).otherwise(0)).to_series()
        of, carried = counted["provider_id"][-1], upto[-1]
        shown = (pl.col("counts") == "line") | (pl.col("line") == "closing")
        yield frame.with_columns(
            balance_idr=pl.when(shown).then(upto),
            detail=pl.coalesce(
                "detail", pl.col("line").replace_strict(_SENTENCES, default=None, return_dtype=pl.String)
            ),
            provider_name=pl.col("provider_id").replace_strict(names, default=None, return_dtype=pl.String),
        ).select(columns)


TABLE: Final = PackageTable(
    "statements",
    "A line of a provider's account in the period, from opening to closing, then what is beside it and its sums.",
    COLUMNS,
    _rows,
    total="counts",
)
