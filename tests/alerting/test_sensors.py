"""Dagster's failure sensors: a run that could not say how it ended raises an alert, exactly once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dagster import (
    DagsterEvent,
    DagsterEventType,
    DagsterInstance,
    DagsterRun,
    DagsterRunStatus,
    SkipReason,
    build_run_status_sensor_context,
    build_sensor_context,
)

from pipelines.dagster.jobs import MAIN_JOB
from pipelines.sensors import (
    BUSY_TAG,
    RUN_TAG,
    cancelled_runs,
    fail_lost_runs,
    failed_runs,
    lost_runs,
    tell_of_death,
)
from resources.home import Home
from resources.ledger import Ledger
from resources.lock import run_lock
from tests.resources.receiver import Receiver

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def home(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Home:
    mask = os.umask(0o077)
    os.umask(mask)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BOOKWATCH_ALERT_URLS", f"json://{receiver.address}/alerts")
    return Home(tmp_path / "home").create()


def dagster_run(**tags: str) -> DagsterRun:
    return DagsterRun(MAIN_JOB, tags={key.replace("__", "/"): value for key, value in tags.items()})


def test_a_run_that_died_in_its_work_is_told_once_by_whoever_notices_first(
    home: Home, receiver: Receiver
) -> None:
    ledger = Ledger(home.ledger)
    run_id, number = ledger.start_run(NOW)
    died = DagsterRun(MAIN_JOB, tags={RUN_TAG: run_id})
    assert "is an alert" in tell_of_death(died)
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]
    assert f"run {run_id}" in receiver.taken[0]["message"]
    assert ledger.run_ended(run_id) == (number, True)
    assert "told already" in tell_of_death(died)
    _, later = ledger.start_run(NOW)
    assert ledger.dead_runs(before=later) == []
    assert len(receiver.taken) == 1


def test_a_run_that_told_its_end_itself_is_not_told_again(home: Home, receiver: Receiver) -> None:
    ledger = Ledger(home.ledger)
    run_id, number = ledger.start_run(NOW)
    ledger.finish_run(number, NOW, 11, None, "Appwrite is away.")
    assert "told its end itself" in tell_of_death(DagsterRun(MAIN_JOB, tags={RUN_TAG: run_id}))
    assert receiver.taken == []


def test_a_run_that_never_began_is_told(home: Home, receiver: Receiver) -> None:
    run = DagsterRun(MAIN_JOB)
    tell_of_death(run)
    assert f"run {run.run_id}" in receiver.taken[0]["message"]
    assert "page /alerts" in receiver.taken[0]["message"]


def test_a_run_that_found_another_active_is_no_death(home: Home, receiver: Receiver) -> None:
    assert "was none" in tell_of_death(DagsterRun(MAIN_JOB, tags={BUSY_TAG: "true"}))
    assert receiver.taken == []


def test_a_ledger_that_cannot_be_read_keeps_no_death_from_being_told(home: Home, receiver: Receiver) -> None:
    home.ledger.write_bytes(b"no database" * 1_000)
    tell_of_death(DagsterRun(MAIN_JOB, tags={RUN_TAG: "20261122T040000Z-000001"}))
    assert "run_died" in receiver.taken[0]["message"]
    assert "ledger_unreadable" in receiver.taken[0]["message"]


@pytest.mark.parametrize(
    ("sensor", "kind"),
    [(failed_runs, DagsterEventType.RUN_FAILURE), (cancelled_runs, DagsterEventType.RUN_CANCELED)],
)
def test_the_sensors_of_failed_and_cancelled_runs_tell(
    home: Home, receiver: Receiver, sensor: object, kind: DagsterEventType
) -> None:
    with DagsterInstance.ephemeral() as instance:
        run = DagsterRun(MAIN_JOB)
        event = DagsterEvent(event_type_value=kind.value, job_name=MAIN_JOB)
        context = build_run_status_sensor_context("s", event, instance, run)
        chosen = context.for_run_failure() if kind is DagsterEventType.RUN_FAILURE else context
        assert isinstance(sensor(chosen), SkipReason)  # type: ignore[operator] - a sensor called as its function
    assert receiver.titles == ["bookwatch: 1 firing (1 critical)"]


def started(instance: DagsterInstance, *, ago: timedelta) -> DagsterRun:
    run = instance.add_run(DagsterRun(MAIN_JOB, status=DagsterRunStatus.STARTED))
    began = datetime.now(UTC) - ago
    with instance._run_storage.connect() as db:
        db.exec_driver_sql(
            "UPDATE runs SET start_time = ?, create_timestamp = ? WHERE run_id = ?",
            (began.timestamp(), began.strftime("%Y-%m-%d %H:%M:%S.%f"), run.run_id),
        )
    return run


def test_a_started_run_whose_process_is_gone_is_failed_so_that_the_next_may_start(home: Home) -> None:
    now = datetime.now(UTC)
    with DagsterInstance.ephemeral() as instance:
        lost = started(instance, ago=timedelta(minutes=6))
        young = started(instance, ago=timedelta(minutes=4))
        with run_lock(home):
            assert fail_lost_runs(instance, now=now) == []
        assert fail_lost_runs(instance, now=now) == [lost.run_id]
        assert instance.get_run_by_id(lost.run_id).status is DagsterRunStatus.FAILURE
        assert instance.get_run_by_id(young.run_id).status is DagsterRunStatus.STARTED
        told = lost_runs(build_sensor_context(instance=instance))
        assert isinstance(told, SkipReason)
        assert told.skip_message == "No run is lost."
