"""The threads that fetch: what they do with jobs, and that a process which is asked to stop does not wait for them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import pytest

from resources.appwrite.page_threads import PageThreads
from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    DATABASE,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    run,
    settings_for,
)
from tests.sandbox_server import SandboxProcess

ROOT = Path(__file__).resolve().parents[2]
STOPPED = """
import os, signal, sys, threading
from resources.progress import Quiet
from resources.raw.store import RawStore
from resources.settings import Settings
from resources.appwrite.sweep import sweep
from tests.ingest.mirroring import accept_all, gateway_for, run

settings = Settings(_env_file=None)
# Nothing but a stop ends a call that is never answered.
gateway, _ = gateway_for(settings, timeouts=(5.0, 100_000.0))

def stop_when_told():
    sys.stdin.readline()
    os.kill(os.getpid(), signal.SIGINT)

# A shell that starts the tests in the background has this signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
threading.Thread(target=stop_when_told, daemon=True).start()
with gateway, RawStore(settings.home.raw) as store:
    if sys.argv[1] == "sweep":
        sweep(gateway, store, ["bookings"], settings=settings, run_id="s", reject_reasons=accept_all, progress=Quiet())
    else:
        run(gateway, store, ["bookings"], run_id="r")
"""


def test_jobs_are_done_and_their_errors_raised_where_they_are_waited_for() -> None:
    def fail() -> None:
        raise ValueError("no page")

    with PageThreads(2, "t") as threads:
        assert [threads.submit(divmod, n, 3).result(30) for n in range(5)] == [divmod(n, 3) for n in range(5)]
        with pytest.raises(ValueError, match="no page"):
            threads.submit(fail).result(30)
        assert threads.submit(int, "7").result(30) == 7, "a job that fails ends no thread"


def test_close_cancels_what_is_not_begun_and_what_comes_after() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def wait() -> bool:
        begun.set()
        return go_on.wait(30)

    threads = PageThreads(1, "t")
    first, second = threads.submit(wait), threads.submit(int, "1")
    assert begun.wait(30)
    threads.close()
    threads.close()
    for late in (second, threads.submit(int, "2")):
        with pytest.raises(CancelledError):
            late.result(30)
    go_on.set()
    assert first.result(30)


def test_a_block_waits_for_what_is_under_way_unless_it_is_left_by_an_error() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def job() -> None:
        begun.set()
        go_on.wait(30)
        ended.set()

    def stopped() -> None:
        with PageThreads(1, "t") as threads:
            threads.submit(job)
            assert begun.wait(30)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert not ended.is_set()
    go_on.set()
    begun.clear()
    with PageThreads(1, "t") as threads:
        threads.submit(job)
        assert begun.wait(30)  # what has not begun is not waited for
    assert ended.is_set()


def injected(server: SandboxProcess) -> int:
    return server.control("GET", "faults")["injected"].get("stall", 0)


@pytest.mark.parametrize("work", ["sync", "sweep"])
def test_a_process_stopped_amid_a_call_that_is_never_answered_ends(
    server: SandboxProcess, home: Path, table: str, work: str
) -> None:
    make_table(server, table)
    fill(server, table, 20)
    more: dict[str, Any] = {"tables": {"bookings": table}, "page_size": 4}
    gateway, _ = gateway_for(settings_for(server, home, **more))
    if work == "sweep":
        with RawStore(home / "raw.duckdb") as store:
            run(gateway, store, ["bookings"])
    server.faults({"kind": "stall", "table": table, "path": "rows", "skip": 1})
    before = injected(server)
    process = subprocess.Popen(
        [sys.executable, "-c", STOPPED, work],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "APPWRITE_ENDPOINT": server.endpoint,
            "APPWRITE_PROJECT_ID": server.project,
            "APPWRITE_API_KEY": server.key,
            "APPWRITE_DATABASE_ID": DATABASE,
            "BOOKWATCH_HOME": str(home),
            "BOOKWATCH_TABLES": f'{{"bookings": "{table}"}}',
            "BOOKWATCH_PAGE_SIZE": "4",
            "BOOKWATCH_SAFETY_LAG": "0",
        },
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while injected(server) == before:
            assert process.poll() is None, "it ended before it was asked to"
            time.sleep(0.02)  # the server counts what was asked: it is looked at
        _, said = process.communicate("stop\n", timeout=60)
    finally:
        process.kill()
        process.wait()
    assert "KeyboardInterrupt" in said
    server.faults()
    with RawStore(home / "raw.duckdb") as store:
        run(gateway, store, ["bookings"], run_id="again")
        assert_mirrors(store, server, table, "bookings")
