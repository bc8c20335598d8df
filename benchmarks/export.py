"""Seconds and peak memory of `bookwatch export commissions` and `bookwatch verify`, by number of rows.

python -m benchmarks.export [--rows 10000 100000 1000000] [--format csv|json|xlsx]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from resources.home import Home
from resources.snapshots import point_link, snapshot_path

PROJECT = Path(__file__).resolve().parent.parent
SNAPSHOT = "20261101T000000Z-000001"
# Ids as long as Appwrite's; one finding in fifty rows; a year of days, not in the order they are asked for.
_MAKE = """
CREATE SCHEMA core; CREATE SCHEMA marts; CREATE SCHEMA ops;
CREATE TABLE core.providers AS
    SELECT printf('provider%012d', i) AS provider_id, 'therapist' AS provider_type, 'Spa number ' || i AS provider_name
    FROM range(2000) t(i);
CREATE TABLE marts.commission_reconciliation AS
    SELECT substr(md5('b' || i), 1, 20) AS booking_id, substr(md5('c' || i), 1, 20) AS commission_id,
        NULL::VARCHAR AS booking_ref, printf('provider%012d', hash(i) % 2000) AS provider_id,
        ['bookingButton', 'chatWindow', 'menuSlider', 'direct'][1 + (hash(i) % 4)::INT] AS source,
        'completed' AS booking_status, 200000 + (hash(i) % 300000)::BIGINT AS booking_amount_idr, 0.3::DOUBLE AS rate,
        60000::BIGINT AS expected_idr, 60000 - (i % 50 = 0)::BIGINT AS actual_idr,
        -(i % 50 = 0)::BIGINT AS variance_idr,
        CASE WHEN i % 50 = 0 THEN 'mismatched' ELSE 'matched' END AS state,
        TIMESTAMP '2025-10-31 16:00:00' + to_seconds((hash(i) % 31536000)::BIGINT) AS accrued_at,
        480::BIGINT AS utc_offset_minutes, '2024-1' AS policy_version, 300000::BIGINT AS policy_rate_ppm,
        'paid' AS commission_status, 1::BIGINT AS records, 'bookings' AS origin,
        accrued_at + INTERVAL 5 HOUR AS deadline_at, accrued_at + INTERVAL 4 HOUR AS paid_at,
        CAST(accrued_at + INTERVAL 8 HOUR AS DATE) AS local_date
    FROM range($rows) t(i);
CREATE TABLE marts.commission_findings AS
    SELECT 'wrong_amount:' || commission_id AS finding_id, 'wrong_amount' AS finding, 'high' AS severity, booking_id,
        booking_ref, commission_id, provider_id, expected_idr, actual_idr, variance_idr, origin, false AS waived,
        'The commission is not what the policy asks for.' AS detail
    FROM marts.commission_reconciliation WHERE state = 'mismatched';
CREATE TABLE core.bookings AS
    SELECT booking_id, accrued_at AS accepted_at, accrued_at AS created_at, utc_offset_minutes, origin
    FROM marts.commission_reconciliation;
CREATE TABLE core.commissions AS
    SELECT commission_id, accrued_at AS created_at, utc_offset_minutes FROM marts.commission_reconciliation;
CREATE TABLE marts.commission_summary AS SELECT TIMESTAMP '2026-11-01' AS as_of, 'perfect' AS state;
CREATE TABLE ops.snapshot AS
    SELECT TIMESTAMP '2026-11-01' AS published_at, 'bench' AS rules_version,
        {'endpoint': 'none', 'project': 'none', 'database': 'none'} AS source;
"""


def make(home: Home, rows: int) -> None:
    path = snapshot_path(home, SNAPSHOT)
    with duckdb.connect(str(path)) as con:
        for statement in _MAKE.split(";\n"):
            if statement.strip():
                con.execute(statement, {"rows": rows} if "$rows" in statement else None)
    point_link(home.current, path)


COMMAND = "from pipelines.cli import main; main()"


def measure(home: Home, *words: str, program: str = COMMAND) -> tuple[float, float, int]:
    """Seconds, processor seconds and peak resident MB of one command in a process of its own."""
    began = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "BOOKWATCH_HOME": str(home.root), "PYTHONPATH": str(PROJECT)},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"bookwatch {' '.join(words)} ended with {child.returncode}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss // 1024


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--format", choices=("csv", "json", "xlsx"), default="csv")
    chosen = parser.parse_args(list(arguments))
    print(
        f"{'rows':>10} {'export s':>9} {'cpu s':>7} {'peak MB':>8} {'verify s':>9} {'cpu s':>7} {'peak MB':>8}"
        f" {'files MB':>9}"
    )
    for rows in chosen.rows:
        with tempfile.TemporaryDirectory() as folder:
            home, out = Home(Path(folder) / "home").create(), Path(folder) / "out"
            # In a process of its own: a child's peak begins at what its parent holds when it starts it.
            maker = multiprocessing.get_context("spawn").Process(target=make, args=(home, rows))
            maker.start()
            maker.join()
            days = ("--from", "2025-11-01", "--to", "2026-11-01", "--format", chosen.format)
            export = measure(home, "export", "commissions", *days, "--out", str(out))
            verify = measure(home, "verify", str(out))
            size = sum(path.stat().st_size for path in out.iterdir()) / 1e6
            told = "".join(f"{wall:>10.1f} {cpu:>7.1f} {peak:>8,}" for wall, cpu, peak in (export, verify))
            print(f"{rows:>10,}{told} {size:>9.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
