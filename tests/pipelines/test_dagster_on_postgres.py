"""Dagster's history in PostgreSQL: what `serve` does there, what stands in its way, and that one alone schedules."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from dagster import AssetMaterialization, DagsterInstance, DagsterRunStatus, RunsFilter
from pydantic import ValidationError

from messages.catalogue import say
from pipelines.dagster.history import FINISHED, delete_old_runs
from pipelines.dagster_storage import examine_storage, make_ready
from pipelines.environment import prepare
from pipelines.scheduling import Hold, Role, holding, the_only_one
from pipelines.stopped import stopped
from resources import postgres
from resources.errors import BUSY, BookwatchError, ServeActive
from resources.settings import Settings
from tests.bookwatch_process import ROOT, Bookwatch, settings_for
from tests.postgres_server import PASSWORD, PASSWORD_IN_URL, PostgresServer, postgres_server
from tests.sandbox_server import SandboxProcess

SECRETS = (PASSWORD, PASSWORD_IN_URL)


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def database(server: PostgresServer, request: pytest.FixtureRequest) -> str:
    return server.database(f"d{abs(hash(request.node.name))}")


def settings_of(home: Path, url: str) -> Settings:
    return Settings(_env_file=None, home=home, dagster_postgres=url)  # pyright: ignore[reportCallIssue] - pydantic-settings


def run_sql(url: str, *statements: str) -> None:
    with postgres.opened(url) as con, con.cursor() as ask:
        for statement in statements:
            ask.execute(statement)


def revision(url: str, number: str) -> None:
    run_sql(
        url,
        f"CREATE SCHEMA {postgres.SCHEMA}",
        "CREATE TABLE alembic_version (version_num text)",
        f"INSERT INTO alembic_version VALUES ('{number}')",
    )


def without_rights(server: PostgresServer, url: str) -> str:
    run_sql(url, "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    return url.replace(f"watcher:{PASSWORD_IN_URL}", "guest:guest")


def read_only(server: PostgresServer, url: str) -> str:
    run_sql(url, f"ALTER DATABASE {url.rsplit('/', 1)[1]} SET default_transaction_read_only = on")
    return url


REFUSED: dict[str, tuple[str, Callable[[PostgresServer, str], str]]] = {
    "away": ("postgres_away", lambda server, url: url.replace(f":{server.port}/", ":1/")),
    "no such host": ("postgres_away", lambda server, url: url.replace("127.0.0.1", "nowhere.invalid")),
    "password": ("postgres_password", lambda server, url: url.replace(PASSWORD_IN_URL, "wrongword")),
    "database": ("postgres_database", lambda server, url: server.url("no_such")),
    "TLS": ("postgres_tls", lambda server, url: url + "?sslmode=require"),
    "rights": ("postgres_rights", without_rights),
    "read only": ("postgres_read_only", read_only),
    "older": ("postgres_older", lambda server, url: revision(url, "7e2f3204cf8e") or url),
    "newer": ("postgres_newer", lambda server, url: revision(url, "ffffffffffff") or url),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_stands_in_the_way_is_one_sentence_in_both_languages_without_the_password(
    server: PostgresServer, database: str, tmp_path: Path, case: str
) -> None:
    code, spoil = REFUSED[case]
    settings = settings_of(tmp_path / "home", spoil(server, database))
    with pytest.raises(BookwatchError) as refused:
        make_ready(settings)
    assert refused.value.why.code == f"failure.{code}"
    told = [say(message, language) for message in refused.value.said for language in ("en", "id")]
    assert len(set(told)) == 4
    for text in (*told, repr(settings), str(refused.value)):
        assert not any(secret in text for secret in (*SECRETS, "wrongword", "guest:")), text
    lines = examine_storage(settings)
    # doctor makes nothing, so it needs no right to
    expected = ["ok"] if case in ("rights", "read only") else ["problem"]
    assert [line.verdict for line in lines] == expected


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user:secret@host/database",
        "postgresql://user:secret@host",
        "postgresql:///database",
        "postgresql://user:sec ret@host/database",
        "postgresql://user:sec#ret@host/database",
        "postgresql://user:secret@host:port/database",
        "postgresql://user:secret@host/database?options=-cx%3Dy",
        "postgresql://user:secret@host,other/database",
    ],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        settings_of(tmp_path, url)
    assert "must be the address of one PostgreSQL database" in str(refused.value)
    assert "sec" not in str(refused.value).replace("user:password", "")


def test_without_it_the_history_is_in_files_and_doctor_says_so(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home", "")
    make_ready(settings)
    [line] = examine_storage(settings)
    assert (line.verdict, "files of BOOKWATCH_HOME" in line.sentence) == ("ok", True)
    prepare(settings)
    assert "postgres" not in (settings.home.dagster / "dagster.yaml").read_text().lower()


def test_the_newest_revision_is_dagsters_own() -> None:
    import dagster

    config = Config()
    config.set_main_option(
        "script_location", str(Path(dagster.__file__).parent / "_core" / "storage" / "alembic")
    )
    scripts = ScriptDirectory.from_config(config)
    newest, known = postgres.revisions()
    assert [newest] == scripts.get_heads()
    assert known == {script.revision for script in scripts.walk_revisions()}


def test_one_alone_schedules_on_a_database_that_two_homes_share(database: str, tmp_path: Path) -> None:
    first, second = (settings_of(tmp_path / name, database) for name in ("first", "second"))
    for settings in (first, second):
        settings.home.create()
        make_ready(settings)
    with the_only_one(first) as hold:
        with pytest.raises(ServeActive) as refused, the_only_one(second):
            pass
        assert refused.value.exit_status == BUSY
        assert refused.value.why.code == "failure.second_on_postgres"
        assert os.uname().nodename[:20] in str(refused.value)
        with pytest.raises(ServeActive, match="schedules runs on this BOOKWATCH_HOME"), the_only_one(first):
            pass
        assert hold.look() == ""
        with holding(first, Role.DAEMON):
            with pytest.raises(ServeActive), holding(second, Role.DAEMON):
                pass
            with (
                pytest.raises(ServeActive, match=f"its process is {os.getpid()}"),
                holding(first, Role.DAEMON),
            ):
                pass
    with the_only_one(second):
        pass


def test_a_hold_that_was_lost_is_taken_again_unless_another_has_it(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    first, second = (settings_of(tmp_path / name, database) for name in ("first", "second"))
    for settings in (first, second):
        settings.home.create()
    with the_only_one(first) as hold:
        server.drop_sessions()
        hold.look()
        with pytest.raises(ServeActive), the_only_one(second):
            pass
        server.drop_sessions()
        with the_only_one(second), pytest.raises(ServeActive, match="Another `bookwatch serve`"):
            hold.look()


HOLDER = """
import sys, time
from pipelines.scheduling import Role, holding
from resources.settings import load_settings
with holding(load_settings(), Role.DAEMON):
    print("held", flush=True)
    time.sleep(600)  # until it is killed
