"""The ops tables of the warehouse: scans, quarantine, check results, this snapshot. No figure is made here."""

from __future__ import annotations

from pathlib import Path

import duckdb

from resources.run_context import CheckOutcome, RunContext

# A minute rhythm writes eleven rows a run: a month of them explains any figure people still ask about.
KEEP_INGEST_RUNS_DAYS = 30
KEEP_CHECK_RESULTS_DAYS = 30

_DDL = """
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.ingest_runs (
    run_id VARCHAR, collection VARCHAR, fetched BIGINT, inserted BIGINT, updated BIGINT, unchanged BIGINT,
    deleted BIGINT, rejected BIGINT, started_at TIMESTAMP, seconds DOUBLE, watermark TIMESTAMP, outcome VARCHAR);
CREATE TABLE IF NOT EXISTS ops.quarantine (
    collection VARCHAR, row_id VARCHAR, reasons VARCHAR, first_seen_at TIMESTAMP);
CREATE TABLE IF NOT EXISTS ops.scans (
    collection VARCHAR, watermark TIMESTAMP, completed_at TIMESTAMP, required BOOLEAN, outcome VARCHAR, detail VARCHAR);
CREATE TABLE IF NOT EXISTS ops.check_results (
    run_id VARCHAR, check_name VARCHAR, asset VARCHAR, passed BOOLEAN, severity VARCHAR, failed_rows BIGINT,
    evaluated_at TIMESTAMP, detail VARCHAR);
CREATE TABLE IF NOT EXISTS ops.snapshot (
    snapshot_id VARCHAR, run_id VARCHAR, published_at TIMESTAMP, rules_version VARCHAR,
    source STRUCT(endpoint VARCHAR, project VARCHAR, database VARCHAR));
CREATE TABLE IF NOT EXISTS ops.waivers (finding_id VARCHAR);
"""


def create_ops(con: duckdb.DuckDBPyConnection) -> None:
    """Make the ops tables that are not there yet."""
    con.execute(_DDL)


def mirror_bookkeeping(con: duckdb.DuckDBPyConnection, raw_path: Path, run: RunContext) -> None:
    """Replace scans and quarantine, and add this run's ingest counts, from raw.duckdb."""
    con.execute(f"ATTACH '{str(raw_path).replace(chr(39), chr(39) * 2)}' AS mirror (READ_ONLY)")
    try:
        con.execute("BEGIN")
        con.execute("DELETE FROM ops.ingest_runs WHERE run_id IN (?, ?)", [run.run_id, run.sweep_id])
        con.execute(
            "INSERT INTO ops.ingest_runs SELECT run_id, collection, fetched, inserted, updated, unchanged, deleted,"
            " rejected, started_at, seconds, watermark, outcome FROM mirror._ingest_runs WHERE run_id IN (?, ?)",
            [run.run_id, run.sweep_id],
        )
        con.execute(
            f"DELETE FROM ops.ingest_runs WHERE started_at < ?::TIMESTAMP - INTERVAL {KEEP_INGEST_RUNS_DAYS} DAY",
            [run.clock.naive_now()],
        )
        con.execute("DELETE FROM ops.quarantine")
        con.execute(
            "INSERT INTO ops.quarantine SELECT collection, row_id, reasons, first_seen_at FROM mirror._rejects"
            " ORDER BY collection, first_seen_at, row_id"
        )
        con.execute("DELETE FROM ops.scans")
        marks: dict[str, tuple[object, object]] = {
            collection: (watermark, completed_at)
            for collection, watermark, completed_at in con.execute(
                "SELECT collection, watermark, completed_at FROM mirror._watermarks"
            ).fetchall()
        }
        for scan in run.scans:
            watermark, completed_at = marks.get(scan.collection, (None, None))
            con.execute(
                "INSERT INTO ops.scans VALUES (?, ?, ?, ?, ?, ?)",
                [scan.collection, watermark, completed_at, scan.required, scan.outcome, scan.detail],
            )
        con.execute("COMMIT")
    finally:
        con.execute("DETACH mirror")


def record_checks(con: duckdb.DuckDBPyConnection, run: RunContext, outcomes: list[CheckOutcome]) -> None:
    """Store verdicts of this run, each once, and drop those past their month."""
    now = run.clock.naive_now()
    con.execute("BEGIN")
    for outcome in outcomes:
        con.execute(
            "DELETE FROM ops.check_results WHERE run_id = ? AND check_name = ? AND asset = ?",
            [run.run_id, outcome.check_name, outcome.asset],
        )
    con.executemany(
        "INSERT INTO ops.check_results VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            [run.run_id, o.check_name, o.asset, o.passed, o.severity, o.failed_rows, now, o.detail]
            for o in outcomes
        ],
    )
    con.execute(
        f"DELETE FROM ops.check_results WHERE evaluated_at < ?::TIMESTAMP - INTERVAL {KEEP_CHECK_RESULTS_DAYS} DAY",
        [now],
    )
    con.execute("COMMIT")


def describe_snapshot(
    con: duckdb.DuckDBPyConnection, run: RunContext, snapshot_id: str, rules_version: str
) -> None:
    """Write the one row of ops.snapshot."""
    con.execute("BEGIN")
    con.execute("DELETE FROM ops.snapshot")
    con.execute(
        "INSERT INTO ops.snapshot VALUES (?, ?, ?, ?, {'endpoint': ?, 'project': ?, 'database': ?})",
        [
            snapshot_id,
            run.run_id,
            run.clock.naive_now(),
            rules_version,
            run.settings.appwrite_endpoint,
            run.settings.appwrite_project_id,
            run.settings.appwrite_database_id,
        ],
    )
    con.execute("COMMIT")
