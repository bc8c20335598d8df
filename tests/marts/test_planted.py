"""Precision and recall: of everything the simulator plants, all is found, and nothing else is.

Each seed is another marketplace of two days. Five of them run with every change; all twenty by `pytest -m long`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from marketplace.findings import FINDINGS
from tests.marts.simulated import Read, read

OFTEN = (101, 102, 103, 104, 105)
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
