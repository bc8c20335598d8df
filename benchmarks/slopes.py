"""What a run costs at two sizes, and so for each row more: from the server to the pages; what bounds it at other sizes.

`python -m benchmarks.slopes [--messages 20000,200000] [--json FILE] [--table FILE]`, or `make bench-slopes`.
A sandbox filled with so many messages and a fifth as many bookings, and for each size, each in a process of its own:
a first run (everything read, derived, made, published), a run with nothing changed, a quick sweep, and the Overview
drawn again and again. Processor seconds of both sides, since the machine may do much else; memory and files.

The slope of a step is its growth by the growth of messages (with their bookings). What is told of other sizes is these
lines drawn on, far beyond what was measured: to see which limit comes first, not when. `--table` tells it again from
what `--json` wrote. Judges nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.sandboxes import ROOT, cpu_s

A_BOOKING = 5
"""Messages for each booking."""
SIZES = (20_000, 200_000)
YEARS = (10_000, 1_000_000, 100_000_000, 1_000_000_000)
FIRST, AGAIN, SWEEP, PAGES = "first", "again", "sweep", "pages"
REDRAWN = 15


# -- what is measured: each runs in a process of its own --


def run_of(sweep: bool) -> dict[str, Any]:
    """A run, step by step; what it said of itself."""
    from pipelines.run import conclude, open_run, steps_of
    from resources.run_report import RunOrder, SweepOrder
    from resources.settings import load_settings

    settings = load_settings()
    settings.home.create()
    order = RunOrder(quiet=True, sweep=SweepOrder(deep=False) if sweep else None)
    steps: dict[str, float] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        began = time.process_time()
        done = work()
        steps[name] = steps.get(name, 0.0) + time.process_time() - began
        return done

    with open_run(settings, order) as begun:
        found = begun
        for step in steps_of(order):
            # What has no name of its own is a partial, whose group is known.
            name = getattr(step, "__name__", "") or "check " + step.keywords["group"].name  # type: ignore[attr-defined]
            if not (found.failed or found.blocked):
                found = timed(name, lambda step=step, found=found: step(found))
        found = timed("report", lambda: conclude(found))
    assert found.failure is None, found.failure
    return {"steps": steps, "calls": sum(1 for call in found.run.journal.calls)}


def pages() -> dict[str, Any]:
    """The Overview: processor seconds of one more drawing."""
    import logging

    from streamlit.testing.v1 import AppTest

    from dashboards import launch

    logging.disable(logging.WARNING)
    app = AppTest.from_file(launch.APP, default_timeout=600)
    app.run()
    spent: list[float] = []
    for _ in range(REDRAWN):
        began = time.process_time()
        app.run()
        spent.append(time.process_time() - began)
    assert not app.exception, app.exception
    return {"steps": {"Overview again": statistics.median(spent)}}


MEASURED: dict[str, Callable[[], dict[str, Any]]] = {
    FIRST: lambda: run_of(sweep=False),
    AGAIN: lambda: run_of(sweep=False),
    SWEEP: lambda: run_of(sweep=True),
    PAGES: pages,
}


def told_by(what: str, environment: Mapping[str, str], server: int) -> dict[str, Any]:
    """Run one of them to its end."""
    before = cpu_s(server)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.slopes", "--only", what],
        env={**os.environ, **environment},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return {**told, "server_s": cpu_s(server) - before}


def own_costs() -> dict[str, Any]:
    """Of this process, imports included: the greatest memory and what it wrote to disk."""
    written = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"peak_mib": peak, "written_mib": int(written["write_bytes"]) / (1 << 20)}


def measure(messages: int) -> dict[str, Any]:
    """Everything at one size."""
    from tests.bookwatch_process import settings_for
    from tests.sandbox_server import SandboxProcess

    with (
        tempfile.TemporaryDirectory(prefix="bookwatch-slopes-") as folder,
        SandboxProcess(
            *("--days", "2", "--bookings", str(messages // A_BOOKING), "--messages", str(messages)),
            data=Path(folder) / "sandbox",
        ) as server,
    ):
        environment = {
            **settings_for(server),
            "BOOKWATCH_HOME": f"{folder}/home",
            "PYTHONPATH": str(ROOT),
        }
        found: dict[str, Any] = {"messages": messages}
        for what in MEASURED:
            print(f"  {messages:,} messages: {what} …", file=sys.stderr, flush=True)
            found[what] = told_by(what, environment, server.pid)
        home = Path(folder) / "home"
        snapshot = (home / "published" / "current").resolve()
        files = {
            "raw": home / "raw.duckdb",
            "warehouse": home / "warehouse.duckdb",
            "snapshot": snapshot,
            "private": home / "published" / "private.duckdb",
        }
        found["files_mib"] = {name: path.stat().st_size / (1 << 20) for name, path in files.items()}
        return found


# -- what is told --


def lines(found: Sequence[Mapping[str, Any]]) -> dict[str, tuple[float, float, list[float]]]:
    """What was measured → (what it costs whatever the size, for each million messages more, the values)."""
    names: dict[str, Callable[[Mapping[str, Any]], float]] = {}
    for what in (FIRST, AGAIN, SWEEP, PAGES):
        for step in found[0][what]["steps"]:
            names[f"{what}: {step}, s"] = lambda one, what=what, step=step: one[what]["steps"][step]
        if what != PAGES:
            names[f"{what}: the server, s"] = lambda one, what=what: one[what]["server_s"]
            names[f"{what}: calls"] = lambda one, what=what: one[what]["calls"]
            names[f"{what}: written, MiB"] = lambda one, what=what: one[what]["written_mib"]
        names[f"{what}: memory, MiB"] = lambda one, what=what: one[what]["peak_mib"]
    for name in found[0]["files_mib"]:
        names[f"file {name}, MiB"] = lambda one, name=name: one["files_mib"][name]
    small, large = found[0], found[-1]
    grown = (large["messages"] - small["messages"]) / 1e6
    told: dict[str, tuple[float, float, list[float]]] = {}
    for name, value in names.items():
        slope = (value(large) - value(small)) / grown
        told[name] = (value(small) - slope * small["messages"] / 1e6, slope, [value(one) for one in found])
    return told


def print_table(found: Sequence[Mapping[str, Any]]) -> None:
    sizes = [f"{one['messages']:,}" for one in found]
    years = [f"at {year:,}" for year in YEARS]
    print(f"| of messages | {' | '.join(sizes)} | a million more | {' | '.join(years)} |")
    print(f"|---{'|---' * (len(sizes) + 1 + len(YEARS))}|")
    for name, (at_none, slope, values) in lines(found).items():
        drawn_on = [at_none + slope * year / 1e6 for year in YEARS]
        cells = [*values, slope, *(max(value, 0.0) for value in drawn_on)]
        print(f"| {name} | {' | '.join(in_short(cell) for cell in cells)} |")


def in_short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", default=",".join(map(str, SIZES)), help="two sizes or more, by commas")
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    parser.add_argument("--table", type=Path, help="tell it again of such a file; nothing is measured")
    parser.add_argument("--only", choices=MEASURED, help=argparse.SUPPRESS)
    asked = parser.parse_args(list(arguments))
    if asked.only:
        told = MEASURED[asked.only]()
        print(json.dumps({**told, **own_costs()}))
        return
    if asked.table:
        found = json.loads(asked.table.read_text())
    else:
        sizes = sorted({int(size) for size in asked.messages.split(",")})
        if len(sizes) < 2:
            sys.exit("A slope needs two sizes: --messages 20000,200000.")
        found: list[dict[str, Any]] = []
        for size in sizes:
            found.append(measure(size))
            if asked.json:
                asked.json.write_text(json.dumps(found, indent=1))
    print_table(found)


if __name__ == "__main__":
    main(sys.argv[1:])
