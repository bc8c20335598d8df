"""Precision and recall: of everything the simulator plants, all is found, and nothing else is.

Each seed is another marketplace of two days. Five of them run with every change; all twenty by `pytest -m long`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from checks.registry import registry_of
from marketplace.findings import FINDINGS
from tests.marts.simulated import Read, read

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
    true = {provider: amount for provider, amount in world.truth["open_idr"].items() if amount}
    owed = "SELECT provider_id, owed_idr + fees_idr AS owed FROM marts.commission_balances"
    # What refunds gave back stands in the account, and is no record that is open.
    closing = (
        "WITH back AS (SELECT e.provider_id, sum(e.amount_idr) AS idr FROM marts.commission_entries e"
        " JOIN core.commissions c ON c.commission_id = e.commission_id AND c.commission_idr < 0 GROUP BY 1)"
        " SELECT l.provider_id, arg_max(l.closing_idr, l.local_month) - coalesce(any_value(b.idr), 0) AS owed"
        " FROM marts.commission_ledger l LEFT JOIN back b ON b.provider_id = l.provider_id GROUP BY 1"
    )
    for query in (f"FROM ({owed}) WHERE owed <> 0", f"FROM ({closing}) WHERE owed <> 0"):
        assert {row["provider_id"]: row["owed"] for row in world.rows(query)} == true