"""


def test_one_that_is_killed_lets_go(database: str, tmp_path: Path) -> None:
    other = settings_of(tmp_path / "other", database)
    other.home.create()
    settings_of(tmp_path / "killed", database).home.create()
    watch = Bookwatch(tmp_path / "killed", {"BOOKWATCH_DAGSTER_POSTGRES": database})
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=watch.env(), cwd=tmp_path, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(ServeActive), the_only_one(other):
            pass
        holder.kill()
        holder.wait(30)
    hold = Hold(other, Role.DAEMON)
    while True:  # the server sees at once that it is gone, and not in the same instant
        try:
            hold.take()
        except ServeActive:
            # another process does it; asking oftener would take the time it needs
            time.sleep(0.05)
        else:
            break
    hold.release()


@pytest.fixture
def shallow() -> Iterator[Path]:
    """Not pytest's own folder: the socket of the code server must fit into the home."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="bw") as folder:
        yield Path(folder)


@pytest.mark.slow
@pytest.mark.timeout(900)  # two minutes of the schedule, on a machine that may do much else
@pytest.mark.parametrize(
    ("marketplace", "outcome"),
    [
        pytest.param(["--empty"], "FAILURE", id="a run that fails at once"),
        pytest.param(
            ["--days", "1", "--seed", "3"], "SUCCESS", id="a run that publishes", marks=pytest.mark.long
        ),
    ],
)
def test_serve_keeps_its_history_there_and_a_second_is_refused(
    database: str, shallow: Path, monkeypatch: pytest.MonkeyPatch, marketplace: list[str], outcome: str
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    home, another = shallow / "home", shallow / "another"
    words = ["serve", "--no-dashboards", "--dagster-port", "0"]
    with SandboxProcess(*marketplace) as sandbox:
        # No backup is due but in the last minute of a day: it would be a run before the first one.
        shared = {
            **settings_for(sandbox),
            "BOOKWATCH_DAGSTER_POSTGRES": database,
            "BOOKWATCH_BACKUP_AT": "23:59",
        }
        watch = Bookwatch(home, shared)
        process = subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            env=watch.env(), cwd=shallow, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            log = home / "dagster" / "daemon.log"
            while not (log.exists() and "SchedulerDaemon" in log.read_text()):
                assert process.poll() is None, process.stdout and process.stdout.read()
                # another process does it; asking oftener would take the time it needs
                time.sleep(0.2)
            for where in (another, home):
                second = Bookwatch(where, shared)(*words)
                assert second.returncode == BUSY
                assert "Another `bookwatch serve` schedules runs" in second.stderr
            assert not list(another.rglob("*.log")), "nothing of it was started"
            known = settings_of(home, database)
            while not runs_that_ended(database, outcome):
                assert process.poll() is None, "it ended by itself"
                # another process does it; asking oftener would take the time it needs
                time.sleep(0.5)
            assert stopped(known) == ()
        finally:
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=120)[0].decode()
    assert "a run every minute" in said
    prepare(settings_of(shallow / "after", database))
    with DagsterInstance.get() as instance:  # as a process that was not there then asks
        [run, *_] = instance.get_runs(RunsFilter(job_name="bookwatch", statuses=[DagsterRunStatus[outcome]]))
        assert run.tags["dagster/schedule_name"] == "every_minute"
        assert [event for event in instance.all_logs(run.run_id) if event.is_dagster_event]
        for number in range(2):
            instance.report_runless_asset_event(AssetMaterialization("told_twice", metadata={"told": number}))
        assert delete_old_runs(instance, known, before=datetime.now(UTC) + timedelta(hours=1)) >= 1
        assert instance.get_runs_count(RunsFilter(statuses=list(FINISHED))) == 0
    told = "SELECT count(*) FROM event_logs WHERE asset_key LIKE '%told_twice%'"
    assert postgres.rows(database, told) == [(1,)], "the newest stays"
    assert not list((home / "dagster").rglob("*.db")), "no history in files"
    written = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for secret in SECRETS:
        assert not [path for path, content in written.items() if secret.encode() in content]
        assert secret not in said
    with the_only_one(known):
        pass


