"""Publishing a warehouse of which little changed: what it takes, whole as before and as it follows the change.

`python -m benchmarks.publishing WAREHOUSE [--folder DIR] [--times N] [--rounds 3] [--json FILE]`, or
`make bench ARGS="publishing WAREHOUSE"`. A copy of the warehouse (one that benchmarks/large_warehouse.py made, with or
without marts) is changed and published again and again in a home under ``--folder``, on whose file system it depends
what is measured: each of its four largest tables loses some 1,000 rows and is given them anew, as a run does. Then
come, in turn: a copy that is read, hashed and written whole; and the product's own, once one went over the snapshot
that went, or sharing blocks. ``--times N``: the same bytes over a file of N such warehouses, one after the other, of
which the first has changed: what a larger file costs beside the same change. Every copy is compared with the original.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from resources import snapshots
from resources.home import Home
from resources.ledger import Ledger
from resources.own_files import create, sync_open
from resources.snapshots import copy_closed_file, drop_old_snapshots, point_link, snapshot_path

ROWS = 1000
#: How many snapshots are kept here: a disk has no room for ten of the largest.
KEPT = 2


def change(warehouse: Path, number: int) -> dict[str, float]:
    """Let some 1,000 rows of the four largest tables be deleted and inserted anew; seconds of it, and of CHECKPOINT."""
    with duckdb.connect(str(warehouse)) as con:
        con.execute("SET enable_progress_bar = false")
        tables = con.execute(
            "SELECT concat(schema_name, '.', table_name), estimated_size FROM duckdb_tables()"
            " ORDER BY estimated_size DESC LIMIT 4"
        ).fetchall()
        began = time.perf_counter()
        for table, rows in tables:
            some = f"hash(rowid, {number}) % {max(int(rows), 1)} < {ROWS}"
            con.execute(f"CREATE OR REPLACE TEMP TABLE few AS FROM {table} WHERE {some}")
            con.execute("BEGIN")
            con.execute(f"DELETE FROM {table} WHERE {some}")
            con.execute(f"INSERT INTO {table} FROM few")
            con.execute("COMMIT")
        changed = time.perf_counter()
        con.execute("CHECKPOINT")
        return {"changed": changed - began, "checkpoint": time.perf_counter() - changed}


def as_before(source: Path, target: Path) -> None:
    """A copy as it was made until now: read, hashed and written whole, and made durable."""
    digest = hashlib.sha256()
    with open(source, "rb") as reader, create(target, mode=0o400) as writer:
        while chunk := reader.read(1 << 20):
            digest.update(chunk)
            writer.write(chunk)
        sync_open(writer)


def same(one: Path, other: Path) -> bool:
    with open(one, "rb") as ours, open(other, "rb") as theirs:
        while chunk := ours.read(1 << 20):
            if theirs.read(1 << 20) != chunk:
                return False
        return not theirs.read(1)


def repeated(warehouse: Path, target: Path, times: int) -> None:
    """A file of ``times`` such warehouses. Of one that is there only the first is brought up to date."""
    if not target.exists():
        with target.open("wb") as writer:
            for _ in range(times):
                with warehouse.open("rb") as reader:
                    shutil.copyfileobj(reader, writer, 1 << 20)
        return
    with warehouse.open("rb") as reader, target.open("r+b") as file:
        ours, theirs = bytearray(1 << 18), bytearray(1 << 18)
        while (filled := reader.readinto(ours)) == file.readinto(theirs) and filled:
            if ours != theirs:
                file.seek(-filled, os.SEEK_CUR)
                file.write(ours[:filled])


def measure(warehouse: Path, folder: Path, times: int, rounds: int) -> dict[str, Any]:
    snapshots.KEEP_LAST = KEPT
    home = Home(folder / "home").create()
    ledger = Ledger(home.ledger)
    shutil.copy(warehouse, home.warehouse)
    source = home.warehouse if times == 1 else folder / "source"
    told: list[dict[str, Any]] = []
    # The first ones are kept, and the one after them leaves the first that is written over.
    for number in range(KEPT + 1 + rounds):
        spent = change(home.warehouse, number)
        if times > 1:
            repeated(home.warehouse, source, times)
        os.sync()  # what was changed is written out by a checkpoint, in a run as well
        began, processor = time.perf_counter(), time.process_time()
        target = snapshot_path(home, f"20261101T00{number:02d}00Z-{number:06d}")
        made = copy_closed_file(source, target, ledger.record_seal)
        point_link(home.current, target)
        copied = time.perf_counter()
        drop_old_snapshots(home, now=datetime(2026, 11, 22, tzinfo=UTC), cited=set())
        ended, processor = time.perf_counter(), time.process_time() - processor
        if not same(source, target):
            raise SystemExit("the copy is not the same bytes")
        whole = folder / "whole"
        before, before_processor = time.perf_counter(), time.process_time()
        as_before(source, whole)
        before, before_processor = time.perf_counter() - before, time.process_time() - before_processor
        whole.unlink()
        told.append(
            spent
            | {
                "how": made.how,
                "bytes": made.hashes.size,
                "read": made.read,
                "written": made.written,
                "seconds": copied - began,
                "dropping": ended - copied,
                "processor": processor,
                "before_seconds": before,
                "before_processor": before_processor,
            }
        )
        print(
            json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in told[-1].items()}),
            flush=True,
        )
    return {"rounds": told}


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.publishing")
    parser.add_argument("warehouse", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        outcome = measure(given.warehouse, Path(folder), given.times, given.rounds)
    if given.json:
        given.json.write_text(json.dumps(outcome, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
