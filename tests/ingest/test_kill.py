"""An ingest process killed by SIGKILL at random instants while the app writes on: raw ends as the server.

A warm process forks each of them, so that a hundred take about a minute: so many starts of Python would take longer
than all they do. BOOKWATCH_TEST_KILLS says how many are killed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    DATABASE,
    ask,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    run,
    settings_for,
)
from tests.sandbox_server import SandboxProcess

KILLS = int(os.environ.get("BOOKWATCH_TEST_KILLS", "100"))
ROWS = 1500
LOOKED_AT = 4  # after every so many kills the file is opened: what was committed never shrinks
ROOT = Path(__file__).resolve().parents[2]
FORKS = """
import os, sys
import pandas, pyarrow.dataset  # DuckDB imports them at its first instant and frame: here once, not in each child
from resources.progress import Quiet
from resources.raw.store import RawStore
from resources.settings import Settings
from tests.ingest.mirroring import gateway_for, reject_word, run

class Told(Quiet):
    def advance(self, collection, rows):
        os.write(1, b"committed\\n")

def ingest(number):
    settings = Settings(_env_file=None)
    gateway, _ = gateway_for(settings)
    with RawStore(settings.home.raw) as store:
        os.write(1, b"ready\\n")
        n = 0
        while True:
            n += 1
            run(gateway, store, ["bookings"], run_id=f"child-{number}-{n}", flush_rows=20, progress=Told(),
                reject_reasons=reject_word("bad"))

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        try:
            ingest(line.strip())
        finally:
            os._exit(1)
    os.write(1, f"{child}\\n".encode())
    _, status = os.waitpid(child, 0)
    os.write(1, f"ended {os.waitstatus_to_exitcode(status)}\\n".encode())
"""


class Forks:
    """The warm process: told to fork, it says who its child is and how it ended; the child what it committed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def heard(self, *wanted: str, seconds: float = 120.0) -> set[str]:
        """Wait until it has said all of these (a line that is a number stands for ``child``); what of it was said.

        Not all: it was silent for so many seconds.
        """
        said: set[str] = set()
        while not said >= set(wanted):
            try:
                line = self._lines.get(timeout=seconds)
            except queue.Empty:
                return said
            if line.isdigit():
                self.child, line = int(line), "child"
            said.add(line)
        return said

    def fork(self, number: int) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        assert self.heard("child", "ready") >= {"child", "ready"}

    def kill(self) -> None:
        os.kill(self.child, signal.SIGKILL)
        assert "ended -9" in self.heard("ended -9")


@contextlib.contextmanager
def forks(environment: dict[str, str]) -> Iterator[Forks]:
    process = subprocess.Popen(
        [sys.executable, "-c", FORKS],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Forks(process)
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute on two quiet cores; a busy machine takes five
def test_killed_at_random_instants_and_run_again_raw_equals_the_server(
    server: SandboxProcess, home: Path, table: str
) -> None:
    make_table(server, table)
    fill(server, table, ROWS)
    settings = settings_for(server, home, tables={"bookings": table}, page_size=10)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "APPWRITE_ENDPOINT": server.endpoint,
        "APPWRITE_PROJECT_ID": server.project,
        "APPWRITE_API_KEY": server.key,
        "APPWRITE_DATABASE_ID": DATABASE,
        "BOOKWATCH_HOME": str(home),
        "BOOKWATCH_TABLES": f'{{"bookings": "{table}"}}',
        "BOOKWATCH_PAGE_SIZE": "10",
        "BOOKWATCH_SAFETY_LAG": "0",
        "BOOKWATCH_OVERLAP": "5",
    }
    chance = random.Random(11)
    stored: list[int] = []
    with forks(environment) as parent:
        for n in range(KILLS):
            parent.fork(n)
            # Some counted in commits: a busy machine must not move all kills to before the first. A scan that finds
            # nothing new commits nothing, and is killed in that.
            for _ in range(chance.choice([0, 1, 1, 2])):
                parent.heard("committed", seconds=3.0)
            time.sleep(chance.uniform(0, 0.1))  # kills meet it wherever it is
            identity = f"r{chance.randint(1, ROWS):05d}"
            title = chance.choice(["changed", "bad"])
            ask(server, "patch", f"/tables/{table}/rows/{identity}", data={"title": title})
            ask(server, "post", f"/tables/{table}/rows", rowId=f"new{n}", data={"title": "new"})
            parent.kill()
            if n % LOOKED_AT == 0:
                with RawStore(home / "raw.duckdb", read_only=True) as store:
                    stored.append(
                        store.versions.count_living("bookings") if store.columns.has_table("bookings") else 0
                    )
    server.a_second_passes()
    gateway, _ = gateway_for(settings)
    with RawStore(home / "raw.duckdb") as store:
        run(gateway, store, ["bookings"], run_id="last")
        assert_mirrors(store, server, table, "bookings")
        changes = store.connection.sql(
            "SELECT _id, _change FROM (FROM bookings UNION ALL BY NAME FROM bookings_history)"
            " GROUP BY ALL HAVING count(*) > 1"
        ).fetchall()
        assert changes == []
    assert stored == sorted(stored)
    assert any(0 < count < ROWS for count in stored), stored
