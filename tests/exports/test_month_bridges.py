"""The accounts of a month's package: every bridge closes to the rupiah for any history, what is not known stands beside
it counted, a statement goes from opening to closing, and a figure that was tampered with leaves its bridge open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.bridges import BRIDGES, Bridge, LineKind, Sum
from marketplace.findings import FINDINGS
from marketplace.statements import STATEMENT_LINES
from pipelines.exports.manifest import FileEntry, sha256_of_bytes
from pipelines.exports.month import bridges, ledger, payments, statements
from pipelines.exports.month.table import Asked, Earlier
from pipelines.exports.report_files import sha256_of
from resources.home import Home
from tests.exports.conftest import Outcome
from tests.exports.month.test_cover import CLOSED
from tests.marts.test_ledger import DAYS, RECORDS, refill
from tests.marts.warehouse import NOW, Warehouse

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
MARTS = (
    "commission_reconciliation",
    "commission_entries",
    "commission_ledger",
    "commission_open",
    "commission_findings",
    "unentered_records",
    "revenue_daily",
)
FEBRUARY = (date(2026, 2, 1), date(2026, 3, 1))
MARCH = (date(2026, 3, 1), date(2026, 4, 1))
#: Whole months, months together, days of two months, and a period in which nothing is.
PERIODS = (FEBRUARY, MARCH, (date(2025, 12, 1), date(2026, 3, 1)), (date(2026, 2, 20), date(2026, 3, 5)),
           (date(2020, 1, 1), date(2020, 2, 1)))  # fmt: skip


def asked(period: tuple[date, date] = MARCH, provider: str | None = None, **more: Any) -> Asked:
    ends = datetime(period[1].year, period[1].month, period[1].day) - 8 * HOUR
    return Asked(*period, provider, min(ends, NOW), "Asia/Makassar", **more)


def rows_of(w: Warehouse, table: Any, of: Asked) -> list[dict[str, Any]]:
    found = []
    for frame in table.TABLE.rows(w.con, of):
        assert frame.columns == table.TABLE.names
        found += list(frame.iter_rows(named=True))
    return found


def amounts(rows: list[dict[str, Any]], bridge: str, provider: str | None = None) -> dict[str, Any]:
    """A bridge's lines: code → rupiah."""
    return {
        row["line"]: row["amount_idr"]
        for row in rows
        if (row["bridge"], row["provider_id"]) == (bridge, provider)
    }


def counts(rows: list[dict[str, Any]], bridge: str, provider: str | None = None) -> dict[str, int | None]:
    return {
        row["line"]: row["rows"] for row in rows if (row["bridge"], row["provider_id"]) == (bridge, provider)
    }


def closes(rows: list[dict[str, Any]]) -> None:
    """Each bridge's components add up to its total, and it says so."""
    groups: defaultdict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["bridge"], row["scope"], row["provider_id"], row["local_date"]].append(row)
    for key, lines in groups.items():
        by_kind: defaultdict[str, list[Any]] = defaultdict(list)
        for line in lines:
            by_kind[line["kind"]].append(line["amount_idr"])
        assert by_kind["difference"] == [0], (key, lines)
        assert [sum(by_kind["component"])] == by_kind["total"], (key, lines)
        assert all((line["counts"] == "total") >= (line["kind"] != "component") for line in lines)


