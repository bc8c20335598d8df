"""Ingestion against what bounds it: bare GETs of the same pages, an SDK loop; changed rows; memory.

`python -m benchmarks.ingest [--scale 1.0] [--rounds 3] [--pace 50] [--data DIR]`, or `make bench-ingest`.
One sandbox on the same machine; every measured thing is a process of its own, in turn, whose own clock leaves its
imports out and whose processor seconds and peak memory are the system's accounting. Judges nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.sandboxes import ROOT, cpu_s

BOOKINGS, MESSAGES = 1_000_000, 2_000_000
CHANGED = 1_000
SDK_PAGES = 400
BARE, ALONE, OURS, SDK, CHANGE = "bare", "bare_alone", "ours", "sdk", "change"


@dataclass(frozen=True)
class Told:
    """What a measured process says of itself (its imports left out), and what the system says of it and the server."""

    seconds: float
    cpu_s: float
    server_cpu_s: float
    peak_mib: float
    more: dict[str, Any]


def start(what: str, environment: dict[str, str], server: int) -> Told:
    """Run one measured process to its end. ``server``: the sandbox's process id."""
    before = cpu_s(server)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.ingest", "--only", what],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{what} failed (exit status {process.returncode}).")
    told = json.loads(said)
    return Told(told.pop("seconds"), told.pop("cpu_s"), cpu_s(server) - before, usage.ru_maxrss / 1024, told)


