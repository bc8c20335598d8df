"""No mart holds a day that has not come: a fault planted in any of them is told, whatever made it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checks.every import registry_of
from checks.results import CheckResult
from tests.marts.warehouse import NOW, Warehouse

DAY = timedelta(days=1)
CHECK = registry_of({})["no_future_day"]
DATED = {
    "booking_funnel", "chat_rooms_daily",
    "capacity", "reassignments",
    "closed_month_changes", "commission_entries", "commission_ledger", "commission_open", "commission_reconciliation",
    "customer_retention", "decline_reasons", "discounts", "exclusions", "month_figures", "response_times",
    "revenue_by_kind", "revenue_by_source", "revenue_daily", "revenue_monthly", "revenue_weekly", "service_mix",
    "source_conversion", "unentered_records", "unreconciled_records",
}  # fmt: skip


@pytest.fixture(scope="module")
def built() -> Warehouse:
    """Everything that happens happens by now; what is planned lies far ahead."""
    w = Warehouse()
    w.provider()
    ahead = {"starts_at": NOW + 90 * DAY, "ends_at": NOW + 90 * DAY, "response_deadline": NOW + 60 * DAY}
    w.booking("gone", status="reassigned", created_at=NOW)
    w.booking("b1", created_at=NOW, accepted_at=NOW, **ahead)
    w.booking("b2", created_at=NOW - DAY, status="declined", decline_reason="busy", responded_at=NOW)
    w.commission("c1", "b1", created_at=NOW, paid_at=NOW, deadline_at=NOW + 90 * DAY)
    undone: dict[str, Any] = {
        "status": "cancelled",
        "is_live": False,
        "fee_idr": 25_000,
        "fee_state": "present",
    }
    w.commission("c2", "b1", created_at=NOW - DAY, updated_at=NOW, deadline_at=NOW + 90 * DAY, **undone)
    w.commission("c3", "b2", created_at=NOW - DAY, deleted_at=NOW, status="pending")
    w.build()
    return w


@pytest.fixture
def w(built: Warehouse) -> Any:
    built.con.execute("BEGIN")
    yield built
    built.con.execute("ROLLBACK")


def run(w: Warehouse) -> CheckResult:
    return CHECK.run(w.con)


def test_what_has_happened_has_come_and_plans_are_no_days(w: Warehouse) -> None:
    result = run(w)
    assert (result.passed, result.broken_rules, result.severity) == (True, (), "WARN")
    assert w.con.sql("SELECT count(*) FROM marts.commission_entries").fetchall() != [(0,)]


@pytest.mark.parametrize("mart", sorted(DATED))
def test_a_day_that_has_not_come_is_told_in_every_mart(w: Warehouse, mart: str) -> None:
    ((column,),) = w.con.execute(
        "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'marts' AND table_name = ? "
        "AND column_name IN ('local_date', 'local_week', 'local_month', 'local_hour', 'cohort_month')", [mart]
    ).fetchall()  # fmt: skip
    w.con.execute(f"INSERT INTO marts.{mart} ({column}) VALUES ('2026-04-01')")
    result = run(w)
    assert (result.passed, result.failed_rows) == (False, 1)
    assert result.sample_ids == (f"{mart} 2026-04-01",)
    assert result.broken_rules == (f"marts.{mart} has a day to come",)


def test_every_mart_with_days_is_held_to_it(w: Warehouse) -> None:
    found = w.con.sql(
        "SELECT table_name FROM duckdb_columns() WHERE schema_name = 'marts' "
        "AND (column_name LIKE 'local_%' OR column_name = 'cohort_month')"
    ).fetchall()
    assert {name for (name,) in found} == DATED


@pytest.mark.parametrize(
    ("ahead", "passed"),
    [(timedelta(hours=3), True), (timedelta(days=1), False), (timedelta(days=40), False)],
)
def test_a_fault_in_core_shows_where_it_comes_to(ahead: timedelta, passed: bool) -> None:
    """Four hours before midnight of the furthest zone there is: what lies within today is no day to come."""
    w = Warehouse()
    w.booking("b1", created_at=NOW)
    w.commission("c1", "b1", created_at=NOW, paid_at=NOW + ahead)
    w.build()
    result = run(w)
    assert result.passed == passed
    marts = {name.split()[0] for name in result.sample_ids}
    assert marts >= (set() if passed else {"commission_entries", "revenue_daily"})


def test_the_later_of_both_clocks_counts(w: Warehouse) -> None:
    """Under a frozen clock the server's runs ahead, and its rows with it."""
    w.con.execute("INSERT INTO marts.revenue_daily (local_date) VALUES ('2026-04-01')")
    assert not run(w).passed
    w.scan("bookings", at=NOW, watermark=NOW + 17 * DAY)
    assert run(w).passed


def test_without_a_clock_nothing_is_called_fine(w: Warehouse) -> None:
    w.con.execute("DELETE FROM ops.scans")
    result = run(w)
    assert (result.passed, result.broken_rules) == (True, ("unknown, nothing was scanned yet",))
