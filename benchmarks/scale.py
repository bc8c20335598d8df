"""What a run costs that has 1,000 changed bookings, at 0.1, 1 and 10 million bookings, against making everything whole.

`python -m benchmarks.scale [--scales 0.01,0.1,1] [--changed 1000] [--rounds 2] [--ways recent,spread] [--talks 0.1]
[--data DIR] [--before WORKTREE] [--json FILE]`, or `make bench-scale`. Of each scale (of 10,000,000 bookings) a home is
made once (benchmarks/large_home.py: core, and a mirror that holds a row for every row of it; with conversations where
no scale is over ``--talks``). Then, each in a process of its own, as a run from cron is one:

- `full`: no mart is there: every mart whole, all checks, publishing; with ``--before`` also by the code of another
  worktree, on the same home.
- `change`: rows change in the mirror through its own store, then the run of pipelines/run.py from derive to the report.
  `recent`: new bookings, and those of the last days go on, with their records, messages and users. `spread`: bookings
  of all two years are corrected, and their records. Each round other rows, and a minute later.
- `idle`: the same with nothing changed.

Seconds of a run are those of its steps, without the process's imports and without reading from Appwrite (a server's
pace; that the mirror takes the rows in is told apart). Exits 1 where a target is not met.
"""

from __future__ import annotations

import argparse
import functools
import importlib
import inspect
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
BOOKINGS: Final = 10_000_000
LARGEST_RATIO: Final = 1.5
LARGEST_SHARE: Final = 0.05
LONGEST_S: Final = 10.0
MEMORY_MIB: Final = 2048
#: The first run of a home makes everything; those that are measured follow a minute apart.
APART: Final = timedelta(minutes=1)

#: Part → the function whose seconds it is. A part within another is counted in both.
PARTS: Final[dict[str, str]] = {
    "derive.state": "assets.core.engine:_Run._state",
    "derive.newest_change": "assets.core.raw_reader:Mirror.newest_change",
    "derive.rejects": "assets.core.raw_reader:Mirror.rejects",
    "derive.odd_ids": "resources.raw.published_ids:RowNames.odd_ids",
    "derive.new_words": "resources.raw.published_ids:RowNames.new_words",
    "derive.hidden_words": "resources.raw.published_ids:RowNames._words",
    "derive.people": "assets.core.engine:_Run._people",
    "derive.moved": "assets.core.engine:_Run._moved",
    "derive.depending": "assets.core.engine:_Run._depending",
    "derive.read_rows": "assets.core.raw_reader:Mirror.chunks",
    "derive.read_history": "assets.core.raw_reader:Mirror.history",
    "derive.rules": "assets.core.engine:_Run._chunk",
    "derive.delete": "assets.core.engine:_Run._delete",
    "derive.insert": "assets.core.engine:_Run._insert",
    "derive.borrow": "assets.core.engine:_Run._borrow",
    "checks.digest": "checks.factory:_contents",
    "checks.rows": "checks.factory:_chunks",
    "checks.keys": "checks.factory:_duplicates",
    "marts.bookkeeping": "assets.marts.make:mirror_bookkeeping",
    "marts.mirror_rows": "assets.ops:mirror_rows",
    "marts.quarantine": "assets.ops:mirror_quarantine",
    "marts.build": "assets.marts.make:build_marts",
    "marts.digests": "assets.marts.build:_digest",
    "marts.points": "assets.marts.make:record_points",
    "marts.closed_months": "assets.marts.make:compare_closed_months",
    "marts.views": "assets.marts.make:write_views",
    "publish.due": "assets.published:copy_due",
    "publish.record_checks": "assets.published:record_checks",
    "publish.describe": "assets.published:describe_snapshot",
    "publish.copy": "assets.published:copy_closed_file",
    "publish.private": "assets.published:update_private",
    "publish.drop_old": "assets.published:_drop_old",
    "report.judge": "pipelines.run:judge",
    "report.status": "pipelines.run:run_status",
}


#: What something took: ``seconds`` and ``cpu_s``.
Spent = dict[str, float]


