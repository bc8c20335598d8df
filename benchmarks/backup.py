"""A backup against bare GETs of the same pages, its restore by rows a second; memory of both.

`python -m benchmarks.backup [--scale 1.0] [--rounds 3] [--pace 50] [--no-restore] [--data DIR]`, `make bench-backup`.
One sandbox on the same machine; every measured thing is a process of its own, in turn, whose own clock leaves its
imports out. Judges nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.ingest import ROOT, Told, Watch, ratios, spread
from benchmarks.sandboxes import cpu_s

BOOKINGS, MESSAGES = 1_000_000, 2_000_000
BARE, OURS, RESTORE = "bare", "ours", "restore"


def bare() -> dict[str, Any]:
    """Ask for the pages a backup asks for, one after the other, and look at the last number only."""
    import requests
    from appwrite.query import Query

    from operations.backup.tables import database_settings, list_tables
    from resources.appwrite.columns import last_sequence
    from resources.appwrite.gateway import Gateway
    from resources.settings import load_settings

    settings = database_settings(load_settings())
    with Gateway(settings, settings.clock, lambda event: None) as gateway:
        tables = [table.id for table in list_tables(gateway) if table.id != "bank_details"]
    session = requests.Session()
    session.headers.update(
        {
            "X-Appwrite-Project": settings.appwrite_project_id,
            "X-Appwrite-Key": settings.appwrite_api_key.get_secret_value(),
        }
    )
    pages = size = 0
    watch = Watch()
    for table in tables:
        path = f"{settings.appwrite_endpoint}/tablesdb/{settings.appwrite_database_id}/tables/{table}/rows"
        after: int | None = None
        while True:
            follow = [Query.greater_than("$sequence", str(after))] if after is not None else []
            asked = [*follow, Query.order_asc("$sequence"), Query.limit(settings.page_size)]
            parameters = {f"queries[{n}]": query for n, query in enumerate(asked)} | {"total": "0"}
            answer = session.get(path, params=parameters, timeout=60)
            answer.raise_for_status()
            pages, size = pages + 1, size + len(answer.content)
            after = last_sequence(answer.content)
            if after is None:
                break
    return {**watch.told(), "pages": pages, "bytes": size}


def ours() -> dict[str, Any]:
    """A backup, into a folder."""
    import polars  # noqa: F401 - imports are left out of what is measured
    import pyarrow.parquet  # noqa: F401 - imports are left out of what is measured

    from operations.backup.create import make_backup
    from resources.settings import load_settings

    settings = load_settings()
    watch = Watch()
    made = make_backup(settings)
    return {**watch.told(), "rows": made.rows, "bytes": made.bytes, "backup_id": made.backup_id}


def restore(backup_id: str, into: str) -> dict[str, Any]:
    """The restore of a backup into an empty database: until its rows are there, and compared."""
    import polars  # noqa: F401 - imports are left out of what is measured
    import pyarrow.parquet  # noqa: F401 - imports are left out of what is measured

    from operations.backup.restore import restore_backup
    from resources.settings import load_settings

    settings = load_settings()
    marks: dict[str, dict[str, float]] = {}
    watch = Watch()
    done = restore_backup(settings, backup_id, into=into, reached=lambda s: marks.update({s: watch.told()}))
    assert done.same, done.wrong
    return {**watch.told(), "rows": done.rows, "made": marks["related"]["seconds"]}


def start(environment: dict[str, str], server: int, *words: str) -> Told:
    """Run one measured process to its end. ``server``: the sandbox's process id."""
    before = cpu_s(server)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.backup", "--only", *words],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words[0]} failed (exit status {process.returncode}).")
    told = json.loads(said)
    one = Told(told.pop("seconds"), told.pop("cpu_s"), cpu_s(server) - before, usage.ru_maxrss / 1024, told)
    line = f"  {words[0]}: {one.seconds:.1f} s, cpu {one.cpu_s:.1f} s, server's {one.server_cpu_s:.1f} s"
    print(f"{line}, {one.peak_mib:,.0f} MiB", file=sys.stderr)
    return one


def measure(scale: float, rounds: int, pace: float, data: Path | None, restores: bool) -> None:
    from tests.bookwatch_process import settings_for
    from tests.sandbox_server import SandboxProcess

    bookings, messages = round(BOOKINGS * scale), round(MESSAGES * scale)
    told: dict[str, list[Told]] = {BARE: [], OURS: [], RESTORE: []}
    with tempfile.TemporaryDirectory() as folder:
        words = ["--days", "60", "--bookings", str(bookings), "--messages", str(messages)]
        with SandboxProcess(*words, data=data or Path(folder) / "sandbox") as server:
            environment = {
                **settings_for(server),
                "APPWRITE_WRITE_KEY": server.key,
                "PYTHONPATH": str(ROOT),
                "BOOKWATCH_HOME": f"{folder}/home",
            }
            if pace:
                server.faults({"kind": "latency", "seconds": pace / 1000, "path": "/rows", "method": "GET"})
            start(environment, server.pid, BARE)  # warms the file cache for all
            for n in range(rounds):
                told[BARE].append(start(environment, server.pid, BARE))
                told[OURS].append(start(environment, server.pid, OURS))
                if restores and n == 0:
                    made = told[OURS][-1].more["backup_id"]
                    told[RESTORE].append(start(environment, server.pid, RESTORE, made, "restored"))
    first = told[OURS][0].more
    a, b = [t.seconds for t in told[BARE]], [t.seconds for t in told[OURS]]
    got = told[BARE][0].more
    print(
        f"{first['rows']:,} rows ({bookings:,} bookings, {messages:,} messages), {got['bytes'] / 1e6:,.0f}"
        f" MB in {got['pages']:,} pages, {first['bytes'] / 1e6:,.0f} MB backed up; {rounds} rounds:"
    )
    print("\n| what | measured | target |\n|---|---|---|")
    print(f"| backup ÷ bare GETs, wall | {ratios(b, a)} | at most 1.3 |")
    print(f"| peak memory of the backup | {max(t.peak_mib for t in told[OURS]):,.0f} MiB | under 500 MB |")
    for one in told[RESTORE]:
        rate = one.more["rows"] / one.more["made"]
        print(f"| restore: rows a second, until all are there | {rate:,.0f} | at least 5,000 |")
        print(f"| restore and comparison, wall; memory | {one.seconds:,.1f} s; {one.peak_mib:,.0f} MiB | |")
    print("\n| | wall | processor, our side | processor, server |\n|---|---|---|---|")
    for what, name in ((BARE, "bare GETs over one connection"), (OURS, "backup"), (RESTORE, "restore")):
        if told[what]:
            times = [
                spread([getattr(t, f) for t in told[what]]) for f in ("seconds", "cpu_s", "server_cpu_s")
            ]
            print(f"| {name} | {' | '.join(times)} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of 1,000,000 bookings and 2,000,000 messages"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--pace", type=float, default=0.0, help="milliseconds each page is held back (a real server: 50)"
    )
    parser.add_argument("--no-restore", action="store_true")
    parser.add_argument("--data", type=Path, help="a folder that keeps the sandbox's data for the next time")
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        what, *more = given.only
        told = {BARE: bare, OURS: ours, RESTORE: restore}[what](*more)
        print(json.dumps(told))
        return
    measure(given.scale, given.rounds, given.pace, given.data, not given.no_restore)


if __name__ == "__main__":
    main()
