"""Health of 10 million bookings and 2,000 providers: the marts that health and alerts are read from.

`python -m benchmarks.health [--scale 1.0] [--rounds 3] [--data DIR]`, or `make bench-health`. The warehouse is that of
benchmarks/reconcile.py, with as many messages as bookings and a fifth as many notifications. Each round is a process
of its own. The reconciliation that point 7 and the links rest on, and which booking each reference means, are not
counted: bench-reconcile measures them; a simple reconciliation stands in for it here.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from assets.marts.every import MARTS
from benchmarks.reconcile import Told, make, now, start, timed
from checks.schemas import MARTS as DECLARED
from checks.schemas.sql import create_table

COUNTED = (
    "commission_summary",
    "health_measures",
    "health_points",
    "provider_bookings",
    "unread_messages",
    "member_health",
    "service_figures",
    "delivery_rates",
    "link_states",
    "broken_links",
    "broken_link_rows",
)
#: Made before, and measured by bench-reconcile.
REFERENCES = ("commission_matches", "loose_references", "booking_cases", "conversations", "room_cases")
LIMIT_S = 5.0


def prepare(warehouse: Path) -> dict[str, Any]:
    """A reconciliation with the columns and the rows that health reads, without judging anything."""
    from resources.warehouse import open_warehouse

    began = now()
    with open_warehouse(warehouse) as con:
        con.execute("CREATE SCHEMA IF NOT EXISTS marts")
        con.execute(create_table(DECLARED["commission_reconciliation"]))
        con.execute(
            "INSERT INTO marts.commission_reconciliation BY NAME SELECT booking_id, origin, status AS booking_status,"
            " 'c' || booking_id AS commission_id, 'paid' AS commission_status, ends_at AS deadline_at,"
            " CASE WHEN change % 2000 = 0 THEN 'missing' ELSE 'matched' END AS state,"
            " (amount_idr * 3 + 5) // 10 AS expected_idr, expected_idr AS actual_idr, 0 AS variance_idr,"
            " coalesce(accepted_at, created_at) AS accrued_at FROM core.bookings WHERE earns"
        )
    return timed(began)


def health(warehouse: Path) -> dict[str, Any]:
    """The marts' own SQL, in their order, each into its table."""
    from assets.engines.duckdb import set_instants
    from assets.marts.sql_cache import compiled_marts
    from benchmarks.large_warehouse import JUDGED_AT, NOW
    from resources.policy_file import load_policy
    from resources.warehouse import open_warehouse

    compiled = {made.name: made for made in compiled_marts(load_policy(), None)}
    seconds: dict[str, float] = {}
    with open_warehouse(warehouse) as con:
        set_instants(con, (NOW, JUDGED_AT, False, NOW.date().replace(day=1), 480))
        for name in REFERENCES:
            con.execute(f"CREATE TEMP TABLE {name} AS {compiled[name].sql}")
        began = now()
        for name in COUNTED:
            before = time.perf_counter()
            place = f"TEMP TABLE {name}" if MARTS[name].step else f"TABLE marts.{name}"
            con.execute(f"CREATE OR REPLACE {place} AS {compiled[name].sql}")
            seconds[name] = time.perf_counter() - before
        spent = timed(began)
        providers = con.execute("SELECT count(*) FROM marts.member_health").fetchall()[0][0]
    return spent | {"marts": seconds, "providers": providers}


MEASURED = {"make": make, "prepare": prepare, "health": health}


def table(scale: float, rounds: int, data: Path) -> None:
    from benchmarks.large_warehouse import BOOKINGS

    bookings = int(BOOKINGS * scale)
    kept = data / f"large-{bookings}.duckdb"
    start("benchmarks.health", "make", kept)
    with tempfile.TemporaryDirectory(dir=data) as home:
        warehouse = Path(home) / "warehouse.duckdb"
        shutil.copy(kept, warehouse)
        start("benchmarks.health", "prepare", warehouse)
        told = [start("benchmarks.health", "health", warehouse) for _ in range(rounds)]
    print_table(bookings, told)


def print_table(bookings: int, told: Sequence[Told]) -> None:
    wall = sorted(t.seconds for t in told)
    print(f"\n{bookings:,} bookings, {told[-1].more['providers']:,} providers\n")
    print(
        f"health and alerts: wall {wall[0]:.1f} to {wall[-1]:.1f} s, processor"
        f" {min(t.cpu_s for t in told):.1f} s, peak {max(t.peak_mib for t in told):,.0f} MiB (target {LIMIT_S:.0f} s)"
    )
    print(json.dumps({name: round(s, 2) for name, s in told[-1].more["marts"].items()}), flush=True)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="of 10,000,000 bookings")
    parser.add_argument("--rounds", type=int, default=3)
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
