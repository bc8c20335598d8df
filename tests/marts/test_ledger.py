"""The commission account: which lines a record has, on which day and with which sign; what each month says; that it
balances for any history of any records."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.every import registry_of
from marketplace.policy import Policy, PolicyRule
from tests.marts.warehouse import NOW, Warehouse

MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)
#: Midnight in Bali (UTC+8) between February and March 2026.
MARCH = datetime(2026, 2, 28, 16)
CHECKS = registry_of({})
ACCOUNT = (
    "commission_ledger",
    "commission_balances",
    "revenue_daily",
    "commission_summary",
    "commission_findings",
)
#: What a balance is told from: tests that look at lines and at the balance build both at once.
BALANCED = (
    "commission_entries",
    "commission_ledger",
    "commission_open",
    "commission_balances",
    "revenue_daily",
    "commission_findings",
)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def lines(w: Warehouse) -> dict[str, tuple[date, int]]:
    """Entry id → day and amount."""
    w.stand(*BALANCED)
    rows = w.rows("FROM marts.commission_entries")
    assert len({row["entry_id"] for row in rows}) == len(rows)
    return {row["entry_id"]: (row["local_date"], row["amount_idr"]) for row in rows}


def ledger(w: Warehouse, provider: str = "p1", **options: Any) -> dict[str, dict[str, int]]:
    """Month → its figures."""
    w.stand("commission_ledger", **options)
    rows = w.rows(f"FROM marts.commission_ledger WHERE provider_id = '{provider}' ORDER BY local_month")
    return {
        f"{row['local_month']:%Y-%m}": {name: value for name, value in row.items() if name.endswith("idr")}
        for row in rows
    }


def balances(w: Warehouse) -> None:
    w.stand(*BALANCED)
    result = CHECKS["ledger_balance"].run(w.con)
    assert result.passed, (result.broken_rules, result.sample_ids)
    assert w.rows("FROM marts.commission_ledger WHERE NOT holds") == []


# lines


def test_a_record_accrues_on_its_bookings_accrual_day(w: Warehouse) -> None:
    w.booking(created_at=MARCH - HOUR, accepted_at=MARCH, status="accepted")
    w.commission(created_at=MARCH + DAY, status="pending")
    assert lines(w) == {"accrual:c1": (date(2026, 3, 1), 75_000)}
    balances(w)


def test_a_record_without_booking_accrues_on_its_own_creation(w: Warehouse) -> None:
    w.commission("c1", "ghost", created_at=MARCH - SECOND, status="pending")
    assert lines(w) == {"accrual:c1": (date(2026, 2, 28), 75_000)}
    balances(w)


def test_a_paid_record_is_paid_on_the_day_it_counts_as_collected(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 3 * DAY)
    w.commission("a", created_at=MARCH - 3 * DAY, paid_at=MARCH, verified_at=MARCH + DAY)
    w.commission("b", created_at=MARCH - 3 * DAY, verified_at=MARCH + DAY)
    w.commission("c", "ghost", created_at=MARCH + 2 * DAY)
    found = lines(w)
    assert [found[f"payment:{c}"] for c in "abc"] == [(date(2026, 3, day), -75_000) for day in (1, 2, 3)]
    balances(w)


@pytest.mark.parametrize(
    ("restricted", "changed", "day"),
    [
        (None, MARCH + 5 * DAY, date(2026, 3, 1)),  # deadline + half an hour
        (MARCH + DAY, MARCH + 5 * DAY, date(2026, 3, 2)),  # the record says when
        (None, MARCH - 4 * HOUR, date(2026, 2, 28)),  # it was on it before
        (MARCH - 9 * DAY, MARCH, date(2026, 2, 27)),  # never before the accrual
    ],
)
def test_the_day_of_a_fee(w: Warehouse, restricted: datetime | None, changed: datetime, day: date) -> None:
    w.booking(created_at=MARCH - DAY - HOUR, completed_at=MARCH - 3 * HOUR - 30 * MIN)
    w.commission(status="overdue", fee_idr=25_000, restricted_at=restricted, updated_at=changed)
    assert lines(w)["fee:c1"] == (day, 25_000)
    balances(w)


def test_a_fee_without_any_deadline_is_dated_by_the_records_last_change(w: Warehouse) -> None:
    w.booking(created_at=MARCH - DAY)
    w.commission(status="overdue", fee_idr=25_000, updated_at=MARCH)
    assert lines(w)["fee:c1"] == (date(2026, 3, 1), 25_000)


def test_payment_settles_the_fee_a_record_carries_and_the_fee_is_no_later(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 5 * DAY, completed_at=MARCH + DAY)
    w.commission(fee_idr=25_000, due_idr=100_000, paid_at=MARCH - DAY, updated_at=MARCH + 3 * DAY)
    assert lines(w) == {
        "accrual:c1": (date(2026, 2, 24), 75_000),
        "fee:c1": (date(2026, 2, 28), 25_000),
        "payment:c1": (date(2026, 2, 28), -75_000),
        "payment:c1:fee": (date(2026, 2, 28), -25_000),
    }
    balances(w)


@pytest.mark.parametrize("status", ["cancelled", "reversed"])
def test_a_record_that_is_not_live_keeps_its_line_and_gets_a_negative_one(w: Warehouse, status: str) -> None:
    w.booking(created_at=MARCH - 5 * DAY, completed_at=MARCH - 4 * DAY)
    w.commission(status=status, is_live=False, fee_idr=25_000, updated_at=MARCH + DAY)
    assert lines(w) == {
        "accrual:c1": (date(2026, 2, 24), 75_000),
        "fee:c1": (date(2026, 2, 25), 25_000),
        "reversal:c1": (date(2026, 3, 2), -75_000),
        "reversal:c1:fee": (date(2026, 3, 2), -25_000),
    }
    balances(w)


def test_a_reversal_is_never_before_its_accrual(w: Warehouse) -> None:
    w.booking(created_at=MARCH, accepted_at=MARCH + 5 * DAY)
    w.commission(status="cancelled", is_live=False, created_at=MARCH, updated_at=MARCH + DAY)
    assert lines(w)["reversal:c1"] == (date(2026, 3, 6), -75_000)


def test_a_record_reversed_after_payment_nets_to_zero(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 5 * DAY)
    w.commission(
        status="reversed", is_live=False, paid_at=MARCH - DAY, updated_at=MARCH + DAY, fee_idr=25_000
    )
    found = lines(w)
    assert found["payment:c1"] == (date(2026, 2, 28), -75_000)
    assert found["reversal:c1"] == (date(2026, 3, 2), -75_000)
    assert found["refund:c1"] == (date(2026, 3, 2), 75_000)
    assert sum(amount for _, amount in found.values()) == 0
    months = ledger(w)
    assert (months["2026-02"]["paid_idr"], months["2026-03"]["paid_idr"]) == (100_000, -100_000)
    assert months["2026-03"]["closing_idr"] == 0
    balances(w)


@pytest.mark.parametrize(("status", "kinds"), [("pending", "ar"), ("paid", "aprr")])
def test_a_vanished_record_is_reversed_on_the_day_it_was_found_gone(
    w: Warehouse, status: str, kinds: str
) -> None:
    w.booking(created_at=MARCH - 5 * DAY)
    w.commission(status=status, created_at=MARCH - 5 * DAY, deleted_at=MARCH + 2 * DAY, updated_at=MARCH)
    found = lines(w)
    assert sorted(entry[0] for entry in found) == sorted(kinds)
    assert found["reversal:c1"] == (date(2026, 3, 3), -75_000)
    assert sum(amount for _, amount in found.values()) == 0
    balances(w)


def test_a_cancelled_record_that_vanishes_later_keeps_the_day_of_its_reversal(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 5 * DAY)
    w.commission(status="cancelled", is_live=False, updated_at=MARCH - DAY, deleted_at=MARCH + 2 * DAY)
    assert lines(w)["reversal:c1"] == (date(2026, 2, 28), -75_000)


def test_duplicates_orphans_and_what_is_not_due_are_charged_tests_are_not(w: Warehouse) -> None:
    w.booking("b1")
    w.commission("own", status="pending")
    w.commission("twice", status="pending")
    w.commission("orphan", "ghost", status="pending")
    w.booking("b2", status="cancelled")
    w.commission("not due", "b2", status="pending")
    w.booking("t", is_test=True)
    w.commission("of a test", "t", status="pending")
    w.commission("test", "b1", status="pending", is_test=True)
    assert set(lines(w)) == {f"accrual:{c}" for c in ("own", "twice", "orphan", "not due")}
    balances(w)
    (row,) = w.rows("FROM marts.commission_balances")
    assert (row["owed_idr"], row["records"], row["not_due_idr"]) == (300_000, 4, 150_000)


def test_an_unknown_amount_has_no_line_and_is_counted(w: Warehouse) -> None:
    w.booking()
    w.commission(status="pending", commission_idr=None, fee_idr=25_000, updated_at=NOW)
    assert set(lines(w)) == {"fee:c1"}
    balances(w)
    assert w.rows("SELECT unknown_amount_records FROM marts.commission_ledger") == [
        {"unknown_amount_records": 1}
    ]
    assert w.rows("SELECT owed_idr, fee_idr FROM marts.commission_open") == [
        {"owed_idr": None, "fee_idr": 25_000}
    ]
    assert w.rows("SELECT records, unknown_amount_records, owed_idr FROM marts.commission_balances") == [
        {"records": 1, "unknown_amount_records": 1, "owed_idr": 0}
    ]


# refunds


@pytest.mark.parametrize("status", ["paid", "reversed", "unknown"])
@pytest.mark.parametrize(
    ("times", "day"),
    [
        ({"paid_at": MARCH, "verified_at": MARCH + DAY}, date(2026, 3, 1)),
        ({"verified_at": MARCH + DAY}, date(2026, 3, 2)),
        ({}, date(2026, 2, 28)),  # its own creation
    ],
)
def test_a_refund_record_has_one_line_on_the_day_its_money_went_back(
    w: Warehouse, status: str, times: dict[str, datetime], day: date
) -> None:
    if status == "unknown" and "paid_at" not in times:
        times, day = times | {"paid_at": MARCH}, date(2026, 3, 1)
    w.booking(created_at=MARCH - 9 * DAY)
    w.commission("own", created_at=MARCH - 9 * DAY, paid_at=MARCH - 8 * DAY)
    live = status != "reversed"
    w.commission(
        "back",
        commission_idr=-75_000,
        status=status,
        is_live=live,
        created_at=MARCH - HOUR,
        fee_idr=25_000,
        **times,
    )
    found = lines(w)
    assert {entry: line for entry, line in found.items() if "back" in entry} == {"refund:back": (day, 75_000)}
    balances(w)
    # What came in falls, and what was charged stays.
    collected = {r["local_date"]: r["collected_idr"] for r in w.rows("FROM marts.revenue_daily")}
    assert (sum(collected.values()), collected[day]) == (0, -75_000)
    closing = ledger(w)["2026-03"]["closing_idr"]
    assert closing == 75_000
    assert w.rows("FROM marts.commission_open") == []


@pytest.mark.parametrize(
    "record",
    [
        {"status": "pending"},
        {"status": "awaiting_verification"},
        {"status": "overdue"},
        {"status": "unknown"},
        {"status": "cancelled", "is_live": False, "paid_at": MARCH},
        {"status": "paid", "deleted_at": NOW},
    ],
)
def test_a_refund_record_that_gave_nothing_back_or_is_gone_has_no_line(
    w: Warehouse, record: dict[str, Any]
) -> None:
    w.booking()
    w.commission("own")
    w.commission("back", commission_idr=-75_000, fee_idr=25_000, updated_at=NOW, **record)
    assert not [entry for entry in lines(w) if "back" in entry]
    balances(w)
    assert w.rows("FROM marts.commission_open") == []
    assert [r["collected_idr"] for r in w.rows("FROM marts.revenue_daily")] == [75_000]


# a record of unknown status that says when it was paid


def test_a_record_of_unknown_status_with_a_payment_keeps_its_money_collected(w: Warehouse) -> None:
    w.booking(created_at=MARCH - 5 * DAY, completed_at=MARCH - 4 * DAY)
    w.commission(status="unknown", paid_at=MARCH, fee_idr=25_000, updated_at=MARCH + DAY)
    assert lines(w)["payment:c1"] == (date(2026, 3, 1), -75_000)
    balances(w)
    assert w.rows("SELECT collected_idr FROM marts.revenue_daily WHERE local_date = '2026-03-01'") == [
        {"collected_idr": 75_000}
    ]
    # What it owes is not known: not its commission, and not nothing either.
    (row,) = w.rows("SELECT owed_idr, fee_idr, is_unpaid, is_overdue FROM marts.commission_open")
    assert row == {"owed_idr": None, "fee_idr": 25_000, "is_unpaid": False, "is_overdue": False}
    (row,) = w.rows("SELECT owed_idr, records, unknown_amount_records FROM marts.commission_balances")
    assert row == {"owed_idr": 0, "records": 1, "unknown_amount_records": 1}


def test_a_record_of_unknown_status_without_a_payment_is_open_and_collected_nothing(w: Warehouse) -> None:
    w.booking()
    w.commission(status="unknown", verified_at=NOW)
    assert set(lines(w)) == {"accrual:c1"}
    balances(w)
    assert w.rows("SELECT owed_idr FROM marts.commission_open") == [{"owed_idr": 75_000}]


# units: a record without a base is read in thousands where that is what its booking owes


def test_a_record_in_thousands_without_a_base_is_repaired_everywhere(w: Warehouse) -> None:
    written: dict[str, Any] = {"booking_amount_idr": None, "commission_idr": 61, "written_commission": 60.75}
    w.booking("b1", amount_idr=202_500, created_at=MARCH - DAY, completed_at=MARCH - DAY)
    w.commission("paid", "b1", paid_at=MARCH, **written)
    w.booking("b2", amount_idr=202_500, created_at=MARCH - DAY, completed_at=MARCH - DAY)
    w.commission("late", "b2", status="overdue", fee_idr=25, fee_state="present", updated_at=MARCH, **written)
    w.booking("b3", amount_idr=202_500, created_at=MARCH - DAY)
    w.commission("off", "b3", status="cancelled", is_live=False, updated_at=MARCH, **written)
    found = {entry: amount for entry, (_, amount) in lines(w).items()}
    assert found == {
        "accrual:paid": 60_750,
        "payment:paid": -60_750,
        "accrual:late": 60_750,
        "fee:late": 25_000,
        "accrual:off": 60_750,
        "reversal:off": -60_750,
    }
    balances(w)
    assert w.rows("SELECT sum(collected_idr)::BIGINT AS idr FROM marts.revenue_daily") == [{"idr": 60_750}]
    assert w.rows("SELECT owed_idr, fee_idr FROM marts.commission_open") == [
        {"owed_idr": 60_750, "fee_idr": 25_000}
    ]


def test_what_is_not_believed_has_no_line_and_was_not_collected(w: Warehouse) -> None:
    w.booking()
    w.commission(commission_idr=None, written_commission=75.0, is_implausible=True, booking_amount_idr=None)
    assert lines(w) == {}
    balances(w)
    assert [r["collected_idr"] for r in w.rows("FROM marts.revenue_daily")] == [0]


# an unpaid duplicate of a paid record, and what a free booking is charged


@pytest.mark.parametrize(
    ("case", "status"), [("duplicate", "pending"), ("duplicate", "overdue"), ("free", "overdue")]
)
def test_what_is_not_due_is_open_and_charged_but_never_overdue_nor_a_reason_to_restrict(
    w: Warehouse, case: str, status: str
) -> None:
    w.provider(status="RESTRICTED")
    w.booking(amount_idr=0 if case == "free" else 250_000, completed_at=NOW - 9 * DAY)
    if case == "duplicate":
        w.commission("own", created_at=NOW - DAY)
    w.commission("more", status=status, fee_state="empty", created_at=NOW - 2 * DAY)
    w.build(["commission_balances", "commission_findings"])
    (row,) = w.rows("FROM marts.commission_open")
    assert (row["commission_id"], row["is_due"], row["is_overdue"]) == ("more", False, False)
    (row,) = w.rows("FROM marts.commission_balances")
    assert (row["owed_idr"], row["not_due_idr"], row["overdue_idr"]) == (75_000, 75_000, 0)
    assert (row["restriction_due"], row["restriction_due_at"]) == (False, None)
    told = "duplicate:more" if case == "duplicate" else "wrong_amount:more"
    assert w.findings() == {told, "restriction_mismatch:p1"}
    assert lines(w)["accrual:more"][1] == 75_000
    balances(w)


# a local day that is not known


def test_what_has_no_local_day_is_in_no_month_and_is_counted(w: Warehouse) -> None:
    w.booking("b1")
    w.commission("c1", "b1")
    w.booking("b2", utc_offset_minutes=None, status="accepted", completed_at=NOW - 3 * DAY)
    # The zone of its own provider is known: the booking's is not guessed from it.
    w.commission("c2", "b2", status="pending", fee_idr=25_000, updated_at=NOW)
    w.commission("c3", "b2", created_at=NOW - HOUR)
    w.commission("c4", "ghost", utc_offset_minutes=None, status="pending")
    w.commission("c5", "b2", commission_idr=-5_000, created_at=NOW - HOUR)
    assert set(lines(w)) == {"accrual:c1", "payment:c1"}
    w.build()
    balances(w)
    assert CHECKS["commission_state"].run(w.con).passed
    assert [r["closing_idr"] for r in w.rows("FROM marts.commission_ledger")] == [0]
    assert {r["commission_id"]: r["local_date"] for r in w.rows("FROM marts.commission_open")} == {
        "c2": None,
        "c4": None,
    }
    assert w.rows("FROM marts.undated_rows ORDER BY collection") == [
        {"collection": "bookings", "rows": 1, "booked_idr": 250_000, "completed_idr": 0, "collected_idr": 0},
        {
            "collection": "commission_records",
            "rows": 4,
            "booked_idr": 0,
            "completed_idr": 0,
            "collected_idr": 70_000,
        },
        {"collection": "hotel_bookings", "rows": 0, "booked_idr": 0, "completed_idr": 0, "collected_idr": 0},
    ]


def test_whom_a_record_charges(w: Warehouse) -> None:
    w.booking("b1", provider_id="p1")
    w.commission("other", "b1", provider_id="p2", status="pending")
    w.commission("booking's", "b1", provider_id=None, status="pending")
    w.commission("nobody's", "ghost", provider_id=None, status="pending")
    lines(w)
    found = {r["commission_id"]: r["provider_id"] for r in w.rows("FROM marts.commission_entries")}
    assert found == {"other": "p2", "booking's": "p1", "nobody's": "none"}
    balances(w)


# months


def test_months_follow_each_other_to_the_current_one_with_what_is_expected_beside(w: Warehouse) -> None:
    w.provider()
    w.booking("b1", created_at=datetime(2025, 12, 10))
    w.commission("c1", "b1", created_at=datetime(2025, 12, 10), paid_at=datetime(2026, 2, 10))
    w.booking("b2", created_at=datetime(2026, 2, 1))
    w.booking("b3", created_at=NOW - MIN)
    nothing = dict.fromkeys(
        ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr", "expected_idr", "unrecorded_idr"), 0
    )
    assert ledger(w) == {
        "2025-12": nothing
        | {"opening_idr": 0, "accrued_idr": 75_000, "closing_idr": 75_000, "expected_idr": 75_000},
        "2026-01": nothing | {"opening_idr": 75_000, "closing_idr": 75_000},
        "2026-02": nothing
        | {
            "opening_idr": 75_000,
            "paid_idr": 75_000,
            "closing_idr": 0,
            "expected_idr": 75_000,
            "unrecorded_idr": 75_000,
        },
        "2026-03": nothing
        | {"opening_idr": 0, "closing_idr": 0, "expected_idr": 75_000, "unrecorded_idr": 75_000},
    }
    assert {r["provider_name"] for r in w.rows("FROM marts.commission_ledger")} == {"Spa One"}
    balances(w)


def test_the_current_month_is_that_of_the_marketplaces_zone(w: Warehouse) -> None:
    w.now = MARCH
    w.scan("commission_records")
    w.booking(created_at=MARCH - 20 * DAY)
    w.commission(created_at=MARCH - 20 * DAY)
    assert list(ledger(w)) == ["2026-02", "2026-03"]
    assert list(ledger(w, utc_offset=timedelta(hours=7))) == ["2026-02"]


def test_a_line_after_the_clock_is_not_lost(w: Warehouse) -> None:
    w.booking(created_at=NOW, accepted_at=datetime(2026, 5, 2), status="accepted")
    w.commission(created_at=NOW, status="pending")
    assert list(ledger(w)) == ["2026-05"]
    balances(w)


# open records


@pytest.mark.parametrize(
    ("since", "age"),
    [
        (-SECOND, "not_ended"),
        (timedelta(0), "0-3 h"),
        (3 * HOUR - SECOND, "0-3 h"),
        (3 * HOUR, "3-24 h"),
        (DAY - SECOND, "3-24 h"),
        (DAY, "1-7 d"),
        (7 * DAY - SECOND, "1-7 d"),
        (7 * DAY, "over 7 d"),
        (None, "unknown"),
    ],
)
@pytest.mark.parametrize("known", ["completed", "start", "deadline"])
def test_the_age_runs_from_the_end_of_service(
    w: Warehouse, since: timedelta | None, age: str, known: str
) -> None:
    ended = None if since is None else NOW - since
    w.booking(
        completed_at=ended if known == "completed" else None,
        starts_at=ended - HOUR if ended and known == "start" else None,
    )
    w.commission(status="pending", deadline_at=ended + 3 * HOUR if ended and known == "deadline" else None)
    w.build(["commission_balances"])
    (row,) = w.rows("FROM marts.commission_open")
    assert (row["age"], row["service_ended_at"]) == (age, ended)
    (row,) = w.rows("FROM marts.commission_balances")
    held = {name: value for name, value in row.items() if name.startswith(("age_", "not_ended")) and value}
    name = "not_ended_idr" if age == "not_ended" else f"age_{age.replace(' ', '').replace('-', '_')}_idr"
    assert held == {name.replace("over7d", "over_7d"): 75_000}


def test_the_age_is_unknown_where_commission_records_were_never_scanned() -> None:
    w = Warehouse(scanned=False)
    w.booking(completed_at=NOW - DAY)
    w.commission(status="pending")
    w.build(["commission_balances"])
    (row,) = w.rows("FROM marts.commission_open")
    assert (row["age"], row["is_overdue"]) == ("unknown", None)
    (row,) = w.rows("FROM marts.commission_balances")
    assert (row["restriction_due"], row["age_unknown_idr"]) == (None, 75_000)


def test_the_deadline_hours_of_another_policy_count(w: Warehouse) -> None:
    day_later = PolicyRule("day", 300_000, 25_000, 24, 2, 60)
    w.booking(completed_at=NOW - 2 * HOUR)
    w.commission(status="pending")
    w.build(["commission_open"], policy=Policy("day", (day_later,)))
    (row,) = w.rows("FROM marts.commission_open")
    assert row["service_ended_at"] == NOW - 2 * HOUR
    assert row["deadline_at"] == NOW + 22 * HOUR
    assert row["restriction_at"] == NOW + 23 * HOUR


@pytest.mark.parametrize(
    ("booking", "record", "overdue", "due"),
    [
        ({"completed_at": NOW - DAY}, {"status": "pending"}, True, True),
        ({"completed_at": NOW - HOUR}, {"status": "pending"}, False, True),
        ({"completed_at": NOW - DAY}, {"status": "rejected"}, True, True),
        ({"completed_at": NOW - DAY}, {"status": "awaiting_verification"}, True, True),
        (
            {"completed_at": NOW - DAY},
            {"status": "awaiting_verification", "proof_at": NOW - DAY},
            False,
            True,
        ),
        ({"completed_at": NOW - DAY}, {"status": "unknown"}, False, True),
        ({}, {"status": "pending"}, None, True),
        ({"status": "cancelled", "completed_at": NOW - DAY}, {"status": "pending"}, False, False),
        ({"status": "pending", "completed_at": NOW - DAY}, {"status": "pending"}, None, None),
        ({}, {"status": "pending", "booking_ref": "ghost"}, False, False),
    ],
)
def test_what_is_overdue(
    w: Warehouse, booking: dict[str, Any], record: dict[str, Any], overdue: bool | None, due: bool | None
) -> None:
    w.booking(**booking)
    w.commission(**record)
    w.build(["commission_open"])
    (row,) = w.rows("FROM marts.commission_open")
    assert (row["is_overdue"], row["is_due"]) == (overdue, due)


def test_a_paid_or_gone_record_is_not_open(w: Warehouse) -> None:
    w.booking()
    w.commission("c1", status="paid")
    w.commission("c2", status="pending", deleted_at=NOW)
    w.commission("c3", status="cancelled", is_live=False)
    w.build(["commission_balances"])
    assert w.rows("FROM marts.commission_open") == []
    assert w.rows("FROM marts.commission_balances") == []


# restriction


@pytest.mark.parametrize(
    ("past", "due"), [(30 * MIN, False), (30 * MIN + SECOND, True), (-HOUR, False), (None, None)]
)
@pytest.mark.parametrize(("status", "actual"), [("RESTRICTED", True), ("AVAILABLE", False), (None, None)])
def test_a_restriction_is_due_half_an_hour_past_a_deadline_until_paid(
    w: Warehouse, past: timedelta | None, due: bool | None, status: str | None, actual: bool | None
) -> None:
    w.provider(status=status)
    w.booking(completed_at=None if past is None else NOW - 3 * HOUR - past)
    w.commission(status="overdue")
    w.build(["commission_balances", "commission_findings"])
    (row,) = w.rows("FROM marts.commission_balances")
    assert (row["restriction_due"], row["restriction_actual"], row["provider_status"]) == (
        due,
        actual,
        status,
    )
    assert row["restriction_due_at"] == (None if past is None else NOW - past + 30 * MIN)
    assert row["oldest_deadline_at"] == (None if past is None else NOW - past)
    # The finding says the same: not restricted though due.
    told = bool(w.rows("FROM marts.commission_findings WHERE finding = 'restriction_mismatch'"))
    assert told == (actual is not None and ((due is True and not actual) or (past == -HOUR and actual)))


@pytest.mark.parametrize(
    ("booking", "record", "due"),
    [
        ({"status": "cancelled", "completed_at": NOW - DAY}, {}, False),
        ({"completed_at": NOW - DAY}, {"status": "awaiting_verification", "proof_at": NOW - DAY}, False),
        (
            {},
            {"booking_ref": "ghost", "deadline_at": NOW - DAY},
            None,
        ),  # for which booking, if any, is not known
        ({}, {"booking_ref": "ghost", "deadline_at": NOW + DAY}, False),
        ({"status": "pending", "completed_at": NOW - DAY}, {}, None),
    ],
)
def test_what_cannot_be_told_is_not_called_no_restriction(
    w: Warehouse, booking: dict[str, Any], record: dict[str, Any], due: bool | None
) -> None:
    w.booking(**booking)
    w.commission(**{"status": "pending"} | record)
    w.build(["commission_balances"])
    assert [r["restriction_due"] for r in w.rows("FROM marts.commission_balances")] == [due]


@pytest.mark.parametrize(
    ("past", "status", "due", "verdict"),
    [
        (DAY, "RESTRICTED", True, "agrees"),
        (DAY, "AVAILABLE", True, "not_restricted"),
        (DAY, None, True, "unknown"),
        (-DAY, "RESTRICTED", False, "restricted_wrongly"),
        (-DAY, "AVAILABLE", False, None),  # neither due nor in force
    ],
)
def test_a_restriction_that_should_be_stands_beside_the_one_that_is(
    w: Warehouse, past: timedelta, status: str | None, due: bool, verdict: str | None
) -> None:
    w.booking()
    w.commission(status="pending", deadline_at=NOW - past)
    w.provider(provider_id="p1", provider_name="Made", status=status)
    w.provider(provider_id="p2", provider_name="Komang", status="RESTRICTED")  # owes nothing
    w.provider(provider_id="p3", provider_name="Wayan", status="BUSY")
    w.build(["commission_balances", "commission_restrictions"])
    rows = {row["provider_id"]: row for row in w.rows("FROM marts.commission_restrictions")}
    assert (rows["p2"]["due"], rows["p2"]["actual"], rows["p2"]["verdict"]) == (
        False,
        True,
        "restricted_wrongly",
    )
    assert (rows["p2"]["provider_name"], rows["p2"]["overdue_idr"]) == ("Komang", 0)
    if verdict is None:
        assert set(rows) == {"p2"}
        return
    assert set(rows) == {"p1", "p2"}
    assert (rows["p1"]["due"], rows["p1"]["verdict"]) == (due, verdict)


def test_where_commissions_were_never_read_no_restriction_is_called_wrong() -> None:
    w = Warehouse(scanned=False)
    w.provider(provider_id="p2", status="RESTRICTED")
    w.build(["commission_balances", "commission_restrictions"])
    (row,) = w.rows("FROM marts.commission_restrictions")
    assert (row["due"], row["actual"], row["verdict"]) == (None, True, "unknown")


def test_one_id_of_a_therapist_and_a_place_is_one_balance(w: Warehouse) -> None:
    w.provider(status="AVAILABLE")
    w.provider(provider_type="place", status="RESTRICTED", provider_name="A place")
    w.booking(completed_at=NOW - DAY)
    w.commission(status="overdue")
    w.build(["commission_balances", "commission_ledger"])
    (row,) = w.rows("FROM marts.commission_balances")
    assert (row["restriction_actual"], row["provider_status"], row["owed_idr"]) == (
        True,
        "RESTRICTED",
        75_000,
    )
    assert len(w.rows("FROM marts.commission_ledger")) == 1


# any history

DAYS = st.integers(0, 100).map(lambda n: NOW - timedelta(days=100) + timedelta(days=n, hours=n % 24))
AMOUNTS = st.sampled_from([None, 0, 1, 75, 60_000, 75_000, -5_000])
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "booking_ref": st.sampled_from(
                ["b0", "b1", "BK1", "b2", "both", "q1", "t1", "gone", "ghost", None]
            ),
            "booking_doc_ref": st.sampled_from([None, "b0", "t1", "both"]),
            "provider_id": st.sampled_from(["p1", "p2", None]),
            "booking_amount_idr": st.sampled_from([250_000, 250_000, None]),
            "commission_idr": AMOUNTS,
            "fee_idr": st.sampled_from([None, 0, 25, 25_000, 20_000, -1]),
            "status": st.sampled_from(
                [
                    "pending",
                    "awaiting_verification",
                    "paid",
                    "rejected",
                    "overdue",
                    "cancelled",
                    "reversed",
                    "unknown",
                ]
            ),
            "created_at": DAYS,
            "updated_at": DAYS | st.none(),
            "paid_at": DAYS | st.none(),
            "verified_at": DAYS | st.none(),
            "restricted_at": DAYS | st.none(),
            "deadline_at": DAYS | st.none(),
            "deleted_at": st.none() | DAYS,
            "is_test": st.sampled_from([False, False, False, True]),
            "utc_offset_minutes": st.sampled_from([420, 480, 540]),
        }
    ),
    max_size=25,
)


@pytest.fixture(scope="module")
def many() -> Warehouse:
    """Bookings of every kind a record may refer to."""
    w = Warehouse()
    w.provider("p1")
    for number in range(3):
        w.booking(f"b{number}", business_id=f"BK{number}", created_at=NOW - timedelta(days=30 * number + 1))
    w.booking("both1", business_id="both", status="cancelled")
    w.booking("both2", business_id="both", provider_id="p2")
    w.booking("t1", is_test=True)
    w.booking("gone", deleted_at=NOW)
    w.add("core.quarantined", collection="bookings", row_id="q1", reasons="[]")
    return w


def refill(w: Warehouse, records: list[dict[str, Any]]) -> None:
    w.con.execute("DELETE FROM core.commissions")
    for number, record in enumerate(records):
        live = record["status"] not in ("cancelled", "reversed")
        w.commission(**{"commission_id": f"c{number}", "is_live": live} | record)


def stands_at(record: dict[str, Any]) -> int:
    """What a record leaves on its provider's account."""
    by_doc_id = record["booking_ref"] in ("ghost", "gone", None)
    if (
        record["is_test"]
        or record["booking_ref"] == "t1"
        or (by_doc_id and record["booking_doc_ref"] == "t1")
    ):
        return 0
    commission, fee = record["commission_idr"] or 0, record["fee_idr"] or 0
    of_unknown_status = record["status"] == "unknown"
    settled = record["status"] == "paid" or (of_unknown_status and record["paid_at"] is not None)
    if record["deleted_at"] is not None:
        return 0
    if commission < 0:
        return -commission if settled or record["status"] == "reversed" else 0
    known = record["booking_ref"] in ("b0", "b1", "BK1", "b2") or (
        by_doc_id and record["booking_doc_ref"] == "b0"
    )
    if record["booking_amount_idr"] is None and known:
        commission, fee = {75: 75_000}.get(commission, commission), {25: 25_000}.get(fee, fee)
    if record["status"] in ("paid", "cancelled", "reversed"):
        return 0
    return fee if settled else commission + fee