def held(w: Warehouse, period: tuple[date, date]) -> None:
    """What must hold of a period whatever the rows are."""
    of = asked(period)
    lines, accounts = rows_of(w, bridges, of), rows_of(w, ledger, of)
    told = rows_of(w, statements, of)
    closes(lines)
    # Of the whole everything is shown; of providers their lines add up to it, each counted once.
    for bridge in BRIDGES.values():
        whole = amounts(lines, bridge.code)
        if bridge.by_day:
            continue
        assert list(whole) == [line.code for line in bridge.lines]
        if bridge.of_providers:
            each: Counter[str] = Counter()
            for row in lines:
                if row["bridge"] == bridge.code and row["scope"] == "provider":
                    each[row["line"]] += row["amount_idr"] or 0
            assert {code: amount or 0 for code, amount in whole.items()} == {
                code: each[code] for code in whole
            }
    # The ledger: its last line is the others, and what the bridge says.
    *providers, total = accounts
    assert [row["line"] for row in accounts] == ["provider"] * len(providers) + ["total"]
    for name in total:
        if name.endswith("_idr"):
            assert total[name] == sum(row[name] for row in providers)
    for row in accounts:
        assert row["closing_idr"] == (
            row["opening_idr"] + row["accrued_idr"] + row["fees_idr"] - row["paid_idr"] - row["reversed_idr"]
        )
    for name in ("opening", "accrued", "fees", "closing", "paid_gross", "refunds"):
        assert amounts(lines, "ledger")[name] == total[f"{name}_idr"]
    assert amounts(lines, "difference")["expected"] == total["expected_idr"]
    # The statements: each account from opening to closing, what is expected of its bookings told once.
    by_provider: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in told:
        by_provider[row["provider_id"]].append(row)
    assert set(by_provider) == {row["provider_id"] for row in providers}
    for row in providers:
        mine = by_provider[row["provider_id"]]
        sums = {line["line"]: line["amount_idr"] for line in mine if line["part"] == "total"}
        balance = 0
        for line in mine:
            if line["counts"] == "line":
                balance += line["amount_idr"]
                assert line["balance_idr"] == balance
        assert sums["closing"] == balance == row["closing_idr"] == sums["owed"] - sums["credit"]
        assert (mine[0]["line"], mine[0]["amount_idr"]) == ("opening", row["opening_idr"])
        assert sums["charged"] == row["accrued_idr"] + row["fees_idr"]
        assert (sums["paid"], sums["refunded"]) == (row["paid_gross_idr"], row["refunds_idr"])
        assert 0 <= sums["late"] + sums["late_unknown"] <= sums["owed"] >= sums["disputed"]
        of_lines = sum(line["expected_idr"] or 0 for line in mine if line["part"] in ("line", "beside"))
        assert of_lines == sums["expected"] == row["expected_idr"]
        assert {line["line"] for line in mine} <= set(STATEMENT_LINES)


BOOKINGS = st.lists(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(
                ["completed", "completed", "accepted", "cancelled", "pending", "unknown"]
            ),
            "amount_idr": st.sampled_from([250_000, 250_000, 0, None, 333_333]),
            "provider_id": st.sampled_from(["p1", "p2", None]),
            "created_at": DAYS,
            "accepted_at": DAYS | st.none(),
            "completed_at": DAYS | st.none(),
            "utc_offset_minutes": st.sampled_from([480, 480, 540, None]),
            "is_test": st.sampled_from([False, False, False, True]),
            "deleted_at": st.none() | DAYS,
        }
    ),
    min_size=5,
    max_size=5,
)


def emptied() -> Warehouse:
    w = Warehouse()
    w.provider("p1")
    w.provider("p2", provider_name="Spa 'Two'", status="RESTRICTED")
    w.add("core.quarantined", collection="bookings", row_id="q1", reasons="[]")
    return w


@pytest.fixture(scope="module")
def many() -> Warehouse:
    return emptied()


def fill(w: Warehouse, bookings: list[dict[str, Any]], records: list[dict[str, Any]]) -> None:
    w.con.execute("DELETE FROM core.bookings")
    for number, booking in enumerate(bookings[:3]):
        w.booking(f"b{number}", business_id=f"BK{number}", **booking)
    w.booking("both1", business_id="both", **bookings[3])
    # The same id in the other collection: whose it is cannot be told by the id alone.
    w.booking("b2", business_id="H2", origin="hotel_bookings", **bookings[4])
    refill(w, records)


@settings(max_examples=4)
@given(
    BOOKINGS,
    RECORDS,
    st.lists(st.sampled_from([480, 540, None]), min_size=25, max_size=25),
    st.sampled_from(PERIODS),
)
def test_every_bridge_closes_for_any_history(
    many: Warehouse,
    bookings: list[dict[str, Any]],
    records: list[dict[str, Any]],
    zones: list[int | None],
    period: tuple[date, date],
) -> None:
    fill(many, bookings, [{**r, "utc_offset_minutes": z} for r, z in zip(records, zones, strict=False)])
    many.build(MARTS)
    held(many, period)


