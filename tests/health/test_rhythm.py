"""When runs start and what becomes of old ones: schedules, freshness policies, Dagster's history, watch."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dagster import (
    AssetCheckEvaluation,
    AssetCheckResult,
    AssetKey,
    AssetMaterialization,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    RunRequest,
    SkipReason,
    asset,
    asset_check,
    build_schedule_context,
    materialize,
)

from pipelines.cli import watch
from pipelines.dagster.history import delete_old_runs
from pipelines.dagster.jobs import KEEP_RUNS_FOR, MAIN_JOB, SWEEP_JOB
from pipelines.environment import prepare
from pipelines.schedules import every_minute, hourly_sweep
from resources.errors import BookwatchError
from resources.home import Home
from resources.lock import run_lock
from resources.run_report import Run, RunOrder, RunReport, SweepOrder
from resources.settings import Settings, load_settings
from resources.sweep_mark import mark_sweep

AT = datetime(2026, 11, 22, 10, 7, tzinfo=UTC)


@asset
def rows() -> None: ...


@asset_check(asset=rows)
def holds() -> AssetCheckResult:
    return AssetCheckResult(passed=True)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    return prepare(load_settings())


@pytest.fixture
def instance(home: Home) -> Generator[DagsterInstance]:
    with DagsterInstance.get() as instance:
        yield instance


def started(instance: DagsterInstance, job: str) -> DagsterRun:
    return instance.add_run(DagsterRun(job, status=DagsterRunStatus.STARTED))


def test_the_main_job_runs_every_minute_and_is_skipped_while_one_runs(instance: DagsterInstance) -> None:
    def asked(at: datetime = AT) -> object:
        return every_minute(build_schedule_context(instance=instance, scheduled_execution_time=at))

    assert isinstance(asked(), RunRequest)
    for job in (MAIN_JOB, SWEEP_JOB):
        run = started(instance, job)
        assert isinstance(asked(), SkipReason)
        instance.delete_run(run.run_id)
    assert every_minute.cron_schedule == "* * * * *"


def test_a_run_from_the_command_line_is_one_too(home: Home, instance: DagsterInstance) -> None:
    with run_lock(home):
        context = build_schedule_context(instance=instance, scheduled_execution_time=AT)
        assert isinstance(every_minute(context), SkipReason)


def test_the_hourly_sweep_is_asked_for_until_the_hour_has_one(instance: DagsterInstance) -> None:
    # Dagster dates a run by the real clock.
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)

    def asked(minute: int) -> object:
        at = hour.replace(minute=minute)
        return hourly_sweep(build_schedule_context(instance=instance, scheduled_execution_time=at))

    assert isinstance(asked(41), RunRequest)
    busy = started(instance, MAIN_JOB)
    assert isinstance(asked(41), SkipReason)
    instance.delete_run(busy.run_id)
    assert isinstance(asked(46), RunRequest)


def test_every_layer_has_a_freshness_policy() -> None:
    from pipelines.dagster.graph import ASSETS

    policies = {key: spec.freshness_policy for made in ASSETS for key, spec in made.specs_by_key.items()}
    late = {key for key, policy in policies.items() if policy is None}
    assert late == {AssetKey(["ops", "check_results"])}
    assert {key.path[0] for key in policies} == {"raw", "core", "marts", "ops", "published"}


def left_of(home: Home, run_id: str) -> list[Path]:
    return list(home.dagster.rglob(f"*{run_id}*"))


def test_old_runs_go_with_their_files_young_ones_stay(home: Home, instance: DagsterInstance) -> None:
    first, second = (materialize([rows, holds], instance=instance).run_id for _ in range(2))
    active = started(instance, MAIN_JOB).run_id
    assert left_of(home, first)
    now = datetime.now(UTC)
    assert delete_old_runs(instance, load_settings(), before=now - KEEP_RUNS_FOR) == 0
    assert delete_old_runs(instance, load_settings(), before=now + timedelta(minutes=1), limit=1) == 1
    assert left_of(home, first) == []
    assert left_of(home, second)
    assert delete_old_runs(instance, load_settings(), before=now + timedelta(minutes=1)) == 1
    assert left_of(home, second) == []
    assert [run.run_id for run in instance.get_runs()] == [active]
    third = materialize([rows, holds], instance=instance)
    assert third.success
    assert timedelta(days=7) == KEEP_RUNS_FOR


def test_of_what_was_told_outside_of_a_run_the_newest_stays(home: Home, instance: DagsterInstance) -> None:
    for passed in (True, False):
        instance.report_runless_asset_event(AssetMaterialization("rows"))
        told = AssetCheckEvaluation(asset_key=AssetKey("rows"), check_name="holds", passed=passed)
        instance.report_runless_asset_event(told)
    with closing(sqlite3.connect(home.dagster / "history" / "runs" / "index.db")) as db:

        def kept() -> tuple[int, int]:
            events = db.execute("SELECT count(*) FROM event_logs WHERE run_id = ''").fetchone()
            verdicts = db.execute("SELECT count(*) FROM asset_check_executions").fetchone()
            return events[0], verdicts[0]

        delete_old_runs(instance, load_settings(), before=datetime.now(UTC) - KEEP_RUNS_FOR)
        assert kept() == (4, 2)
        delete_old_runs(instance, load_settings(), before=datetime.now(UTC) + timedelta(minutes=1))
        assert kept() == (2, 1)
    assert instance.get_latest_materialization_event(AssetKey("rows")) is not None


# watch


def report_of(settings: Settings, **state: Any) -> RunReport:
    return RunReport(Run(settings, "r", 1, AT), **state)


def test_a_sweep_is_due_where_the_last_hour_had_none_whoever_made_it(home: Home) -> None:
    settings = load_settings()
    assert watch.sweep_due(settings, None)
    mark_sweep(home)
    assert not watch.sweep_due(settings, None)
    hour_ago = time.time() - 3_600
    os.utime(home.swept, (hour_ago, hour_ago))
    assert watch.sweep_due(settings, 3_600.0)
    assert not watch.sweep_due(settings, 3_599.0), "its own, where the mark could not be written"
    tomorrow = time.time() + 86_400
    os.utime(home.swept, (tomorrow, tomorrow))
    assert watch.sweep_due(settings, None), "the clock was set back"


def test_a_sweep_by_hand_is_the_hours_also_for_the_schedule(home: Home, instance: DagsterInstance) -> None:
    at = datetime.now(UTC).replace(minute=41, second=0, microsecond=0)
    context = build_schedule_context(instance=instance, scheduled_execution_time=at)
    assert isinstance(hourly_sweep(context), RunRequest)
    mark_sweep(home)
    os.utime(home.swept, (at.timestamp(), at.timestamp()))
    if at <= datetime.now(UTC):
        assert isinstance(hourly_sweep(context), SkipReason)


def test_watch_sweeps_with_the_second_turn_and_then_once_an_hour(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[SweepOrder | None] = []

    def run(settings: Settings, order: RunOrder) -> RunReport:
        assert order.quiet
        orders.append(order.sweep)
        return report_of(settings)

    monkeypatch.setattr("pipelines.run.run", run)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    watch.watch(every=1, runs=3)
    assert orders == [None, SweepOrder(), None]


def test_a_watch_that_is_stopped_amid_a_run_ends(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(settings: Settings, order: RunOrder) -> RunReport:
        return report_of(settings).fail(BookwatchError("It was stopped."), stopped=True)

    monkeypatch.setattr("pipelines.run.run", run)
    with pytest.raises(KeyboardInterrupt):
        watch.watch(every=1, runs=3)
