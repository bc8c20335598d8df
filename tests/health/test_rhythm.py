"""When runs start and what becomes of old ones: schedules, freshness policies, the instance of our own runs, watch."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    AssetCheckResult,
    AssetKey,
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRunStatus,
    RunRequest,
    SkipReason,
    asset,
    asset_check,
    build_schedule_context,
    materialize,
)
from dagster._core.events.log import EventLogEntry
from dagster._core.execution.plan.objects import StepSuccessData
from dagster._core.test_utils import create_run_for_test

from pipelines.cli import watch
from pipelines.environment import prepare
from pipelines.housekeeping import delete_old_runs, delete_surplus_runs
from pipelines.instance import KeptEventLog, own_instance
from pipelines.jobs import KEEP_RUNS_FOR, MAIN_JOB, SWEEP_JOB
from pipelines.schedules import every_minute, hourly_sweep
from resources.home import Home
from resources.lock import run_lock
from resources.run_context import RunContext, SweepOrder
from resources.settings import Settings

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
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "1000")
    return prepare(Home(tmp_path / "home"))


@pytest.fixture
def instance(home: Home) -> Generator[DagsterInstance]:
    with own_instance(home.dagster) as instance:
        yield instance


def test_the_main_job_runs_every_minute_and_is_skipped_while_one_runs(instance: DagsterInstance) -> None:
    def asked(at: datetime = AT) -> object:
        return every_minute(build_schedule_context(instance=instance, scheduled_execution_time=at))

    assert isinstance(asked(), RunRequest)
    for job in (MAIN_JOB, SWEEP_JOB):
        run = create_run_for_test(instance, job_name=job, status=DagsterRunStatus.STARTED)
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
    busy = create_run_for_test(instance, job_name=MAIN_JOB, status=DagsterRunStatus.STARTED)
    assert isinstance(asked(41), SkipReason)
    instance.delete_run(busy.run_id)
    assert isinstance(asked(46), RunRequest)


def test_every_layer_has_a_freshness_policy() -> None:
    from pipelines.graph import ASSETS

    policies = {key: spec.freshness_policy for made in ASSETS for key, spec in made.specs_by_key.items()}
    late = {key for key, policy in policies.items() if policy is None}
    assert late == {AssetKey(["ops", "check_results"])}
    assert {key.path[0] for key in policies} == {"raw", "core", "marts", "ops", "published"}


def test_our_instance_writes_what_dagster_reads(home: Home, instance: DagsterInstance) -> None:
    made = materialize([rows, holds], instance=instance)
    with DagsterInstance.from_config(str(home.dagster)) as dagster_s:
        (run,) = dagster_s.get_runs()
        assert (run.run_id, run.status) == (made.run_id, DagsterRunStatus.SUCCESS)
        ours = [e.dagster_event_type for e in instance.all_logs(made.run_id)]
        assert [e.dagster_event_type for e in dagster_s.all_logs(made.run_id)] == ours
        kinds = {kind.value for kind in ours if kind}
        assert {"ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION", "ASSET_CHECK_EVALUATION"} <= kinds
        event = dagster_s.get_latest_materialization_event(AssetKey("rows"))
        assert event is not None
        assert event.run_id == made.run_id
        keys = [check.key for check in holds.check_specs]
        (summary,) = dagster_s.event_log_storage.get_asset_check_summary_records(keys).values()
        assert summary.last_check_execution_record is not None
        assert summary.last_check_execution_record.run_id == made.run_id


@asset(deps=[rows])
def more() -> None: ...


@asset(deps=[more])
def never() -> None:
    raise ValueError("as it should")


@asset_check(asset=more)
def does_not_hold() -> AssetCheckResult:
    return AssetCheckResult(passed=False)


EVENTS = "SELECT dagster_event_type, asset_key, step_key, partition, run_id <> '' FROM event_logs ORDER BY id"
ASSETS = """
SELECT asset_key, last_materialization IS NOT NULL, last_run_id IS NOT NULL, last_materialization_timestamp IS NOT NULL
FROM asset_keys ORDER BY asset_key
"""
CHECKS = """
SELECT asset_key, check_name, partition, execution_status, evaluation_event_storage_id, materialization_event_storage_id
FROM asset_check_executions ORDER BY asset_key, check_name
"""
TAGS = """
SELECT event_id, asset_key, key, value FROM asset_event_tags
WHERE key NOT IN ('dagster/data_version', 'dagster/code_version') AND key NOT LIKE '%input_data_version%'
ORDER BY event_id, key
"""


def test_a_plain_instance_and_ours_leave_the_same(home: Home, tmp_path: Path) -> None:
    found: list[list[object]] = []
    with own_instance(home.dagster) as ours, DagsterInstance.local_temp(str(tmp_path)) as plain:
        for instance, folder in ((ours, home.dagster), (plain, tmp_path)):
            chosen = [rows, more, never, holds, does_not_hold]
            run_id = materialize(chosen, instance=instance, raise_on_error=False).run_id
            (path,) = folder.rglob(f"{run_id}.db")
            with sqlite3.connect(path) as of_run, sqlite3.connect(path.with_name("index.db")) as of_all:
                found.append([entry.dagster_event_type for entry in instance.all_logs(run_id)])
                found[-1] += of_run.execute(EVENTS).fetchall()
                for query in (EVENTS, ASSETS, CHECKS, TAGS):
                    found[-1] += of_all.execute(query).fetchall()
            run = instance.get_run_by_id(run_id)
            found[-1].append(run and run.status)
    assert found[0] == found[1]
    assert DagsterRunStatus.FAILURE in found[0]
    assert any(row[1:4] == ("does_not_hold", None, "FAILED") for row in found[0] if isinstance(row, tuple))


def test_events_are_written_when_their_step_ends_and_before_anything_is_read(
    instance: DagsterInstance,
) -> None:
    log = instance.event_log_storage
    assert isinstance(log, KeptEventLog)
    run = create_run_for_test(instance, job_name=MAIN_JOB)

    def told(kind: DagsterEventType) -> EventLogEntry:
        data = StepSuccessData(1.0) if kind is DagsterEventType.STEP_SUCCESS else None
        event = DagsterEvent(kind.value, MAIN_JOB, event_specific_data=data)
        return EventLogEntry(None, 10, "", run.run_id, 0.0, job_name=MAIN_JOB, dagster_event=event)

    def written() -> list[object]:
        shard = Path(log.path_for_shard(run.run_id))
        if not shard.exists():
            return []
        with sqlite3.connect(shard) as con:
            return [kind for (kind,) in con.execute("SELECT dagster_event_type FROM event_logs ORDER BY id")]

    log.store_event(told(DagsterEventType.STEP_START))
    log.store_event(told(DagsterEventType.STEP_SKIPPED))
    assert written() == []
    log.store_event(told(DagsterEventType.STEP_SUCCESS))
    assert written() == ["STEP_START", "STEP_SKIPPED", "STEP_SUCCESS"]
    log.store_event(told(DagsterEventType.STEP_START))
    assert [entry.dagster_event_type for entry in log.get_logs_for_run(run.run_id)][-1] is (
        DagsterEventType.STEP_START
    )
    log.store_event(told(DagsterEventType.STEP_SKIPPED))
    instance.dispose()
    assert written()[-1] == "STEP_SKIPPED"


def test_a_reader_amid_a_step_sees_what_the_step_made(instance: DagsterInstance) -> None:
    @asset
    def first() -> None: ...

    seen: list[object] = []

    @asset(deps=[first])
    def second() -> None:
        (record,) = instance.get_asset_records([AssetKey("first")])
        event = record.asset_entry.last_materialization_record
        seen.append(event and event.run_id)

    runs = [materialize([first, second], instance=instance).run_id for _ in range(2)]
    assert seen == runs


def left_of(home: Home, run_id: str) -> list[Path]:
    return list(home.dagster.rglob(f"*{run_id}*"))


def test_old_runs_go_with_their_files_young_ones_stay(home: Home, instance: DagsterInstance) -> None:
    first, second = (materialize([rows, holds], instance=instance).run_id for _ in range(2))
    active = create_run_for_test(instance, job_name=MAIN_JOB, status=DagsterRunStatus.STARTED).run_id
    assert left_of(home, first)
    now = datetime.now(UTC)
    assert delete_old_runs(instance, before=now - KEEP_RUNS_FOR) == 0
    assert delete_surplus_runs(instance, keep=1) == 1
    assert left_of(home, first) == []
    assert left_of(home, second)
    assert delete_old_runs(instance, before=now + timedelta(minutes=1)) == 1
    assert left_of(home, second) == []
    assert [run.run_id for run in instance.get_runs()] == [active]
    third = materialize([rows, holds], instance=instance)
    assert third.success
    assert timedelta(days=7) == KEEP_RUNS_FOR


# watch


def run_context(settings: Settings, **state: object) -> RunContext:
    run = RunContext(settings, "r", 1, AT)
    for name, value in state.items():
        setattr(run, name, value)
    return run


def test_watch_sweeps_when_the_last_hour_had_none(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with own_instance(home.dagster) as instance:
        assert watch.look_after(instance) is True
        create_run_for_test(instance, job_name=SWEEP_JOB, status=DagsterRunStatus.SUCCESS)
        assert watch.look_after(instance) is False
    orders: list[SweepOrder | None] = []

    def execute(settings: Settings, *, quiet: bool, sweep: SweepOrder | None, instance: object) -> RunContext:
        orders.append(sweep)
        return run_context(settings)

    due = iter([True, False])
    monkeypatch.setattr(watch, "execute", execute)
    monkeypatch.setattr(watch, "look_after", lambda _settings: next(due))
    monkeypatch.setattr(watch, "LOOK_S", 0.0)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    watch.watch(every=1, runs=3)
    assert orders == [None, SweepOrder(), None]


def test_a_history_that_cannot_be_read_ends_no_watch(
    instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.housekeeping.delete_old_runs", refuse)
    assert watch.look_after(instance) is False
    assert "could not be looked after (OSError)" in capsys.readouterr().err


def test_a_watch_that_is_stopped_amid_a_run_ends(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    def execute(settings: Settings, *, quiet: bool, sweep: SweepOrder | None, instance: object) -> RunContext:
        return run_context(settings, stopped=True)

    monkeypatch.setattr(watch, "execute", execute)
    with pytest.raises(KeyboardInterrupt):
        watch.watch(every=1, runs=3)
