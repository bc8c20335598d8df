"""Seconds, processor seconds and peak memory of `bookwatch export month`, by number of records of the month.

python -m benchmarks.month [--rows 10000 100000 1000000] [--keep DIR]

A month of the marketplace at that size, a month before it of a tenth: each booking with a record of its own, most of
them paid (so two lines of the ledger each), one in fifty with a finding, one in a hundred unpaid, or cancelled.
Seconds are those of the whole command, the start of Python and the hash of the snapshot included; of CSV, JSON and
manifest alone, which have a target, and with the documents (workbook, rules, cover) as people get them.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

import duckdb

from benchmarks.export import COMMAND, measure
from checks.schemas import CORE, MARTS, OPS
from checks.schemas.sql import create_table
from resources.home import Home
from resources.snapshots import point_link, snapshot_path

SNAPSHOT: Final = "20261105T000000Z-000001"
PROVIDERS: Final = 2_000
#: The command without the documents.
TABLES_ALONE: Final = f"from pipelines.exports.month import package; package.documents = tuple; {COMMAND}"
# dice(i, salt, sides): a number from 0 to sides - 1 that depends on the row and the salt alone. Ids as long as
# Appwrite's. October in Makassar begins on 30 September, 16:00 UTC; one row in eleven lies in September.
_MAKE: Final = """
CREATE TEMP MACRO dice(i, salt, sides) AS (hash(i * 1024 + salt) % sides)::BIGINT;
CREATE TEMP MACRO id20(kind, i) AS substr(md5(kind || i), 1, 20);
INSERT INTO core.providers BY NAME
SELECT printf('provider%012d', i) AS provider_id, 'therapist' AS provider_type, 'Spa number ' || i AS provider_name,
    480 AS utc_offset_minutes
FROM range($providers) t(i);
INSERT INTO core.bookings BY NAME
SELECT id20('b', i) AS booking_id, CASE WHEN dice(i, 1, 50) = 0 THEN 'hotel_bookings' ELSE 'bookings' END AS origin,
    printf('provider%012d', dice(i, 2, $providers)) AS provider_id, 'therapist' AS provider_type,
    CASE WHEN dice(i, 3, 100) = 0 THEN 'cancelled' ELSE 'completed' END AS status, status AS raw_status,
    ['bookingButton', 'chatWindow', 'menuSlider', 'direct'][1 + dice(i, 4, 4)] AS source,
    100000 + 5000 * dice(i, 5, 160) AS amount_idr, 'totalCost' AS amount_rule,
    TIMESTAMP '2026-09-30 16:00:00'
        + to_seconds(CASE WHEN i < $rows THEN dice(i, 6, 2678400) ELSE -1 - dice(i, 6, 2592000) END) AS created_at,
    created_at AS updated_at, created_at + INTERVAL 1 MINUTE AS accepted_at, created_at + INTERVAL 2 HOUR AS starts_at,
    created_at + INTERVAL 3 HOUR AS ends_at, ends_at AS completed_at, 480 AS utc_offset_minutes,
    dice(i, 7, 500) = 0 AS is_test, status = 'completed' AS earns, i AS change
