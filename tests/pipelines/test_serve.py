"""`bookwatch serve`: how Dagster's processes find our code, also where BOOKWATCH_HOME is too deep for a socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipelines.cli import serve
from pipelines.processes import Child, own_port, watch_over
from resources.errors import BookwatchError, UsageError
from resources.settings import Settings
from tests.bookwatch_process import Bookwatch, settings_for
from tests.sandbox_server import SandboxProcess

LONGEST_SOCKET = 107
DEEP = "a-folder-of-a-deep-tree/" * 4


@pytest.fixture
def shallow() -> Iterator[Path]:
    """Not pytest's own folder, whose path is as long as the test's name makes it."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="bw") as folder:
        yield Path(folder)


def settings_of(root: Path) -> Settings:
    settings = Settings(_env_file=None, home=root)  # pyright: ignore[reportCallIssue] - pydantic-settings' own
    settings.home.create()
    return settings


class Started:
    """Records what would be started, and starts nothing."""

    def __init__(self) -> None:
        self.commands: dict[str, list[str]] = {}
        self.order: list[str] = []

    def __call__(self, name: str, command: Sequence[str], **more: Any) -> Child:
        self.commands[name] = list(command)
        self.order.append(name)
        return Child(name, subprocess.Popen(["true"]))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> Started:
    started = Started()
    monkeypatch.setattr(serve, "start", started)

    def answers(child: Child, where: object, **more: Any) -> None:
        started.order.append(f"{child.name} answers")

    monkeypatch.setattr(serve, "wait_for_socket", answers)
    monkeypatch.setattr(serve, "wait_for_port", answers)
    return started


def test_one_code_server_is_asked_by_both_of_dagsters_processes(shallow: Path, started: Started) -> None:
    settings, children = settings_of(shallow / "home"), list[Child]()
    environment = serve.children_environment(settings)
    assert environment["TMPDIR"] == str(settings.home.dagster / "tmp")
    serve.start_dagster(settings, 1, environment, children)
    where = str(settings.home.dagster / "tmp" / "code.sock")
    assert [child.name for child in children] == list(started.commands)
    assert started.order == [
        "Dagster's code server", "Dagster's code server answers",
        "Dagster's web server", "Dagster's web server answers", "Dagster's daemon",
    ]  # fmt: skip
    code, *others = started.commands.values()
    assert code[-4:] == ["--socket", where, "-m", "pipelines.definitions"]
    assert [command[-2:] for command in others] == [["--grpc-socket", where]] * 2


@pytest.mark.parametrize("name", [DEEP, "é" * 40], ids=["many characters", "many bytes"])
def test_where_no_socket_fits_each_process_loads_the_code_itself(
    shallow: Path, started: Started, name: str
) -> None:
    settings, children = settings_of(shallow / name), list[Child]()
    assert len(os.fsencode(settings.home.dagster / "tmp" / "code.sock")) > LONGEST_SOCKET
    environment = serve.children_environment(settings)
    assert "TMPDIR" not in environment
    serve.start_dagster(settings, 1, environment, children)
    assert [child.name for child in children] == ["Dagster's web server", "Dagster's daemon"]
    assert started.order[1] == "Dagster's web server answers", "only then is the next one started"
    for command in started.commands.values():
        assert command[-2:] == ["-m", "pipelines.definitions"]
        assert "--grpc-socket" not in command


def test_the_port_asked_for_is_the_port_used_or_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} on 127.0.0.1 is in use.*--port"):
            serve.own_ports(port, None)
        with pytest.raises(UsageError, match=f"Port {port} on 127.0.0.1 is in use.*--dagster-port"):
            serve.own_ports(0, port)
    assert serve.own_ports(port, 0)[0] == port, "free again"
    assert 0 < serve.own_ports(0, 0)[1] != port
    for none in (70_000, -1):
        with pytest.raises(UsageError, match="is no port"):
            serve.own_ports(none, None)
    with pytest.raises(UsageError, match="both"):
        serve.own_ports(port, port)


def test_a_port_is_free_again_at_once_after_a_server_with_connections() -> None:
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client:
            accepted, _ = server.accept()
            accepted.close()  # this side closes first, and waits
            assert client.recv(1) == b""
    assert own_port(port, "--port") == port


