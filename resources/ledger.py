"""ledger.sqlite: what is written while the warehouse is busy, or by several processes.

Runs, alert state, waivers, exports. Figures do not live here: each run mirrors what readers need into ``ops``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS runs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    exit_status INTEGER,
    snapshot_id TEXT,
    message TEXT
);
CREATE TABLE IF NOT EXISTS alert_state (
    name TEXT PRIMARY KEY,
    firing INTEGER NOT NULL,
    since TEXT NOT NULL,
    announced INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS exports (
    export_id INTEGER PRIMARY KEY AUTOINCREMENT,
    made_at TEXT NOT NULL,
    made_by TEXT NOT NULL,
    kind TEXT NOT NULL,
    filters TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    folder TEXT NOT NULL,
    manifest_sha256 TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS waivers (
    finding_id TEXT PRIMARY KEY,
    reason TEXT NOT NULL,
    waived_by TEXT NOT NULL,
    waived_at TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class AlertState:
    """What was last known of an alert. ``announced``: whether people were told of ``firing`` (a send succeeded)."""

    name: str
    firing: bool
    since: datetime
    announced: bool


class Ledger:
    """The ledger of a home. Every method opens its own short connection: several processes write here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    def start_run(self, started_at: datetime) -> tuple[str, int]:
        """Enter a run; returns its id and its number. The id is the start instant and the number, so it sorts."""
        with self._open() as db:
            cursor = db.execute(
                "INSERT INTO runs (run_id, started_at) VALUES ('', ?)", (started_at.isoformat(),)
            )
            sequence = int(cursor.lastrowid or 0)
            run_id = f"{started_at:%Y%m%dT%H%M%SZ}-{sequence:06d}"
            db.execute("UPDATE runs SET run_id = ? WHERE sequence = ?", (run_id, sequence))
        return run_id, sequence

    def finish_run(
        self, sequence: int, finished_at: datetime, exit_status: int, snapshot_id: str | None, message: str
    ) -> None:
        """Record how a run ended."""
        with self._open() as db:
            db.execute(
                "UPDATE runs SET finished_at = ?, exit_status = ?, snapshot_id = ?, message = ? WHERE sequence = ?",
                (finished_at.isoformat(), exit_status, snapshot_id, message, sequence),
            )

    def alert_states(self) -> dict[str, AlertState]:
        """Every alert ever seen, by name."""
        with self._open() as db:
            return {
                row["name"]: AlertState(
                    row["name"],
                    bool(row["firing"]),
                    datetime.fromisoformat(row["since"]),
                    bool(row["announced"]),
                )
                for row in db.execute("SELECT name, firing, since, announced FROM alert_state")
            }

    def record_alerts(self, states: list[AlertState]) -> None:
        """Store the given states in one transaction."""
        with self._open() as db:
            db.executemany(
                "INSERT INTO alert_state (name, firing, since, announced) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET firing = excluded.firing, since = excluded.since,"
                " announced = excluded.announced",
                [(s.name, int(s.firing), s.since.isoformat(), int(s.announced)) for s in states],
            )

    def waived(self) -> dict[str, str]:
        """Finding id → reason."""
        with self._open() as db:
            return {
                row["finding_id"]: row["reason"]
                for row in db.execute("SELECT finding_id, reason FROM waivers")
            }

    def last_manifest_sha256(self) -> str | None:
        """The hash of the newest export's manifest, which the next manifest names."""
        with self._open() as db:
            row = db.execute("SELECT manifest_sha256 FROM exports ORDER BY export_id DESC LIMIT 1").fetchone()
        return row["manifest_sha256"] if row else None

    def record_export(
        self,
        *,
        made_at: datetime,
        made_by: str,
        kind: str,
        filters: str,
        snapshot_id: str,
        folder: str,
        sha256: str,
    ) -> None:
        """Enter an export; its snapshot is kept for good from now on."""
        with self._open() as db:
            db.execute(
                "INSERT INTO exports (made_at, made_by, kind, filters, snapshot_id, folder, manifest_sha256)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (made_at.isoformat(), made_by, kind, filters, snapshot_id, folder, sha256),
            )

    def cited_snapshots(self) -> set[str]:
        """Snapshots an export rests on: these are never deleted."""
        with self._open() as db:
            return {row["snapshot_id"] for row in db.execute("SELECT DISTINCT snapshot_id FROM exports")}
