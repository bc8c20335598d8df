"""The package's table statements: each provider's account as it can be sent to them.

What each line and sum is, and what puts a charge in dispute, is said in marketplace/statements.py; whether a record is
open is told from its lines before the period's end, as the ledger's closing is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import duckdb
import polars as pl

from marketplace.commission import (
    ENTRY_KINDS,
    REVENUE_STATUSES,
    EntryKind,
    EntryPart,
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
from pipelines.exports.month.instants import local_text
from pipelines.exports.month.open_records import put_open_records
from pipelines.exports.month.rows import BATCH_ROWS
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

_ENTRIES: Final = "marts.commission_entries"
_RECONCILED: Final = "marts.commission_reconciliation"
_COUNTED: Final = (StatementPart.OPENING.value, StatementPart.LINE.value)
#: What is said of a line that has no words of its own.
_SENTENCES: Final = {line.code: line.sentence for line in STATEMENT_LINES.values()}
_PLACES: Final = {part.value: number for number, part in enumerate(StatementPart)}


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
    PackageColumn("balance_idr", "", "what is owed after the line", summed=False),
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
#: Lines that are told at a time.
_SLICE_ROWS: Final = 20_000
#: Lines whose facts are looked for at a time in the tables of the snapshot, which are read from end to end for it.
_BLOCK_ROWS: Final = 10 * _SLICE_ROWS
#: Lines sorted at a time, of whole accounts: what a sort holds of each run that it spilled grows with them.
_SORTED_ROWS: Final = 2_500_000
_ACCRUAL: Final = f"l.rank = {ENTRY_KINDS.index(EntryKind.ACCRUAL.value)}"
_PAYMENT: Final = f"l.rank = {ENTRY_KINDS.index(EntryKind.PAYMENT.value)}"
#: What is known of the lines of a block, by their place: one join after the other, for all at once hold more than
#: there is; and instants as numbers, which become text only where a line shows them. One id may stand in both
#: collections of bookings, and a line of the ledger does not say in which: then nothing is shown of it.
_KNOWN: Final = {
    "known_records": """
        SELECT l.pos, c.status, c.proof_state, c.deadline_at, c.paid_at, c.verified_at, c.utc_offset_minutes
        FROM temp.statement_block l JOIN core.commissions c ON c.commission_id = l.commission_id""",
    "known_accrued": f"""
        SELECT l.pos, {OF_REPORT} AS of_provider, booking_status, booking_amount_idr, expected_idr, state, deadline_at,
            utc_offset_minutes
        FROM (SELECT pos, commission_id AS accrued_id FROM temp.statement_block l WHERE {_ACCRUAL}) l
        JOIN marts.commission_reconciliation ON commission_id = accrued_id""",
    "known_bookings": """
        SELECT l.pos, any_value(b.business_id) AS business_id, any_value(b.starts_at) AS starts_at,
            any_value(b.utc_offset_minutes) AS utc_offset_minutes
        FROM temp.statement_block l JOIN core.bookings b ON b.booking_id = l.booking_id
        GROUP BY l.pos HAVING count(*) = 1""",
    "known_findings": """
        SELECT l.pos, f.findings
        FROM temp.statement_block l JOIN temp.record_findings f ON f.row_id = l.commission_id""",
}


def _put_entries(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.statement_lines, in parts: the memory of a sort is the same however many accounts there are."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE statement_lines AS {_entries(asked, 'false')}")
    counted = con.execute(
        f"""SELECT o.account, count(*) FROM {_ENTRIES} e JOIN temp.statement_of o ON o.provider_id = e.provider_id
        WHERE {within(asked, "e.local_date")} GROUP BY o.account ORDER BY o.account"""
    ).fetchall()
    for first, last in _parts(counted):
        con.execute(
            f"INSERT INTO temp.statement_lines {_entries(asked, f'o.account BETWEEN {first} AND {last}')}"
        )


def _parts(counted: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The first and the last account of each part, of accounts in their order with their lines."""
    first, before, rows = 0, 0, 0
    for account, lines in counted:
        if rows and rows + lines > _SORTED_ROWS:
            yield first, before
            rows = 0
        first, before, rows = first if rows else account, account, rows + lines
    if rows:
        yield first, before


