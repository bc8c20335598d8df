"""Runs on a live, faulty server for a while, with kills in between; in the end everything must be equal.

`python -m benchmarks.soak [--minutes 20] [--seed 1]`, or `make soak`. A live sandbox changes all the time and fails
now and then; `bookwatch run` goes round, some of them killed. Then the faults end, one more run, a sweep, and: raw
equals the server, core equals a rebuild. Exits 1, with what differs, where they are not.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

FAULTS = (
    {"kind": "status", "status": 503, "rate": 0.04},
    {"kind": "status", "status": 429, "retry_after": 1, "rate": 0.01},
    {"kind": "html", "status": 500, "rate": 0.01},
    {"kind": "reset", "rate": 0.02},
    {"kind": "truncate", "keep": 0.5, "rate": 0.02},
    {"kind": "empty", "rate": 0.01},
    {"kind": "latency", "seconds": 0.3, "rate": 0.05},
)
KILLED_SHARE = 0.2


def main(arguments: Sequence[str] = ()) -> None:
    from tests.bookwatch_process import Bookwatch, settings_for
    from tests.sandbox_server import SandboxProcess

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(list(arguments))
    chance = random.Random(asked.seed)
    ended: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, SandboxProcess("--days", "7", "--live") as server:
        bookwatch = Bookwatch(Path(folder) / "home", settings_for(server))
        until = time.monotonic() + 60 * asked.minutes
        server.faults(*FAULTS, seed=asked.seed)
        while time.monotonic() < until:
            said = (Path(folder) / "said").open("w+")
            run = subprocess.Popen(
                [sys.executable, "-c", "from pipelines.cli import main; main()", "run"],
                env=bookwatch.env(),
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
            if chance.random() < KILLED_SHARE:
                try:
                    run.wait(chance.uniform(2, 12))
                except subprocess.TimeoutExpired:
                    run.send_signal(signal.SIGKILL)
            status = run.wait()
            ended["killed" if status == -signal.SIGKILL else f"exit {status}"] += 1
            if status not in (0, 10, 11, -signal.SIGKILL):
                said.seek(0)
                sys.exit(f"A run ended with status {status}: {said.read()[-2000:]}")
            said.close()
        injected = server.control("GET", "faults")["injected"]
        server.faults()
        print(f"{sum(ended.values())} runs: {dict(ended)}; faults: {injected}")
        sys.exit(1 if differences(bookwatch, server, Path(folder) / "check") else 0)


def differences(bookwatch: object, server: object, folder: Path) -> bool:
    """Bring all up to date and compare; prints what differs."""
    import duckdb

    from assets.core.engine import process
    from marketplace.collections import INGESTED
    from marketplace.money import AmountBounds
    from marketplace.quarantine import reject_reasons
    from marketplace.rules import RULES_VERSION
    from resources.appwrite.gateway import Gateway
    from resources.appwrite.sweep import sweep
    from resources.appwrite.sync import sync
    from resources.clock import Clock
    from resources.progress import Quiet
    from resources.raw.store import RawStore
    from resources.settings import Settings
    from tests.bookwatch_process import Bookwatch
    from tests.sandbox_server import SandboxProcess

    assert isinstance(bookwatch, Bookwatch)
    assert isinstance(server, SandboxProcess)
    bookwatch.run()
    settings = Settings(
        _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
        appwrite_endpoint=server.endpoint,
        appwrite_project_id=server.project,
        appwrite_api_key=server.read_only_key,  # pyright: ignore[reportArgumentType] - Pydantic makes it of the text
        appwrite_database_id=server.database,
        home=bookwatch.home,
        safety_lag=0,
    )
    different = False
    with Gateway(settings, Clock(), lambda _: None) as gateway, RawStore(settings.home.raw) as store:
        told = {"settings": settings, "reject_reasons": reject_reasons, "progress": Quiet()}
        sync(gateway, store, INGESTED, run_id="soak", rules_version=RULES_VERSION, **told)
        for outcome in sweep(gateway, store, INGESTED, run_id="soak-sweep", **told):
            # The server goes on changing: what the sweep had to repair would have been lost without it.
            repaired = outcome.counts.updated + outcome.counts.inserted
            print(f"{outcome.collection}: {outcome.outcome}, {outcome.mirror_rows} rows, {repaired} repaired")
            different |= outcome.outcome != "complete" or bool(repaired)
            different |= outcome.server_rows != outcome.mirror_rows
    times = {
        "timezone": settings.timezone,
        "rules_version": RULES_VERSION,
        "now": Clock().naive_now(),
        "amounts": AmountBounds(settings.amount_min, settings.amount_max),
    }
    process(settings.home.raw, settings.home.warehouse, **times)
    folder.mkdir()
    for name in ("raw.duckdb", "phone.key"):
        shutil.copy(bookwatch.home / name, folder / name)
    process(folder / "raw.duckdb", folder / "rebuilt.duckdb", full=True, **times)
    with duckdb.connect(str(folder / "rebuilt.duckdb")) as con:
        con.execute(f"ATTACH '{settings.home.warehouse}' AS kept (READ_ONLY)")
        for (table,) in con.execute(
            "SELECT DISTINCT table_name FROM duckdb_tables() WHERE schema_name = 'core' AND table_name <> 'state'"
        ).fetchall():
            counts = [
                con.execute(
                    f"SELECT count(*) FROM (SELECT * FROM {one}.core.{table}"
                    f" EXCEPT ALL SELECT * FROM {two}.core.{table})"
                ).fetchone()
                for one, two in (("kept", "rebuilt"), ("rebuilt", "kept"))
            ]
            print(f"core.{table}: {'equal' if counts == [(0,), (0,)] else f'differs {counts}'}")
            different |= counts != [(0,), (0,)]
    print("Something differs." if different else "All equal.")
    return different


if __name__ == "__main__":
    main(sys.argv[1:])