@pytest.mark.long
@settings(max_examples=60)
@given(BOOKINGS, RECORDS, st.lists(st.sampled_from([480, 540, None]), min_size=25, max_size=25))
def test_every_bridge_closes_for_many_histories(
    many: Warehouse, bookings: list[dict[str, Any]], records: list[dict[str, Any]], zones: list[int | None]
) -> None:
    fill(many, bookings, [{**r, "utc_offset_minutes": z} for r, z in zip(records, zones, strict=False)])
    many.build(MARTS)
    for period in PERIODS:
        held(many, period)


# a world in which everything is


OF_MARCH = (
    *(
        "own",
        "second",
        "free",
        "thousands",
        "rate",
        "amount",
        "provider",
        "source",
        "late",
        "deadline",
        "unmarked",
    ),
    *("premature", "nofee", "fee", "proof", "gone", "undone_fee", "rejected", "verified", "undated_own"),
    "unknown_amount",
)


def planted() -> Warehouse:
    """Every finding there is, refunds, free bookings, what is not known; of March, and some of February."""
    w = emptied()
    w.scan("hotel_bookings")
    w.begun("places")
    at = NOW - 5 * DAY
    ended = {"created_at": at, "completed_at": at + HOUR}
    for number, name in enumerate(OF_MARCH):
        zone = None if name == "undated_own" else 480
        w.booking(name, business_id=f"BK{number}", utc_offset_minutes=zone, **ended)
    w.con.execute("UPDATE core.bookings SET amount_idr = 0, amount_rule = 'free' WHERE booking_id = 'free'")
    w.con.execute("UPDATE core.bookings SET amount_idr = NULL WHERE booking_id = 'unknown_amount'")
    w.booking("missing", created_at=at)
    w.booking("nothing", created_at=at, amount_idr=None)
    w.booking("cancelled", created_at=at, status="cancelled")
    w.booking("undated", created_at=at, utc_offset_minutes=None)
    w.booking("x1", business_id="two", created_at=at)
    w.booking("x2", business_id="two", created_at=at)
    w.booking("earlier", created_at=NOW - 30 * DAY, completed_at=NOW - 30 * DAY)
    w.con.execute(
        "UPDATE core.bookings SET accepted_at = created_at, accepted_rule = 'explicit' WHERE booking_id = 'late'"
    )

    def record(name: str, ref: str | None = None, **values: Any) -> None:
        w.commission(f"c-{name}", ref or name, **{"created_at": at, "paid_at": at + DAY} | values)

    unpaid = {"status": "pending", "paid_at": None}
    overdue = {"status": "overdue", "paid_at": None}
    record("own", fee_idr=25_000)
    record("second", status="awaiting_verification", paid_at=None, proof_at=at + DAY)
    record("further", "second", **unpaid)
    record("orphan", "ghost", **unpaid)
    record("cancelled", **unpaid)
    record("free", commission_idr=0, booking_amount_idr=0)
    record("thousands", amount_rule="thousands", written_booking_amount=250, written_commission=75)
    record("rate", rate=0.25, rate_ppm=250_000, commission_idr=62_500)
    record("amount", commission_idr=60_000)
    record("provider", provider_id="p2")
    w.con.execute("UPDATE core.bookings SET source = 'chatWindow' WHERE booking_id = 'source'")
    record("source", source="direct")
    record("two", **unpaid)
    record("late", created_at=at + HOUR)
    record("deadline", deadline_at=at + 9 * HOUR, **overdue)
    record("unmarked", fee_state="present", **unpaid)
    record("premature", fee_state="present", **overdue)
    w.con.execute(f"UPDATE core.bookings SET completed_at = '{NOW}' WHERE booking_id = 'premature'")
    record("nofee", fee_state="empty", **overdue)
    record("fee", fee_state="present", fee_idr=20_000, **overdue)
    record("proof", proof_state="empty", paid_at=None, verified_at=at + DAY)
    record("gone", deleted_at=at + 2 * DAY)
    record("undone_fee", status="reversed", is_live=False, fee_idr=25_000, updated_at=at + 2 * DAY)
    record("rejected", status="rejected", paid_at=None)
    record("verified", paid_at=None)
    record("undated_own", utc_offset_minutes=None)
    record("unknown_amount", commission_idr=None, booking_amount_idr=None, is_implausible=True)
    record("both_unknown", "nothing", commission_idr=None, booking_amount_idr=None, **unpaid)
    record("refund", "own", commission_idr=-75_000)
    record("refund_of_none", "ghost", commission_idr=-10_000, **unpaid)
    record("refund_unknown", "own", commission_idr=None, written_commission=-5.0)
    record("ahead", "earlier", paid_at=NOW - 31 * DAY)
    record("before", "earlier", created_at=NOW - 30 * DAY, **overdue)
    record("strange", "x9", status="unknown", paid_at=at)
    w.build(MARTS)
    return w


