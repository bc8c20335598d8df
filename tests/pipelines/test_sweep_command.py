"""`bookwatch sweep`: what vanished in Appwrite reaches the figures, a mass delete is held back, the schedule waits."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from json import loads
from pathlib import Path
from typing import Any

import pytest
import requests
from dagster import DagsterInstance, DagsterRunStatus, RunRequest, SkipReason, build_schedule_context

from checks.sources import SWEEP_CHECKS
from pipelines.cli.sweep import sweep
from pipelines.dagster.jobs import DEEP_TAG, MAIN_JOB, SWEEP_JOB
from pipelines.definitions import build_definitions
from pipelines.run import run as run_once
from pipelines.schedules import deep_due, every_minute, hourly_sweep
from resources.errors import RunActive
from resources.home import Home
from resources.lock import run_lock
from resources.run_report import CollectionSweep
from resources.settings import load_settings
from tests.bookwatch_process import Bookwatch, settings_for
from tests.marketplace_tables import Marketplace
from tests.sandbox_server import SandboxProcess

NOW = "2026-03-10T12:00:00Z"
AT = "2026-03-10T03:00:00.000+00:00"
BACKDATED = "2026-01-01T00:00:00.000+00:00"
BOOKING = {
    "status": "completed",
    "source": "bookingButton",
    "mode": "immediate",
    "totalCost": 250_000,
    "duration": 60,
    "providerId": "p1",
    "startTime": "2026-03-10T03:30:00Z",
    "customerName": "Wayan Sutedja",
}


@pytest.fixture(scope="module")
def world(
    empty_sandbox: SandboxProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Bookwatch, Marketplace, SandboxProcess]]:
    """Sixty bookings with a commission each, mirrored once. The commands run in this process."""
    with empty_sandbox.own_database() as server, pytest.MonkeyPatch.context() as patch:
        market = Marketplace(server)
        record = {"bookingAmount": 250_000, "commissionRate": 0.3, "commissionAmount": 75_000}
        dates = {"$createdAt": AT, "$updatedAt": AT}
        market.add_many(
            "bookings",
            [
                {"$id": f"b{n}", **dates, "bookingId": f"BK{n}", "userId": f"u{n}", **BOOKING}
                for n in range(60)
            ],
        )
        market.add_many(
            "commission_records",
            [
                {"$id": f"c{n}", **dates, "bookingId": f"b{n}", "paymentStatus": "pending", **record}
                for n in range(60)
            ],
        )
        folder = tmp_path_factory.mktemp("sweep")
        watch = Bookwatch(folder / "home", {**settings_for(server), "BOOKWATCH_NOW": NOW})
        patch.chdir(folder)
        for name, value in watch.env().items():
            patch.setenv(name, value)
        assert run_once(load_settings()).failure is None
        yield watch, market, server


def swept(status: int, *, json: bool = True, accept_deletes: bool = False, deep: bool = True) -> str:
    """What the command prints. Asserts the exit status."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert sweep(deep=deep, accept_deletes=accept_deletes, json=json) == status
    return out.getvalue()


def test_deletes_and_backdated_rows_reach_the_figures(
    world: tuple[Bookwatch, Marketplace, SandboxProcess],
) -> None:
    watch, market, server = world
    market.remove("commission_records", "c1")
    market.remove("bookings", "b2")
    server.load_rows(
        "bookings",
        [{"$id": "late", "$createdAt": BACKDATED, "bookingId": "BKlate", "userId": "late", **BOOKING}],
    )
    report = loads(swept(10, deep=False))
    assert (
        sum(c["deleted"] + c["inserted"] for c in report["collections"]) == 0
    )  # the plain scan sees none of it
    found = {s["collection"]: s for s in report["sweeps"]}
    assert (found["bookings"]["deleted"], found["bookings"]["repaired"]) == (1, 1)
    assert (found["commission_records"]["deleted"], found["commission_records"]["repaired"]) == (1, 0)
    assert all(s["server_rows"] == s["mirror_rows"] for s in report["sweeps"])
    assert not [name for name in report["failing_checks"] if name.endswith("_rows_match_source")]
    vanished = watch.rows("SELECT commission_id FROM marts.commission_findings WHERE finding = 'vanished'")
    assert vanished == [{"commission_id": "c1"}]
    assert living(watch) == 60
    entered = watch.rows(
        "SELECT deleted FROM ops.ingest_runs WHERE run_id LIKE '%-sweep' AND collection = 'bookings'"
    )
    assert entered == [{"deleted": 1}]


def living(watch: Bookwatch) -> int:
    return watch.rows("SELECT count(*) AS n FROM core.bookings WHERE deleted_at IS NULL")[0]["n"]


def silently_changed(server: SandboxProcess, booking: str) -> int:
    """Change what a booking costs under an unchanged $updatedAt; the new amount."""
    row = f"{server.endpoint}/tablesdb/{server.database}/tables/bookings/rows/{booking}"
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key}
    before = requests.get(row, headers=headers, timeout=10).json()
    data = {"totalCost": before["totalCost"] + 1_000, "$updatedAt": before["$updatedAt"]}
    after = requests.patch(row, json={"data": data}, headers=headers, timeout=10).json()
    assert after["$updatedAt"] == before["$updatedAt"]
    return data["totalCost"]