@dataclass
class Watch:
    """Seconds by part, check and mart, of what is patched into this process; of parts and checks also those of the
    processor (``Spent``), which a busy machine does not lengthen."""

    parts: dict[str, Spent] = field(default_factory=dict[str, "Spent"])
    checks: dict[str, Spent] = field(default_factory=dict[str, "Spent"])
    marts: dict[str, Spent] = field(default_factory=dict[str, "Spent"])
    gone: list[str] = field(default_factory=list[str])

    def install(self) -> None:
        for part, place in PARTS.items():
            module, _, name = place.partition(":")
            *owners, last = name.split(".")
            owner: Any = importlib.import_module(module)
            for one in owners:
                owner = getattr(owner, one, None)
            if getattr(owner, last, None) is None:
                self.gone.append(part)
                continue
            setattr(owner, last, self._timed(part, getattr(owner, last)))
        from assets.marts import make
        from checks.check import Check, TableCheck

        for kind in (Check, TableCheck):
            kind.run = self._of_check(kind.run)  # type: ignore[method-assign] - measured
        make.build_marts = self._of_marts(make.build_marts)

    @contextmanager
    def _adding(self, known: dict[str, Spent], name: str) -> Iterator[None]:
        began, work = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            spent = known.setdefault(name, {"seconds": 0.0, "cpu_s": 0.0})
            spent["seconds"] += time.perf_counter() - began
            spent["cpu_s"] += time.process_time() - work

    def _timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.isgeneratorfunction(work):

            @functools.wraps(work)
            def pieces(*args: Any, **named: Any) -> Iterator[Any]:
                source = work(*args, **named)
                while True:
                    with self._adding(self.parts, part):
                        one = next(source, None)
                    if one is None:
                        return
                    yield one

            return pieces

        @functools.wraps(work)
        def timed(*args: Any, **named: Any) -> Any:
            with self._adding(self.parts, part):
                return work(*args, **named)

        return timed

    def _of_check(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def timed(check: Any, *args: Any, **named: Any) -> Any:
            with self._adding(self.checks, check.name):
                return run(check, *args, **named)

        return timed

    def _of_marts(self, build: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*args: Any, **named: Any) -> Any:
            outcome = build(*args, **named)
            for name, seconds in outcome.seconds.items():
                spent = self.marts.setdefault(name, {"seconds": 0.0})
                spent["seconds"] += seconds
            return outcome

        return noted


# -- what is measured: each runs in a process of its own -----------------------------------------------------


def make(home: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """The home of that size, without a mart."""
    from benchmarks.large_home import make as make_home

    began = time.perf_counter()
    rows = make_home(home, asked["bookings"], talks=asked["talks"])
    return {"rows": rows, "seconds": time.perf_counter() - began}


def full(home: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Every mart whole, all checks, publishing."""
    from resources.home import Home
    from resources.warehouse import open_warehouse

    with open_warehouse(Home(home).warehouse) as con:
        con.execute("DROP SCHEMA IF EXISTS marts CASCADE")
        con.execute("DROP TABLE IF EXISTS ops.mart_digests")
        con.execute("CHECKPOINT")
    return _run(home, asked, {})


def change(home: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Rows change, and a run follows."""
    from benchmarks.large_home import change as change_rows

    began, work = time.perf_counter(), time.process_time()
    counts = change_rows(home, asked["way"], asked["round"], asked["changed"], _instant(asked))
    merged = {"seconds": time.perf_counter() - began, "cpu_s": time.process_time() - work}
    return _run(home, asked, counts) | {"changed": counts, "merged": merged}


def idle(home: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """A run with nothing changed."""
    return _run(home, asked, {})


def _instant(asked: dict[str, Any]) -> datetime:
    from benchmarks.large_warehouse import NOW

    return NOW + asked["minute"] * APART


def _run(home: Path, asked: dict[str, Any], counts: dict[str, int]) -> dict[str, Any]:
    """The steps of a run from derive on, as pipelines/run.py has them one after another."""
    from assets.marts.make import compile_ahead
    from benchmarks.large_home import ingested as as_read
    from benchmarks.large_home import settings_of
    from pipelines import run as of_run
    from pipelines.environment import prepare
    from resources.home import Home
    from resources.run_report import RunOrder, RunReport

    settings = settings_of(home, _instant(asked))
    first = next(iter(inspect.signature(prepare).parameters))
    # The code of before took the home alone.
    prepare(*(settings if first == "settings" else settings.home,))  # pyright: ignore[reportArgumentType]
    compile_ahead(settings.home)  # a home's first run does, while it waits for Appwrite
    _copied_long_ago(Home(home))
    _load()
    watch = Watch()
    watch.install()
    steps: dict[str, dict[str, float]] = {}
    said: list[str] = []
    with of_run.open_run(settings, RunOrder(quiet=True, say=said.append)) as begun:
        found: RunReport = replace(begun, ingested=as_read(settings.home, counts))
        for name, step in _named(of_run.steps_of(begun.run.order)):
            if found.failed or found.blocked:
                break
            with _measured(steps, name):
                found = step(found)
        with _measured(steps, "report"):
            found = of_run.conclude(found)
    if found.failed or not found.published:
        cause = found.cause and f" ({type(found.cause).__name__}: {found.cause})"
        told = [f"{check.check_name}: {check.detail}" for check in found.blocked]
        sys.exit(f"The run failed: {found.failure}{cause or ''} {told}")
    _keep_newest(settings.home)
    return {
        **{what: sum(step[what] for step in steps.values()) for what in ("seconds", "cpu_s")},
        "steps": steps,
        "parts": watch.parts,
        "checks": watch.checks,
        "marts": watch.marts,
        "gone": watch.gone,
        "published": found.snapshot_changed,
        "failed_checks": [check.check_name for check in found.failed_checks],
        "marts_changed": len(found.built.changed) if found.built else 0,
        "derived": dict(found.derived.rows) if found.derived else {},
        "peak_mib": max(step["peak_mib"] for step in steps.values()),
        "written_mib": sum(step["written_mib"] for step in steps.values()),
        "sizes_mib": {
            one: path.resolve().stat().st_size / 2**20
            for one, path in {
                "warehouse": settings.home.warehouse,
                "snapshot": settings.home.current,
                "raw": settings.home.raw,
                "private": settings.home.private,
            }.items()
        },
    }


def _load() -> None:
    """What judges unusual hours takes seconds to import, once a process."""
    from marketplace.unusual import holidays_of

    importlib.import_module("scipy.stats")
    holidays_of(2026)


def _named(steps: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    """Those after reading, each by the name people know it by."""
    for step in steps:
        group = getattr(step, "keywords", {}).get("group")
        name = group.name if group is not None else step.__name__
        if name != "ingest":
            yield name, step


@contextmanager
def _measured(steps: dict[str, dict[str, float]], name: str) -> Iterator[None]:
    """Seconds, processor seconds, peak memory and bytes written of a step."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    written, began, work = _written(), time.perf_counter(), time.process_time()
    yield
    steps[name] = {
        "seconds": time.perf_counter() - began,
        "cpu_s": time.process_time() - work,
        "written_mib": (_written() - written) / 2**20,
        "peak_mib": int(_of_this_process("status", "VmHWM")) / 1024,
    }


def _written() -> int:
    return int(_of_this_process("io", "write_bytes"))


def _of_this_process(file: str, name: str) -> str:
    found = re.search(rf"^{name}:\s+(\d+)", Path(f"/proc/self/{file}").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _copied_long_ago(home: Any) -> None:
    """A copy that took long is not made again at once: here it is measured each time."""
    if home.status.exists():
        status = json.loads(home.status.read_text())
        status["run"]["publishing_seconds"] = 0
        home.status.write_text(json.dumps(status))


def _keep_newest(home: Any) -> None:
    """Let only the newest snapshot stay, and what the next one is written over, as in a home that has run for long: ten
    of 10 million bookings would fill a disk."""
    from resources.ledger import Ledger
    from resources.snapshots import keep_spare

    newest = home.current.resolve()
    old = sorted(
        path
        for path in home.published.glob("2*.duckdb")
        if path != newest and not path.is_symlink() and not path.name.startswith("private")
    )
    if old:
        keep_spare(home, old)
        Ledger(home.ledger).drop_seals([path.stem for path in old])


MEASURED: Final[dict[str, Callable[[Path, dict[str, Any]], dict[str, Any]]]] = {
    "make": make, "full": full, "change": change, "idle": idle,
}  # fmt: skip


#: The code of another worktree is measured by the benchmark of this one.
_START: Final = """
import sys
import benchmarks
benchmarks.__path__.append(sys.argv.pop(1))
from benchmarks import scale
scale.main(sys.argv[1:])
"""


def start(what: str, home: Path, asked: dict[str, Any], root: Path = ROOT) -> dict[str, Any]:
    """Run one measured process to its end, with the code of ``root``."""
    print(f"… {what} {asked}", file=sys.stderr, flush=True)
    python = root / ".venv" / "bin" / "python"
    process = subprocess.run(
        [
            str(python) if python.exists() else sys.executable,
            *("-P", "-c", _START, str(Path(__file__).parent)),
            *("--only", what, "--data", str(home), "--asked", json.dumps(asked)),
        ],
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=False,
    )
    if process.returncode:
        sys.exit(f"{what} failed (exit status {process.returncode}).")
    return json.loads(process.stdout)


# -- the table -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Order:
    """What is measured at every scale."""

    rounds: int
    changed: int
    ways: Sequence[str]
    talks: bool
    before: Path | None


def of_scale(data: Path, bookings: int, order: Order) -> dict[str, Any]:
    """All that is measured at one size."""
    home = data / f"home-{'talks-' if order.talks else ''}{bookings}"
    asked: dict[str, Any] = {
        "bookings": bookings,
        "talks": order.talks,
        "changed": order.changed,
        "minute": 0,
    }
    found: dict[str, Any] = {"bookings": bookings, "talks": order.talks, "change": {}}
    minutes = home / "minutes"
    if not (home / "made").exists():
        made = start("make", home, asked)
        found["rows"] = made["rows"]
        minutes.write_text("0")
        (home / "made").write_text(json.dumps(made))
    else:
        found["rows"] = json.loads((home / "made").read_text())["rows"]

    def then(what: str, root: Path = ROOT, **more: Any) -> dict[str, Any]:
        minute = int(minutes.read_text()) + 1
        minutes.write_text(str(minute))
        return start(what, home, {**asked, **more, "minute": minute}, root)

    found["full"] = [then("full")]
    if order.before:
        # In turn, ours last: what follows is measured on what it made.
        found["before"] = [then("full", order.before)]
        found["full"].append(then("full"))
    for way in order.ways:
        found["change"][way] = [
            then("change", way=way, round=int(minutes.read_text())) for _ in range(order.rounds)
        ]
    found["idle"] = [then("idle") for _ in range(order.rounds)]
    return found


def _middle(runs: Sequence[dict[str, Any]], *path: str) -> float:
    values: list[float] = []
    for run in runs:
        value: Any = run
        for key in path:
            # A part that a run had no need of is in others alone.
            value = value.get(key, 0.0) if isinstance(value, dict) else 0.0
        values.append(float(value))
    return statistics.median(values)


def print_tables(scales: Sequence[dict[str, Any]]) -> None:
    for found in scales:
        sizes = found["full"][-1]["sizes_mib"]
        print(
            f"\n{found['bookings']:,} bookings{' with talks' if found['talks'] else ''}: "
            + ", ".join(f"{name} {size:,.0f} MiB" for name, size in sizes.items())
        )
    kinds = {"full": [found["full"] for found in scales]}
    for way in scales[0]["change"]:
        kinds[way] = [found["change"][way] for found in scales]
    kinds["idle"] = [found["idle"] for found in scales]
    for kind, of_scales in kinds.items():
        print(f"\n{kind}: seconds (of the processor); slopes: more of both, per million bookings more\n")
        print("| | " + " | ".join(f"{found['bookings']:,}" for found in scales) + " | slope | processor |")
        print("|---|" + "---|" * (len(scales) + 2))
        _print_row(scales, of_scales, "all", ())
        if kind in scales[0]["change"]:
            _print_row(scales, of_scales, "(raw takes the rows in)", ("merged",))
        for group in ("steps", "parts", "checks", "marts"):
            names = {name: None for runs in of_scales for run in runs for name in run[group]}
            for name in names:
                # Parts that are nothing anywhere are not told.
                if max(_middle(runs, group, name, "seconds") for runs in of_scales) >= _SHOWN_S:
                    _print_row(scales, of_scales, f"{group[:-1]} {name}", (group, name))
        for name, unit in (("peak_mib", "MiB"), ("written_mib", "MiB")):
            print(f"| {name[:-4]} | {' | '.join(f'{_middle(r, name):,.0f} {unit}' for r in of_scales)} | | |")


_SHOWN_S: Final = 0.05


def _print_row(
    scales: Sequence[dict[str, Any]],
    of_scales: Sequence[Sequence[dict[str, Any]]],
    name: str,
    path: tuple[str, ...],
) -> None:
    values = [_middle(runs, *path, "seconds") for runs in of_scales]
    work = [_middle(runs, *path, "cpu_s") for runs in of_scales]
    more = (scales[-1]["bookings"] - scales[0]["bookings"]) / 1e6
    slopes = [f"{(of[-1] - of[0]) / more:+.2f}" if more and any(of) else "" for of in (values, work)]
    cells = [
        f"{value:.2f} ({cpu:.2f})" if cpu else f"{value:.2f}" for value, cpu in zip(values, work, strict=True)
    ]
    print(f"| {name} | {' | '.join(cells)} | {' | '.join(slopes)} |")


def verdicts(scales: Sequence[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """What was aimed at: words, measured, at most."""
    least, most = scales[0], scales[-1]
    told: list[tuple[str, float, float]] = []
    for way, runs in most["change"].items():
        seconds = _middle(runs, "seconds")
        whole = _middle(most["full"], "seconds")
        if len(scales) > 1:
            small = _middle(least["change"][way], "seconds")
            told.append(
                (f"{way}: at {most['bookings']:,} ÷ at {least['bookings']:,}", seconds / small, LARGEST_RATIO)
            )
        told += [
            (f"{way}: at {most['bookings']:,} ÷ making all of it", seconds / whole, LARGEST_SHARE),
            (f"{way}: seconds at {most['bookings']:,}", seconds, LONGEST_S),
            (f"{way}: peak MiB at {most['bookings']:,}", max(run["peak_mib"] for run in runs), MEMORY_MIB),
        ]
    for found in scales:
        if "before" in found:
            ratio = _middle(found["full"], "seconds") / _middle(found["before"], "seconds")
            told.append((f"making all of {found['bookings']:,} ÷ by the code before", ratio, 1.05))
    return told


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scales", default="0.01,0.1,1", help="of 10,000,000 bookings, comma between them")
    parser.add_argument("--changed", type=int, default=1000, help="bookings that change before a run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each kind")
    parser.add_argument("--ways", default="recent,spread")
    parser.add_argument(
        "--talks", type=float, default=0.1, help="with conversations, where no scale is over this one"
    )
    parser.add_argument("--before", type=Path, help="a worktree whose full build is measured too")
    parser.add_argument("--data", type=Path, help="a folder that keeps the homes for the next time")
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    parser.add_argument("--only", choices=MEASURED, help=argparse.SUPPRESS)
    parser.add_argument("--asked", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args(list(arguments))
    if asked.only:
        print(json.dumps(MEASURED[asked.only](asked.data, asked.asked)))
        return
    wanted = sorted(float(one) for one in asked.scales.split(","))
    # All of them or none: sizes of two kinds would say nothing of each other.
    order = Order(asked.rounds, asked.changed, asked.ways.split(","), wanted[-1] <= asked.talks, asked.before)
    with tempfile.TemporaryDirectory() as folder:
        data = asked.data or Path(folder)
        scales: list[dict[str, Any]] = []
        for scale in wanted:
            scales.append(of_scale(data, int(scale * BOOKINGS), order))
            if asked.json:
                asked.json.write_text(json.dumps(scales, indent=1), encoding="utf-8")
    print_tables(scales)
    told = verdicts(scales)
    print("\n| | measured | at most |\n|---|---|---|")
    for words, measured, most in told:
        print(f"| {words} | {measured:.2f} | {most:g} |{'' if measured <= most else ' missed'}")
    if any(measured > most for _, measured, most in told):
        sys.exit("Not every target is met.")


if __name__ == "__main__":
    main(sys.argv[1:])
