"""Processes that really die: a run killed by SIGKILL is an alert of the next; a dead `watch` is silence outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from pipelines.cli.serve import children_environment, start_dagster
from pipelines.environment import prepare
from pipelines.processes import Child, own_port, stopping
from resources.home import Home
from resources.ledger import Ledger
from resources.lock import is_run_active
from resources.settings import load_settings
from tests.bookwatch_process import Bookwatch, settings_for
from tests.places import give_compiled
from tests.resources.receiver import Receiver
from tests.sandbox_server import SandboxProcess

# Ten runs in all, each a few seconds on an idle machine: the patience is for one that is not.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
COMMAND = [sys.executable, "-c", "from pipelines.cli import main; main()"]


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxProcess]:
    with SandboxProcess("--days", "1", "--seed", "3") as started:
        yield started


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def bookwatch(server: SandboxProcess, receiver: Receiver, tmp_path: Path) -> Bookwatch:
    give_compiled(tmp_path / "home")
    return Bookwatch(
        tmp_path / "home",
        {
            **settings_for(server),
            "BOOKWATCH_ALERT_URLS": f"json://{receiver.address}/alerts",
            "BOOKWATCH_HEARTBEAT_URL": f"http://{receiver.address}/beat",
        },
    )


def start(bookwatch: Bookwatch, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, *words],
        env=bookwatch.env(),
        cwd=bookwatch.home.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def wait_until(holds: Callable[[], bool], seconds: float = 300) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)  # another process is waited for: it is looked at
    return False


def told_of(receiver: Receiver, name: str, part: str) -> int:
    """How many messages tell of an alert in one of their parts."""

    def within(text: str) -> bool:
        at = text.find(part)
        return at >= 0 and name in text[at : text.find("\n\n", at)]

    return sum(within(message["message"]) for message in receiver.taken)


def test_a_run_killed_in_its_work_is_told_by_the_next_exactly_once(
    bookwatch: Bookwatch, receiver: Receiver
) -> None:
    killed = start(bookwatch, "run")
    assert wait_until(lambda: (bookwatch.home / "raw.duckdb").exists())
    killed.send_signal(signal.SIGKILL)
    assert killed.wait(30) == -signal.SIGKILL
    assert receiver.asked == [], "its own code could say nothing, and no heartbeat is sent for it"
    bookwatch.run()
    assert told_of(receiver, "run_died", "FIRING") == 1
    assert "run_died" in {alert["name"] for alert in bookwatch.status()["alerts"]}
    rows = bookwatch.rows("SELECT name, state, severity, page FROM ops.alerts WHERE name = 'run_died'")
    assert rows == [{"name": "run_died", "state": "firing", "severity": "critical", "page": "/alerts"}]
    assert bookwatch.rows("SELECT kind, delivered FROM ops.alert_deliveries LIMIT 1") == [
        {"kind": "firing", "delivered": True}
    ]
    personal = " ".join(message["message"] for message in receiver.taken)
    assert bookwatch.environment["APPWRITE_API_KEY"] not in personal
    assert bookwatch.environment["APPWRITE_ENDPOINT"] not in personal
    assert beats(receiver) == 1


def beats(receiver: Receiver) -> int:
    return receiver.asked.count("/beat")


class DeadMansSwitch:
    """What watches the heartbeat outside: it learns the rhythm from the first beats, and alarms once none came for
    twice the longest time between two of them and a second. Real time."""

    LEARNS_FROM = 3

    def __init__(self, receiver: Receiver) -> None:
        self.alarmed = threading.Event()
        self.longest = 0.0
        self._receiver = receiver
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> DeadMansSwitch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        heard, since = 0, time.monotonic()
        while not self._over.wait(0.02):
            now, moment = beats(self._receiver), time.monotonic()
            if now > heard:
                if heard:
                    self.longest = max(self.longest, moment - since)
                heard, since = now, moment
            elif heard >= self.LEARNS_FROM and moment - since > 2 * self.longest + 1:
                self.alarmed.set()
                return


def test_a_watch_that_is_killed_stops_beating_and_the_outside_notices(
    bookwatch: Bookwatch, receiver: Receiver
) -> None:
    watch = start(bookwatch, "watch", "--every", "1")
    try:
        with DeadMansSwitch(receiver) as outside:
            assert wait_until(lambda: beats(receiver) >= 1), "the first beat"
            assert wait_until(lambda: beats(receiver) >= outside.LEARNS_FROM), "it goes on beating"
            alive = beats(receiver)
            assert wait_until(lambda: beats(receiver) >= alive + 2)
            assert not outside.alarmed.is_set(), "the one that alarms below was content while it lived"
            watch.send_signal(signal.SIGKILL)
            assert watch.wait(30) == -signal.SIGKILL
            last = beats(receiver)
            assert outside.alarmed.wait(3 * outside.longest + 30), "nobody outside noticed that it is dead"
        assert beats(receiver) == last
    finally:
        watch.kill()
        watch.wait(30)


#: Bookings are never answered: a run that asks for them stays amid its work.
STALL = {"kind": "stall", "table": "bookings", "path": "rows"}
#: Each call for bookings takes three seconds.
SLOW = {"kind": "latency", "seconds": 3, "table": "bookings", "path": "rows"}


def injected(server: SandboxProcess, fault: Mapping[str, object]) -> int:
    return server.control("GET", "faults")["injected"].get(fault["kind"], 0)


def run_lock_holder(bookwatch: Bookwatch) -> int | None:
    """The process that has the run lock of a home open now."""
    lock = (bookwatch.home / "run.lock").resolve()
    for open_file in Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):  # it ended, or closed the file, since it was listed
            if open_file.resolve() == lock:
                return int(open_file.parts[2])
    return None


@pytest.mark.long
def test_the_daemon_tells_once_of_its_scheduled_run_that_was_killed_and_goes_on(
    bookwatch: Bookwatch, server: SandboxProcess, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Up to a minute is the schedule's: the run is the one it starts by itself."""
    for name, value in bookwatch.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOKWATCH_HOME", str(bookwatch.home))
    monkeypatch.setenv("DAGSTER_HOME", str(bookwatch.home / "dagster"))
    settings = load_settings()
    prepare(settings)
    server.faults(STALL)
    children: list[Child] = []
    try:
        with stopping(children):
            start_dagster(settings, own_port(0, "--port"), children_environment(settings), children)
            assert wait_until(lambda: injected(server, STALL) > 0), "no run was started, or it read nothing"
            killed = run_lock_holder(bookwatch)
            assert killed is not None
            assert receiver.asked == []
            os.kill(killed, signal.SIGKILL)
            assert wait_until(lambda: told_of(receiver, "run_died", "FIRING") == 1), (
                "nobody told of its death"
            )
            server.faults()
            assert wait_until(lambda: beats(receiver) >= 1), "the next run is a good one"
            assert told_of(receiver, "run_died", "FIRING") == 1
            assert run_lock_holder(bookwatch) != killed
    finally:
        server.faults()
    assert run_lock_holder(bookwatch) is None, "the daemon took its runs with it"


