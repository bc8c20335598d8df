"""From a row written in Appwrite to the snapshot that shows it, end to end on a live sandbox.

Targets: p95 under 9 s with `bookwatch watch --every 5`, under 90 s with the default schedule of `bookwatch serve`.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import requests

ROOT = Path(__file__).parents[1]
BOOKWATCH = [sys.executable, "-c", "from pipelines.cli import main; main()"]
POLL_S = 0.05


class Writer:
    """Writes bookings through Appwrite's API, as the app does."""

    def __init__(self, endpoint: str, project: str, key: str, database: str) -> None:
        self.address = f"{endpoint}/tablesdb/{database}/tables/bookings/rows"
        self.session = requests.Session()
        self.session.headers.update({"X-Appwrite-Project": project, "X-Appwrite-Key": key})

    def write(self) -> str:
        """One booking; its id. Returns once the server has it."""
        row_id = f"fresh-{uuid.uuid4().hex[:20]}"
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        data = {"status": "pending", "createdAt": now, "source": "direct", "price": 250}
        answer = self.session.post(self.address, json={"rowId": row_id, "data": data}, timeout=60)
        answer.raise_for_status()
        return row_id


def shown(snapshot: Path, row_ids: list[str]) -> set[str]:
    """Which of the bookings a snapshot holds, and counts: marts are made after core in the same run."""
    with duckdb.connect(str(snapshot), read_only=True) as con:
        found = con.execute(
            "SELECT booking_id FROM core.bookings WHERE booking_id IN (SELECT unnest(?))", [row_ids]
        )
        ids = {str(row[0]) for row in found.fetchall()}
        counted = con.execute("SELECT bookings_24h FROM marts.service_figures").fetchone()
    assert counted is not None
    assert counted[0] >= len(ids)
    return ids


def measure(home: Path, writer: Writer, writes: int, gap: float, patience: float) -> list[float]:
    """Seconds from each write to the snapshot that shows it. Raises RuntimeError if one does not come."""
    rng = random.Random(1)
    current = home / "published" / "current"
    written: dict[str, float] = {}
    waited: list[float] = []
    last = ""
    next_write = time.monotonic() + rng.uniform(0, 2 * gap)
    done = 0
    while done < writes or written:
        now = time.monotonic()
        if done < writes and now >= next_write:
            row_id = writer.write()
            written[row_id] = time.monotonic()
            done += 1
            next_write = time.monotonic() + rng.uniform(0, 2 * gap)
        link = os.readlink(current)
        if link != last and written:
            seen_at = time.monotonic()
            for row_id in shown(current.resolve(), list(written)):
                waited.append(seen_at - written.pop(row_id))
            last = link
        if written and now - min(written.values()) > patience:
            raise RuntimeError(f"{len(written)} bookings are not shown after {patience:.0f} s.")
        time.sleep(POLL_S)  # as often as the figure is exact: a link tells nobody that it changed
    return waited


def told(name: str, waited: list[float], target: float) -> str:
    ordered = sorted(waited)
    p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered) + 0.5) - 1)]
    load = os.getloadavg()[0]
    return (
        f"{name:<32} {len(ordered):>3} writes   min {ordered[0]:6.2f}   p50 {statistics.median(ordered):6.2f}"
        f"   p95 {p95:6.2f}   max {ordered[-1]:6.2f} s   target p95 < {target:.0f} s   load {load:.1f}"
    )


@contextlib.contextmanager
def running(words: list[str], environment: dict[str, str], log: Path) -> Generator[subprocess.Popen[bytes]]:
    """A bookwatch command in a session of its own, stopped by Ctrl-C's signal at the end."""
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*BOOKWATCH, *words], env={**os.environ, **environment}, cwd=ROOT, stdout=output, stderr=output
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(30)
            if process.poll() is None:
                process.kill()
                process.wait()


def first_snapshot(home: Path, process: subprocess.Popen[bytes], runs: int) -> None:
    """Wait until so many snapshots were published: a process is warm after its second run."""
    give_up = time.monotonic() + 1800
    while len(list((home / "published").glob("2*.duckdb"))) < runs:
        if process.poll() is not None or time.monotonic() > give_up:
            raise RuntimeError("bookwatch published nothing.")
        time.sleep(0.5)  # a new snapshot is looked for: nobody tells of it


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=40, help="under watch")
    parser.add_argument(
        "--scheduled-writes", type=int, default=10, help="under the default schedule; 0: leave it out"
    )
    parser.add_argument("--days", type=int, default=30, help="history of the sandbox")
    chosen = parser.parse_args(sys.argv[1:] if arguments is None else arguments)
    from tests.bookwatch_process import settings_for
    from tests.sandbox_server import SandboxProcess

    with tempfile.TemporaryDirectory(prefix="bookwatch-freshness-") as scratch:
        folder = Path(scratch)
        with SandboxProcess("--days", str(chosen.days), "--live", data=folder / "sandbox") as server:
            writer = Writer(server.endpoint, server.project, server.key, server.database)
            home = folder / "home"
            environment = {
                **settings_for(server),
                "BOOKWATCH_HOME": str(home),
                "PYTHONPATH": str(ROOT),
            }
            if chosen.writes:
                with running(["watch", "--every", "5"], environment, folder / "watch.log") as process:
                    first_snapshot(home, process, 2)
                    waited = measure(home, writer, chosen.writes, 1.5, 600)
                print(told("watch --every 5", waited, 9), flush=True)
            if chosen.scheduled_writes:
                with running(["serve", "--no-browser"], environment, folder / "serve.log") as process:
                    first_snapshot(home, process, 3 if chosen.writes else 1)
                    waited = measure(home, writer, chosen.scheduled_writes, 20, 900)
                print(told("serve, a run every minute", waited, 90), flush=True)


if __name__ == "__main__":
    main()