def _entries(asked: Asked, those: str) -> str:
    """The lines of some accounts in the period, in their order. Only what they are told apart by is sorted: there are
    millions, and what is known of booking, payment and proof is looked up later."""
    ranks = " ".join(f"WHEN {literal(kind)} THEN {number}" for number, kind in enumerate(ENTRY_KINDS))
    return f"""
        SELECT o.account::INTEGER AS account, e.local_date, (CASE e.kind {ranks} END)::TINYINT AS rank,
            e.part = {literal(EntryPart.FEE.value)} AS is_fee, e.commission_id, e.booking_id, e.amount_idr, e.detail
        FROM {_ENTRIES} e JOIN temp.statement_of o ON o.provider_id = e.provider_id
        WHERE {within(asked, "e.local_date")} AND {those}
        ORDER BY account, e.local_date, rank, e.commission_id, is_fee"""


def _put_beside(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.statement_beside. Few of a month's rows are beside an account: these are found first, by ids alone, and the
    rest of their columns is joined to them, never to all."""
    lacking = values(RowState.MISSING, RowState.AWAITING, RowState.UNKNOWN)
    unentered = f"reason IN {words(values(Unentered.AMOUNT_UNKNOWN, Unentered.UNDATED))}"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE beside_charged AS
        SELECT e.commission_id, e.provider_id FROM (
            SELECT commission_id, provider_id FROM {_ENTRIES}
            WHERE kind = {literal(EntryKind.ACCRUAL.value)} AND {within(asked)}
            UNION ALL SELECT commission_id, provider_id FROM marts.unentered_records
            WHERE reason = {literal(Unentered.AMOUNT_UNKNOWN.value)} AND {within(asked)}) e
        SEMI JOIN (SELECT commission_id, {OF_REPORT} AS of_provider FROM {_RECONCILED} WHERE {within(asked)}) r
            ON e.commission_id = r.commission_id AND e.provider_id <> r.of_provider"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE beside_reported AS
        SELECT *, {OF_REPORT} AS of_provider FROM {_RECONCILED} WHERE {within(asked)} AND (
            commission_id IS NULL AND state IN {words(lacking)} OR commission_id IN (
                SELECT commission_id FROM temp.beside_charged
                UNION ALL SELECT commission_id FROM marts.unentered_records WHERE {unentered}))"""
    )
    con.execute(
        """CREATE OR REPLACE TEMP TABLE beside_bookings AS
        SELECT booking_id, origin, business_id, starts_at, utc_offset_minutes FROM core.bookings
        WHERE booking_id IN (SELECT booking_id FROM temp.beside_reported)"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE beside_records AS SELECT * FROM core.commissions
        WHERE commission_id IN (SELECT commission_id FROM marts.unentered_records WHERE {unentered})"""
    )
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_beside AS
        SELECT * FROM ({" UNION ALL BY NAME ".join(_beside(asked))}) WHERE {of_provider(asked)}"""
    )
    for name in ("charged", "reported", "bookings", "records"):
        con.execute(f"DROP TABLE temp.beside_{name}")


def _beside(asked: Asked) -> Iterator[str]:
    """What is on no account: bookings nobody was charged for, or another provider was; records without a line."""
    lacking = values(RowState.MISSING, RowState.AWAITING, RowState.UNKNOWN)
    facts = """r.booking_id, r.commission_id, b.business_id AS booking_key, r.booking_status, r.booking_amount_idr,
        r.expected_idr, r.state, r.commission_status"""
    instants = f"""{local_text("b.starts_at", "b.utc_offset_minutes")} AS service_at_local,
        {local_text("r.deadline_at", "r.utc_offset_minutes")} AS deadline_at_local"""
    booking = """LEFT JOIN temp.beside_bookings b ON b.booking_id = r.booking_id AND b.origin = r.origin"""
    yield f"""
        SELECT r.of_provider AS provider_id, 'unrecorded' AS line, r.local_date, {facts}, {instants},
            0 AS amount_idr, f.findings
        FROM temp.beside_reported r {booking}
        LEFT JOIN temp.record_findings f ON r.commission_id IS NULL AND f.row_id = r.booking_id
            AND f.origin = r.origin
        WHERE r.commission_id IS NULL AND r.state IN {words(lacking)}"""
    yield f"""
        SELECT r.of_provider AS provider_id, 'charged_elsewhere' AS line, r.local_date, {facts}, {instants},
            0 AS amount_idr, f.findings
        FROM temp.beside_reported r
        JOIN temp.beside_charged e ON e.commission_id = r.commission_id AND e.provider_id <> r.of_provider
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
                c.status AS commission_status,
                {local_text("c.deadline_at", "c.utc_offset_minutes")} AS deadline_at_local,
                {local_text("c.paid_at", "c.utc_offset_minutes")} AS paid_at_local,
                {local_text("c.verified_at", "c.utc_offset_minutes")} AS verified_at_local, c.proof_state AS proof,
                f.findings
            FROM (SELECT * FROM marts.unentered_records
                  WHERE reason = {literal(reason.value)} AND provider_id IS NOT NULL) u
            LEFT JOIN temp.beside_records c ON c.commission_id = u.commission_id
            LEFT JOIN temp.beside_reported r ON r.commission_id = u.commission_id
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
    """temp.statement_lines: the lines of all accounts; temp.statement_around: what stands before and after them, by
    ``place``; temp.statement_of: the accounts by number."""
    put_open_records(con, asked)
    _put_beside(con, asked)
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_totals AS
        SELECT * FROM ({" UNION ALL BY NAME ".join(_totals(asked))}) WHERE {of_provider(asked)}"""
    )
    of_lines = [line.code for line in STATEMENT_LINES.values() if line.part is StatementPart.TOTAL]
    codes = ", ".join(f"({literal(code)}, {number})" for number, code in enumerate(of_lines))
    only = "" if asked.provider is None else f"UNION SELECT {literal(asked.provider)}"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_of AS
        SELECT provider_id, row_number() OVER (ORDER BY provider_id) AS account FROM (
            SELECT provider_id FROM statement_totals UNION SELECT provider_id FROM statement_beside {only})"""
    )
    opening = f"""
        SELECT provider_id, {literal(StatementPart.OPENING.value)} AS part, 'opening' AS line,
            coalesce(sum(o.amount_idr), 0)::BIGINT AS amount_idr
        FROM statement_of LEFT JOIN (
            SELECT provider_id, amount_idr FROM {_ENTRIES} WHERE local_date < {day(asked.first)}
        ) o USING (provider_id) GROUP BY provider_id"""
    totals = f"""
        SELECT w.provider_id, {literal(StatementPart.TOTAL.value)} AS part, t.line, t.rank,
            CASE WHEN t.line <> 'earned_unknown' THEN coalesce(s.amount_idr, 0) END AS amount_idr,
            CASE WHEN t.line <> 'closing' THEN coalesce(s.rows, 0) END AS rows
        FROM statement_of w CROSS JOIN (VALUES {codes}) t(line, rank)
        LEFT JOIN statement_totals s ON s.provider_id = w.provider_id AND s.line = t.line"""
    places = " ".join(f"WHEN {literal(part)} THEN {number}" for part, number in _PLACES.items())
    beside = f"SELECT *, {literal(StatementPart.BESIDE.value)} AS part FROM statement_beside"
    kept = ", ".join(f"l.{name}" for name in _KEPT if name != "provider_id")
    none = "SELECT NULL::VARCHAR AS of, NULL::VARCHAR AS detail WHERE false"
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_around AS
        SELECT o.account::INTEGER AS account, (CASE l.part {places} END)::TINYINT AS place, l.provider_id, {kept}
        FROM ({none} UNION ALL BY NAME SELECT * FROM ({opening}) UNION ALL BY NAME SELECT * FROM ({beside})
              UNION ALL BY NAME SELECT * FROM ({totals})) l
        JOIN statement_of o ON o.provider_id = l.provider_id
        ORDER BY account, place, l.local_date NULLS LAST, l.rank NULLS LAST, l.line, l.commission_id NULLS LAST,
            l.booking_id NULLS LAST"""
    )
    _put_entries(con, asked)
    for name in ("statement_beside", "statement_totals", "open_records"):
        con.execute(f"DROP TABLE temp.{name}")


def _slices(con: duckdb.DuckDBPyConnection) -> Iterator[pl.DataFrame]:
    """Every line in its order, each of the account with what is known of its booking, payment and proof."""
    ((lines,),) = con.execute("SELECT count(*) FROM temp.statement_lines").fetchall()
    opened = 0  # the last account whose opening was given
    for low in range(0, lines, _SLICE_ROWS):
        if low % _BLOCK_ROWS == 0:
            _look_up(con, low)
        found = con.sql(_told(low)).pl()
        reached: int = found["account"][-1]
        # The last account may go on in the next slice: what follows its lines is given with that.
        around = _around(con, f"place = 0 AND account > {opened} AND account <= {reached}"
                         f" OR place > 0 AND account >= {opened} AND account < {reached}")  # fmt: skip
        opened = reached
        yield pl.concat((found, around), how="diagonal").sort("account", "place", maintain_order=True)
    yield _around(con, f"account > {opened} OR place > 0 AND account = {opened}")
    for name in ("statement_lines", "statement_block", "statement_around", "statement_of", *_KNOWN):
        con.execute(f"DROP TABLE IF EXISTS temp.{name}")
    con.execute("DROP TABLE temp.record_findings")


def _look_up(con: duckdb.DuckDBPyConnection, low: int) -> None:
    """Make the tables of what is known of a block of lines, each in the order of the lines."""
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE statement_block AS
        SELECT rowid AS pos, rank, commission_id, booking_id FROM temp.statement_lines
        WHERE rowid >= {low} AND rowid < {low + _BLOCK_ROWS}"""
    )
    for name, sql in _KNOWN.items():
        con.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {sql} ORDER BY pos")