@pytest.fixture(scope="module")
def world() -> Warehouse:
    return planted()


def test_the_planted_world_has_every_finding(world: Warehouse) -> None:
    found = {row["finding"] for row in world.rows("FROM marts.commission_findings")}
    assert found == set(FINDINGS)


def test_every_line_of_every_bridge_is_met_and_all_close(world: Warehouse) -> None:
    held(world, MARCH)
    held(world, FEBRUARY)
    lines = rows_of(world, bridges, asked())
    met = {(row["bridge"], row["line"]) for row in lines if row["rows"]}
    sums = {
        (bridge.code, line.code)
        for bridge in BRIDGES.values()
        for line in bridge.lines
        if line.kind in (LineKind.COMPONENT, LineKind.BESIDE) and bridge.code != "opening"
    }
    # Openings are no sum of rows; records accrue on the day of their row, so timing is of what was tampered with;
    # what was paid ahead of a charge is that for as long as the charge is to come.
    ahead = rows_of(world, bridges, asked((date(2026, 2, 1), date(2026, 2, 13))))
    assert amounts(ahead, "open_records")["paid_ahead"] == -75_000
    assert sums - met == {
        ("open_records", "paid_ahead"),
        ("ledger", "opening"),
        ("report_ledger", "timing_in"),
        ("report_ledger", "timing_out"),
    }


def test_what_nobody_knows_stands_beside_and_is_counted(world: Warehouse) -> None:
    lines = rows_of(world, bridges, asked())
    told = amounts(lines, "report_ledger"), counts(lines, "report_ledger")
    # c-unknown_amount and c-both_unknown; c-undated_own. (A refund whose amount is unknown charges nothing.)
    assert [(of["amount_unknown"], of["undated"]) for of in told] == [(None, None), (2, 1)]
    assert counts(lines, "difference")["both_unknown"] == 2
    assert amounts(lines, "difference")["undated_expected"] == 2 * 75_000
    assert amounts(lines, "difference")["undated_actual"] == 75_000
    paid = amounts(lines, "paid"), counts(lines, "paid")
    names = ("amount_unknown", "refund_unknown", "undated")
    assert [[of[name] for name in names] for of in paid] == [[None, None, 75_000], [1, 1, 1]]
    assert amounts(lines, "collected")["undated"] == 75_000


def test_the_paid_records_of_unknown_amount_are_those_of_the_cash_trail() -> None:
    w = Warehouse()
    w.provider("p1")
    unknown = {"commission_idr": None, "booking_amount_idr": None, "created_at": NOW - 3 * DAY}
    for name, of in {
        "paid": {},
        "gone": {"deleted_at": NOW},
        "undone": {"status": "cancelled", "is_live": False, "paid_at": NOW - 2 * DAY},
        "strange": {"status": "unknown", "paid_at": NOW - 2 * DAY},
        "with_fee": {"fee_idr": 25_000},
        "unpaid": {"status": "pending"},
        "earlier": {"paid_at": NOW - 40 * DAY},
    }.items():
        w.commission(name, "ghost", **{**unknown, **of})
    w.build(MARTS)
    trail = [row["commission_id"] for row in rows_of(w, payments, asked()) if row["commission_idr"] is None]
    assert sorted(set(trail)) == ["gone", "paid", "strange", "undone", "with_fee"]
    lines = rows_of(w, bridges, asked())
    closes(lines)
    assert counts(lines, "paid")["amount_unknown"] == len(set(trail))


