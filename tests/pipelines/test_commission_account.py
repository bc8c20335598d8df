"""The account in whole runs: a changed closed month from finding to waiver, and a policy that is wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import resources.policy_file as policy_file
from pipelines.cli import main
from pipelines.run import run as run_once
from resources.run_report import RunOrder, RunReport
from resources.settings import Settings, load_settings
from resources.snapshots import current_snapshot, open_snapshot, require_snapshot
from resources.status_file import read_status
from tests.bookwatch_process import settings_for
from tests.marketplace_tables import REQUIRED_TABLES, Marketplace
from tests.sandbox_server import SandboxProcess


@pytest.fixture(scope="module")
def market(empty_sandbox: SandboxProcess) -> Iterator[tuple[SandboxProcess, Marketplace]]:
    with empty_sandbox.own_database() as process:
        market = Marketplace(process, REQUIRED_TABLES)
        old: dict[str, Any] = {"createdAt": "2025-03-10T04:00:00Z", "therapistId": "p1"}
        market.add(
            "bookings", "b1", status="completed", totalCost=250_000, providerId="p1", userId="u", **old
        )
        market.add(
            "commission_records", "c1", bookingId="b1", bookingAmount=250_000, commissionAmount=75_000,
            commissionRate=0.3, paymentStatus="paid", paidAt="2025-03-11T04:00:00Z", **old,
        )  # fmt: skip
        process.a_second_passes()
        yield process, market


@pytest.fixture
def settings(
    market: tuple[SandboxProcess, Marketplace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_")):
            monkeypatch.delenv(name)
    for name, value in {**settings_for(market[0]), "BOOKWATCH_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOKWATCH_SAFETY_LAG", "0")
    return load_settings()


def rows(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with open_snapshot(require_snapshot(settings.home)) as con:
        return con.execute(query).fetchall()


def verdict(run: RunReport, name: str = "no_closed_month_changed") -> tuple[bool, int, str]:
    (check,) = [check for check in run.checks if check.check_name == name]
    return check.passed, check.failed_rows, check.detail


@pytest.mark.slow
def test_a_changed_closed_month_from_finding_to_waiver(
    settings: Settings, market: tuple[SandboxProcess, Marketplace], capsys: pytest.CaptureFixture[str]
) -> None:
    first = run_once(settings)
    assert verdict(first) == (True, 0, "unknown, nothing was compared: there was no snapshot before")
    assert verdict(first, "ledger_balance") == (True, 0, "")
    assert verdict(first, "commission_state")[0]
    assert rows(settings, "SELECT reason, is_newest FROM marts.closed_month_gaps") == [
        ("there was no snapshot before", True)
    ]
    # The same data read again, in whole, changes no figure.
    assert verdict(run_once(settings, RunOrder(full_refresh=True))) == (True, 0, "")
    assert rows(settings, "FROM marts.closed_month_changes") == []

    market[1].change("bookings", "b1", totalCost=300_000)
    market[0].a_second_passes()
    changed = run_once(settings)
    assert changed.snapshot_changed
    assert verdict(changed) == (False, 3, "a figure of a closed month changed")
    before = first.snapshot_id
    with open_snapshot(require_snapshot(settings.home)) as con:
        found = con.execute(
            "SELECT figure, previous_value, current_value FROM marts.closed_month_changes ORDER BY figure"
        ).fetchall()
    assert found == [
        ("booked_idr", 250_000, 300_000),
        ("completed_idr", 250_000, 300_000),
        ("expected_idr", 75_000, 90_000),
    ]
    assert not rows(settings, "FROM marts.commission_findings WHERE finding = 'closed_month_changed'")

    ids = [
        row[0] for row in rows(settings, "SELECT finding_id FROM marts.closed_month_changes ORDER BY figure")
    ]
    assert before is not None
    for finding_id in ids:
        with pytest.raises(SystemExit) as stopped:
            main(["waive", finding_id, "--reason", "price corrected", "--by", "Rani"])
        assert stopped.value.code == 0
    assert "became Rp 90.000." in capsys.readouterr().out
    waived = run_once(settings)
    assert verdict(waived) == (True, 0, "")
    assert rows(settings, "SELECT DISTINCT waived FROM marts.closed_month_changes") == [(True,)]
    told = "SELECT DISTINCT reason, waived_by FROM marts.closed_month_changes JOIN ops.waivers USING (finding_id)"
    assert rows(settings, told) == [("price corrected", "Rani")]


SENTENCE = "Rules 'a' and 'b' of the default overlap"
OVERLAP = """
name = "two at a time"
[[rules]]
version = "a"
rate_ppm = 300_000
fee_idr = 25_000
deadline_hours = 3
grace_minutes = 2
restriction_minutes = 30
[[rules]]
version = "b"
rate_ppm = 250_000
fee_idr = 25_000
deadline_hours = 3
grace_minutes = 2
restriction_minutes = 30
"""


def test_a_wrong_policy_is_one_sentence_before_anything_is_read(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "commission_policy.toml").write_text(OVERLAP)
    monkeypatch.setattr(policy_file, "files", lambda package: tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["run"])
    assert stopped.value.code == 2
    said = capsys.readouterr()
    assert f"The commission policy is wrong: {SENTENCE}." in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert current_snapshot(settings.home) is None
    assert not settings.home.raw.exists()


def test_a_policy_that_turns_wrong_leaves_the_last_snapshot_and_health_unknown(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = run_once(settings)
    (tmp_path / "commission_policy.toml").write_text(OVERLAP)
    monkeypatch.setattr(policy_file, "files", lambda package: tmp_path)
    run = run_once(settings)
    assert run.exit_status == 2
    assert SENTENCE in str(run.failure)
    assert current_snapshot(settings.home) == settings.home.published / f"{good.snapshot_id}.duckdb"
    status = read_status(settings.home)
    assert status is not None
    assert (status["run"]["outcome"], status["health"]["system"]) == ("failed", "unknown")
