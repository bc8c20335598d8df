"""The demo's booking services and the people who use them: who knows the key that writes, what is brought back."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import demo_services
from pipelines.cli.demo_services import DemoServices, gap_of, old_way
from pipelines.environment import PROJECT
from pipelines.processes import Child, own_port
from resources.errors import BookwatchError
from resources.settings import Settings, load_settings
from sandbox.__main__ import main
from sandbox.options import Options
from tests.bookwatch_process import settings_for
from tests.sandbox_server import SandboxProcess

SANDBOX = {
    "endpoint": "http://127.0.0.1:1/v1",
    "project": "lab",
    "database": "m",
    "key": "secret",
    "data": "/d",
}
FROM, TO = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 11, 1, tzinfo=UTC)


class Begun:
    """Records what is started, and starts something that ends at once, or waits where it is told to."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, list[str], Mapping[str, str]]] = []

    def __call__(
        self, name: str, command: Sequence[str], *, environment: Mapping[str, str], **more: Any
    ) -> Child:
        self.commands.append((name, list(command), environment))
        return Child(name, subprocess.Popen(["sleep", "60"], start_new_session=True))


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Begun:
    made = Begun()
    monkeypatch.setattr(demo_services, "start", made)
    return made


def _services(root: Path, share: float = 0.5) -> DemoServices:
    settings = Settings(_env_file=None, home=root)  # pyright: ignore[reportCallIssue] - pydantic-settings' own
    settings.home.create()
    return DemoServices(settings, SANDBOX, port=4321, seed=7, share=share)


def test_the_services_alone_know_the_key_that_writes_and_no_command_line_shows_it(
    tmp_path: Path, begun: Begun
) -> None:
    with _services(tmp_path) as services:
        services.start()
    (serving, its_words, its_environment), (people, words, environment) = begun.commands
    assert serving == "The booking services"
    assert its_words[-6:] == ["services", "serve", "--port", "4321", "--ends-with", str(os.getpid())]
    assert its_environment["APPWRITE_WRITE_KEY"] == "secret"
    assert people == "The simulated people"
    assert "APPWRITE_WRITE_KEY" not in environment
    assert words[words.index("--services") + 1] == "http://127.0.0.1:4321"
    assert "secret" not in [*its_words, *words]
    assert services.documentation == "http://127.0.0.1:4321/docs"


def test_what_is_to_end_with_its_parent_does_also_where_that_is_killed() -> None:
    child = (
        "import signal, sys; from pipelines.processes import end_with; end_with(int(sys.argv[1])); "
        "signal.pause()"
    )
    code = (
        "import os, subprocess, sys, time\n"
        f"words = [sys.executable, '-c', {child!r}, str(os.getpid())]\n"
        "print(subprocess.Popen(words, start_new_session=True).pid, flush=True)\n"
        "time.sleep(120)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    watched = os.pidfd_open(int(parent.stdout.readline()))
    ended = select.poll()
    ended.register(watched, select.POLLIN)
    assert not ended.poll(0)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert ended.poll(60_000), "it lives on"
    os.close(watched)


def test_what_ends_by_itself_is_brought_back_and_all_is_stopped_at_the_end(
    tmp_path: Path, begun: Begun, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = 100.0
    monkeypatch.setattr(demo_services.time, "monotonic", lambda: now)
    with _services(tmp_path) as services:
        services.start()
        services.look()
        first = services._running["The booking services"].process
        first.kill()
        first.wait()
        services.look()
        assert len(begun.commands) == 2, "not at once: what dies at once would be started for ever"
        now += 1.5
        services.look()
        assert [name for name, *_ in begun.commands[2:]] == ["The booking services"]
        running = [child.process for child in services._running.values()]
        assert first not in running
    assert all(process.poll() is not None for process in running)
    assert "The booking services ended (exit status -9)" in capsys.readouterr().err


def test_a_share_of_none_starts_no_people_and_leaves_the_simulation_as_it_is(
    tmp_path: Path, begun: Begun
) -> None:
    with _services(tmp_path, share=0) as services:
        services.start()
    assert [name for name, *_ in begun.commands] == ["The booking services"]
    assert old_way(0, FROM, TO) == []


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_the_sandbox_takes_what_it_is_told_of_the_share(
    share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Options] = []
    monkeypatch.setattr("sandbox.serve.serve", lambda options: taken.append(options) or 0)
    assert main(["serve", "--live", *old_way(share, FROM, TO)]) == 0
    if share == 1:
        assert taken[0].outages == (("all", FROM, TO),)
    else:
        assert taken[0].demand == ((0.75, FROM, TO),)
    assert gap_of(0.25) > gap_of(1.0)


@pytest.mark.long
def test_people_book_on_after_the_services_were_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made() -> int:
        kept = server.data / "clients.json"
        return len(json.loads(kept.read_text())["bookings"]) if kept.exists() else 0

    def until(more: int) -> int:
        latest = time.monotonic() + 120
        while made() < more and time.monotonic() < latest:
            services.look()
            time.sleep(0.5)  # people of another process book: their file is looked at
        return made()

    monkeypatch.setattr(demo_services, "_OLD_WAY_GAP_S", 3.0)
    with SandboxProcess("--days", "2", data=tmp_path / "sandbox") as server:
        for name, value in settings_for(server).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
        settings = load_settings()
        settings.home.create()
        told = {**SANDBOX, "endpoint": server.endpoint, "project": server.project, "key": server.key}
        told |= {"database": server.database, "data": str(server.data)}
        port = own_port(0, "--services-port")
        with DemoServices(settings, told, port=port, seed=7, share=0.5) as services:
            services.start()
            before = until(3)
            assert before >= 3
            services._running["The booking services"].process.kill()
            assert until(before + 3) >= before + 3
            processes = [child.process for child in services._running.values()]
        assert [process.poll() for process in processes] == [0, 0]
    assert "answered 5" not in (settings.home.dagster / "people.log").read_text()


def test_people_who_come_to_no_end_are_one_sentence(
    begun: Begun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(words: Sequence[str], **more: Any) -> None:
        raise subprocess.TimeoutExpired(list(words), more["timeout"])

    monkeypatch.setattr(demo_services, "wait_for_port", lambda child, port: None)
    monkeypatch.setattr(demo_services.subprocess, "run", late)
    with _services(tmp_path) as services, pytest.raises(BookwatchError, match="come to an end"):
        services.burst(3)
    assert [command[0] for command in begun.commands] == ["The booking services"]
