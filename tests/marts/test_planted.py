"""Precision and recall: of everything the simulator plants, all is found, and nothing else is.

Each seed is another marketplace of two days. Five of them run with every change; all twenty by `pytest -m long`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest

from checks.every import registry_of
from marketplace.bridges import BRIDGES
from marketplace.findings import FINDINGS
from pipelines.exports.month import bridges, ledger, statements
from pipelines.exports.month.table import Asked, PackageTable
from tests.marts.simulated import Read, read
from tests.simulator.world import UNTIL

OFTEN = (101, 102, 103, 104, 105)
CHECKS = registry_of({})
SEEDS = (*OFTEN, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(106, 121)))


@pytest.fixture(scope="module", params=SEEDS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Read]:
    made = read(request.param, tmp_path_factory.mktemp(f"seed-{request.param}"))
    yield made
    made.con.close()


def _planted(code: str, entry: dict[str, Any]) -> tuple[Any, ...]:
    if code == "vanished":
        # The simulator tells what the record charged; the finding calls that expected, and nothing actual.
        return entry["booking_id"], entry["commission_id"], entry["actual_idr"], 0
    if code == "restriction_mismatch":
        return (entry["provider_id"],)
    return entry["booking_id"], entry["commission_id"], entry["expected_idr"], entry["actual_idr"]


def _found(code: str, row: dict[str, Any]) -> tuple[Any, ...]:
    if code == "restriction_mismatch":
        return (row["provider_id"],)
    return row["booking_id"], row["commission_id"], row["expected_idr"], row["actual_idr"]


def test_every_finding_of_every_kind_is_found_and_no_other(world: Read) -> None:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in world.rows("FROM marts.commission_findings"):
        rows[row["finding"]].append(row)
    assert set(rows) == set(FINDINGS) == set(world.truth["findings"]), "every kind is planted in every seed"
    for code, entries in world.truth["findings"].items():
        found = Counter(_found(code, row) for row in rows[code])
        planted = Counter(_planted(code, entry) for entry in entries)
        assert found == planted, code


def test_several_findings_stand_on_one_booking_and_each_is_found(world: Read) -> None:
    on_booking: dict[str, set[str]] = defaultdict(set)
    for row in world.rows("FROM marts.commission_findings WHERE booking_id IS NOT NULL"):
        on_booking[row["booking_id"]].add(row["finding"])
    planted: dict[str, set[str]] = defaultdict(set)
    for code, entries in world.truth["findings"].items():
        for entry in entries:
            if entry["booking_id"]:
                planted[entry["booking_id"]].add(code)
    assert {b: codes for b, codes in on_booking.items() if len(codes) > 1} == {
        b: codes for b, codes in planted.items() if len(codes) > 1
    }
    assert sum(len(codes) > 2 for codes in planted.values()) >= 3


def test_the_state_and_money_of_every_row_are_true(world: Read) -> None:
    names = ("booking_id", "commission_id", "state", "expected_idr", "actual_idr")
    found = Counter(
        tuple(row[n] for n in names) for row in world.rows("FROM marts.commission_reconciliation")
    )
    assert found == Counter(tuple(row[n] for n in names) for row in world.truth["reconciliation"])


def test_the_summary_is_true(world: Read) -> None:
    (summary,) = world.rows("FROM marts.commission_summary")
    expected = world.truth["commission_summary"]
    assert {name: summary[name] for name in expected} == expected


def test_the_ledger_of_every_provider_and_month_is_true(world: Read) -> None:
    """The truth is of the records in the app now; those that are gone net to zero, which the balance checks."""
    for name in ("ledger_balance", "commission_state"):
        result = CHECKS[name].run(world.con)
        assert result.passed, (result.broken_rules, result.sample_ids)
    names = ("accrued_idr", "fees_idr", "paid_idr", "reversed_idr")
    rows = world.rows(
        "SELECT provider_id, strftime(local_date, '%Y-%m-01') AS local_month,"
        " coalesce(sum(amount_idr) FILTER (kind = 'accrual'), 0)::BIGINT AS accrued_idr,"
        " coalesce(sum(amount_idr) FILTER (kind = 'fee'), 0)::BIGINT AS fees_idr,"
        " -coalesce(sum(amount_idr) FILTER (kind IN ('payment', 'refund')), 0)::BIGINT AS paid_idr,"
        " -coalesce(sum(amount_idr) FILTER (kind = 'reversal'), 0)::BIGINT AS reversed_idr"
        " FROM marts.commission_entries WHERE commission_id NOT IN"
        " (SELECT commission_id FROM core.commissions WHERE deleted_at IS NOT NULL) GROUP BY ALL"
    )

    def moved(listed: list[dict[str, Any]]) -> dict[tuple[str, str], tuple[int, ...]]:
        return {
            (row["provider_id"], row["local_month"]): tuple(row[name] for name in names)
            for row in listed
            if any(row[name] for name in names)
        }

    assert moved(rows) == moved(world.truth["ledger"])
    owed = "SELECT provider_id, owed_idr + fees_idr AS owed FROM marts.commission_balances"
    closing = "SELECT provider_id, arg_max(closing_idr, local_month) AS owed FROM marts.commission_ledger GROUP BY 1"
    still_open = Counter(world.truth["open_idr"])
    for query, true in (
        (f"FROM ({owed}) WHERE owed <> 0", still_open),
        # money that went back without a charge taken away is owed again
        (f"FROM ({closing}) WHERE owed <> 0", still_open + Counter(world.truth["refunded_idr"])),
    ):
        found = {row["provider_id"]: row["owed"] for row in world.rows(query)}
        assert found == {provider: amount for provider, amount in true.items() if amount}


def test_what_came_in_on_every_day_is_true(world: Read) -> None:
    names = ("bookings", "booked_idr", "completed_idr", "collected_idr")
    rows = world.rows("SELECT *, local_date::VARCHAR AS day FROM marts.revenue_daily")
    found = {row["day"]: tuple(row[n] for n in names) for row in rows if any(row[n] for n in names)}
    true = {day: tuple(figures[n] for n in names) for day, figures in world.truth["revenue_daily"].items()}
    assert found == {day: figures for day, figures in true.items() if any(figures)}


def _differing(found: dict[Any, tuple[Any, ...]], true: dict[Any, tuple[Any, ...]]) -> dict[Any, Any]:
    keys = found.keys() | true.keys()
    return {key: (found.get(key), true.get(key)) for key in keys if found.get(key) != true.get(key)}


def test_the_accounts_of_a_months_package_close_and_are_true(world: Read) -> None:
    """The simulator keeps its own books, and knows nothing of ours."""
    at = UNTIL.replace(tzinfo=None)
    november = Asked(date(2026, 11, 1), date(2026, 12, 1), None, at, "Asia/Makassar")

    def rows_of(table: PackageTable) -> list[dict[str, Any]]:
        return [row for frame in table.rows(world.con, november) for row in frame.iter_rows(named=True)]

    lines = rows_of(bridges.TABLE)
    ends = [row for row in lines if row["kind"] == "difference"]
    assert {row["bridge"] for row in ends} == set(BRIDGES)
    assert [row for row in ends if row["amount_idr"] != 0] == []
    owed = Counter(world.truth["open_idr"])
    closing = {
        row["provider_id"]: row["closing_idr"] for row in rows_of(ledger.TABLE) if row["line"] == "provider"
    }
    true = owed + Counter(world.truth["refunded_idr"])
    assert {provider: amount for provider, amount in closing.items() if amount} == {
        provider: amount for provider, amount in true.items() if amount
    }
    told = {
        row["provider_id"]: row["amount_idr"] for row in rows_of(statements.TABLE) if row["line"] == "owed"
    }
    assert {provider: amount for provider, amount in told.items() if amount} == {
        provider: amount for provider, amount in owed.items() if amount
    }
    collected = {
        str(row["local_date"]): row["amount_idr"]
        for row in lines
        if (row["bridge"], row["line"]) == ("collected_day", "collected") and row["amount_idr"]
    }
    days = {day: figures["collected_idr"] for day, figures in world.truth["revenue_daily"].items()}
    assert collected == {day: amount for day, amount in days.items() if amount and day >= "2026-11-01"}


def test_every_booking_is_read_as_it_is(world: Read) -> None:
    plain = ("status", "source", "mode", "amount_idr", "amount_rule", "is_test")
    instants = ("created_at", "starts_at", "accepted_at", "completed_at")
    rows = world.rows("FROM core.bookings WHERE deleted_at IS NULL")
    found = {
        (row["booking_id"], row["origin"]): tuple(row[n] for n in plain)
        + tuple(_text(row[n]) for n in instants)
        for row in rows
    }
    true = {
        (booking.partition(":")[0], facts["origin"]): tuple(facts[n] for n in (*plain, *instants))
        for booking, facts in world.truth["bookings"].items()
    }
    assert not _differing(found, true)


def test_every_commission_is_read_as_it_is(world: Read) -> None:
    plain = ("commission_idr", "booking_amount_idr", "rate_ppm", "status", "is_live", "source")
    instants = ("created_at", "deadline_at", "paid_at")
    rows = world.rows("FROM core.commissions WHERE deleted_at IS NULL")
    found = {
        row["commission_id"]: tuple(row[n] for n in plain) + tuple(_text(row[n]) for n in instants)
        for row in rows
    }
    true = {
        record: tuple(facts[n] for n in (*plain, *instants))
        for record, facts in world.truth["commissions"].items()
    }
    assert not _differing(found, true)


def _text(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat(timespec="milliseconds") + "Z"


def test_every_booking_of_a_therapist_at_two_doors_is_found_and_no_other(world: Read) -> None:
    rows = world.rows("FROM marts.booking_anomalies WHERE anomaly = 'overlapping_bookings'")
    assert Counter(row["booking_id"] for row in rows) == Counter(world.truth["overlapping_bookings"])
    assert len(rows) == world.truth["sizes"]["overlapping_bookings"]


def test_every_value_that_cannot_be_trusted_is_told_and_no_other(world: Read) -> None:
    """Of the collections that are read here, and of the codes whose rows the simulator knows."""
    gone = {row for counted in world.truth["counts"].values() for row in counted["deleted"]}
    found: dict[str, set[str]] = defaultdict(set)
    for row in world.rows("FROM marts.data_findings"):
        code = row["finding"]
        if row["collection"] == "commission_records" and code == "status_unknown":
            code = "commission_status_unknown"
        elif row["collection"] == "commission_records" and code == "amount_in_thousands":
            continue
        if row["row_id"] not in gone:
            found[code].add(row["row_id"])
    written = {*world.truth["bookings"], *world.truth["commissions"]}
    written.update(row for counted in world.truth["counts"].values() for row in counted["quarantined"])
    for code, rows in world.truth["data_findings"].items():
        # messages and notifications are not read here
        true = {row for row in rows if row in written}
        assert true, f"the simulator writes some of {code}"
        assert found[code] == true, code