def test_a_bridge_of_one_provider_is_its_own_alone(world: Warehouse) -> None:
    every = rows_of(world, bridges, asked())
    mine = rows_of(world, bridges, asked(provider="p2"))
    closes(mine)
    assert {(row["scope"], row["provider_id"], row["provider_name"]) for row in mine} == {
        ("provider", "p2", "Spa 'Two'")
    }
    for code, bridge in BRIDGES.items():
        if bridge.of_providers:
            among = {line: amount for line, amount in amounts(every, code, "p2").items() if amount}
            assert {line: amount for line, amount in amounts(mine, code, "p2").items() if amount} == among
            assert len(amounts(mine, code, "p2")) == len(bridge.lines)
        else:
            assert amounts(mine, code, "p2") == {}
    told = rows_of(world, statements, asked(provider="p2"))
    assert told == [row for row in rows_of(world, statements, asked()) if row["provider_id"] == "p2"]
    *one, total = rows_of(world, ledger, asked(provider="p2"))
    assert [row["provider_id"] for row in one] == ["p2"]
    assert total["closing_idr"] == one[0]["closing_idr"]


def test_a_provider_with_nothing_has_a_statement_and_bridges_of_nothing(world: Warehouse) -> None:
    mine = rows_of(world, bridges, asked(provider="p'9"))
    closes(mine)
    assert {row["amount_idr"] for row in mine} == {0, None}
    told = rows_of(world, statements, asked(provider="p'9"))
    assert [row["line"] for row in told][:2] == ["opening", "closing"]
    assert rows_of(world, ledger, asked(provider="p'9"))[-1]["closing_idr"] == 0


def test_a_statement_says_of_each_line_what_it_rests_on(world: Warehouse) -> None:
    told = rows_of(world, statements, asked(provider="p1"))
    lines = {(row["line"], row["of"], row["commission_id"] or row["booking_id"]): row for row in told}
    own = lines["accrual", "commission", "c-own"]
    assert (own["amount_idr"], own["expected_idr"], own["booking_amount_idr"]) == (75_000, 75_000, 250_000)
    assert (own["booking_key"], own["state"], own["proof"]) == ("BK0", "matched", "present")
    assert own["deadline_at_local"] == "2026-03-11T00:00:00.000000+08:00"
    paid = lines["payment", "commission", "c-own"]
    assert (paid["local_date"], paid["paid_at_local"]) == (
        date(2026, 3, 11),
        "2026-03-11T20:00:00.000000+08:00",
    )
    assert lines["payment", "fee", "c-own"]["amount_idr"] == -25_000
    assert lines["unrecorded", None, "missing"]["findings"] == "missing"
    assert lines["charged_elsewhere", None, "c-provider"]["expected_idr"] == 75_000
    assert lines["amount_unknown", None, "c-unknown_amount"]["amount_idr"] is None
    assert lines["undated", None, "c-undated_own"]["local_date"] is None
    assert lines["accrual", "commission", "c-further"]["findings"] == "duplicate overdue_unmarked"
    sums = {row["line"]: (row["amount_idr"], row["rows"]) for row in told if row["part"] == "total"}
    # Open as March ended: what was asked for and not paid, with its fee.
    open_now = {
        row["commission_id"]: row["owed_idr"] + row["fee_idr"]
        for row in world.rows("FROM marts.commission_open WHERE provider_id = 'p1' AND local_date IS NOT NULL"
                              " AND owed_idr + fee_idr > 0")
    }  # fmt: skip
    assert sums["owed"] == (sum(open_now.values()), len(open_now))
    overdue = world.rows("FROM marts.commission_open WHERE provider_id = 'p1' AND is_overdue")
    late = {row["commission_id"] for row in overdue}
    assert {"c-unmarked", "c-nofee", "c-fee", "c-rejected"} <= late
    assert sums["late"] == (sum(open_now[name] for name in late), len(late))
    assert sums["awaiting_verification"] == (75_000, 1)
    disputed = ("c-further", "c-before", "c-orphan", "c-cancelled", "c-two", "c-fee", "c-rejected")
    assert sums["disputed"] == (sum(open_now[name] for name in disputed), len(disputed))


