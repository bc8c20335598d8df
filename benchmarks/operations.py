"""10,000 expiries, planned from what is published and applied to a sandbox: each a booking changed, a message in its
room and a notification, in transactions of up to 100 operations. No call is made twice: the sandbox counts them.

Target: 60 s for planning and applying, the sandbox's own work in it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.sandboxes import Sandbox


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
    sandbox = Sandbox(folder / "sandbox", "--days", "1")
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