@pytest.mark.parametrize("words", [["serve"], ["demo", "--days", "1"]], ids=["serve", "demo"])
def test_a_taken_port_is_one_sentence_before_anything_is_started(tmp_path: Path, words: list[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = Bookwatch(tmp_path / "home")(*words, "--port", port)
    assert done.returncode == 2
    assert f"Port {port} on 127.0.0.1 is in use." in done.stderr
    assert not (tmp_path / "home" / "dagster" / "dashboards.log").exists()
    assert not (tmp_path / "home-sandbox").exists()


def test_who_watches_looks_at_once_and_an_ended_child_is_a_failure() -> None:
    looks: list[int] = []
    child = Child("It", subprocess.Popen(["sleep", "0.3"]))
    with pytest.raises(BookwatchError, match="It stopped by itself"):
        watch_over([child], lambda: looks.append(1), 0)
    assert len(looks) >= 1


LOADED = (
    "{ workspaceOrError { ... on Workspace { locationEntries { locationOrLoadError { __typename } } } } }"
)


def loaded(port: int) -> list[str]:
    """What became of our code in Dagster's web server, an error with its words; nothing while it does not answer."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": LOADED}).encode(),
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            entries = json.load(answer)["data"]["workspaceOrError"]["locationEntries"]
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return []
    found = [entry["locationOrLoadError"] for entry in entries if entry["locationOrLoadError"]]
    return [f"{one['__typename']} {one.get('message', '')}".strip() for one in found]


@pytest.mark.slow
def test_a_home_too_deep_for_a_socket_is_served_all_the_same(tmp_path: Path) -> None:
    with SandboxProcess("--empty") as server:
        home = tmp_path / DEEP / "home"
        home.parent.mkdir(parents=True)
        watch = Bookwatch(home, settings_for(server))
        port = own_port(0, "--port")
        words = ["serve", "--port", "0", "--dagster-port", str(port)]
        process = subprocess.Popen(
            [sys.executable, "-c", "from pipelines.cli import main; main()", *words],
            env=watch.env(),
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while not (found := loaded(port)):
                assert process.poll() is None, "it ended by itself"
                time.sleep(0.2)  # another process starts: it is looked at
            assert found == ["RepositoryLocation"]
            said = home / "dagster" / "daemon.log"
            while not (said.exists() and said.stat().st_size):
                assert process.poll() is None, "it ended by itself"
                time.sleep(0.2)  # another process starts: it is looked at
            assert not (home / "dagster" / "code.log").exists(), "no code server of ours was started"
        finally:
            # Asked, not killed: it takes what it started with it.
            process.send_signal(signal.SIGTERM)
            ended = process.wait(60)
        assert ended == 130


def with_login(root: Path, **settings: Any) -> Settings:
    known = {
        "login": "https://login.test/.well-known/openid-configuration",
        "login_client": "bookwatch",
        "login_secret": "known-to-the-two",
        "roles": "roles.toml",
        "dashboards": "https://watch.test",
    }
    return settings_of(root).model_copy(
        update=known | {"login_secret": SecretStr(known["login_secret"])} | settings
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "10.1.2.3", "::", "watch.test"])
def test_beyond_this_machine_nothing_is_served_without_a_login(tmp_path: Path, host: str) -> None:
    with pytest.raises(UsageError, match="only with a login, and none is set up"):
        serve.require_login_beyond(settings_of(tmp_path), host)
    settings = with_login(tmp_path)
    with pytest.raises(UsageError, match="could not be read"):
        serve.require_login_beyond(settings, host)
    settings.roles_file.write_text('[email]\n"a@b.test" = "boss"\n')
    with pytest.raises(UsageError, match="a role is one of"):
        serve.require_login_beyond(settings, host)
    settings.roles_file.write_text('[email]\n"a@b.test" = "admin"\n')
    serve.require_login_beyond(settings, host)
    with pytest.raises(UsageError, match="BOOKWATCH_ROLES is not set"):
        serve.require_login_beyond(with_login(tmp_path, roles=""), host)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_on_this_machine_a_login_is_not_needed(tmp_path: Path, host: str) -> None:
    serve.require_login_beyond(settings_of(tmp_path), host)


def test_a_host_is_an_address(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--host is no address"):
        serve.require_login_beyond(settings_of(tmp_path), "--server.port 1")


def test_the_dashboards_alone_listen_further_and_know_the_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, Any] = {}

    def start(name: str, command: Sequence[str], **more: Any) -> Child:
        told[name] = (list(command), more["environment"])
        return Child(name, subprocess.Popen(["true"]))

    monkeypatch.setattr(serve, "start", start)
    settings = with_login(tmp_path)
    serve.start_dashboards(settings, 8501, {"BOOKWATCH_HOME": "x"}, "0.0.0.0")
    command, environment = told["The dashboards"]
    assert command[-2:] == ["8501", "0.0.0.0"]
    assert environment["BOOKWATCH_LOGIN_SECRET"] == "known-to-the-two"
    assert environment["BOOKWATCH_ROLES"] == str(tmp_path / "roles.toml")


def test_the_dashboards_end_where_they_would_listen_further_without_a_login(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dashboards", str(own_port(0, "--port")), "0.0.0.0"],
        env={**os.environ, "BOOKWATCH_HOME": str(tmp_path), "BOOKWATCH_LOGIN": ""},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "only with a login, and none is set up" in done.stdout + done.stderr
