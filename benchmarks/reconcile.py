"""Reconciling 10 million bookings and 9 million commission records, against SQL written by hand.

`python -m benchmarks.reconcile [--scale 1.0] [--rounds 1] [--data DIR]`, or `make bench-reconcile`. In turn, each in
a process of its own on a warehouse file of its own home: the commission marts as a run makes them (steps,
reconciliation, findings, summary), and benchmarks/reconcile_by_hand.sql, which makes the reconciliation alone. Then
both tables are compared row by row, both ways; exits 1 where they differ. Both have the same memory limit.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
BY_HAND = Path(__file__).with_name("reconcile_by_hand.sql")
TABLE = "commission_reconciliation"
MARTS = (TABLE, "commission_findings", "commission_summary")


@dataclass(frozen=True)
class Told:
    """What a measured process says of itself, and what the system says of it."""

    seconds: float
    cpu_s: float
    peak_mib: float
    more: dict[str, Any]


def start(module: str, what: str, warehouse: Path) -> Told:
    """Run one measured process to its end. Its seconds leave its imports out; memory is the whole process's."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, "--only", what, "--data", str(warehouse)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
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
    return Told(told.pop("seconds"), told.pop("cpu_s"), usage.ru_maxrss / 1024, told)


def timed(began: tuple[float, float]) -> dict[str, float]:
    return {"seconds": time.perf_counter() - began[0], "cpu_s": time.process_time() - began[1]}


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


# -- what is measured: each runs in a process of its own --


def make(warehouse: Path) -> dict[str, Any]:
    """The warehouse of the size its name says, in the folder of ``warehouse``."""
    from benchmarks.large_warehouse import kept

    began = now()
    kept(warehouse.parent, int(warehouse.stem.split("-")[-1]))
    return timed(began)


def ours(warehouse: Path) -> dict[str, Any]:
    from assets.marts.build import build
    from assets.marts.sql_cache import compiled_marts
    from benchmarks.large_warehouse import NOW
    from resources.policy_file import load_policy
    from resources.warehouse import open_warehouse

    compiled_marts(load_policy(), None)  # a run reads them from a file
    with open_warehouse(warehouse) as con:
        began = now()
        outcome = build(con, now=NOW, policy=load_policy(), tables=MARTS)
        spent = timed(began)
        states = con.execute(
            f"SELECT state, count(*) FROM marts.{TABLE} GROUP BY ALL ORDER BY ALL"
        ).fetchall()
        findings = con.execute(
            "SELECT finding, count(*) FROM marts.commission_findings GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    return spent | {
        "marts": dict(outcome.seconds),
        "rows": dict(outcome.rows),
        "states": dict(states),
        "findings": dict(findings),
    }


def hand(warehouse: Path) -> dict[str, Any]:
    from benchmarks.large_warehouse import JUDGED_AT
    from resources.warehouse import open_warehouse

    with open_warehouse(warehouse) as con:
        con.execute("CREATE SCHEMA IF NOT EXISTS by_hand")
        sql = BY_HAND.read_text(encoding="utf-8").replace("$judged", f"TIMESTAMP '{JUDGED_AT}'")
        began = now()
        con.execute(sql)
        return timed(began)


def compare(warehouse: Path) -> dict[str, Any]:
    """Rows that stand in one table and not, or not as often, in the other."""
    from resources.warehouse import open_warehouse

    began = now()
    with open_warehouse(warehouse) as con:
        different = [
            con.execute(
                f"SELECT count(*) FROM (FROM {one}.{TABLE} EXCEPT ALL FROM {other}.{TABLE})"
            ).fetchall()[0][0]
            for one, other in (("marts", "by_hand"), ("by_hand", "marts"))
        ]
    return timed(began) | {"different": different}


MEASURED = {"make": make, "ours": ours, "hand": hand, "compare": compare}


def table(scale: float, rounds: int, data: Path) -> None:
    from benchmarks.large_warehouse import BOOKINGS

    bookings = int(BOOKINGS * scale)
    kept = data / f"large-{bookings}.duckdb"
    start("benchmarks.reconcile", "make", kept)
    ours_told: list[Told] = []
    hand_told: list[Told] = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=data) as home:
            warehouse = Path(home) / "warehouse.duckdb"
            shutil.copy(kept, warehouse)
            ours_told.append(start("benchmarks.reconcile", "ours", warehouse))
            hand_told.append(start("benchmarks.reconcile", "hand", warehouse))
            different = start("benchmarks.reconcile", "compare", warehouse).more["different"]
        if different != [0, 0]:
            sys.exit(f"The tables differ: {different[0]} rows only ours, {different[1]} only by hand.")
    print_table(bookings, ours_told, hand_told)


def print_table(bookings: int, ours_told: Sequence[Told], hand_told: Sequence[Told]) -> None:
    last = ours_told[-1].more
    of_table = [sum(told.more["marts"][name] for name in _steps_to_table(told)) for told in ours_told]
    print(
        f"\n{bookings:,} bookings; {last['rows'][TABLE]:,} reconciled rows, the same by both, row by row.\n"
    )
    print("| | wall | processor | peak memory |\n|---|---|---|---|")
    for name, told in (("ours: all commission marts", ours_told), ("by hand: the reconciliation", hand_told)):
        print(
            f"| {name} | {_spread([t.seconds for t in told])} s | {_spread([t.cpu_s for t in told])} s |"
            f" {max(t.peak_mib for t in told):,.0f} MiB |"
        )
    ratio = [o.seconds / h.seconds for o, h in zip(ours_told, hand_told, strict=True)]
    same = [o / h.seconds for o, h in zip(of_table, hand_told, strict=True)]
    work = [o.cpu_s / h.cpu_s for o, h in zip(ours_told, hand_told, strict=True)]
    print("\n| ratio | measured | target |\n|---|---|---|")
    print(f"| all commission marts ÷ the reconciliation by hand | {_spread(ratio, 2)} | at most 2 |")
    print(f"| the same in processor time | {_spread(work, 2)} | |")
    print(f"| our reconciliation alone ÷ by hand | {_spread(same, 2)} | at most 2 |")
    print(f"\nseconds: {json.dumps({name: round(s, 1) for name, s in last['marts'].items()})}")
    print(f"states: {json.dumps(last['states'])}\nfindings: {json.dumps(last['findings'])}", flush=True)


def _steps_to_table(told: Told) -> list[str]:
    """The marts and steps up to the reconciliation: what its table alone needs."""
    names = list(told.more["marts"])
    return [name for name in names[: names.index(TABLE) + 1] if name != "commission_suspects"]


def _spread(values: Sequence[float], digits: int = 1) -> str:
    middle = f"{statistics.median(values):.{digits}f}"
    return middle if len(values) == 1 else f"{middle} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of 10,000,000 bookings")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--data", type=Path, help="a folder that keeps the data for the next time")
    parser.add_argument("--only", choices=MEASURED, help=argparse.SUPPRESS)
    asked = parser.parse_args(list(arguments))
    if asked.only:
        print(json.dumps(MEASURED[asked.only](asked.data)))
    elif asked.data:
        table(asked.scale, asked.rounds, asked.data)
    else:
        with tempfile.TemporaryDirectory() as folder:
            table(asked.scale, asked.rounds, Path(folder))


if __name__ == "__main__":
    main(sys.argv[1:])
