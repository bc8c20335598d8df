"""The dearest marts from scratch against SQL written by hand for the same tables, at 1 million bookings.

Five million messages beside them.

`python -m benchmarks.marts [--scale 1.0] [--rounds 1] [--explain] [--data DIR] [--json FILE]`, or `make bench-marts`.
In turn, each in a process of its own on a copy of one warehouse: the marts of benchmarks/marts_by_hand.sql as a run
makes them, with all they need (steps, digests, what is written), and that file. Then every table is compared row by
row, `EXCEPT ALL` both ways; with `--explain` a figure of each kind of every mart is explained. Exits 1 where tables
differ. Both have DuckDB's memory limit of a run.

A step is counted for the first mart that needs it, in the order of the file; so is a temporary table of the hand.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.reconcile import Told, now, start, timed

BY_HAND = Path(__file__).with_name("marts_by_hand.sql")
BOOKINGS = 1_000_000
LIMIT = 1.5
MEMORY_MIB = 4096


def by_hand() -> dict[str, str]:
    """Mart → the statements written for it, in their order."""
    _, *parts = re.split(r"(?m)^-- mart: (\w+)\n", BY_HAND.read_text(encoding="utf-8"))
    return dict(zip(parts[::2], parts[1::2], strict=True))


NAMES = tuple(by_hand())
#: Sums of seconds that are no whole numbers: their last digits depend on the order in which they are added up.
ROUNDED = {
    "providers": (
        "seen_minutes",
        "available_minutes",
        "booked_seen_minutes",
        "utilisation",
        "restricted_days",
    )
}
#: Marts that others read and the hand takes as they stand: counted for none.
GIVEN = ("reassignments",)


# -- what is measured: each runs in a process of its own --


def make(warehouse: Path) -> dict[str, Any]:
    """The warehouse of the size its name says, in the folder of ``warehouse``."""
    from benchmarks.large_warehouse import kept

    began = now()
    kept(warehouse.parent, int(warehouse.stem.split("-")[-1]), talks=True)
    return timed(began)


def ours(warehouse: Path) -> dict[str, Any]:
    from assets.marts.build import build
    from assets.marts.every import MARTS
    from assets.marts.sql_cache import compiled_marts
    from benchmarks.large_warehouse import NOW
    from resources.policy_file import load_policy
    from resources.warehouse import open_warehouse

    compiled_marts(load_policy(), None)  # a run reads them from a file
    _load()
    with open_warehouse(warehouse) as con:
        began = now()
        outcome = build(con, now=NOW, policy=load_policy(), tables=NAMES)
        spent = timed(began)
    left = dict(outcome.seconds)
    seconds = {name: sum(left.pop(one, 0.0) for one in (*_needs(name, MARTS), name)) for name in NAMES}
    return spent | {
        "marts": seconds,
        "rows": {name: outcome.rows[name] for name in NAMES},
        "each": outcome.seconds,
    }


def _needs(name: str, marts: Any) -> list[str]:
    """All that a mart reads, and what that reads, but for marts that are measured themselves."""
    found: list[str] = []
    for need in marts[name].needs:
        if need not in (*NAMES, *GIVEN) and need not in found:
            found += [one for one in (*_needs(need, marts), need) if one not in found]
    return found


def _load() -> None:
    """What `unusual` judges by takes seconds to load, once a process and not once a run: counted for neither."""
    from importlib import import_module

    from marketplace.unusual import holidays_of

    import_module("scipy.stats")
    holidays_of(2026)


def hand(warehouse: Path) -> dict[str, Any]:
    from benchmarks import unusual_by_hand
    from benchmarks.large_warehouse import JUDGED_AT, NOW
    from resources.warehouse import open_warehouse

    instants = {
        "$now": f"TIMESTAMP '{NOW}'",
        "$judged": f"TIMESTAMP '{JUDGED_AT}'",
        "$local_month": f"DATE '{NOW:%Y-%m-01}'",
    }
    seconds: dict[str, float] = {}
    _load()
    with open_warehouse(warehouse) as con:
        con.execute("CREATE SCHEMA IF NOT EXISTS by_hand")
        began = now()
        for name, sql in by_hand().items():
            for instant, value in instants.items():
                sql = sql.replace(instant, value)
            before = time.perf_counter()
            con.execute(sql)
            if name == "unusual":
                unusual_by_hand.write(con, NOW)
            seconds[name] = time.perf_counter() - before
        return timed(began) | {"marts": seconds}


def compare(warehouse: Path) -> dict[str, Any]:
    """Of each mart the rows that stand in one table and not, or not as often, in the other."""
    from resources.warehouse import open_warehouse

    began = now()
    different: dict[str, list[int]] = {}
    with open_warehouse(warehouse) as con:
        for name in NAMES:
            columns = ", ".join(
                f"{column}::FLOAT" if column in ROUNDED.get(name, ()) else column
                for column, *_ in con.execute(f"DESCRIBE marts.{name}").fetchall()
            )
            different[name] = [
                con.execute(
                    f"SELECT count(*) FROM (SELECT {columns} FROM {one}.{name}"
                    f" EXCEPT ALL SELECT {columns} FROM {other}.{name})"
                ).fetchall()[0][0]
                for one, other in (("marts", "by_hand"), ("by_hand", "marts"))
            ]
    return timed(began) | {"different": different}


def explain(warehouse: Path) -> dict[str, Any]:
    """Seconds to explain a figure of each kind of every mart: of one row of it, and of all its rows together."""
    import duckdb

    from assets.marts.build import build
    from assets.marts.views import write_views
    from benchmarks.large_warehouse import NOW
    from checks.schemas import MARTS, OPS
    from checks.schemas.sql import create_table
    from resources.explanations import explain as explained
    from resources.policy_file import load_policy
    from resources.warehouse import open_warehouse

    began = now()
    with open_warehouse(warehouse) as con:
        build(con, now=NOW, policy=load_policy())
        for name in ("judged", "snapshot"):
            con.execute(create_table(OPS[name]))
        write_views(con, load_policy())
    of_row: dict[str, float] = {}
    of_all: dict[str, float] = {}
    with duckdb.connect(str(warehouse), read_only=True) as con:
        con.execute("SET enable_progress_bar = false")
        rows = {
            name: _one_row(con, one.table, [c.name for c in one.columns if c.key])
            for name, one in MARTS.items()
        }
        chosen = con.execute(
            "SELECT min(figure), mart FROM ops.figures GROUP BY mart, kind ORDER BY ALL"
        ).fetchall()
        for figure, mart in chosen:
            where = rows[mart]
            for condition, seconds in ((where, of_row), (None, of_all)):
                if condition is None or condition:
                    before = time.perf_counter()
                    explained(con, figure, condition)
                    seconds[figure] = time.perf_counter() - before
    return timed(began) | {"of_row": of_row, "of_all": of_all}


def _one_row(con: Any, table: str, keys: list[str]) -> str:
    """The condition that holds of one row, whichever its hash chooses; nothing where there is none."""
    names = ", ".join(keys)
    found = (
        con.execute(f"SELECT {names} FROM {table} ORDER BY hash({names}) LIMIT 1").fetchone()
        if keys
        else None
    )
    if found is None:
        return ""
    return " AND ".join(
        f"{key} IS NULL" if value is None else f"{key} = '{str(value).replace(chr(39), chr(39) * 2)}'"
        for key, value in zip(keys, found, strict=True)
    )


MEASURED = {"make": make, "ours": ours, "hand": hand, "compare": compare, "explain": explain}


def table(scale: float, rounds: int, data: Path, *, explaining: bool) -> dict[str, Any]:
    bookings = int(BOOKINGS * scale)
    kept = data / f"large-talks-{bookings}.duckdb"
    start("benchmarks.marts", "make", kept)
    told: dict[str, list[Told]] = {"ours": [], "hand": []}
    with tempfile.TemporaryDirectory(dir=data) as home:
        warehouse = Path(home) / "warehouse.duckdb"
        for _ in range(rounds):
            shutil.copy(kept, warehouse)
            for what, runs in told.items():
                runs.append(start("benchmarks.marts", what, warehouse))
        different: dict[str, list[int]] = start("benchmarks.marts", "compare", warehouse).more["different"]
        told_why = start("benchmarks.marts", "explain", warehouse).more if explaining else {}
    found = {
        "bookings": bookings,
        "rounds": rounds,
        "rows": told["ours"][-1].more["rows"],
        "different": different,
        **{
            what: {
                "seconds": [run.seconds for run in runs],
                "cpu_s": [run.cpu_s for run in runs],
                "peak_mib": max(run.peak_mib for run in runs),
                "marts": {name: [run.more["marts"][name] for run in runs] for name in NAMES},
            }
            for what, runs in told.items()
        },
        "each": told["ours"][-1].more["each"],
        "explain": told_why,
    }
    print_table(found)
    return found


def print_table(found: dict[str, Any]) -> None:
    rows, one, other = found["rows"], found["ours"], found["hand"]
    print(f"\n{found['bookings']:,} bookings, {found['bookings'] * 5:,} messages\n")
    print("| mart | rows | ours | by hand | ratio |\n|---|---|---|---|---|")
    for name in NAMES:
        ours_s, hand_s = (statistics.median(told["marts"][name]) for told in (one, other))
        print(f"| {name} | {rows[name]:,} | {ours_s:.2f} s | {hand_s:.2f} s | {ours_s / hand_s:.2f} |")
    totals = [statistics.median(told["seconds"]) for told in (one, other)]
    work = [statistics.median(told["cpu_s"]) for told in (one, other)]
    print(
        f"| all | | {totals[0]:.1f} s | {totals[1]:.1f} s | {totals[0] / totals[1]:.2f} (at most {LIMIT}) |"
    )
    print(f"| processor | | {work[0]:.1f} s | {work[1]:.1f} s | {work[0] / work[1]:.2f} |")
    print(
        f"| peak memory (under {MEMORY_MIB:,} MiB) | | {one['peak_mib']:,.0f} MiB | {other['peak_mib']:,.0f} MiB | |"
    )
    wrong = {name: counts for name, counts in found["different"].items() if counts != [0, 0]}
    said = f"{wrong} (rows only ours, only by hand)" if wrong else "none"
    print(f"\nRows that differ, EXCEPT ALL both ways: {said}", flush=True)
    for what, name in (("one row of it", "of_row"), ("all rows of it together", "of_all")):
        seconds = found["explain"].get(name)
        if seconds:
            slowest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:5]
            over = sum(s > 1 for s in seconds.values())
            print(
                f"\nExplaining a figure, {what}: {len(seconds)} figures, median"
                f" {statistics.median(seconds.values()):.2f} s, {over} over 1 s; slowest "
                + ", ".join(f"{figure} {seconds[figure]:.2f} s" for figure in slowest),
                flush=True,
            )


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of 1,000,000 bookings")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--data", type=Path, help="a folder that keeps the data for the next time")
    parser.add_argument(
        "--explain", action="store_true", help="also explain a figure of each kind of every mart"
    )
    parser.add_argument("--json", type=Path, help="a file for all that was measured")
    parser.add_argument("--only", choices=MEASURED, help=argparse.SUPPRESS)
    asked = parser.parse_args(list(arguments))
    if asked.only:
        print(json.dumps(MEASURED[asked.only](asked.data)))
        return
    if asked.data:
        found = table(asked.scale, asked.rounds, asked.data, explaining=asked.explain)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = table(asked.scale, asked.rounds, Path(folder), explaining=asked.explain)
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=2), encoding="utf-8")
    if any(counts != [0, 0] for counts in found["different"].values()):
        sys.exit("The tables differ.")


if __name__ == "__main__":
    main(sys.argv[1:])