def test_a_mass_delete_is_held_back_until_it_is_accepted_and_a_silent_change_is_repaired_meanwhile(
    world: tuple[Bookwatch, Marketplace, SandboxProcess],
) -> None:
    watch, market, server = world
    before = living(watch)
    amount = silently_changed(server, "b5")
    market.remove("bookings", *(f"b{n}" for n in range(10, 20)))
    said = swept(10, json=False)
    assert f"10 of {before} rows are not in Appwrite, more than 5%: none was marked deleted" in said
    assert "raw_bookings_rows_match_source (10)" in said
    assert living(watch) == before
    assert watch.rows("SELECT amount_idr FROM core.bookings WHERE booking_id = 'b5'") == [
        {"amount_idr": amount}
    ]
    accepted = loads(swept(10, accept_deletes=True))
    assert next(s for s in accepted["sweeps"] if s["collection"] == "bookings")["deleted"] == 10
    assert living(watch) == before - 10


def test_a_sweep_is_refused_while_a_run_holds_the_lock(
    world: tuple[Bookwatch, Marketplace, SandboxProcess],
) -> None:
    watch, _, _ = world
    with run_lock(Home(watch.home)), pytest.raises(RunActive):
        sweep()


@pytest.mark.parametrize(
    ("swept_rows", "passed", "rows"),
    [
        (CollectionSweep("bookings", "complete", server_rows=5, mirror_rows=5), True, 0),
        (CollectionSweep("bookings", "complete", server_rows=5, mirror_rows=7), False, 2),
        (CollectionSweep("bookings", "failed", missing=9, held=True, detail="held"), False, 9),
        (CollectionSweep("bookings", "partial", detail="broke off"), False, 0),
        (None, False, 0),
    ],
)
def test_the_check_says_what_could_not_be_compared(
    swept_rows: CollectionSweep | None, passed: bool, rows: int
) -> None:
    check = next(c for c in SWEEP_CHECKS if c.collection == "bookings")
    result = check.run(swept_rows)
    assert (result.passed, result.failed_rows, result.severity) == (passed, rows, "WARN")
    assert passed or result.broken_rules


def test_the_plain_job_leaves_the_sweep_checks_out() -> None:
    repository = build_definitions().get_repository_def()
    of_sweep = {f"raw_{c.collection}_rows_match_source" for c in SWEEP_CHECKS}

    def checks_of(name: str) -> set[str]:
        return {key.name for key in repository.get_job(name).asset_layer.asset_graph.asset_check_keys}

    assert of_sweep <= checks_of(SWEEP_JOB)
    assert checks_of(SWEEP_JOB) - checks_of(MAIN_JOB) == of_sweep


def test_the_schedules_share_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Home(tmp_path / "home").create()
    hour = datetime.now(UTC).replace(second=0, microsecond=0)
    due, other = hour.replace(minute=41), hour.replace(minute=40)

    def decided(schedule: Any, at: datetime, instance: DagsterInstance) -> bool:
        context = build_schedule_context(instance=instance, scheduled_execution_time=at)
        return not isinstance(schedule(context), SkipReason)

    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:
        assert decided(hourly_sweep, due, instance)
        assert not decided(every_minute, due, instance)
        assert decided(every_minute, other, instance)
        with run_lock(Home(tmp_path / "home")):
            assert not decided(hourly_sweep, due, instance)
        job = build_definitions().resolve_job_def(SWEEP_JOB)
        running = instance.create_run_for_job(job, status=DagsterRunStatus.STARTED)
        assert not decided(hourly_sweep, due, instance)
        assert not decided(every_minute, other, instance)
        instance.delete_run(running.run_id)


def test_the_first_sweep_of_a_night_reads_whole_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BOOKWATCH_TIMEZONE", "Asia/Makassar")  # UTC+8
    monkeypatch.chdir(tmp_path)
    Home(tmp_path / "home").create()
    today = datetime.now(UTC).replace(minute=41, second=0, microsecond=0)
    night, day = today.replace(hour=18), today.replace(hour=4)
    (tmp_path / "dagster").mkdir()
    with DagsterInstance.local_temp(str(tmp_path / "dagster")) as instance:

        def tags(at: datetime) -> dict[str, str]:
            asked = hourly_sweep(build_schedule_context(instance=instance, scheduled_execution_time=at))
            assert isinstance(asked, RunRequest)
            return {name: value for name, value in asked.tags.items() if name == DEEP_TAG}

        assert tags(night) == {DEEP_TAG: "true"}
        assert tags(day) == {}
        job = build_definitions().resolve_job_def(SWEEP_JOB)
        instance.create_run_for_job(job, status=DagsterRunStatus.SUCCESS, tags={DEEP_TAG: "true"})
        assert not deep_due(instance, night - timedelta(days=1))
        assert deep_due(instance, night + timedelta(days=2))
