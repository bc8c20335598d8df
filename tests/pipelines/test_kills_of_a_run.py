"""`bookwatch run` killed by SIGKILL at five instants, on a full disk, and two at once: the next one makes all good."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests

from assets.core.engine import process
from marketplace.collections import INGESTED, OF_SERVICES
from marketplace.rules import RULES_VERSION
from resources.raw.store import RawStore
from tests.bookwatch_process import Bookwatch, settings_for
from tests.ingest.mirroring import assert_mirrors
from tests.places import give_compiled
from tests.sandbox_server import SandboxProcess

pytestmark = pytest.mark.slow
RUN = [sys.executable, "-c", "from pipelines.cli import main; main()", "run"]


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxProcess]:
    with SandboxProcess("--days", "2", "--seed", "5") as started:
        yield started


@pytest.fixture(scope="module")
def bookwatch(server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Bookwatch:
    home = tmp_path_factory.mktemp("killed") / "home"
    give_compiled(home)
    return Bookwatch(home, {**settings_for(server), "BOOKWATCH_PAGE_SIZE": "200"})


def start(bookwatch: Bookwatch, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        RUN,
        env=bookwatch.env(),
        cwd=bookwatch.home.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def write(server: SandboxProcess, number: int) -> None:
    """What the app does meanwhile: a booking moves on, another comes, a record is paid."""
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key}
    base = f"{server.endpoint}/tablesdb/{server.database}/tables"
    with requests.Session() as app:
        app.headers.update(headers)
        listed = app.get(
            f"{base}/bookings/rows", params={"queries[0]": '{"method":"limit","values":[25]}'}
        ).json()
        row = listed["rows"][number % 25]
        changed = {"data": {"status": "completed", "totalCost": 150_000 + number}}
        app.patch(f"{base}/bookings/rows/{row['$id']}", json=changed).raise_for_status()
        data = {k: v for k, v in row.items() if not k.startswith("$")} | {"bookingId": f"killed-{number}"}
        made = app.post(f"{base}/bookings/rows", json={"rowId": f"killed{number}", "data": data})
        made.raise_for_status()


def assert_all_good(bookwatch: Bookwatch, server: SandboxProcess, folder: Path) -> None:
    """Raw is the server; core is what a rebuild from raw gives; nothing half-written is left over."""
    folder.mkdir()
    with RawStore(bookwatch.home / "raw.duckdb", read_only=True) as store:
        for collection in INGESTED:
            if store.columns.has_table(collection):
                assert_mirrors(store, server, collection)
    for name in ("raw.duckdb", "phone.key"):
        shutil.copy(bookwatch.home / name, folder / name)
    process(
        folder / "raw.duckdb",
        folder / "rebuilt.duckdb",
        timezone="Asia/Makassar",
        rules_version=RULES_VERSION,
        now=datetime(2026, 11, 22),
        full=True,
    )
    with duckdb.connect(str(folder / "rebuilt.duckdb")) as con:
        con.execute(f"ATTACH '{bookwatch.home / 'warehouse.duckdb'}' AS kept (READ_ONLY)")
        tables = [
            name
            for (name,) in con.execute(
                "SELECT DISTINCT table_name FROM duckdb_tables() WHERE schema_name = 'core' AND table_name <> 'state'"
            ).fetchall()
        ]
        assert {"bookings", "commissions", "messages", "booking_events", "data_findings"} <= set(tables)
        for table in tables:
            counts = [
                con.execute(f"SELECT count(*) FROM {side}.core.{table}").fetchone()
                for side in ("kept", "rebuilt")
            ]
            assert counts[0] == counts[1], table
            for one, other in (("kept", "rebuilt"), ("rebuilt", "kept")):
                differing = con.execute(
                    f"SELECT count(*) FROM (SELECT * FROM {one}.core.{table}"
                    f" EXCEPT ALL SELECT * FROM {other}.core.{table})"
                ).fetchone()
                assert differing == (0,), f"{table}: {one} has rows that {other} has not"
    assert read_by_all(bookwatch)
    leftovers = [
        p.name for p in (bookwatch.home / "published").iterdir() if "tmp" in p.name or "new" in p.name
    ]
    assert leftovers == []


def read_by_all(bookwatch: Bookwatch) -> bool:
    """Whether the newest snapshot opens and holds bookings."""
    return bookwatch.rows("SELECT count(*) AS n FROM core.bookings")[0]["n"] > 0


def grown(path: Path, size: int) -> bool:
    return path.exists() and path.stat().st_size > size


def snapshots(bookwatch: Bookwatch) -> set[str]:
    folder = bookwatch.home / "published"
    return {p.name for p in folder.glob("*Z-*.duckdb*")} if folder.exists() else set()


@pytest.mark.long
def test_killed_at_five_instants_of_a_run_and_run_again(
    bookwatch: Bookwatch, server: SandboxProcess, tmp_path: Path
) -> None:
    home = bookwatch.home
    instants: dict[str, Callable[[set[str]], bool]] = {
        "ingestion begins": lambda _: (home / "raw.duckdb").exists(),
        "ingestion goes on": lambda _: (
            grown(home / "raw.duckdb", 0) and grown(home / "raw.duckdb.wal", 100_000)
        ),
        "core begins": lambda _: (home / "warehouse.duckdb").exists(),
        "publishing begins": lambda before: bool(snapshots(bookwatch) - before),
        "the run ends": lambda before: bool(snapshots(bookwatch) - before),
    }
    killed: dict[str, int] = {}
    for number, (name, reached) in enumerate(instants.items()):
        if number > 2:
            write(server, number)
        before = snapshots(bookwatch)
        run = start(bookwatch)
        deadline = time.monotonic() + 120
        while run.poll() is None and not reached(before) and time.monotonic() < deadline:
            time.sleep(0.005)  # a step is reached in another process: its files are looked at
        if name == "the run ends":
            time.sleep(0.05)  # what comes after the last file, too, is cut off
        run.send_signal(signal.SIGKILL)
        run.communicate()
        killed[name] = run.returncode
        write(server, 10 + number)
    assert list(killed.values()).count(-signal.SIGKILL) == 5, killed
    server.a_second_passes()
    bookwatch.run()
    assert_all_good(bookwatch, server, tmp_path / "check")


def test_a_full_disk_is_one_sentence_and_the_next_run_makes_it_good(
    bookwatch: Bookwatch, server: SandboxProcess, tmp_path: Path
) -> None:
    if not (bookwatch.home / "published" / "current").exists():
        bookwatch.run()
    before = bookwatch.rows("SELECT snapshot_id FROM ops.snapshot")
    kept = (bookwatch.home / "published" / "current").resolve()
    content = kept.read_bytes()
    rows = [
        {"$id": f"full{n}", "$createdAt": stamp, "$updatedAt": stamp, "status": "pending", "notes": "x" * 400}
        for stamp in [time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime())]
        for n in range(3_000)
    ]
    server.load_rows("bookings", rows)
    server.a_second_passes()
    most = (bookwatch.home / "raw.duckdb").stat().st_size + 300_000

    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    full = start(bookwatch, preexec_fn=no_room)
    _, said = full.communicate(timeout=120)
    assert full.returncode == 1
    # Before it: a line for each collection, and one for each step.
    assert "The disk is full." in said.strip().splitlines()[-1], said
    assert "Traceback" not in said
    assert (bookwatch.home / "published" / "current").resolve() == kept
    assert kept.read_bytes() == content
    assert bookwatch.rows("SELECT snapshot_id FROM ops.snapshot") == before
    bookwatch.run()
    assert bookwatch.rows("SELECT count(*) AS n FROM core.bookings WHERE booking_id LIKE 'full%'") == [
        {"n": 3_000}
    ]
    assert_all_good(bookwatch, server, tmp_path / "check")


def test_of_two_runs_started_at_once_one_says_so_and_leaves(
    bookwatch: Bookwatch, server: SandboxProcess
) -> None:
    write(server, 30)
    server.a_second_passes()
    both = [start(bookwatch), start(bookwatch)]
    said = [run.communicate(timeout=120) for run in both]
    statuses = sorted(run.returncode for run in both)
    assert statuses in ([0, 12], [10, 12]), said
    (refused,) = (err for run, (_, err) in zip(both, said, strict=True) if run.returncode == 12)
    assert "Another run is active" in refused
    assert len(refused.strip().splitlines()) == 1
    assert read_by_all(bookwatch)


@pytest.mark.parametrize("api", ["databases"])
def test_a_run_over_the_older_api_mirrors_all_and_the_calls_of_one_that_failed_reach_ops_with_the_next(
    server: SandboxProcess, tmp_path: Path, api: str
) -> None:
    bookwatch = Bookwatch(tmp_path / "home", {**settings_for(server), "APPWRITE_API": api})
    server.faults({"kind": "status", "status": 401, "path": "chat_messages"})
    try:
        failed = bookwatch("run")
    finally:
        server.faults()
    assert failed.returncode == 11
    server.a_second_passes()
    assert {scan["outcome"] for scan in bookwatch.run()["collections"]} == {"complete"}
    with RawStore(bookwatch.home / "raw.duckdb", read_only=True) as store:
        for collection in INGESTED:
            if collection not in OF_SERVICES:
                assert_mirrors(store, server, collection)
    errors = bookwatch.rows(
        "SELECT e.severity, e.category, e.operation, e.collection, e.reason, e.status FROM ops.errors e"
        " JOIN ops.timings t USING (run_id, call_number) WHERE t.outcome = 'permanent'"
    )
    assert errors == [
        {
            "severity": "critical",
            "category": "auth",
            "operation": "list_columns",
            "collection": "chat_messages",
            "reason": "unauthorized",
            "status": 401,
        }
    ]
    (line,) = bookwatch.rows(
        "SELECT sum(calls) AS calls, min(p50_s <= p95_s AND p95_s <= p99_s AND p99_s <= max_s) AS ordered"
        " FROM ops.timing_summary WHERE operation = 'list_rows' AND collection = 'bookings'"
    )
    assert line["calls"] > 0
    assert line["ordered"]
    assert server.key not in json.dumps(bookwatch.rows("SELECT * FROM ops.errors"))