def _around(con: duckdb.DuckDBPyConnection, where: str) -> pl.DataFrame:
    """Openings, and what follows the lines of an account, in their order."""
    return con.sql(f"SELECT * FROM statement_around WHERE {where} ORDER BY rowid").pl()


def _told(low: int) -> str:
    """A slice of the lines in their order, each of the account with what is known of booking, payment and proof."""

    def known(name: str) -> str:
        return f"(FROM temp.{name} WHERE pos >= {low} AND pos < {low + _SLICE_ROWS})"

    kinds = " ".join(f"WHEN {number} THEN {literal(kind)}" for number, kind in enumerate(ENTRY_KINDS))
    service = local_text("b.starts_at", "b.utc_offset_minutes")
    deadline = local_text("r.deadline_at", "r.utc_offset_minutes")
    record_deadline = local_text("c.deadline_at", "c.utc_offset_minutes")
    return f"""
        SELECT l.account, o.provider_id, l.local_date, l.amount_idr, l.booking_id, b.business_id AS booking_key,
            l.commission_id, r.booking_status, r.state, c.status AS commission_status, c.proof_state AS proof,
            f.findings, l.detail, {_PLACES[StatementPart.LINE.value]}::TINYINT AS place,
            {literal(StatementPart.LINE.value)} AS part, CASE l.rank {kinds} END AS line,
            CASE WHEN l.is_fee THEN {literal(EntryPart.FEE.value)} ELSE {literal(EntryPart.COMMISSION.value)} END AS of,
            CASE WHEN r.of_provider = o.provider_id THEN r.booking_amount_idr END AS booking_amount_idr,
            CASE WHEN r.of_provider = o.provider_id THEN r.expected_idr END AS expected_idr,
            CASE WHEN {_ACCRUAL} THEN {service} END AS service_at_local,
            CASE WHEN {_ACCRUAL} THEN coalesce({deadline}, {record_deadline}) END AS deadline_at_local,
            CASE WHEN {_PAYMENT} THEN {local_text("c.paid_at", "c.utc_offset_minutes")} END AS paid_at_local,
            CASE WHEN {_PAYMENT} THEN {local_text("c.verified_at", "c.utc_offset_minutes")} END AS verified_at_local
        FROM (SELECT rowid AS pos, * FROM temp.statement_lines
              WHERE rowid >= {low} AND rowid < {low + _SLICE_ROWS}) l
        JOIN temp.statement_of o ON o.account = l.account
        LEFT JOIN {known("known_records")} c ON c.pos = l.pos
        LEFT JOIN {known("known_accrued")} r ON r.pos = l.pos
        LEFT JOIN {known("known_bookings")} b ON b.pos = l.pos
        LEFT JOIN {known("known_findings")} f ON f.pos = l.pos
        ORDER BY l.pos"""


def _rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    _put_lines(con, asked)
    names = dict(con.execute(f"SELECT provider_id, provider_name FROM {PROVIDERS}").fetchall())
    columns = [column.name for column in COLUMNS]
    carried, of = 0, None
    for frame in (batch for found in _slices(con) for batch in found.iter_slices(BATCH_ROWS)):
        if frame.is_empty():
            continue
        frame = frame.with_columns(
            counts=pl.when(pl.col("part").is_in(_COUNTED)).then(pl.lit("line")).otherwise(pl.lit("total"))
        )
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