def test_what_was_late_as_the_period_ended_is_not_asked_of_another_day(world: Warehouse) -> None:
    """Ages as of another day are the table ageing's alone: records of one instant are not judged by another."""
    told = [rows_of(world, table, asked()) for table in (statements, bridges)]
    for other in (NOW - 40 * DAY, NOW - 5 * DAY):
        of = replace(asked(), as_of=other, ended=asked().as_of)
        assert [rows_of(world, table, of) for table in (statements, bridges)] == told
    assert any(row["amount_idr"] for row in told[0] if row["line"] == "late")


@pytest.mark.parametrize(("slice_rows", "block_rows"), [(1, 1), (2, 6), (7, 7)])
def test_statements_are_the_same_however_they_are_sliced(
    world: Warehouse, monkeypatch: pytest.MonkeyPatch, slice_rows: int, block_rows: int
) -> None:
    whole = rows_of(world, statements, asked((date(2020, 1, 1), date(2027, 1, 1))))
    assert len({row["provider_id"] for row in whole}) == 2
    monkeypatch.setattr(statements, "_SLICE_ROWS", slice_rows)
    monkeypatch.setattr(statements, "_BLOCK_ROWS", block_rows)
    monkeypatch.setattr(statements, "_SORTED_ROWS", slice_rows)
    assert rows_of(world, statements, asked((date(2020, 1, 1), date(2027, 1, 1)))) == whole


def test_accounts_are_sorted_in_parts_that_hold_each_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_SORTED_ROWS", 10)
    parts = statements._parts([(1, 4), (2, 6), (3, 1), (5, 30), (6, 2), (7, 8), (8, 1)])
    assert list(parts) == [(1, 2), (3, 3), (5, 5), (6, 7), (8, 8)]
    assert list(statements._parts([])) == []


def test_a_statement_holds_no_persons_words(world: Warehouse) -> None:
    """Its columns are those declared; of a customer there is none among them."""
    assert not [name for name in statements.TABLE.names if "customer" in name or "phone" in name]


# what does not hold is seen

MADE = {
    "rows": "marts.commission_reconciliation",
    "lines": "marts.commission_entries",
    "days": "marts.revenue_daily",
    "months": "marts.commission_ledger",
}


@pytest.mark.parametrize(
    ("change", "bridge"),
    [
        ("UPDATE {rows} SET variance_idr = variance_idr + 1 WHERE booking_id = 'own'", "difference"),
        ("UPDATE {rows} SET actual_idr = 1, variance_idr = -74999 WHERE booking_id = 'own'", "report_ledger"),
        ("DELETE FROM {rows} WHERE commission_id = 'c-proof'", "report_ledger"),
        ("DELETE FROM {lines} WHERE entry_id = 'accrual:c-own'", "ledger"),
        ("UPDATE {lines} SET amount_idr = -1 WHERE entry_id = 'payment:c-own'", "paid"),
        ("UPDATE {days} SET collected_idr = collected_idr + 1 WHERE collected_idr > 0", "collected"),
        ("UPDATE {days} SET local_date = local_date + 1 WHERE local_date = '2026-03-10'", "collected_day"),
        ("UPDATE {months} SET closing_idr = closing_idr + 1 WHERE local_month = '2026-02-01'", "opening"),
        (
            "UPDATE {months} SET closing_idr = closing_idr + 1 WHERE local_month = '2026-03-01'",
            "open_records",
        ),
    ],
)
def test_a_rupiah_that_is_not_there_leaves_a_bridge_open(world: Warehouse, change: str, bridge: str) -> None:
    con = world.con
    con.execute("BEGIN")
    try:
        con.execute(change.format(**MADE))
        lines = rows_of(world, bridges, asked())
        assert bridge in {row["bridge"] for row in lines if row["kind"] == "difference" and row["amount_idr"]}
    finally:
        con.execute("ROLLBACK")