class Watch:
    """Wall and processor seconds of this process since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def told(self) -> dict[str, float]:
        return {"seconds": time.perf_counter() - self._wall, "cpu_s": time.process_time() - self._cpu}


# -- what is measured: each runs in a process of its own --


def bare(connections: int | None = None) -> dict[str, Any]:
    """Ask for the pages our scan asks for, over as many connections (or so many); look at the last number only."""
    import requests
    from appwrite.query import Query

    from marketplace.collections import INGESTED, REQUIRED
    from resources.appwrite.columns import last_sequence
    from resources.settings import load_settings

    settings = load_settings()
    size, key = settings.page_size, settings.appwrite_api_key.get_secret_value()
    headers = {"X-Appwrite-Project": settings.appwrite_project_id, "X-Appwrite-Key": key}
    todo = iter(INGESTED)
    taking = threading.Lock()

    def work() -> list[int]:
        session = requests.Session()
        pages: list[int] = []
        while True:
            with taking:
                collection = next(todo, None)
            if collection is None:
                return pages
            url = (
                f"{settings.appwrite_endpoint}/tablesdb/{settings.appwrite_database_id}"
                f"/tables/{settings.table_id(collection)}/rows"
            )
            after = None
            while True:
                follow = [Query.greater_than("$sequence", str(after))] if after is not None else []
                window = Query.less_than_equal(
                    "$updatedAt", time.strftime("%Y-%m-%dT%H:%M:%S.000+00:00", time.gmtime())
                )
                asked = [window, *follow, Query.order_asc("$sequence"), Query.limit(size)]
                parameters = {f"queries[{n}]": query for n, query in enumerate(asked)} | {"total": "0"}
                answer = session.get(url, params=parameters, headers=headers, timeout=60)
                if answer.status_code == 404 and collection not in REQUIRED:
                    break  # a table that only a marketplace with the booking API has; ours asks for it once, too
                answer.raise_for_status()
                pages.append(len(answer.content))
                after = last_sequence(answer.content)
                if after is None:
                    break

    watch = Watch()
    many = connections or settings.workers
    with ThreadPoolExecutor(many) as pool:
        pages = [size for got in [pool.submit(work) for _ in range(many)] for size in got.result()]
    return {**watch.told(), "pages": len(pages), "bytes": sum(pages)}


def ours() -> dict[str, Any]:
    """The ingestion of a run, into a new mirror."""
    from assets.raw import ingest
    from pipelines.run import open_run
    from resources.run_report import RunOrder
    from resources.settings import load_settings

    settings = load_settings()
    settings.home.create()
    with open_run(settings, RunOrder(quiet=True)) as begun:
        watch = Watch()
        scans = ingest(begun.run).scans
        told = watch.told()
    assert all(scan.outcome == "complete" for scan in scans), scans
    pages = sum(call.operation == "list_rows" for call in begun.run.journal.calls)
    return {**told, "rows": sum(scan.fetched for scan in scans), "pages": pages}


def sdk() -> dict[str, Any]:
    """The SDK as its documentation shows it: list_rows, the default page, a cursor; a part of each large table."""
    from appwrite.client import Client
    from appwrite.query import Query
    from appwrite.services.tables_db import TablesDB

    from resources.settings import load_settings

    settings = load_settings()
    client = Client()
    client.set_endpoint(settings.appwrite_endpoint).set_project(settings.appwrite_project_id)
    client.set_key(settings.appwrite_api_key.get_secret_value())
    tables = TablesDB(client)
    seconds: dict[str, float] = {}
    watch = Watch()
    for collection in ("bookings", "chat_messages"):
        cursor: str | None = None
        rows = 0
        began = time.perf_counter()
        for _ in range(SDK_PAGES):
            # It prints the same line a call: that it was made for a newer server.
            with contextlib.redirect_stderr(io.StringIO()):
                listed = tables.list_rows(
                    settings.appwrite_database_id,
                    settings.table_id(collection),
                    [Query.cursor_after(cursor)] if cursor else [],
                ).rows
            if not listed:
                break
            rows += len(listed)
            cursor = listed[-1].id
        seconds[collection] = (time.perf_counter() - began) / max(rows, 1)
    return {**watch.told(), "row_seconds": seconds}


def change() -> dict[str, Any]:
    """Core from the new mirror; then rows changed through the API reach raw and core."""
    import random

    import requests

    from assets.core.engine import process
    from assets.raw import ingest
    from marketplace.money import AmountBounds
    from marketplace.rules import RULES_VERSION
    from pipelines.run import open_run
    from resources.raw.store import RawStore
    from resources.run_report import RunOrder
    from resources.settings import load_settings

    settings = load_settings()

    def core() -> dict[str, float]:
        watch = Watch()
        process(
            settings.home.raw,
            settings.home.warehouse,
            timezone=settings.timezone,
            rules_version=RULES_VERSION,
            now=settings.clock.naive_now(),
            amounts=AmountBounds(settings.amount_min, settings.amount_max),
        )
        return watch.told()

    core_full = core()
    with RawStore(settings.home.raw, read_only=True) as store:
        ids = store.versions.living("bookings")["_id"].to_list()
    chosen = random.Random(5).sample(ids, min(CHANGED, len(ids)))
    headers = {
        "X-Appwrite-Project": settings.appwrite_project_id,
        "X-Appwrite-Key": os.environ["SANDBOX_KEY"],
    }
    database, table_id = settings.appwrite_database_id, settings.table_id("bookings")
    url = f"{settings.appwrite_endpoint}/tablesdb/{database}/tables/{table_id}/rows"
    # Kept data may have been changed before: what stays as it was is no change to Appwrite.
    note = f"changed {time.time()}"
    with requests.Session() as session:
        for identity in chosen:
            answer = session.patch(
                f"{url}/{identity}", json={"data": {"notes": note}}, headers=headers, timeout=60
            )
            answer.raise_for_status()
    time.sleep(settings.safety_lag + 1.1)  # a scan leaves younger rows to the next one
    with open_run(settings, RunOrder(quiet=True)) as begun:
        watch = Watch()
        scans = ingest(begun.run).scans
        ingested = watch.told()
        derived = core()
    updated = sum(scan.updated + scan.rejected for scan in scans)
    assert updated == len(chosen), updated
    return {
        "seconds": ingested["seconds"] + derived["seconds"],
        "cpu_s": ingested["cpu_s"] + derived["cpu_s"],
        "ingest": ingested,
        "core": derived,
        "core_full": core_full,
        "rows": updated,
    }


MEASURED: dict[str, Callable[[], dict[str, Any]]] = {
    BARE: bare,
    ALONE: lambda: bare(1),
    OURS: ours,
    SDK: sdk,
    CHANGE: change,
}


# -- the table --


def spread(values: Sequence[float], unit: str = " s", digits: int = 1) -> str:
    """Minimum, median and maximum."""
    if len(values) == 1:
        return f"{values[0]:.{digits}f}{unit}"
    parts = (min(values), statistics.median(values), max(values))
    return " / ".join(f"{part:.{digits}f}" for part in parts) + unit


def table(scale: float, rounds: int, pace: float, data: Path | None) -> None:
    from tests.bookwatch_process import settings_for
    from tests.sandbox_server import SandboxProcess

    bookings, messages = int(BOOKINGS * scale), int(MESSAGES * scale)
    told: dict[str, list[Told]] = {BARE: [], ALONE: [], OURS: [], SDK: []}
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxProcess(
            "--days",
            "60",
            "--bookings",
            str(bookings),
            "--messages",
            str(messages),
            data=data or Path(folder) / "sandbox",
        ) as server,
    ):
        environment = {
            **settings_for(server),
            "SANDBOX_KEY": server.key,
            "PYTHONPATH": str(ROOT),
        }
        if pace:
            server.faults({"kind": "latency", "seconds": pace / 1000, "path": "/rows"})
        start(BARE, environment, server.pid)  # warms the file cache for all
        for n in range(rounds):
            home = {"BOOKWATCH_HOME": f"{folder}/home{n}"}
            for what in told:
                one = start(what, environment | home, server.pid)
                told[what].append(one)
                print(
                    f"  {what}: {one.seconds:.1f} s, cpu {one.cpu_s:.1f} s, server's {one.server_cpu_s:.1f} s",
                    file=sys.stderr,
                )
        changed = start(CHANGE, environment | {"BOOKWATCH_HOME": f"{folder}/home{rounds - 1}"}, server.pid)
    rows = told[OURS][0].more["rows"]
    sdk_whole = [
        t.more["row_seconds"]["bookings"] * bookings + t.more["row_seconds"]["chat_messages"] * messages
        for t in told[SDK]
    ]
    a, b = [t.seconds for t in told[BARE]], [t.seconds for t in told[OURS]]
    whole = [both(t) for t in told[BARE]], [both(t) for t in told[OURS]]
    new, old = changed.more["core"], changed.more["core_full"]
    pages = {what: told[what][0].more["pages"] for what in (BARE, OURS)}
    print(
        f"{rows:,} rows ({bookings:,} bookings, {messages:,} messages), {told[BARE][0].more['bytes'] / 1e6:,.0f} MB,"
    )
    print(
        f"{pages[BARE]:,} pages asked for bare, {pages[OURS]:,} by bookwatch; {os.cpu_count()} cores; {rounds} rounds:"
    )
    print("minimum / median / maximum\n")
    print("| ratio | measured | target |\n|---|---|---|")
    print(f"| full ingest ÷ bare GETs, wall | {ratios(b, a)} | at most 1.3 |")
    print(f"| the same, processor seconds of client and server | {ratios(whole[1], whole[0])} | |")
    print(
        f"| full ingest ÷ bare GETs over one connection | {ratios(b, [t.seconds for t in told[ALONE]])} | |"
    )
    print(f"| SDK loop ÷ full ingest | {ratios(sdk_whole, b, 1)} | at least 4 |")
    print(
        f"| {changed.more['rows']:,} changed rows to core ÷ everything to core, wall |"
        f" {changed.seconds / (b[-1] + old['seconds']):.2%} | under 2 % |"
    )
    print(f"| the same, processor seconds | {changed.cpu_s / (told[OURS][-1].cpu_s + old['cpu_s']):.2%} | |")
    print(
        f"| peak memory of the ingest process | {max(t.peak_mib for t in told[OURS]):,.0f} MiB | under 1 GB |\n"
    )
    print("| | wall | processor, our side | processor, server |\n|---|---|---|---|")
    for what, name in (
        (BARE, "bare GETs, nothing decoded, as many connections as bookwatch"),
        (ALONE, "bare GETs over one connection"),
        (OURS, "full ingest to raw"),
    ):
        times = [spread([getattr(t, f) for t in told[what]]) for f in ("seconds", "cpu_s", "server_cpu_s")]
        print(f"| {name} | {' | '.join(times)} |")
    print(f"| SDK loop, scaled from {SDK_PAGES} pages of 25 a table | {spread(sdk_whole)} | | |")
    print(f"| everything to core after it | {old['seconds']:.1f} s | {old['cpu_s']:.1f} s | |")
    first = changed.more["ingest"]
    print(
        f"| {changed.more['rows']:,} changed rows: ingest + core | {first['seconds']:.2f} + {new['seconds']:.2f} s "
        f"| {first['cpu_s']:.2f} + {new['cpu_s']:.2f} s | |",
        flush=True,
    )


def both(told: Told) -> float:
    """Processor seconds of the client and the server."""
    return told.cpu_s + told.server_cpu_s


def ratios(over: Sequence[float], under: Sequence[float], digits: int = 2) -> str:
    """The spread of the quotients, run by run."""
    return spread([y / x for x, y in zip(under, over, strict=True)], "", digits)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scale", type=float, default=1.0, help="of 1,000,000 bookings and 2,000,000 messages"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--pace",
        type=float,
        default=0,
        help="milliseconds each answer with rows is held back (a real server: 50)",
    )
    parser.add_argument("--data", type=Path, help="a folder that keeps the sandbox's data for the next time")
    parser.add_argument("--only", choices=MEASURED, help=argparse.SUPPRESS)
    asked = parser.parse_args(list(arguments))
    if asked.only:
        print(json.dumps(MEASURED[asked.only]()))
    else:
        table(asked.scale, asked.rounds, asked.pace, asked.data)


if __name__ == "__main__":
    main(sys.argv[1:])
