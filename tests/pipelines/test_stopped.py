"""Schedules somebody stopped in Dagster: found in its file, told by `status` and as an alert, and when they go on."""

from __future__ import annotations

import errno
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from dagster import DefaultScheduleStatus, DefaultSensorStatus

from pipelines.alerting import turn
from pipelines.cli import status as status_command
from pipelines.definitions import defs
from pipelines.environment import prepare
from pipelines.stopped import CODE, SCHEDULES, SENSORS, StoppedWatch, code_socket, names, stopped
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import load_settings
from resources.status_file import write_status
from tests.bookwatch_process import ROOT
from tests.resources.receiver import Receiver


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Home:
    # Not tmp_path, which has the test's name in it: a socket must fit into the home.
    folder = tmp_path_factory.mktemp("s")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("BOOKWATCH_HOME", str(folder / "h"))
    return prepare(load_settings())


def put(home: Home, name: str, status: str, socket: str) -> None:
    """What Dagster writes of a schedule or sensor, as far as it is read."""
    path = home.dagster / "schedules" / "schedules.db"
    path.parent.mkdir(exist_ok=True)
    place = {"repository_location_origin": {"location_name": f"grpc:localhost:{socket}"}}
    body = json.dumps({"origin": {"job_name": name, "external_repository_origin": place}})
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE IF NOT EXISTS instigators (selector_id UNIQUE, status, instigator_body)")
        db.execute("INSERT OR REPLACE INTO instigators VALUES (?, ?, ?)", (name + socket, status, body))


def dagster_s_own(*words: str) -> None:
    """Dagster's command, as a person gives it."""
    command = [str(Path(sys.executable).parent / "dagster"), *words, "-m", CODE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_what_dagsters_own_command_stops_is_found_until_it_starts_it_again(home: Home) -> None:
    dagster_s_own("schedule", "stop", "every_minute")
    [found] = stopped(load_settings()) or ()
    assert found.start_again(load_settings()).endswith(f"dagster schedule start every_minute -m {CODE}")
    dagster_s_own("schedule", "start", "every_minute")
    assert stopped(load_settings()) == ()


def test_all_that_runs_by_itself_is_watched() -> None:
    assert {schedule.name for schedule in defs.schedules or ()} == set(SCHEDULES)
    assert {sensor.name for sensor in defs.sensors or ()} == set(SENSORS)
    assert {s.default_status for s in defs.schedules or ()} == {DefaultScheduleStatus.RUNNING}
    assert {s.default_status for s in defs.sensors or ()} == {DefaultSensorStatus.RUNNING}


def test_what_dagster_keeps_as_stopped_is_found(home: Home) -> None:
    assert stopped(load_settings()) == ()
    socket = str(code_socket(home))
    put(home, "every_minute", "DECLARED_IN_CODE", socket)
    assert stopped(load_settings()) == ()
    put(home, "failed_runs", "STOPPED", socket)
    put(home, "every_minute", "STOPPED", socket)
    put(home, "hourly_sweep", "STOPPED", "/elsewhere/dagster/tmp/code.sock")  # the home was moved
    found = stopped(load_settings())
    assert found is not None
    assert names(found) == "every_minute, failed_runs"
    assert found[0].start_again(load_settings()) == (
        f"DAGSTER_HOME={home.dagster} dagster schedule start every_minute --grpc-socket {socket}"
    )
    assert " dagster sensor start failed_runs " in found[1].start_again(load_settings())
    put(home, "failed_runs", "RUNNING", socket)
    put(home, "every_minute", "RUNNING", socket)
    assert stopped(load_settings()) == ()


def test_a_home_never_served_has_none_and_a_file_that_cannot_be_read_is_no_answer(home: Home) -> None:
    assert stopped(load_settings()) == ()
    path = home.dagster / "schedules" / "schedules.db"
    path.parent.mkdir()
    path.touch()
    assert stopped(load_settings()) == ()
    path.write_bytes(b"no database at all, but longer than the head of one" * 10)
    assert stopped(load_settings()) is None
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE instigators (status, instigator_body)")
        db.execute("INSERT INTO instigators VALUES ('STOPPED', '{}')")
    assert stopped(load_settings()) is None


def test_status_says_what_is_stopped_and_how_it_goes_on(
    home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(home, "every_minute", "STOPPED", str(code_socket(home)))
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


def test_a_full_disk_ends_nothing_that_is_served(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    put(home, "every_minute", "STOPPED", str(code_socket(home)))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(turn, "show_alerts", full)
    assert "No space left" in StoppedWatch(load_settings()).look()


def test_people_are_told_at_the_next_look_and_again_when_it_goes_on(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        monkeypatch.setenv("BOOKWATCH_ALERT_URLS", f"json://{receiver.address}/alerts")
        watch = StoppedWatch(load_settings())
        assert watch.look() == ""
        assert not home.ledger.exists()
        put(home, "every_minute", "STOPPED", str(code_socket(home)))
        assert "every_minute" in watch.look()
        assert watch.look() == "", "said once"
        [message] = receiver.taken
        assert "schedule_stopped" in message["message"]
        assert "every_minute" in message["message"]
        put(home, "every_minute", "RUNNING", str(code_socket(home)))
        watch.look()
        assert len(receiver.taken) == 2
        assert "RESOLVED" in json.dumps(receiver.taken[1]).upper()