def runs_that_ended(url: str, outcome: str) -> list[tuple[object, ...]]:
    return postgres.rows(
        url, f"SELECT run_id FROM runs WHERE pipeline_name = 'bookwatch' AND status = '{outcome}'"
    )


@pytest.mark.long
def test_an_older_history_is_brought_up_as_its_sentence_says(database: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "home", database)
    make_ready(settings)
    prepare(settings)
    with DagsterInstance.get() as instance:
        assert instance.get_runs_count() == 0
    run_sql(database, "UPDATE alembic_version SET version_num = '7e2f3204cf8e'")
    with pytest.raises(BookwatchError) as refused:
        make_ready(settings)
    [words] = re.findall("`python -m ([^`]+)`", refused.value.next_step)
    done = subprocess.run(
        [sys.executable, "-m", *words.split()],
        env=Bookwatch(tmp_path / "home", {"BOOKWATCH_DAGSTER_POSTGRES": database}).env(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    make_ready(settings)


def test_a_schedule_that_was_stopped_there_is_found_with_a_command_that_holds_no_password(
    database: str, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path / "home", database)
    make_ready(settings)
    assert stopped(settings) == ()
    place = {"repository_location_origin": {"location_name": "pipelines.definitions"}}
    body = json.dumps({"origin": {"job_name": "every_minute", "external_repository_origin": place}})
    run_sql(
        database,
        "CREATE TABLE instigators (status text, instigator_body text)",
        f"INSERT INTO instigators VALUES ('STOPPED', '{body}')",
    )
    [found] = stopped(settings) or ()
    assert found.start_again(settings) == (
        f"BOOKWATCH_HOME={settings.home.root} {sys.executable} -m pipelines.dagster.command"
        " schedule start every_minute -m pipelines.definitions"
    )
    run_sql(database, "ALTER TABLE instigators DROP COLUMN status")
    assert stopped(settings) is None, "could not be told"
