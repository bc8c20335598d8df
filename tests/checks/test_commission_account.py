"""The account's checks: the ledger is held to what it was not made from; each rule fails on a row that breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from checks.every import registry_of
from checks.results import CheckResult
from marketplace.findings import FINDINGS
from tests.marts.warehouse import NOW, Warehouse

DAY = timedelta(days=1)
CHECKS = registry_of({})


@pytest.fixture(scope="module")
def built() -> Warehouse:
    """Three months of one provider: paid, reversed after payment, overdue with a fee, gone; records without booking,
    of tests, ambiguous, without provider."""
    w = Warehouse()
    w.provider()
    w.booking("b1", created_at=NOW - 70 * DAY, completed_at=NOW - 70 * DAY)
    w.commission("paid", "b1", created_at=NOW - 70 * DAY, paid_at=NOW - 40 * DAY)
    w.booking("b2", created_at=NOW - 69 * DAY, status="cancelled")
    undone: dict[str, Any] = {"status": "reversed", "is_live": False, "paid_at": NOW - 60 * DAY}
    w.commission("refunded", "b2", created_at=NOW - 69 * DAY, updated_at=NOW - 30 * DAY, **undone)
    w.booking("b3", created_at=NOW - 2 * DAY, completed_at=NOW - DAY)
    w.commission("late", "b3", status="overdue", fee_idr=25_000, fee_state="present", updated_at=NOW)
    w.booking("b4", created_at=NOW - 40 * DAY)
    w.commission("gone", "b4", created_at=NOW - 40 * DAY, deleted_at=NOW - DAY)
    w.commission("orphan", "ghost", status="pending", provider_id="p2")
    w.booking("t1", is_test=True, business_id="T1")
    w.commission("of a test", "T1", status="pending")
    w.booking("t2", is_test=True, deleted_at=NOW)
    w.commission("of a deleted test", None, booking_doc_ref="t2", status="pending")
    w.booking("b5", business_id="X", provider_id="p5")
    w.booking("b6", business_id="X", provider_id="p6")
    w.commission("ambiguous", "X", status="pending", provider_id=None)
    w.booking("b7", business_id="Y", provider_id="p7")
    w.commission("by its booking", "Y", status="unknown", provider_id=None)
    w.booking("free", amount_idr=0, amount_rule="free", provider_id="p8")
    w.commission("on a free one", "free", provider_id="p8", commission_idr=5_000, status="pending")
    w.booking("nothing", amount_idr=0, amount_rule="free", provider_id="p8")
    small: dict[str, Any] = {
        "booking_amount_idr": None,
        "commission_idr": 75,
        "fee_idr": 25,
        "provider_id": "p9",
    }
    w.booking("b8", provider_id="p9", created_at=NOW - 3 * DAY)
    w.commission("in thousands", "b8", status="pending", updated_at=NOW, **small)
    w.commission("back", "b8", provider_id="p9", commission_idr=-10_000, paid_at=NOW - DAY)
    w.commission("not yet back", "b8", provider_id="p9", commission_idr=-20_000, status="pending")
    vast: dict[str, Any] = {
        "commission_idr": None,
        "written_commission": -25_000_000.0,
        "is_implausible": True,
    }
    w.commission("not believed", "b8", provider_id="p9", status="pending", fee_idr=25_000, **vast)
    w.commission("back, not believed", "b8", provider_id="p9", fee_idr=25_000, paid_at=NOW - DAY, **vast)
    w.booking("b9", provider_id="p10", utc_offset_minutes=None)
    w.commission("without a day", "b9", status="pending", provider_id="p10")
    w.commission("by its date", "b1", status="unknown", paid_at=NOW - DAY, fee_idr=25_000, updated_at=NOW)
    w.add("core.quarantined", collection="bookings", row_id="q1", business_id="Q", reasons="[]")
    w.commission("quarantined", "Q", status="awaiting_verification", provider_id=None)
    w.build()
    return w


@pytest.fixture
def w(built: Warehouse) -> Any:
    built.con.execute("BEGIN")
    yield built
    built.con.execute("ROLLBACK")


def run(w: Warehouse, name: str) -> CheckResult:
    return CHECKS[name].run(w.con)


def test_the_ledger_of_all_kinds_of_records_balances(w: Warehouse) -> None:
    result = run(w, "ledger_balance")
    assert result.passed, (result.broken_rules, result.sample_ids)
    closing = dict(
        w.con.sql(
            "SELECT provider_id, closing_idr FROM marts.commission_ledger WHERE local_month = '2026-03-01'"
        ).fetchall()
    )
    assert closing == {
        "p1": 125_000,
        "p2": 75_000,
        "p7": 75_000,
        "none": 150_000,
        "p5": 0,
        "p6": 0,
        "p8": 5_000,
        "p9": 110_000,
    }


LEDGER_MONTH = "provider_id = 'p1' AND local_month = '2026-02-01'"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            f"UPDATE marts.commission_ledger SET accrued_idr = accrued_idr + 1 WHERE {LEDGER_MONTH}",
            "opening, accrued, fees, paid and reversed do not give closing",
        ),
        (
            "UPDATE marts.commission_ledger SET opening_idr = opening_idr + 1, paid_idr = paid_idr + 1",
            "opening is not the closing before",
        ),
        (f"DELETE FROM marts.commission_ledger WHERE {LEDGER_MONTH}", "a month is left out"),
        (
            "DELETE FROM marts.commission_entries WHERE entry_id = 'fee:late'",
            "a month is not the sum of its lines",
        ),
        (
            "UPDATE core.commissions SET status = 'pending' WHERE commission_id = 'paid'",
            "the newest closing is not what core says is owed",
        ),
        (
            "UPDATE core.commissions SET deleted_at = created_at WHERE commission_id = 'orphan'",
            "the newest closing is not what core says is owed",
        ),
        (
            "UPDATE core.bookings SET is_test = false WHERE booking_id = 't1'",
            "the newest closing is not what core says is owed",
        ),
        (
            "DELETE FROM marts.commission_ledger WHERE provider_id = 'p7'",
            "the newest closing is not what core says is owed",
        ),
        (
            # What is read in thousands is what the booking owes, to the rupiah.
            "UPDATE core.commissions SET commission_idr = 76 WHERE commission_id = 'in thousands'",
            "the newest closing is not what core says is owed",
        ),
        (
            "UPDATE core.commissions SET fee_idr = 26 WHERE commission_id = 'in thousands'",
            "the newest closing is not what core says is owed",
        ),
        (
            "UPDATE core.commissions SET booking_amount_idr = 250000 WHERE commission_id = 'in thousands'",
            "the newest closing is not what core says is owed",
        ),
        (
            "UPDATE core.commissions SET commission_idr = -9000 WHERE commission_id = 'back'",
            "the newest closing is not what core says is owed",
        ),
        (
            "UPDATE core.bookings SET utc_offset_minutes = 480 WHERE booking_id = 'b9'",
            "the newest closing is not what core says is owed",
        ),
        (
            "DELETE FROM marts.commission_entries WHERE commission_id = 'back'",
            "a refund has other lines than one over what it gave back",
        ),
        (
            """INSERT INTO marts.commission_entries BY NAME SELECT * REPLACE ('accrual:back' AS entry_id,
               'accrual' AS kind) FROM marts.commission_entries WHERE entry_id = 'refund:back'""",
            "a refund has other lines than one over what it gave back",
        ),
        (
            "UPDATE marts.commission_entries SET commission_id = 'not yet back' WHERE entry_id = 'accrual:late'",
            "a refund has other lines than one over what it gave back",
        ),
        (
            "UPDATE core.commissions SET paid_at = NULL WHERE commission_id = 'by its date'",
            "the newest closing is not what core says is owed",
        ),
        (
            "DELETE FROM marts.commission_open WHERE commission_id = 'orphan'",
            "the newest closing is not the sum of the open records",
        ),
        (
            "UPDATE marts.revenue_daily SET collected_idr = collected_idr + 1 WHERE collected_idr > 0",
            "commission paid is not the collected of revenue_daily",
        ),
        (
            "UPDATE marts.commission_entries SET local_date = local_date - 30 WHERE entry_id = 'payment:paid'",
            "commission paid is not the collected of revenue_daily",
        ),
    ],
)
def test_each_rule_of_the_balance_can_fail(w: Warehouse, change: str, rule: str) -> None:
    w.con.execute(change)
    result = run(w, "ledger_balance")
    assert not result.passed
    assert rule in result.broken_rules
    assert result.failed_rows >= 1
    assert result.sample_ids


def test_a_ledger_that_is_not_there_is_a_failed_check(w: Warehouse) -> None:
    w.con.execute("DROP TABLE marts.commission_ledger")
    result = run(w, "ledger_balance")
    assert not result.passed
    assert result.broken_rules == ("the check itself failed: CatalogException",)


def test_the_state_is_that_of_the_rows(w: Warehouse) -> None:
    assert run(w, "commission_state").passed


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            "UPDATE marts.commission_summary SET state = 'perfect'",
            "the state is not that of the missing rows",
        ),
        (
            "UPDATE marts.commission_summary SET state = 'unknown'",
            "the state is not that of the missing rows",
        ),
        ("UPDATE marts.commission_summary SET missing = missing - 1", "the counts are not those of the rows"),
        ("UPDATE marts.commission_summary SET tracked = 0", "the counts are not those of the rows"),
        ("UPDATE marts.commission_summary SET free = free + 1", "the counts are not those of the rows"),
        (
            "UPDATE marts.commission_reconciliation SET state = 'matched' WHERE booking_id = 'nothing'",
            "a booking is free that costs something, or the other way round",
        ),
        (
            "UPDATE marts.commission_reconciliation SET state = 'free' WHERE booking_id = 'b3'",
            "a booking is free that costs something, or the other way round",
        ),
        (
            "DELETE FROM marts.commission_findings WHERE finding = 'missing'",
            "not each missing booking has its finding",
        ),
        ("DELETE FROM marts.commission_summary", "there is no state"),
        ("DELETE FROM ops.scans", "the state is not that of the missing rows"),
    ],
)
def test_each_rule_of_the_state_can_fail(w: Warehouse, change: str, rule: str) -> None:
    w.con.execute(change)
    result = run(w, "commission_state")
    assert not result.passed
    assert rule in result.broken_rules


def closed(w: Warehouse, count: int, waived: Sequence[str] = (), gap: bool = False) -> None:
    changes = [
        (
            f"closed_month_changed:bookings:2026-01:s{n}",
            NOW.date().replace(month=1, day=1),
            "bookings",
            3,
            4,
            f"s{n}",
            NOW,
        )
        for n in range(count)
    ]
    gaps = [("s1", None, NOW, "there was no snapshot before", gap, "gap.none", "{}")]
    w.con.execute("COMMIT")
    w.build(
        ["closed_month_changes", "closed_month_gaps"], closed_changes=changes, closed_gaps=gaps, waived=waived
    )
    w.con.execute("BEGIN")


def test_changes_of_closed_months_are_counted_in_full_with_capped_ids_until_waived(w: Warehouse) -> None:
    closed(w, 30)
    result = run(w, "no_closed_month_changed")
    assert (result.passed, result.failed_rows, len(result.sample_ids)) == (False, 30, 20)
    assert (result.severity, result.level) == ("WARN", "high")
    closed(w, 2, waived=["closed_month_changed:bookings:2026-01:s0"])
    result = run(w, "no_closed_month_changed")
    assert (result.failed_rows, result.sample_ids) == (1, ("closed_month_changed:bookings:2026-01:s1",))
    closed(w, 1, waived=["closed_month_changed:bookings:2026-01:s0"])
    assert run(w, "no_closed_month_changed").passed
    assert w.rows("SELECT waived, detail FROM marts.closed_month_changes") == [
        {
            "waived": True,
            "detail": "bookings of 2026-01, a closed month, was 3 in snapshot s0 and became 4.",
        }
    ]


def test_what_could_not_be_compared_is_said_and_is_no_failure(w: Warehouse) -> None:
    closed(w, 0, gap=True)
    result = run(w, "no_closed_month_changed")
    assert result.passed
    assert result.broken_rules == ("unknown, nothing was compared: there was no snapshot before",)
    closed(w, 0)
    assert run(w, "no_closed_month_changed").broken_rules == ()


@pytest.mark.parametrize("code", FINDINGS)
def test_each_code_counts_its_open_findings_in_full_and_waived_ones_stay_without_alarm(
    w: Warehouse, code: str
) -> None:
    plant = (
        "INSERT INTO marts.commission_findings BY NAME SELECT '{code}:' || i AS finding_id, '{code}' AS finding,"
        " 'high' AS severity, 'x' AS detail, {waived} AS waived FROM range({start}, {stop}) r(i)"
    )
    w.con.execute(f"DELETE FROM marts.commission_findings WHERE finding = '{code}'")
    assert run(w, f"no_{code}").passed
    w.con.execute(plant.format(code=code, waived="true", start=100, stop=105))
    assert run(w, f"no_{code}").passed
    w.con.execute(plant.format(code=code, waived="false", start=0, stop=30))
    result = run(w, f"no_{code}")
    assert (result.passed, result.failed_rows, len(result.sample_ids)) == (False, 30, 20)
    assert all(finding_id.startswith(f"{code}:") for finding_id in result.sample_ids)
    assert w.con.sql(
        f"SELECT count(*) FROM marts.commission_findings WHERE finding = '{code}'"
    ).fetchone() == (35,)
