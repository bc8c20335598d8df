"""The plain run and the same run through Dagster: same verdicts, same alerts, same failures; Dagster's public API."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dagster import AssetCheckKey, AssetKey, DagsterInstance, ExecuteInProcessResult

from checks import verdicts
from pipelines.dagster.jobs import MAIN_JOB
from pipelines.dagster.telling import Telling
from pipelines.definitions import build_definitions
from pipelines.environment import prepare
from pipelines.run import run as run_once
from resources.home import Home
from resources.run_report import CheckOutcome, RunReport
from resources.settings import load_settings
from tests.bookwatch_process import ROOT, settings_for
from tests.marketplace_tables import REQUIRED_TABLES, Marketplace
from tests.sandbox_server import SandboxProcess
from tests.server_second import after_this_second

NOW = "2026-11-22T04:00:00Z"
LONG_AGO = "2026-09-01T04:00:00Z"
PEAK_HOURS = AssetKey(["marts", "peak_hours"])


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxProcess]:
    """A completed booking that owes a commission, of which there is no record."""
    with SandboxProcess("--empty") as process:
        Marketplace(process, REQUIRED_TABLES).add(
            "bookings", "b1", status="completed", totalCost=100_000, userId="u", source="chat",
            providerId="t1", providerType="therapist", createdAt=LONG_AGO, completedAt=LONG_AGO,
        )  # fmt: skip
        after_this_second()
        yield process


@dataclass
class Homes:
    """A home for each way, and the environment that names it."""

    folder: Path
    patch: pytest.MonkeyPatch

    def enter(self, name: str) -> Home:
        self.patch.setenv("BOOKWATCH_HOME", str(self.folder / name))
        return prepare(load_settings())

    def plain(self, name: str = "plain") -> RunReport:
        self.enter(name)
        return run_once(load_settings())

    def dagster(self, name: str = "dagster", **asked: Any) -> ExecuteInProcessResult:
        self.enter(name)
        definitions = build_definitions()
        job = (
            definitions.resolve_implicit_global_asset_job_def()
            if asked
            else definitions.resolve_job_def(MAIN_JOB)
        )
        with DagsterInstance.get() as instance:
            return job.execute_in_process(instance=instance, raise_on_error=False, **asked)

    def status(self, name: str) -> dict[str, Any]:
        return json.loads((self.folder / name / "published" / "status.json").read_bytes())


@pytest.fixture
def homes(server: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Homes:
    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_")):
            monkeypatch.delenv(name)
    for name, value in {**settings_for(server), "BOOKWATCH_NOW": NOW, "BOOKWATCH_SAFETY_LAG": "0"}.items():
        monkeypatch.setenv(name, value)
    return Homes(tmp_path, monkeypatch)


Verdict = tuple[str, str, bool, str, int]


def verdict(check: CheckOutcome) -> Verdict:
    severity = "ERROR" if check.blocking else "WARN"
    return check.asset, check.check_name, check.passed, severity, check.failed_rows


def evaluated(told: Any) -> Verdict:
    rows = told.metadata["failed_rows"].value
    return told.asset_key.to_user_string(), told.check_name, told.passed, told.severity.value, rows


def alerts(status: dict[str, Any]) -> list[Any]:
    return sorted(
        (alert["alert_id"], alert["severity"], alert["summary"], alert["detail"], alert["figure"])
        for alert in [*status["alerts"], *status["alerts_pending"]]
    )


def test_a_planted_fault_gives_the_same_verdicts_and_the_same_alert_both_ways_and_told_by_watch(
    homes: Homes,
) -> None:
    through = homes.dagster()
    plain = homes.plain()
    made = {verdict(check) for check in plain.checks}
    assert ("marts/commission_findings", "no_missing", False, "WARN", 1) in made
    assert {evaluated(told) for told in through.get_asset_check_evaluations()} == made
    assert len(made) == len(plain.checks) > 80
    ours, theirs = homes.status("plain"), homes.status("dagster")
    assert alerts(ours) == alerts(theirs)
    assert any(alert[0].startswith("no_missing{") for alert in alerts(ours))
    assert (ours["checks"], ours["health"], ours["run"]["exit_status"]) == (
        theirs["checks"],
        theirs["health"],
        theirs["run"]["exit_status"],
    )
    # What `watch` does with the report of a plain run.
    said: list[str] = []
    with Telling(said.append) as dagster:
        dagster.take(plain)
    assert said == []
    keys = [AssetCheckKey(AssetKey(check.asset.split("/")), check.check_name) for check in plain.checks]
    with DagsterInstance.get() as instance:
        records = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
        told = [record.event.dagster_event.event_specific_data for record in records.values() if record.event]
        assert {evaluated(one) for one in told} == made
        event = instance.get_latest_materialization_event(PEAK_HOURS)
        assert event is not None
        assert event.run_id == ""


def test_one_mart_can_be_asked_of_dagster_by_name(homes: Homes) -> None:
    home = homes.enter("one")
    homes.plain("one")

    def scans() -> list[Any]:
        with duckdb.connect(str(home.warehouse), read_only=True) as con:
            return con.sql("SELECT collection, outcome, completed_at FROM ops.scans ORDER BY 1").fetchall()

    before = scans()
    assert before
    done = homes.dagster("one", asset_selection=[PEAK_HOURS])
    assert done.success
    [made] = done.asset_materializations_for_node("marts")
    assert made.asset_key == PEAK_HOURS
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        ((rows,),) = con.execute("SELECT count(*) FROM marts.peak_hours").fetchall()
    assert made.metadata["dagster/row_count"].value == rows
    sql = Path(str(made.metadata["sql"].value)).read_text(encoding="utf-8")
    assert sql.startswith(("SELECT", "WITH"))
    assert '"bookings"' in sql
    assert [told.check_name for told in done.get_asset_check_evaluations()] == ["marts_peak_hours_schema"]
    assert scans() == before, "nothing was read, so nothing else is known of the scans"


def test_a_blocking_check_and_a_failing_step_end_both_ways_alike(
    homes: Homes, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = verdicts.CORE.checks[0].name
    real = verdicts.CORE.make

    def blocking(found: RunReport, checks: Sequence[Any]) -> list[CheckOutcome]:
        first, *others = real(found, checks)
        return [replace(first, passed=False, failed_rows=3), *others]

    with monkeypatch.context() as broken:
        broken.setitem(verdicts.CORE.__dict__, "make", blocking)
        blocked = homes.plain("blocked")
        through = homes.dagster("blocked-dagster")
    assert blocked.failure is not None
    assert str(blocked.failure).startswith(f"Nothing was published: {name} failed.")
    assert blocked.built is None
    told = {one.asset_key.path[0] for one in through.get_asset_check_evaluations()}
    assert told == {"raw", "core"}, "what is made of it is not"
    ours, theirs = homes.status("blocked"), homes.status("blocked-dagster")
    assert ours["run"]["message"] == theirs["run"]["message"] == str(blocked.failure)
    assert ours["checks"] == theirs["checks"]
    assert alerts(ours) == alerts(theirs)

    def explode(*_: object, **__: object) -> None:
        raise ValueError("could not convert 'Ibu Sari +62811'")

    monkeypatch.setattr("assets.marts.make.compare_closed_months", explode)
    failed = homes.plain("failed")
    through = homes.dagster("failed-dagster")
    assert not through.success
    assert "'marts' failed (ValueError" in str(failed.failure)
    ours, theirs = homes.status("failed"), homes.status("failed-dagster")
    assert ours["run"]["message"] == theirs["run"]["message"] == str(failed.failure)
    assert alerts(ours) == alerts(theirs)
    kept = [path for path in (homes.folder / "failed-dagster" / "dagster").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if b"Ibu Sari" in path.read_bytes()]


ROOMS = ("marketplace", "resources", "checks", "assets", "pipelines", "dashboards", "notebooks", "sandbox")


def test_no_private_module_of_dagster_is_imported() -> None:
    private = re.compile(r"(?:from|import)\s+dagster\w*\._|[\"']dagster\w*\._")
    files = [path for room in (*ROOMS, "benchmarks", "tests") for path in (ROOT / room).rglob("*.py")]
    assert len(files) > 300
    assert [str(path) for path in files if private.search(path.read_text())] == []


def test_a_plain_run_loads_no_dagster() -> None:
    asked = "import sys, pipelines.run, pipelines.cli.watch, pipelines.dagster.telling; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "duckdb" in loaded
    assert not loaded & {"dagster", "dagster_webserver", "sqlalchemy"}
