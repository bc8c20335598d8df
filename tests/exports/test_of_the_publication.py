"""The auditor's report of what the pipeline itself published: every row and every finding of the period is in it, and
its totals are those of plain questions to the snapshot."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketplace.findings import FINDINGS
from pipelines.exports.verify import verify_export
from resources.home import Home
from resources.snapshots import open_snapshot, require_snapshot
from tests.exports.conftest import Outcome
from tests.published import CLOSED_MONTH_BOOKING

IN_NOVEMBER = "local_date >= DATE '2026-11-01' AND local_date < DATE '2026-12-01'"


def _asked(home: Home, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(home)) as con:
        return con.execute(query).fetchall()


@pytest.fixture
def report(
    published_home: Home, cli: Callable[..., Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, list[dict[str, str]]]:
    """The files of November's report by what they hold: rows, findings, summary."""
    monkeypatch.setenv("BOOKWATCH_HOME", str(published_home.root))
    monkeypatch.setenv("BOOKWATCH_NOW", "2026-12-03T00:00:00Z")
    out = tmp_path / "out"
    words = ("export", "commissions", "--from", "2026-11-01", "--to", "2026-12-01", "--out", str(out))
    outcome = cli(*words)
    assert outcome.status == 0, outcome
    assert verify_export(out, published_home.ledger).holds
    stem = f"commissions_2026-11-01_2026-12-01_{require_snapshot(published_home).stem}"
    read = {}
    for name, ending in (("rows", ""), ("findings", "_findings"), ("summary", "_summary")):
        with (out / f"{stem}{ending}.csv").open(encoding="utf-8-sig", newline="") as file:
            read[name] = list(csv.DictReader(file))
    return read


def test_each_row_of_the_month_is_in_it_with_its_money(
    published_home: Home, report: dict[str, list[dict[str, str]]]
) -> None:
    names = ("booking_id", "commission_id", "state", "expected_idr", "actual_idr", "variance_idr")
    expected = _asked(
        published_home, f"SELECT {', '.join(names)} FROM marts.commission_reconciliation WHERE {IN_NOVEMBER}"
    )
    assert len(expected) > 500
    assert Counter(tuple(row[name] for name in names) for row in report["rows"]) == Counter(
        tuple("" if value is None else str(value) for value in row) for row in expected
    )


def test_each_finding_of_the_month_is_in_it(
    published_home: Home, report: dict[str, list[dict[str, str]]]
) -> None:
    # A finding on an account belongs to no month, and the booking of September has one of its own.
    expected = _asked(
        published_home,
        "SELECT finding_id FROM marts.commission_findings WHERE finding <> 'restriction_mismatch'"
        f" AND booking_id IS DISTINCT FROM '{CLOSED_MONTH_BOOKING}'",
    )
    assert sorted(row["finding_id"] for row in report["findings"]) == sorted(row for (row,) in expected)
    assert {row["finding"] for row in report["findings"]} == set(FINDINGS) - {"restriction_mismatch"}


def test_the_summary_adds_up_to_the_rows(report: dict[str, list[dict[str, str]]]) -> None:
    for name in ("expected_idr", "actual_idr"):
        total = sum(int(row[name] or 0) for row in report["rows"])
        assert str(total) in [value for line in report["summary"] for value in line.values()], name