def test_a_watch_that_is_asked_to_stop_ends_by_itself_and_leaves_nothing_half_done(
    bookwatch: Bookwatch, server: SandboxProcess, receiver: Receiver
) -> None:
    watch = start(bookwatch, "watch", "--every", "1")
    published = bookwatch.home / "published"
    try:
        assert wait_until(lambda: beats(receiver) >= 1), "the first beat"
        server.faults(SLOW)
        assert wait_until(lambda: injected(server, SLOW) > 0), "another run is amid its work"
        before = sorted(path.name for path in published.iterdir())
        watch.send_signal(signal.SIGTERM)
        assert watch.wait(60) == 130, "it ended by itself, as by Ctrl-C"
    finally:
        server.faults()
        watch.kill()
        watch.wait(30)
    assert not is_run_active(Home(bookwatch.home))
    assert sorted(path.name for path in published.iterdir()) == before
    assert not [path for path in bookwatch.home.rglob("*") if path.suffix in (".partial", ".new")]
    assert Ledger(bookwatch.home / "ledger.sqlite").dead_runs(before=1_000) == [], "asked to stop is not died"
    for left in ("raw", "warehouse"):
        with duckdb.connect(str(bookwatch.home / f"{left}.duckdb"), read_only=True) as con:
            assert con.sql("SELECT count(*) FROM duckdb_tables()").fetchall()[0][0] > 0
