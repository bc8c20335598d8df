"""Bookings and records whose provider was not read yet: in no local day, without deadline, and nothing is said of
either; all else stays as it is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import ibis
import pytest

from assets.marts.every import MART_NAMES
from assets.marts.expressions import moment
from checks.every import registry_of
from marketplace.policy import Policy
from tests.marts.test_build import DATED, filled, marketplace_rows, rule
from tests.marts.warehouse import NOW, Warehouse

MIN, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
CHECKS = registry_of({})
UNPLACED: dict[str, Any] = {"utc_offset_minutes": None}
#: What follows from a deadline, or from the hour in which something happened.
OF_TIMES = (
    "late_record",
    "deadline_mismatch",
    "overdue_unmarked",
    "overdue_premature",
    "fee_missing",
    "fee_wrong",
)
BY_DAY = (
    "revenue_daily",
    "revenue_by_source",
    "source_conversion",
    "service_mix",
    "response_times",
    "decline_reasons",
)


@pytest.fixture
def w() -> Warehouse:
    return Warehouse()


def overdue(w: Warehouse, **values: Any) -> None:
    """A booking that ended yesterday, whose record is pending, has another deadline and carries no fee."""
    w.booking(completed_at=NOW - DAY, starts_at=NOW - DAY - HOUR, accepted_at=NOW - 2 * DAY, accepted_rule="explicit",
              **values)  # fmt: skip
    w.commission(
        status="pending", deadline_at=NOW + HOUR, fee_state="empty", created_at=NOW - 2 * DAY + HOUR, **values
    )
    w.provider(status="AVAILABLE")


def test_nothing_that_rests_on_a_deadline_is_said(w: Warehouse) -> None:
    overdue(w)
    known = {finding.partition(":")[0] for finding in w.findings()}
    assert known == {
        "late_record",
        "deadline_mismatch",
        "overdue_unmarked",
        "fee_missing",
        "restriction_mismatch",
    }
    unread = Warehouse()
    overdue(unread, **UNPLACED)
    assert unread.findings() == set()
    unread.build(["commission_open", "commission_balances"])
    (row,) = unread.rows("FROM marts.commission_open")
    assert (row["deadline_at"], row["restriction_at"], row["is_overdue"], row["age"]) == (
        None,
        None,
        None,
        "unknown",
    )
    (owes,) = unread.rows("FROM marts.commission_balances")
    assert (owes["owed_idr"], owes["restriction_due"]) == (75_000, None)


def test_a_restricted_account_may_have_its_reason(w: Warehouse) -> None:
    w.booking(completed_at=NOW - HOUR, **UNPLACED)
    w.commission(status="pending", **UNPLACED)
    w.provider(status="RESTRICTED")
    assert w.findings() == set()


def test_a_record_has_no_other_zone_than_its_bookings(w: Warehouse) -> None:
    w.booking(completed_at=NOW - DAY, **UNPLACED)
    w.commission(status="pending")
    (row,) = w.reconciled()
    assert (row["utc_offset_minutes"], row["local_date"], row["deadline_at"]) == (None, None, None)
    assert (row["state"], row["expected_idr"], row["actual_idr"]) == ("matched", 75_000, 75_000)
    assert w.findings() == set()


def test_money_is_judged_as_ever(w: Warehouse) -> None:
    w.booking("wrong", **UNPLACED)
    w.commission("c1", "wrong", commission_idr=70_000, **UNPLACED)
    w.booking("none", updated_at=NOW - DAY, **UNPLACED)
    w.commission("c2", "ghost", **UNPLACED)
    assert w.findings() == {"wrong_amount:c1", "missing:none", "orphan:c2"}


@pytest.mark.parametrize(
    ("values", "state"),
    [
        ({"updated_at": NOW - 3 * MIN}, "missing"),
        # It may have been accepted a minute ago, by a clock in a zone nobody knows yet.
        ({"updated_at": NOW - MIN}, "unknown"),
        ({}, "unknown"),
        ({"updated_at": NOW, "accepted_at": NOW - 3 * MIN}, "missing"),
        ({"updated_at": NOW, "created_at": NOW - MIN}, "awaiting"),
    ],
)
def test_missing_is_told_when_it_is_sure(w: Warehouse, values: dict[str, Any], state: str) -> None:
    w.booking(**UNPLACED, status="accepted", **values)
    assert w.reconciled()[0]["state"] == state
    known = Warehouse()
    known.booking(**{"updated_at": NOW, "status": "accepted", **values})
    assert known.reconciled()[0]["state"] == ("awaiting" if state == "awaiting" else "missing")


GOLD = Policy("plans", (rule("all", 300_000), rule("gold", 200_000, plan="gold")))


@pytest.mark.parametrize("policy", [DATED, GOLD])
def test_where_rates_are_of_a_day_or_a_plan_what_is_owed_is_not_known(w: Warehouse, policy: Policy) -> None:
    w.booking("a", updated_at=NOW - DAY, **UNPLACED)
    w.booking("b", **UNPLACED)
    w.commission("c", "b", **UNPLACED)
    rows = w.reconciled(policy=policy)
    assert [(row["policy_version"], row["expected_idr"], row["state"]) for row in rows] == [
        (None, None, "unknown"),
        (None, None, "unknown"),
    ]
    assert w.findings(policy=policy) == set()


@pytest.fixture(scope="module", params=["all", "some"])
def both(request: pytest.FixtureRequest) -> tuple[Warehouse, Warehouse]:
    """A marketplace with every kind of reference: as it is, and with (some of) its zones unknown."""
    rows = marketplace_rows(5)
    for number, (kind, values) in enumerate(rows):
        if kind == "booking":
            answered = values["created_at"] + MIN if number % 3 else None
            values |= {"starts_at": NOW - DAY, "updated_at": NOW - HOUR, "responded_at": answered}
        else:
            values |= {"updated_at": NOW - HOUR, "fee_idr": 25_000 * (number % 2), "fee_state": "present"}
    known, unread = filled(rows), filled(rows)
    some = "" if request.param == "all" else " WHERE hash({}) % 2 = 0"
    for table, key in (("bookings", "booking_id"), ("commissions", "commission_id")):
        unread.con.execute(f"UPDATE core.{table} SET utc_offset_minutes = NULL{some.format(key)}")
    for w in (known, unread):
        w.build()
    return known, unread


@pytest.mark.parametrize("table", MART_NAMES)
def test_every_mart_keeps_its_schema(both: tuple[Warehouse, Warehouse], table: str) -> None:
    result = CHECKS[f"marts_{table}_schema"].run(both[1].con)
    assert result.passed, result.broken_rules


@pytest.mark.parametrize("table", BY_DAY)
def test_what_is_in_no_day_is_in_none(both: tuple[Warehouse, Warehouse], table: str) -> None:
    for w in both:
        assert w.rows(f"FROM marts.{table} WHERE local_date IS NULL") == []


def test_what_is_in_no_day_is_counted_beside_the_days(both: tuple[Warehouse, Warehouse]) -> None:
    known, unread = both
    days = "SELECT sum(booked_idr) AS booked, sum(completed_idr) AS completed, sum(collected_idr) AS collected FROM {}"
    (whole,) = known.rows(days.format("marts.revenue_daily"))
    (dated,) = unread.rows(days.format("marts.revenue_daily"))
    (undated,) = unread.rows(days.format("marts.undated_rows"))
    assert {name: (dated[name] or 0) + undated[name] for name in undated} == whole
    assert undated["booked"] > 0


@pytest.mark.parametrize("check", ["ledger_balance", "commission_state"])
def test_the_account_holds(both: tuple[Warehouse, Warehouse], check: str) -> None:
    for w in both:
        result = CHECKS[check].run(w.con)
        assert result.passed, result.broken_rules


def test_no_finding_of_times_and_all_others(both: tuple[Warehouse, Warehouse]) -> None:
    of_times = ", ".join(f"'{code}'" for code in (*OF_TIMES, "restriction_mismatch"))
    query = (
        "SELECT finding_id FROM marts.commission_findings WHERE finding {} IN (" + of_times + ") ORDER BY 1"
    )
    known, unread = (w.rows(query.format("NOT")) for w in both)
    assert known == unread
    timed = both[1].rows(query.format(""))
    assert {row["finding_id"] for row in timed} <= {
        row["finding_id"] for row in both[0].rows(query.format(""))
    }
    assert both[0].rows(query.format("")) != []
    assert both[1].rows("FROM marts.commission_findings WHERE detail IS NULL") == []


def test_figures_of_a_month_hold_only_what_is_in_one(both: tuple[Warehouse, Warehouse]) -> None:
    assert both[1].rows("FROM marts.month_figures WHERE local_month IS NULL") == []


@pytest.mark.parametrize("collection", ["therapists", "places"])
def test_while_the_first_reading_goes_on_nothing_is_called_fine(w: Warehouse, collection: str) -> None:
    w.booking(mode="scheduled", created_at=NOW - HOUR, **UNPLACED)
    w.commission(**UNPLACED)
    w.provider(last_seen_at=NOW)
    w.notification("n1", age=HOUR)

    def told() -> tuple[Any, ...]:
        w.build()
        points = {row["point"]: row["status"] for row in w.rows("FROM marts.health_points")}
        (whole,) = w.rows("FROM marts.commission_summary")
        (member,) = w.rows("FROM marts.member_health")
        (service,) = w.rows("FROM marts.service_figures")
        assert CHECKS["commission_state"].run(w.con).passed
        return (
            [points[n] for n in (1, 3, 4, 6, 7)], whole["state"], whole["tracking_rate"], member["health"],
            service["delivery_rate"],
        )  # fmt: skip

    w.begun(collection)
    unknown = "unknown"
    assert told() == (["working", "working", unknown, unknown, unknown], unknown, None, unknown, None)
    w.scan(collection)
    assert told() == (["working", "working", "broken", "working", "working"], "perfect", 1.0, "healthy", 1.0)


def test_a_sentence_says_so_where_it_knows_no_local_time(w: Warehouse) -> None:
    at = ibis.timestamp("2026-03-01 06:05:00")
    said = [
        moment(at, ibis.literal(480)),
        moment(at, ibis.null("int64")),
        moment(ibis.null("timestamp"), ibis.null("int64")),
    ]
    assert [w.con.sql(ibis.to_sql(text.name("t"), dialect="duckdb")).fetchone() for text in said] == [
        ("2026-03-01 14:05 local time",),
        ("2026-03-01 06:05 UTC",),
        ("an unknown time",),
    ]
