"""The package's table bridges: how its figures lead to each other, line by line, to the rupiah.

Which lines a bridge has is said in marketplace/bridges.py; here is of which rows each is the sum. A total is taken from
elsewhere than its components: what was recorded from the report's rows, the account from marts.commission_ledger where
the period is of whole months (else from the ledger's lines), what was collected from marts.revenue_daily. There is no
line for a rest: what fits no line leaves the bridge open, and is seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Final

import duckdb
import polars as pl

from marketplace.bridges import BRIDGES, Bridge, LineKind, Sum
from marketplace.commission import PAYMENT_MOMENTS, EntryKind, EntryPart, RowState, Unentered
from marketplace.statuses import NOT_LIVE_STATUSES
from pipelines.exports.commissions import PROVIDERS, literal
from pipelines.exports.month.accounts import (
    OF_REPORT,
    counted,
    day,
    lines_of,
    of_provider,
    summed,
    whole_months,
    within,
    words,
)
from pipelines.exports.month.open_records import put_open_records
from pipelines.exports.month.opening import put_opening
from pipelines.exports.month.payments import WAS_PAID
from pipelines.exports.month.rows import BATCH_ROWS
from pipelines.exports.month.table import Asked, PackageColumn, PackageTable

WHOLE: Final = "whole"
PROVIDER: Final = "provider"
_PLACED: Final = tuple(PAYMENT_MOMENTS)
_ENTRIES: Final = "marts.commission_entries"
_RECONCILED: Final = "marts.commission_reconciliation"
#: That a record gives back (docs/commission.md, Refunds).
_GIVES_BACK: Final = "coalesce(coalesce(c.commission_idr, c.written_commission) < 0, false)"

COLUMNS: Final = (
    PackageColumn("bridge", "", "which bridge"),
    PackageColumn("scope", "", "whole: of everything in the package; provider: of one account"),
    PackageColumn("provider_id", "", "the provider; none: records that name nobody; empty of the whole"),
    PackageColumn("provider_name", "", "its business name"),
    PackageColumn("local_date", "", "the day, of a bridge that stands for each day"),
    PackageColumn("line", "", "which line of it; of a provider, those that are not 0"),
    PackageColumn(
        "kind",
        "",
        "component: adds up to the total; subtotal: the components above; total: what they lead to; difference: must"
        " be 0; beside: in no sum",
    ),
    PackageColumn("amount_idr", "", "signed as it adds up; empty: nobody knows"),
    PackageColumn("rows", "", "of how many rows; empty where it is no sum of rows"),
    PackageColumn(
        "counts",
        "",
        "line: counted once; total: sums up others, or stands beside them: never counted with them",
    ),
    PackageColumn("note", "", "what the line is; of a provider only where it is not what it is of the whole"),
)
_SCHEMA: Final = {
    "bridge": pl.String,
    "scope": pl.String,
    "provider_id": pl.String,
    "provider_name": pl.String,
    "local_date": pl.Date,
    "line": pl.String,
    "kind": pl.String,
    "amount_idr": pl.Int64,
    "rows": pl.Int64,
    "counts": pl.String,
    "note": pl.String,
}


#: Records joined at a time.
_JOINED_ROWS: Final = 1_500_000


def _is(kind: EntryKind) -> str:
    return f"kind = {literal(kind.value)}"


def _difference(asked: Asked) -> str:
    rows = (
        f"SELECT {OF_REPORT} AS provider_id, expected_idr, actual_idr, variance_idr, local_date IS NOT NULL AS dated"
        f" FROM {_RECONCILED} WHERE ({within(asked)} OR local_date IS NULL) AND {of_provider(asked, OF_REPORT)}"
    )
    return lines_of(
        "difference",
        rows,
        {
            "expected": summed("expected_idr", "dated"),
            "variance": summed("variance_idr", "dated"),
            "actual_without_expected": summed("actual_idr", "dated AND expected_idr IS NULL"),
            "expected_without_actual": summed("expected_idr", "dated AND actual_idr IS NULL", sign=-1),
            "actual": summed("actual_idr", "dated"),
            "both_unknown": counted("dated AND actual_idr IS NULL AND expected_idr IS NULL"),
            "undated_expected": summed("expected_idr", "NOT dated"),
            "undated_actual": summed("actual_idr", "NOT dated"),
        },
    )


def _parts(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[str]:
    """Conditions that cut the records into parts, so that the memory of a join is the same however many there are."""
    ((accruals,),) = con.execute(
        f"SELECT count(*) FROM {_ENTRIES} WHERE {_is(EntryKind.ACCRUAL)} AND {within(asked)}"
    ).fetchall()
    parts = accruals // _JOINED_ROWS + 1
    for part in range(parts):
        yield f"hash(commission_id) % {parts} = {part}"


def _paired(asked: Asked, those: str) -> str:
    return f"""
        SELECT r.provider_id AS of_report, a.provider_id AS of_ledger, r.actual_idr, a.amount_idr, r.state,
            CASE WHEN r.commission_id IS NULL THEN a.commission_id
                 WHEN a.commission_id IS NULL THEN r.commission_id END AS lone, a.booking_id
        FROM (SELECT commission_id, {OF_REPORT} AS provider_id, actual_idr, state FROM {_RECONCILED}
              WHERE {within(asked)} AND commission_id IS NOT NULL AND actual_idr IS NOT NULL AND {those}) r
        FULL JOIN (SELECT commission_id, provider_id, amount_idr, booking_id FROM {_ENTRIES}
                   WHERE {_is(EntryKind.ACCRUAL)} AND {within(asked)} AND {those}) a
            ON a.commission_id = r.commission_id"""


def _put_pairs(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.bridge_pairs: each row of the report that has a record beside its accrual in the ledger; ``found`` says
    where the other side of a lone one is."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE bridge_paired AS {_paired(asked, 'false')}")
    for those in _parts(con, asked):
        con.execute(f"INSERT INTO temp.bridge_paired {_paired(asked, those)}")
    con.execute(
        f"""CREATE OR REPLACE TEMP TABLE bridge_lone AS
        WITH lone AS (SELECT * FROM bridge_paired WHERE lone IS NOT NULL),
        reported AS (SELECT commission_id FROM {_RECONCILED} WHERE commission_id IN (SELECT lone FROM lone)),
        entered AS (SELECT commission_id FROM {_ENTRIES}
                    WHERE {_is(EntryKind.ACCRUAL)} AND commission_id IN (SELECT lone FROM lone)),
        doubled AS (SELECT DISTINCT booking_id FROM {_RECONCILED} WHERE records > 1 AND commission_id IS NOT NULL)
        SELECT l.*, CASE
            WHEN l.of_report IS NULL AND l.lone IN (FROM reported) THEN 'timing_in'
            WHEN l.of_report IS NULL AND c.deleted_at IS NOT NULL THEN 'gone'
            WHEN l.of_report IS NULL AND NOT c.is_live THEN 'taken_back'
            WHEN l.of_report IS NULL AND l.booking_id IN (FROM doubled) THEN 'duplicates'
            WHEN l.of_ledger IS NULL AND l.lone IN (FROM entered) THEN 'timing_out'
            WHEN l.of_ledger IS NULL AND {_GIVES_BACK} THEN 'refund_records' END AS line
        FROM lone l LEFT JOIN core.commissions c ON c.commission_id = l.lone"""
    )


def _report_ledger(asked: Asked) -> Iterator[str]:
    report = (
        "SELECT of_report AS provider_id, actual_idr, state FROM bridge_paired WHERE of_report IS NOT NULL"
    )
    apart = {"orphans": RowState.ORPHAN, "not_due": RowState.NOT_DUE, "unknown_rows": RowState.UNKNOWN}
    states = tuple(state.value for state in apart.values())
    yield lines_of(
        "report_ledger",
        f"SELECT * FROM ({report}) WHERE {of_provider(asked)}",
        {
            "own_records": summed("actual_idr", f"state NOT IN {words(states)}"),
            **{
                code: summed("actual_idr", f"state = {literal(state.value)}") for code, state in apart.items()
            },
        },
    )
    swapped = "FROM bridge_paired WHERE of_report <> of_ledger"
    lone = "FROM bridge_lone WHERE line"
    for code, rows in {
        # Both sides with what the report says: a record that the ledger has with another amount leaves it open.
        "charged_to_another": f"SELECT of_report AS provider_id, -actual_idr AS amount_idr {swapped}",
        "charged_for_another": f"SELECT of_ledger AS provider_id, actual_idr AS amount_idr {swapped}",
        **{
            line: f"SELECT of_ledger AS provider_id, amount_idr {lone} = {literal(line)}"
            for line in ("duplicates", "taken_back", "gone", "timing_in")
        },
        **{
            line: f"SELECT of_report AS provider_id, -actual_idr AS amount_idr {lone} = {literal(line)}"
            for line in ("refund_records", "timing_out")
        },
    }.items():
        yield lines_of(
            "report_ledger",
            f"SELECT * FROM ({rows}) WHERE {of_provider(asked)}",
            {code: summed("amount_idr")},
        )


def _account(asked: Asked) -> Iterator[str]:
    """The account, by its lines; where the period is of whole months its ends and totals by marts.commission_ledger."""
    inside = f"local_date >= {day(asked.first)}"
    moved = {
        "accrued": summed("amount_idr", f"inside AND {_is(EntryKind.ACCRUAL)}"),
        "fees": summed("amount_idr", f"inside AND {_is(EntryKind.FEE)}"),
        "paid": summed("amount_idr", f"inside AND kind IN {words((EntryKind.PAYMENT, EntryKind.REFUND))}"),
        "reversed": summed("amount_idr", f"inside AND {_is(EntryKind.REVERSAL)}"),
        "paid_gross": summed("amount_idr", f"inside AND {_is(EntryKind.PAYMENT)}", sign=-1),
        "refunds": summed("amount_idr", f"inside AND {_is(EntryKind.REFUND)}"),
    }
    entries = (
        f"SELECT provider_id, kind, amount_idr, {inside} AS inside FROM {_ENTRIES}"
        f" WHERE local_date < {day(asked.until)} AND {of_provider(asked)}"
    )
    if not whole_months(asked):
        ends = {"opening": summed("amount_idr", "NOT inside"), "closing": (summed("amount_idr")[0], "NULL")}
        yield lines_of("ledger", entries, {**moved, **ends})
        accrued = {"accrued": summed("amount_idr", f"inside AND {_is(EntryKind.ACCRUAL)}")}
        yield lines_of("report_ledger", entries, accrued)
        net = summed(
            "amount_idr", f"inside AND kind IN {words((EntryKind.PAYMENT, EntryKind.REFUND))}", sign=-1
        )
        yield lines_of("paid", entries, {"net": (net[0], "NULL")})
        yield lines_of("opening", entries, {"opening": (ends["opening"][0], "NULL")})
        yield lines_of("open_records", entries, {"closing": ends["closing"]})
        return
    yield lines_of("ledger", entries, moved)
    months = (
        f"SELECT *, local_month >= {day(asked.first)} AS inside FROM marts.commission_ledger"
        f" WHERE local_month < {day(asked.until)} AND {of_provider(asked)}"
    )
    opening = "coalesce(arg_max(closing_idr, local_month) FILTER (WHERE NOT inside), 0)"
    closing = "coalesce(arg_max(closing_idr, local_month), 0)"
    yield lines_of("ledger", months, {"opening": (opening, "NULL"), "closing": (closing, "NULL")})
    yield lines_of("report_ledger", months, {"accrued": (summed("accrued_idr", "inside")[0], "NULL")})
    yield lines_of("paid", months, {"net": (summed("paid_idr", "inside")[0], "NULL")})
    yield lines_of("opening", months, {"opening": (opening, "NULL")})
    yield lines_of("open_records", months, {"closing": (closing, "NULL")})


def _open_records() -> str:
    return lines_of(
        "open_records",
        "SELECT * FROM temp.open_records",
        {
            "late": summed("left_idr", "owed AND late"),
            "late_unknown": summed("left_idr", "owed AND late IS NULL"),
            "not_late": summed("left_idr", "owed AND NOT late"),
            "paid_ahead": summed("left_idr", "NOT owed AND NOT is_refund"),
            "given_back": summed("left_idr", "is_refund"),
            "awaiting_verification": summed("left_idr", "owed AND awaiting"),
            "disputed": summed("left_idr", "owed AND disputed"),
        },
    )


def _put_payments(con: duckdb.DuckDBPyConnection, asked: Asked) -> None:
    """temp.bridge_payments: what was paid and given back in the period, summed by provider, day, kind and part, the
    rule that placed it, whether its record stands and whether that gives back; a sum for each part of the records."""
    con.execute(f"CREATE OR REPLACE TEMP TABLE bridge_payments AS {_paid(asked, 'false')}")
    for those in _parts(con, asked):
        con.execute(f"INSERT INTO temp.bridge_payments {_paid(asked, those)}")


def _paid(asked: Asked, those: str) -> str:
    placed = " ".join(f"WHEN c.{name} IS NOT NULL THEN '{name}'" for name in _PLACED)
    return f"""
        SELECT e.provider_id, e.local_date, e.kind, e.part, CASE {placed} END AS placed,
            {_GIVES_BACK} AS gives_back,
            c.deleted_at IS NULL AND ({_GIVES_BACK} OR c.status NOT IN {words(NOT_LIVE_STATUSES)}) AS stands,
            sum(e.amount_idr)::BIGINT AS amount_idr, count(*) AS n
        FROM (FROM {_ENTRIES} WHERE {those}) e
        LEFT JOIN (FROM core.commissions WHERE {those}) c ON c.commission_id = e.commission_id
        WHERE e.kind IN {words((EntryKind.PAYMENT, EntryKind.REFUND))} AND {within(asked, "e.local_date")}
            AND {of_provider(asked, "e.provider_id")}
        GROUP BY ALL"""


def _of_payments(where: str, *, sign: int = 1) -> tuple[str, str]:
    amount, _ = summed("amount_idr", where, sign=sign)
    return amount, f"coalesce(sum(n) FILTER (WHERE {where}), 0)"


def _payments(asked: Asked) -> Iterator[str]:
    paid, back = _is(EntryKind.PAYMENT), _is(EntryKind.REFUND)
    commission, fee = (
        f"part = {literal(EntryPart.COMMISSION.value)}",
        f"part = {literal(EntryPart.FEE.value)}",
    )
    rows = "SELECT * FROM bridge_payments"
    yield lines_of(
        "paid",
        rows,
        {
            **{
                f"placed_by_{rule}": _of_payments(f"{paid} AND {commission} AND placed = '{rule}'", sign=-1)
                for rule in _PLACED
            },
            "fees": _of_payments(f"{paid} AND {fee}", sign=-1),
            "refund_records": _of_payments(f"{back} AND gives_back", sign=-1),
            "given_back": _of_payments(f"{back} AND NOT gives_back AND {commission}", sign=-1),
            "fees_given_back": _of_payments(f"{back} AND NOT gives_back AND {fee}", sign=-1),
        },
    )
    if asked.provider is not None:
        return
    yield lines_of(
        "collected",
        rows,
        {
            "net": _of_payments("true", sign=-1),
            "fees": _of_payments(f"{paid} AND {fee}"),
            "fees_given_back": _of_payments(f"{back} AND NOT gives_back AND {fee}"),
            "not_standing": _of_payments(f"{paid} AND {commission} AND NOT stands"),
            "given_back": _of_payments(f"{back} AND NOT gives_back AND {commission}"),
        },
    )
    yield lines_of(
        "collected_day",
        rows,
        {
            **{
                f"placed_by_{rule}": _of_payments(
                    f"{paid} AND {commission} AND stands AND placed = '{rule}'", sign=-1
                )
                for rule in _PLACED
            },
            "refund_records": _of_payments(f"{back} AND gives_back", sign=-1),
        },
        by="local_date",
    )
    # Days are of the whole marketplace: they stand with nobody's name.
    days = f"SELECT *, NULL AS provider_id FROM marts.revenue_daily WHERE {within(asked)}"
    collected = {"collected": (summed("collected_idr")[0], "NULL")}
    yield lines_of("collected", days, collected)
    moved = f"SELECT * FROM ({days}) WHERE collected_idr <> 0 OR local_date IN (SELECT local_date FROM bridge_payments)"
    yield lines_of("collected_day", moved, collected, by="local_date")


def _beside(asked: Asked) -> Iterator[str]:
    """What is in no sum, counted."""
    unentered = (
        f"SELECT *, {within(asked)} AS inside FROM marts.unentered_records"
        f" WHERE provider_id IS NOT NULL AND {of_provider(asked)}"
    )
    unknown = counted(f"reason = {literal(Unentered.AMOUNT_UNKNOWN.value)} AND inside")
    undated = counted(f"reason = {literal(Unentered.UNDATED.value)}")
    for bridge in ("report_ledger", "ledger"):
        yield lines_of(bridge, unentered, {"amount_unknown": unknown, "undated": undated})
    of_undated = f"reason = {literal(Unentered.UNDATED.value)}"
    came_in = summed("collected_idr", of_undated)[0], undated[1]
    yield lines_of("paid", unentered, {"undated": came_in})
    if asked.provider is None:
        yield lines_of("collected", unentered, {"undated": came_in})
    paid_on = (
        "CAST(coalesce(c.paid_at, c.verified_at, c.created_at) + to_minutes(c.utc_offset_minutes) AS DATE)"
    )
    paid = (
        f"SELECT u.provider_id FROM ({unentered}) u JOIN core.commissions c ON c.commission_id = u.commission_id"
        f" WHERE u.reason = {literal(Unentered.AMOUNT_UNKNOWN.value)} AND u.local_date IS NOT NULL"
        f" AND {WAS_PAID} AND {within(asked, paid_on)}"
    )
    yield lines_of("paid", paid, {"amount_unknown": counted()})
    refunds = (
        f"SELECT coalesce(f.provider_id, c.provider_id, 'none') AS provider_id FROM marts.commission_findings f"
        " JOIN core.commissions c ON c.commission_id = f.commission_id"
        f" WHERE f.finding = 'refund_record' AND f.actual_idr IS NULL AND {within(asked, paid_on)}"
    )
    refunds = f"SELECT * FROM ({refunds}) WHERE {of_provider(asked)}"
    yield lines_of("paid", refunds, {"refund_unknown": counted()})


def put_facts(con: duckdb.DuckDBPyConnection, asked: Asked) -> str:
    """Make temp.bridge_facts: the sums of every line by bridge, provider and day. Returns what the reported closing
    rests on, in a sentence."""
    note = put_opening(con, asked)
    _put_pairs(con, asked)
    _put_payments(con, asked)
    put_open_records(con, asked)
    con.execute("CREATE OR REPLACE TEMP TABLE bridge_facts AS FROM opening_facts")
    for sql in (
        _difference(asked),
        *_report_ledger(asked),
        *_account(asked),
        _open_records(),
        *_payments(asked),
        *_beside(asked),
    ):
        con.execute(f"INSERT INTO bridge_facts BY NAME {sql}")
    made = (
        "bridge_paired",
        "bridge_lone",
        "bridge_payments",
        "opening_facts",
        "open_records",
        "record_findings",
    )
    for name in made:
        con.execute(f"DROP TABLE temp.{name}")
    return note


def rows(con: duckdb.DuckDBPyConnection, asked: Asked) -> Iterator[pl.DataFrame]:
    """The bridges of the whole, then of each provider; of one provider asked for, its own alone."""
    note = put_facts(con, asked)
    if asked.provider is None:
        yield _of_whole(con, note)
        providers = None
    else:
        providers = asked.provider
    yield from _of_providers(con, note, providers)
    con.execute("DROP TABLE temp.bridge_facts")


def _of_whole(con: duckdb.DuckDBPyConnection, note: str) -> pl.DataFrame:
    found = con.execute(
        "SELECT bridge, local_date, line, sum(amount_idr)::BIGINT, sum(n)::BIGINT FROM bridge_facts"
        " GROUP BY ALL ORDER BY local_date NULLS FIRST"
    ).fetchall()
    sums: dict[tuple[str, Any], dict[str, Sum]] = {
        (bridge.code, None): {} for bridge in BRIDGES.values() if not bridge.by_day
    }
    for bridge, local_date, line, amount, n in found:
        sums.setdefault((bridge, local_date), {})[line] = Sum(amount, n)
    made = [
        row
        for bridge in BRIDGES.values()
        for (code, local_date), of in sums.items()
        if code == bridge.code
        for row in _laid(bridge, of, note, scope=WHOLE, local_date=local_date, whole=True)
    ]
    return pl.DataFrame(made, schema=_SCHEMA, orient="row")


def _of_providers(con: duckdb.DuckDBPyConnection, note: str, asked_for: str | None) -> Iterator[pl.DataFrame]:
    """Some providers at a time: all are as many rows as there are providers, thirty times."""
    named = f"SELECT f.*, p.provider_name FROM bridge_facts f LEFT JOIN {PROVIDERS} p ON p.provider_id = f.provider_id"
    ordered = (
        "SELECT provider_id, provider_name, bridge, line, sum(amount_idr)::BIGINT, sum(n)::BIGINT"
        f" FROM ({named}) WHERE provider_id IS NOT NULL AND bridge IN {words(_OF_PROVIDERS)}"
        " GROUP BY ALL ORDER BY provider_id, provider_name"
    )
    if asked_for is not None:
        (name,) = con.execute(
            f"SELECT max(provider_name) FROM {PROVIDERS} WHERE provider_id = {literal(asked_for)}"
        ).fetchall()[0]
        found: Iterable[tuple[Any, ...]] = con.execute(ordered).fetchall()
        yield pl.DataFrame(_of_one(asked_for, name, found, note, whole=True), schema=_SCHEMA, orient="row")
        return
    made: list[tuple[Any, ...]] = []
    facts = (row for batch in con.sql(ordered).to_arrow_reader(BATCH_ROWS) for row in _tuples(batch))
    for (provider_id, name), found in groupby(facts, key=lambda row: (row[0], row[1])):
        made += _of_one(provider_id, name, found, note, whole=False)
        if len(made) >= BATCH_ROWS:
            yield pl.DataFrame(made, schema=_SCHEMA, orient="row")
            made = []
    if made:
        yield pl.DataFrame(made, schema=_SCHEMA, orient="row")


def _tuples(batch: Any) -> Iterator[tuple[Any, ...]]:
    frame = pl.from_arrow(batch)
    assert isinstance(frame, pl.DataFrame)
    return frame.iter_rows()


def _of_one(
    provider_id: str, name: str | None, found: Iterable[tuple[Any, ...]], note: str, *, whole: bool
) -> list[tuple[Any, ...]]:
    sums: dict[str, dict[str, Sum]] = {code: {} for code in _OF_PROVIDERS} if whole else {}
    for _, _, bridge, line, amount, n in found:
        sums.setdefault(bridge, {})[line] = Sum(amount, n)
    return [
        row
        for code in _OF_PROVIDERS
        if code in sums and (whole or any(of.amount_idr or of.rows for of in sums[code].values()))
        for row in _laid(
            BRIDGES[code], sums[code], note, scope=PROVIDER, provider_id=provider_id, name=name, whole=whole
        )
    ]


def _laid(
    bridge: Bridge,
    sums: Mapping[str, Sum],
    note: str,
    *,
    scope: str,
    whole: bool,
    provider_id: str | None = None,
    name: str | None = None,
    local_date: Any = None,
) -> Iterator[tuple[Any, ...]]:
    """The rows of a bridge. ``whole``: also the lines that are 0, and what each is."""
    for line, of in bridge.laid_out(sums):
        ends = line.kind in (LineKind.TOTAL, LineKind.DIFFERENCE)
        if not (whole or ends or of.amount_idr or of.rows):
            continue
        # What stands for each provider is counted there; its lines of the whole are their sums.
        once = line.kind is LineKind.COMPONENT and (scope == PROVIDER or not bridge.of_providers)
        said = line.sentence if line.code != "reported_closing" else f"{line.sentence}: {note}"
        yield (
            bridge.code,
            scope,
            provider_id,
            name,
            local_date,
            line.code,
            line.kind.value,
            of.amount_idr,
            of.rows,
            "line" if once else "total",
            said if whole else None,
        )


_OF_PROVIDERS: Final = tuple(bridge.code for bridge in BRIDGES.values() if bridge.of_providers)

TABLE: Final = PackageTable(
    "bridges",
    "A line of a bridge: how a figure of the period leads to another. Each bridge ends in a difference, which is 0.",
    COLUMNS,
    rows,
    total="counts",
)
