"""Schedules somebody stopped in Dagster: found in its file, told by `status` and as an alert, and when they go on."""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Iterator

import pytest
from dagster import DagsterInstance, DefaultScheduleStatus, DefaultSensorStatus
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    GrpcServerCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    ScheduleInstigatorData,
    SensorInstigatorData,
)

from pipelines import stopped as stopped_module
from pipelines.cli import status as status_command
from pipelines.definitions import defs
from pipelines.environment import prepare
from pipelines.stopped import SCHEDULES, SENSORS, StoppedWatch, code_socket, names, stopped
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import load_settings
from resources.status_file import write_status
from tests.resources.receiver import Receiver


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Home:
    # Not tmp_path, which has the test's name in it: a socket must fit into the home.
    folder = tmp_path_factory.mktemp("s")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BOOKWATCH_HOME", str(folder / "h"))
    return prepare(load_settings().home)


@pytest.fixture
def dagster(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[DagsterInstance]:
    with DagsterInstance.from_config(str(home.dagster)) as instance:
        yield instance


def put(instance: DagsterInstance, name: str, status: InstigatorStatus, socket: str) -> None:
    """As Dagster's own commands and pages do it."""
    place = GrpcServerCodeLocationOrigin(host="localhost", socket=socket)
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(place, "__repository__"), name)
    kind = InstigatorType.SCHEDULE if name in SCHEDULES else InstigatorType.SENSOR
    data = ScheduleInstigatorData("* * * * *") if name in SCHEDULES else SensorInstigatorData()
    state = InstigatorState(origin, kind, status, data)
    known = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)


def test_all_that_runs_by_itself_is_watched() -> None:
    assert {schedule.name for schedule in defs.schedules or ()} == set(SCHEDULES)
    assert {sensor.name for sensor in defs.sensors or ()} == set(SENSORS)
    assert {s.default_status for s in defs.schedules or ()} == {DefaultScheduleStatus.RUNNING}
    assert {s.default_status for s in defs.sensors or ()} == {DefaultSensorStatus.RUNNING}


def test_what_dagster_keeps_as_stopped_is_found(home: Home, dagster: DagsterInstance) -> None:
    assert stopped(home) == ()
    socket = str(code_socket(home))
    put(dagster, "every_minute", InstigatorStatus.DECLARED_IN_CODE, socket)
    assert stopped(home) == ()
    put(dagster, "failed_runs", InstigatorStatus.STOPPED, socket)
    put(dagster, "every_minute", InstigatorStatus.STOPPED, socket)
    put(
        dagster, "hourly_sweep", InstigatorStatus.STOPPED, "/elsewhere/dagster/tmp/code.sock"
    )  # the home was moved
    found = stopped(home)
    assert found is not None
    assert names(found) == "every_minute, failed_runs"
    assert found[0].start_again(home) == (
        f"DAGSTER_HOME={home.dagster} dagster schedule start every_minute --grpc-socket {socket}"
    )
    assert " dagster sensor start failed_runs " in found[1].start_again(home)
    put(dagster, "failed_runs", InstigatorStatus.RUNNING, socket)
    put(dagster, "every_minute", InstigatorStatus.RUNNING, socket)
    assert stopped(home) == ()


def test_a_home_never_served_has_none_and_a_file_that_cannot_be_read_is_no_answer(home: Home) -> None:
    assert stopped(home) == ()
    path = home.dagster / "schedules" / "schedules.db"
    path.parent.mkdir()
    path.touch()
    assert stopped(home) == ()
    path.write_bytes(b"no database at all, but longer than the head of one" * 10)
    assert stopped(home) is None
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE instigators (status, instigator_body)")
        db.execute("INSERT INTO instigators VALUES ('STOPPED', '{}')")
    assert stopped(home) is None


def test_status_says_what_is_stopped_and_how_it_goes_on(
    home: Home, dagster: DagsterInstance, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(dagster, "every_minute", InstigatorStatus.STOPPED, str(code_socket(home)))
    with pytest.raises(BookwatchError, match="no run"):
        status_command.status()
    assert "dagster schedule start every_minute" in capsys.readouterr().out
    write_status(home, {"version": 1})
    status_command.status(json=True)
    [told] = json.loads(capsys.readouterr().out)["schedules_stopped"]
    assert told["name"] == "every_minute"
    assert told["start_again"].startswith("DAGSTER_HOME=")
    monkeypatch.setattr(status_command, "stopped", lambda home: None)
    status_command.status(json=True)
    assert json.loads(capsys.readouterr().out)["schedules_stopped"] is None


def test_a_full_disk_ends_nothing_that_is_served(
    home: Home, dagster: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(dagster, "every_minute", InstigatorStatus.STOPPED, str(code_socket(home)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stopped_module, "show_alerts", full)
    assert "No space left" in StoppedWatch(load_settings()).look()


def test_people_are_told_at_the_next_look_and_again_when_it_goes_on(
    home: Home, dagster: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        monkeypatch.setenv("BOOKWATCH_ALERT_URLS", f"json://{receiver.address}/alerts")
        watch = StoppedWatch(load_settings())
        assert watch.look() == ""
        assert not home.ledger.exists()
        put(dagster, "every_minute", InstigatorStatus.STOPPED, str(code_socket(home)))
        assert "every_minute" in watch.look()
        assert watch.look() == "", "said once"
        [message] = receiver.taken
        assert "schedule_stopped" in message["message"]
        assert "every_minute" in message["message"]
        put(dagster, "every_minute", InstigatorStatus.RUNNING, str(code_socket(home)))
        watch.look()
        assert len(receiver.taken) == 2
        assert "RESOLVED" in json.dumps(receiver.taken[1]).upper()