@settings(max_examples=15, deadline=None)
@given(RECORDS, st.randoms())
def test_the_account_balances_for_any_history_in_any_order(
    many: Warehouse, records: list[dict[str, Any]], rng: random.Random
) -> None:
    refill(many, records)
    outcome = many.build(ACCOUNT)
    for name in ("ledger_balance", "commission_state"):
        result = CHECKS[name].run(many.con)
        assert result.passed, (name, result.broken_rules, result.sample_ids)
    entries = many.rows("FROM marts.commission_entries")
    assert len({row["entry_id"] for row in entries}) == len(entries)
    # By record: what stands is the debt, what does not stand nets to nothing.
    left: Counter[str] = Counter()
    for row in entries:
        left[row["commission_id"]] += row["amount_idr"]
    for number, record in enumerate(records):
        assert left[f"c{number}"] == stands_at(record), record
    # The variances add up to actual minus expected, where both are known.
    (sums,) = many.rows(
        "SELECT coalesce(sum(variance_idr), 0) AS variance,"
        " coalesce(sum(actual_idr) - sum(expected_idr), 0) AS difference"
        " FROM marts.commission_reconciliation WHERE variance_idr IS NOT NULL"
    )
    assert sums["variance"] == sums["difference"]
    (unknown,) = many.rows(
        "SELECT count(*) AS n FROM marts.commission_reconciliation"
        " WHERE (variance_idr IS NULL) <> (actual_idr IS NULL OR expected_idr IS NULL)"
    )
    assert unknown["n"] == 0
    order = list(many.rows("FROM core.commissions"))
    rng.shuffle(order)
    many.con.execute("DELETE FROM core.commissions")
    for row in order:
        many.commission(**row)
    assert many.build(ACCOUNT).digests == outcome.digests