def test_what_accrued_in_another_month_than_its_row_is_timing(world: Warehouse) -> None:
    con = world.con
    con.execute("BEGIN")
    try:
        con.execute(
            "UPDATE marts.commission_entries SET local_date = '2026-02-27' WHERE entry_id = 'accrual:c-own'"
        )
        con.execute("UPDATE marts.commission_ledger SET accrued_idr = accrued_idr - 75000 WHERE provider_id = 'p1'"
                    " AND local_month = '2026-03-01'")  # fmt: skip
        march = amounts(rows_of(world, bridges, asked()), "report_ledger")
        assert (march["timing_out"], march["difference"]) == (-75_000, 0)
        days = asked((date(2026, 2, 1), date(2026, 3, 2)))
        february = amounts(rows_of(world, bridges, days), "report_ledger")
        assert (february["timing_in"], february["difference"]) == (75_000, 0)
    finally:
        con.execute("ROLLBACK")


def test_export_says_which_bridge_does_not_close(
    october: Home, cli: Callable[..., Outcome], tmp_path: Path
) -> None:
    """Rows made by hand, without the lines of a ledger."""
    outcome = cli("export", "month", "2026-10", "--out", str(tmp_path / "out"))
    assert outcome.status == 0
    assert "DOES NOT CLOSE: report_ledger: " in outcome.out
    assert "The bridge difference does NOT close" not in outcome.out


# from the closing that was reported


