"""10,000 expiries, planned from what is published and applied to a sandbox: each a booking changed, a message in its
room and a notification, in transactions of up to 100 operations. No call is made twice: the sandbox counts them.

Target: 60 s for planning and applying, the sandbox's own work in it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
A_CALL = 2_000


class Sandbox:
    """A sandbox with a day of the marketplace, in a process of its own; its truth, its keys, its count of calls."""

    def __init__(self, folder: Path) -> None:
        words = ["serve", "--json", "--days", "1", "--data", str(folder), "--die-with-parent"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.origin = told["endpoint"].removesuffix("/v1")
        self.database = told["database"]
        self.environment = {
            "APPWRITE_ENDPOINT": told["endpoint"],
            "APPWRITE_PROJECT_ID": told["project"],
            "APPWRITE_DATABASE_ID": told["database"],
            "APPWRITE_API_KEY": told["read_only_key"],
            "APPWRITE_WRITE_KEY": told["key"],
        }

    def cpu_s(self) -> float:
        """Processor time its process has taken so far."""
        told = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(told[11]) + int(told[12])) / os.sysconf("SC_CLK_TCK")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.origin}/control/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def load(self, table: str, rows: Iterator[Mapping[str, Any]]) -> None:
        some: list[Mapping[str, Any]] = []
        for row in rows:
            some.append(row)
            if len(some) == A_CALL:
                self.control("POST", "rows/bulk", {"database": self.database, "table": table, "rows": some})
                some = []
        if some:
            self.control("POST", "rows/bulk", {"database": self.database, "table": table, "rows": some})


def bookings(number: int, asked: datetime) -> Iterator[dict[str, Any]]:
    """Bookings of the app that nobody answered in time."""
    at, deadline = _text(asked), _text(asked + timedelta(minutes=5))
    for index in range(number):
        yield {
            "$id": f"late{index:06}",
            "$createdAt": at,
            "$updatedAt": at,
            "status": "pending",
            "customerId": f"customer{index % 997:04}",
            "providerType": "therapist",
            "businessId": f"provider{index % 97:03}",
            "duration": 60,
            "price": 250,
            "totalCost": 250_000,
            "source": "direct",
            "mode": "book_now",
            "createdAt": at,
            "responseDeadline": deadline,
        }


def rooms(number: int, asked: datetime) -> Iterator[dict[str, Any]]:
    """The room of each."""
    at = _text(asked)
    for index in range(number):
        yield {
            "$id": f"room{index:06}",
            "$createdAt": at,
            "$updatedAt": at,
            "bookingId": f"late{index:06}",
            "customerId": f"customer{index % 997:04}",
            "therapistId": f"provider{index % 97:03}",
            "status": "active",
            "createdAt": at,
        }


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")


def measure(number: int, folder: Path) -> dict[str, Any]:
    """Plan and apply so many expiries; what was measured and counted."""
    sandbox = Sandbox(folder / "sandbox")
    try:
        os.environ.update(
            sandbox.environment,
            BOOKWATCH_HOME=str(folder / "home"),
            BOOKWATCH_OPERATIONS='{"expire_bookings": "enforce"}',
            BOOKWATCH_ACTIONS_A_RUN=str(10 * number),
            BOOKWATCH_ACTIONS_SHARE="1",
        )
        from marketplace.operations import Operation
        from operations.applying import apply_plan
        from operations.planning import make_plan
        from pipelines.run import run
        from resources.run_report import RunOrder
        from resources.settings import load_settings

        asked = datetime.now(UTC) - timedelta(hours=3)
        sandbox.load("bookings", bookings(number, asked))
        sandbox.load("chat_rooms", rooms(number, asked))
        settings = load_settings()
        settings.home.create()
        done = run(settings, RunOrder(quiet=True))
        assert done.failure is None, done.failure
        before = sandbox.control("GET", "writes")
        own_before, its_before = time.process_time(), sandbox.cpu_s()
        began = time.perf_counter()
        plan = make_plan(settings, Operation.EXPIRE_BOOKINGS, by="benchmark")
        planned = time.perf_counter()
        applied = apply_plan(settings, plan.plan_id, by="benchmark", reason="measured")
        ended = time.perf_counter()
        after = sandbox.control("GET", "writes")
        own, its = time.process_time() - own_before, sandbox.cpu_s() - its_before
        return {
            "planned": plan.proposed,
            "counts": applied.counts,
            "problem": None if applied.problem is None else str(applied.problem),
            "plan_s": round(planned - began, 2),
            "apply_s": round(ended - planned, 2),
            "all_s": round(ended - began, 2),
            "rows_written": after["writes"] - before["writes"],
            "calls_that_write": after["calls"] - before["calls"],
            "tried_once": all(action.tries == 1 for action in applied.actions if action.answer),
            "cpu_s": round(own, 1),
            "cpu_of_the_sandbox_s": round(its, 1),
            "memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
    finally:
        sandbox.process.terminate()
        sandbox.process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=10_000)
    parser.add_argument("--json", type=Path, default=None, help="write what was measured there, too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(given.bookings, Path(folder))
    for name, value in found.items():
        print(f"{name:17} {value}")
    if given.json is not None:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
