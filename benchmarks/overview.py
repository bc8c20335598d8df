"""How long the server takes to draw the Overview again.

Run `python -m benchmarks.overview [--home DIR] [--reruns 40]`, or `make bench ARGS=overview`. Without --home
a snapshot of 60 days (about 14,500 bookings) is built in a temporary folder. Prints milliseconds and exits 1
where the median rerun takes 100 ms or more. Timed around Streamlit's own script run (AppTest), without
network and browser.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import os
import pkgutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
LIMIT_MS = 100


def main(arguments: Sequence[str] = ()) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, help="a BOOKWATCH_HOME with a published snapshot")
    parser.add_argument("--reruns", type=int, default=40)
    asked = parser.parse_args(list(arguments))
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        home = asked.home
        if home is None:
            from tests.dashboards import snapshot
            from tests.published import published_once

            home = Path(folder) / "home"
            snapshot.build(published_once(Path(folder)), home)
            os.environ["BOOKWATCH_NOW"] = snapshot.NOW_SETTING
        os.environ["BOOKWATCH_HOME"] = str(home)
        return measure(asked.reruns)


def measure(reruns: int) -> int:
    from streamlit.testing.v1 import AppTest

    from dashboards import launch, queries

    def timed(app: AppTest) -> float:
        begun = time.perf_counter()
        app.run()
        spent = (time.perf_counter() - begun) * 1000
        if app.exception:
            sys.exit(f"The page failed: {app.exception}")
        return spent

    def forget() -> None:
        for module in pkgutil.iter_modules(queries.__path__, f"{queries.__name__}."):
            for question in vars(importlib.import_module(module.name)).values():
                if hasattr(question, "cache_clear"):
                    question.cache_clear()

    app = AppTest.from_file(launch.APP, default_timeout=60)
    first = timed(app)
    again = sorted(timed(app) for _ in range(reruns))
    fresh: list[float] = []
    for _ in range(max(5, reruns // 4)):
        forget()
        fresh.append(timed(app))
    p95 = again[min(len(again) - 1, int(len(again) * 0.95))]
    print(f"Overview, {reruns} reruns on {os.cpu_count()} cores, server side")
    print(f"  first run of the process      {first:7.1f} ms")
    middle = statistics.median(again)
    print(f"  rerun, same snapshot: median  {middle:7.1f} ms   p95 {p95:.1f} ms   (limit {LIMIT_MS} ms)")
    print(f"  rerun, new snapshot:  median  {statistics.median(fresh):7.1f} ms   max {max(fresh):.1f} ms")
    return 0 if middle < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