def kept(w: Warehouse, path: Path) -> Path:
    """The lines of the ledger as a snapshot of their own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    w.con.execute(f"ATTACH '{path}' AS kept")
    w.con.execute(
        "CREATE SCHEMA kept.marts; CREATE TABLE kept.marts.commission_entries AS FROM marts.commission_entries"
    )
    w.con.execute("DETACH kept")
    return path


def entered(w: Warehouse, before: date) -> dict[str, tuple[str, int]]:
    rows = w.rows(f"FROM marts.commission_entries WHERE local_date < '{before}'")
    return {row["entry_id"]: (row["provider_id"], row["amount_idr"]) for row in rows}


def test_the_opening_leads_from_the_closing_that_was_reported(tmp_path: Path) -> None:
    w = emptied()
    for number in range(8):
        w.booking(f"b{number}", created_at=NOW - 30 * DAY)
        w.commission(f"c{number}", f"b{number}", status="pending", created_at=NOW - 30 * DAY)
    w.booking("b8", created_at=NOW - 5 * DAY)
    w.commission("c8", "b8", status="pending", created_at=NOW - 5 * DAY)
    w.build(MARTS)
    handed_out = Earlier("0" * 64, tmp_path, kept(w, tmp_path / "home" / "published" / "s1.duckdb"))
    before = entered(w, MARCH[0])
    for sql in (
        "UPDATE core.commissions SET commission_idr = 60000 WHERE commission_id = 'c0'",
        "UPDATE core.commissions SET provider_id = 'p2' WHERE commission_id = 'c1'",
        "DELETE FROM core.commissions WHERE commission_id = 'c2'",
        f"UPDATE core.bookings SET created_at = '{NOW - 2 * DAY}' WHERE booking_id = 'b3'",
        f"UPDATE core.bookings SET created_at = '{NOW - 40 * DAY}' WHERE booking_id = 'b8'",
        f"UPDATE core.commissions SET status = 'paid', paid_at = '{NOW - 20 * DAY}' WHERE commission_id = 'c4'",
        "UPDATE core.commissions SET provider_id = 'p2', commission_idr = 80000 WHERE commission_id = 'c5'",
    ):
        w.con.execute(sql)
    w.build(MARTS)
    now = entered(w, MARCH[0])
    lines = rows_of(w, bridges, asked(opening_from=handed_out))
    closes(lines)
    whole = amounts(lines, "opening")
    assert {code: amount for code, amount in whole.items() if amount} == {
        "reported_closing": sum(amount for _, amount in before.values()),
        "entered_since": -75_000,
        "left_since": -75_000,
        "amount_changed": -15_000 + 5_000,
        "moved_in": 75_000,
        "moved_out": -75_000,
        "from_another": 150_000,
        "to_another": -150_000,
        "opening": sum(amount for _, amount in now.values()),
    }
    two = amounts(lines, "opening", "p2")
    assert (two["from_another"], two["amount_changed"], two["opening"]) == (150_000, 5_000, 155_000)
    # Of one provider alone the same.
    alone = rows_of(w, bridges, asked(provider="p2", opening_from=handed_out))
    closes(alone)
    mine = amounts(alone, "opening", "p2")
    assert mine["opening"] == 155_000 == mine["from_another"] + mine["amount_changed"]


def test_where_the_snapshot_is_not_kept_the_reports_file_tells_the_whole(
    tmp_path: Path, world: Warehouse
) -> None:
    columns = "line,provider_id,provider_name,closing_idr"
    said = f"\ufeff{columns}\r\nprovider,p1,Spa,1000\r\nprovider,none,,0\r\ntotal,,,1000\r\n"
    file = tmp_path / "2026-02_x_ledger.csv"
    file.write_text(said, newline="")
    handed_out = replace(CLOSED, files=[FileEntry(file.name, 3, 9, {}, sha256_of(file))]).to_bytes()
    (tmp_path / "manifest.json").write_bytes(handed_out)
    of = asked(opening_from=Earlier(sha256_of_bytes(handed_out), tmp_path, None))
    lines = rows_of(world, bridges, of)
    closes(lines)
    whole = amounts(lines, "opening")
    assert whole["reported_closing"] == 1_000
    assert whole["not_itemised"] == whole["opening"] - 1_000
    (note,) = {row["note"] for row in lines if row["line"] == "reported_closing" and row["note"]}
    assert "not kept" in note
    assert counts(lines, "opening")["not_compared"] == 0
    # What is not the file that was handed out, or of another manifest, says nothing; and that is not a bridge held.
    for forged in (file, tmp_path / "manifest.json"):
        as_it_was = forged.read_bytes()
        forged.write_bytes(as_it_was.replace(b"1000", b"9000") + b" ")
        lines = rows_of(world, bridges, of)
        forged.write_bytes(as_it_was)
        closes(lines)
        whole = amounts(lines, "opening")
        assert whole["reported_closing"] == whole["opening"] != 9_000
        assert (whole["not_compared"], counts(lines, "opening")["not_compared"]) == (None, 1)


def test_without_a_report_or_its_files_the_closing_before_is_of_this_snapshot(
    tmp_path: Path, world: Warehouse
) -> None:
    for handed_out in (None, Earlier("ab" * 32, tmp_path / "gone", None)):
        lines = rows_of(world, bridges, asked(opening_from=handed_out))
        closes(lines)
        whole = amounts(lines, "opening")
        assert whole["reported_closing"] == whole["opening"] != 0
        assert [row["note"] for row in lines if row["line"] == "reported_closing" and row["note"]] != []
        assert counts(lines, "opening")["not_compared"] == (0 if handed_out is None else 1)
    of_one = rows_of(world, bridges, asked(provider="p2", opening_from=handed_out))
    assert counts(of_one, "opening", "p2")["not_compared"] == 1


# the shape of a bridge


def test_a_bridge_ends_in_a_total_and_a_difference() -> None:
    line = BRIDGES["ledger"].lines[0]
    with pytest.raises(ValueError, match="does not end"):
        Bridge("half", "A bridge without an end.", (line,))


def test_a_sum_of_no_line_is_refused() -> None:
    with pytest.raises(KeyError):
        BRIDGES["ledger"].laid_out({"rest": Sum(1, 1)})
