"""The engine Spark on one worker and on two, at 1 million bookings and 5 million messages, beside DuckDB.

`python -m benchmarks.spark [--bookings 1000000] [--workers 1,2] [--memory 2g] [--data DIR] [--json FILE]`, or
`make bench-spark`. DuckDB makes every mart with its own two threads, the lake is written whole and again with nothing
changed, and a cluster on loopback (each worker a process with one core) makes every mart for each number of workers.
What they make is compared row by row, `EXCEPT ALL` both ways. Told: seconds, of all and of each mart (four are made at
a time), seconds of the processor of the session's Java and of the executors, their start included, and what the second
worker brought. Exits 1 where a mart differs. Two workers, their driver and the machine share its cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assets.engines.spark_build import SparkBuild
from assets.marts.build import BuildOutcome, build
from assets.marts.every import MART_NAMES
from assets.marts.sql_cache import compiled_marts, compiled_spark
from benchmarks.large_warehouse import NOW, kept
from benchmarks.spark_cluster import cluster
from resources.policy_file import load_policy
from resources.spark import session
from resources.warehouse import open_warehouse

BOOKINGS = 1_000_000
#: What Java runs of a session, by what its words name.
JAVAS = {"session": "deploy.SparkSubmit", "executors": "CoarseGrainedExecutorBackend"}


def measured(bookings: int, workers: Sequence[int], memory: str, folder: Path) -> dict[str, Any]:
    """Make every mart on each engine in turn, on one copy of the warehouse."""
    policy = load_policy()
    cache = folder / "compiled"
    for compile_it in (compiled_marts, compiled_spark):
        compile_it(policy, cache)
    warehouse = folder / "made.duckdb"
    shutil.copyfile(kept(folder, bookings, talks=True), warehouse)
    _executors(folder, memory)
    found: dict[str, Any] = {"bookings": bookings, "workers": {}, "different": {}}
    with open_warehouse(warehouse) as con:
        began, processor = time.perf_counter(), time.process_time()
        ours = build(con, now=NOW, policy=policy, cache=cache)
        found["duckdb"] = _told(ours, time.perf_counter() - began) | {
            "processor_s": time.process_time() - processor
        }
        con.execute("CREATE SCHEMA expected")
        for name in MART_NAMES:
            con.execute(f"CREATE TABLE expected.{name} AS FROM marts.{name}")
        for number in workers:
            with (
                cluster(folder / f"cluster-{number}", workers=number, memory=memory) as master,
                session(master, folder / "spark") as opened,
            ):
                engine = SparkBuild(opened, folder / "lake", folder / "making", print)
                began = time.perf_counter()
                theirs = build(con, now=NOW, policy=policy, cache=cache, engine=engine)
                found["workers"][number] = _told(theirs, time.perf_counter() - began) | {
                    "lake_s": engine.lake_seconds,
                    "parts": engine.parts,
                    "marts_s": engine.marts_seconds,
                    "on_spark": dict(engine.seconds),
                    "processor_s": {role: _processor_s(program) for role, program in JAVAS.items()},
                }
            found["different"][number] = _different(con)
    shutil.rmtree(folder / "lake")
    return found


def _executors(folder: Path, memory: str) -> None:
    """What executors may take is said as every user of Spark says it."""
    settings = folder / "conf"
    settings.mkdir(exist_ok=True)
    (settings / "spark-defaults.conf").write_text(f"spark.executor.memory {memory}\n", encoding="utf-8")
    os.environ["SPARK_CONF_DIR"] = str(settings)


def _processor_s(program: str) -> float:
    """Seconds of the processor of those processes below this one whose words name a program."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            words = (process / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended
        parents[int(process.name)] = int(fields[1])
        if program in words:
            spent[int(process.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def is_ours(process: int) -> bool:
        return process == os.getpid() or (process in parents and is_ours(parents[process]))

    return sum(seconds for process, seconds in spent.items() if is_ours(process))


def _told(outcome: BuildOutcome, seconds: float) -> dict[str, Any]:
    return {"seconds": seconds, "rows": sum(outcome.rows.values()), "each": dict(outcome.seconds)}


def _different(con: Any) -> dict[str, list[int]]:
    """Of each mart that differs, the rows only Spark has and only DuckDB has."""
    different: dict[str, list[int]] = {}
    for name in MART_NAMES:
        counts = [
            con.execute(
                f"SELECT count(*) FROM (FROM {one}.{name} EXCEPT ALL FROM {other}.{name})"
            ).fetchall()[0][0]
            for one, other in (("marts", "expected"), ("expected", "marts"))
        ]
        if counts != [0, 0]:
            different[name] = counts
    return different


def print_table(found: dict[str, Any]) -> None:
    print(f"\n{found['bookings']:,} bookings, {found['bookings'] * 5:,} messages\n")
    print("| engine | all | lake | marts on Spark | processor | slowest |\n|---|---|---|---|---|---|")
    here = found["duckdb"]
    print(
        f"| DuckDB | {here['seconds']:.1f} s | | | {here['processor_s']:.1f} s | {_slowest(here['each'])} |"
    )
    on_spark: dict[int, float] = {}
    for number, told in found["workers"].items():
        on_spark[number] = told["marts_s"]
        print(
            f"| Spark, {number} | {told['seconds']:.1f} s | {told['lake_s']:.1f} s, {told['parts']} parts |"
            f" {on_spark[number]:.1f} s | {_by_role(told['processor_s'])} | {_slowest(told['on_spark'])} |"
        )
    if len(on_spark) > 1:
        fewest, most = min(on_spark), max(on_spark)
        print(f"\n{fewest} → {most} workers: {on_spark[fewest] / on_spark[most]:.2f} times as fast")
    wrong = {number: names for number, names in found["different"].items() if names}
    print(f"\nRows that differ, EXCEPT ALL both ways: {wrong or 'none'}", flush=True)


def _by_role(processor: dict[str, float]) -> str:
    return ", ".join(f"{role} {seconds:.1f} s" for role, seconds in processor.items())


def _slowest(each: dict[str, float]) -> str:
    return ", ".join(
        f"{name} {each[name]:.1f}" for name in sorted(each, key=each.__getitem__, reverse=True)[:3]
    )


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bookings", type=int, default=BOOKINGS)
    parser.add_argument("--workers", type=lambda text: [int(one) for one in text.split(",")], default=[1, 2])
    parser.add_argument("--memory", default="2g", help="of each worker, and of its executor")
    parser.add_argument("--data", type=Path, help="a folder that keeps the warehouse for the next time")
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    asked = parser.parse_args(list(arguments))
    with tempfile.TemporaryDirectory() as folder:
        found = measured(asked.bookings, asked.workers, asked.memory, asked.data or Path(folder))
    print_table(found)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    if any(found["different"].values()):
        sys.exit("The marts differ.")


if __name__ == "__main__":
    main(sys.argv[1:])