FROM range($rows + $rows // 10) t(i);
INSERT INTO core.commissions BY NAME
SELECT id20('c', change) AS commission_id, booking_id AS booking_ref, booking_id AS booking_doc_ref, provider_id,
    amount_idr AS booking_amount_idr, 300000 AS rate_ppm, 0.3 AS rate,
    amount_idr * 3 // 10 + (dice(change, 8, 50) = 0)::BIGINT * 1000 AS commission_idr, 'rupiah' AS amount_rule,
    word AS status, word AS raw_status, word <> 'cancelled' AS is_live, source,
    created_at + INTERVAL 70 SECOND AS created_at, created_at AS updated_at,
    ends_at + INTERVAL 3 HOUR AS deadline_at, CASE WHEN word = 'paid' THEN ends_at + INTERVAL 1 HOUR END AS paid_at,
    CASE WHEN word = 'paid' THEN ends_at + INTERVAL 2 HOUR END AS verified_at,
    CASE WHEN word = 'paid' THEN ends_at + INTERVAL 1 HOUR END AS proof_at,
    CASE WHEN word = 'paid' THEN 'present' ELSE 'empty' END AS proof_state,
    CASE WHEN word = 'paid' THEN 'picture' END AS proof_kind,
    CASE WHEN word = 'paid' THEN md5(booking_id) END AS proof_key, 'paidAt' AS paid_rule,
    CASE WHEN word = 'paid' THEN 'admin' END AS verified_by,
    CASE WHEN word = 'overdue' THEN 25000 END AS fee_idr,
    CASE WHEN word = 'overdue' THEN 'present' ELSE 'empty' END AS fee_state, 480 AS utc_offset_minutes, is_test,
    change
FROM (
    SELECT *, CASE WHEN NOT earns THEN 'cancelled' WHEN dice(change, 9, 100) = 0 THEN 'overdue' ELSE 'paid' END AS word
    FROM core.bookings
);
INSERT INTO marts.commission_open BY NAME
SELECT c.commission_id, b.booking_id, c.provider_id, c.status, c.commission_idr AS owed_idr, c.fee_idr,
    b.ends_at AS service_ended_at, c.deadline_at, true AS is_overdue, 'over 7 d' AS age, true AS is_due,
    true AS is_unpaid, b.status AS booking_status, CAST(b.accepted_at + INTERVAL 8 HOUR AS DATE) AS local_date
FROM core.commissions c JOIN core.bookings b ON b.change = c.change WHERE c.status = 'overdue' AND NOT c.is_test;
INSERT INTO marts.exclusions BY NAME
SELECT origin AS collection, booking_id AS row_id, CASE WHEN is_test THEN 'test' ELSE 'cancelled' END AS reason,
    CAST(accepted_at + INTERVAL 8 HOUR AS DATE) AS local_date, provider_id, status, amount_idr
FROM core.bookings WHERE is_test OR NOT earns;
INSERT INTO marts.revenue_daily BY NAME
SELECT CAST(paid_at + INTERVAL 8 HOUR AS DATE) AS local_date, sum(commission_idr)::BIGINT AS collected_idr
FROM core.commissions WHERE paid_at IS NOT NULL AND NOT is_test GROUP BY 1;
INSERT INTO marts.commission_reconciliation BY NAME
SELECT b.booking_id, c.commission_id, b.provider_id, b.source, b.status AS booking_status,
    b.amount_idr AS booking_amount_idr, c.rate, b.amount_idr * 3 // 10 AS expected_idr,
    c.commission_idr AS actual_idr, actual_idr - expected_idr AS variance_idr,
    CASE WHEN variance_idr = 0 THEN 'matched' ELSE 'mismatched' END AS state, b.accepted_at AS accrued_at,
    480 AS utc_offset_minutes, CAST(accrued_at + INTERVAL 8 HOUR AS DATE) AS local_date, '2024-1' AS policy_version,
    300000 AS policy_rate_ppm, c.deadline_at, c.status AS commission_status, c.paid_at, 1 AS records, b.origin
FROM core.bookings b JOIN core.commissions c ON c.change = b.change WHERE b.earns AND NOT b.is_test;
INSERT INTO marts.commission_findings BY NAME
SELECT 'wrong_amount:' || commission_id AS finding_id, 'wrong_amount' AS finding, 'high' AS severity, booking_id,
    commission_id, provider_id, expected_idr, actual_idr, variance_idr, origin, dice(expected_idr, 10, 9) = 0 AS waived,
    'Commission ' || commission_id || ' is not what the policy asks for.' AS detail, 'finding.wrong_amount' AS code,
    '{}' AS args
FROM marts.commission_reconciliation WHERE state = 'mismatched';
INSERT INTO ops.waivers BY NAME
SELECT finding_id, 'it is known' AS reason, 'Komang' AS waived_by, TIMESTAMP '2026-11-02 01:02:03.456' AS waived_at
FROM marts.commission_findings WHERE waived;
INSERT INTO marts.commission_entries BY NAME
WITH records AS (
    SELECT c.commission_id, b.booking_id, c.provider_id, c.commission_idr, c.fee_idr, c.paid_at, c.deadline_at,
        c.status,
        CAST(b.accepted_at + INTERVAL 8 HOUR AS DATE) AS local_date
    FROM core.commissions c JOIN core.bookings b ON b.change = c.change WHERE NOT c.is_test
)
SELECT kind || ':' || commission_id AS entry_id, kind, commission_id, booking_id, provider_id, local_date, amount_idr,
    'Commission ' || commission_id || ': ' || kind AS detail, part, 'entry.' || kind AS code, '{}' AS args
FROM (
    SELECT *, 'accrual' AS kind, 'commission' AS part, commission_idr AS amount_idr FROM records
    UNION ALL BY NAME
    SELECT * REPLACE (CAST(paid_at + INTERVAL 8 HOUR AS DATE) AS local_date), 'payment' AS kind, 'commission' AS part,
        -commission_idr AS amount_idr FROM records WHERE status = 'paid'
    UNION ALL BY NAME
    SELECT *, 'reversal' AS kind, 'commission' AS part, -commission_idr AS amount_idr FROM records
    WHERE status = 'cancelled'
    UNION ALL BY NAME
    SELECT * REPLACE (CAST(deadline_at + INTERVAL 8 HOUR AS DATE) AS local_date), 'fee' AS kind, 'fee' AS part,
        fee_idr AS amount_idr FROM records WHERE status = 'overdue'
);
INSERT INTO marts.commission_ledger BY NAME
SELECT provider_id, 'Spa number ' || CAST(substr(provider_id, 9) AS INT) AS provider_name,
    CAST(date_trunc('month', local_date) AS DATE) AS local_month,
    sum(sum(amount_idr)) OVER (PARTITION BY provider_id ORDER BY local_month) - sum(amount_idr) AS opening_idr,
    coalesce(sum(amount_idr) FILTER (kind = 'accrual'), 0) AS accrued_idr,
    coalesce(sum(amount_idr) FILTER (kind = 'fee'), 0) AS fees_idr,
    coalesce(-sum(amount_idr) FILTER (kind = 'payment'), 0) AS paid_idr,
    coalesce(-sum(amount_idr) FILTER (kind = 'reversal'), 0) AS reversed_idr,
    opening_idr + sum(amount_idr) AS closing_idr, accrued_idr AS expected_idr, 0 AS unrecorded_idr,
    0 AS unknown_amount_records, true AS holds
FROM marts.commission_entries GROUP BY provider_id, local_month;
INSERT INTO marts.commission_summary BY NAME
SELECT 'perfect' AS state, TIMESTAMP '2026-11-04 23:00:00' AS as_of;
INSERT INTO ops.mart_digests BY NAME
SELECT 'commission_reconciliation' AS mart, md5('bench') AS digest, $rows AS rows,
    TIMESTAMP '2026-11-05' AS changed_at;
INSERT INTO ops.snapshot BY NAME
SELECT 'bench' AS snapshot_id, 'bench' AS run_id, TIMESTAMP '2026-11-05' AS published_at, 'bench' AS rules_version,
    {'endpoint': 'none', 'project': 'none', 'database': 'none'} AS source;
"""


def make(home: Home, rows: int) -> None:
    """Publish a month of so many records in a home."""
    path = snapshot_path(home, SNAPSHOT)
    with duckdb.connect(str(path), config={"memory_limit": "2GB"}) as con:
        con.execute("SET enable_progress_bar = false")
        for layer in (CORE, MARTS, OPS):
            for one in layer.values():
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {one.layer}")
                if not one.view:
                    con.execute(create_table(one))
        for statement in _MAKE.replace("$rows", str(rows)).replace("$providers", str(PROVIDERS)).split(";\n"):
            if statement.strip():
                con.execute(statement)
    point_link(home.current, path)


def main(arguments: Sequence[str] = ()) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--keep", type=Path, help="a folder to keep the homes in for the next time")
    chosen = parser.parse_args(list(arguments))
    print(
        f"{'records':>10} {'what':>10} {'seconds':>8} {'cpu s':>7} {'peak MB':>8} {'files':>6} {'rows':>11}"
        f" {'files MB':>9}"
    )
    for rows in chosen.rows:
        place = nullcontext(str(chosen.keep)) if chosen.keep else tempfile.TemporaryDirectory()
        with place as folder:
            home = Home(Path(folder) / f"home-{rows}")
            if not home.current.exists():
                # In a process of its own: a child's peak begins at what its parent holds when it starts it.
                maker = multiprocessing.get_context("spawn").Process(target=make, args=(home.create(), rows))
                maker.start()
                maker.join()
            for what, program in (("tables", TABLES_ALONE), ("all", COMMAND)):
                with tempfile.TemporaryDirectory() as reports:
                    out = Path(reports) / "out"
                    wall, cpu, peak = measure(
                        home, "export", "month", "2026-10", "--out", str(out), program=program
                    )
                    files = list(out.iterdir())
                    size = sum(path.stat().st_size for path in files) / 1e6
                    lines = sum(
                        _rows(path)
                        for path in files
                        if path.suffix == ".csv" and "_spreadsheet" not in path.name
                    )
                print(
                    f"{rows:>10,} {what:>10} {wall:>8.1f} {cpu:>7.1f} {peak:>8,} {len(files):>6} {lines:>11,}"
                    f" {size:>9.1f}",
                    flush=True,
                )


def _rows(path: Path) -> int:
    with open(path, "rb") as file:
        return sum(chunk.count(b"\r\n") for chunk in iter(lambda: file.read(1 << 24), b"")) - 1


if __name__ == "__main__":
    main(sys.argv[1:])
