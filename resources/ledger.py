"""ledger.sqlite: what is written while the warehouse is busy, or by several processes.

Runs, waivers, exports, calls on their way; its alert tables are alert_store.py's. Figures do not live here: each run
mirrors what readers need into ``ops``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass
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
CREATE TABLE IF NOT EXISTS waiver_log (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id TEXT NOT NULL,
    action TEXT NOT NULL CHECK (action IN ('waived', 'withdrawn')),
    reason TEXT NOT NULL,
    entered_by TEXT NOT NULL,
    entered_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS erasures (
    erasure_id INTEGER PRIMARY KEY AUTOINCREMENT,
    customer_id TEXT NOT NULL,
    erased_by TEXT NOT NULL,
    erased_at TEXT NOT NULL,
    rows INTEGER NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pins (
    pin_id INTEGER PRIMARY KEY AUTOINCREMENT,
    snapshot_id TEXT NOT NULL,
    pinned_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE TABLE IF NOT EXISTS calls (
    call_id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    at TEXT NOT NULL,
    operation TEXT NOT NULL,
    collection TEXT NOT NULL,
    seconds REAL NOT NULL,
    outcome TEXT NOT NULL,
    status INTEGER,
    category TEXT NOT NULL,
    severity TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL,
    slow INTEGER NOT NULL
);
"""

KEEP_CALLS = 200_000
"""Calls that may wait here for a run that reaches the warehouse; in an outage a run makes a handful."""

# A pin outlives its process only if that was killed: after a day it no longer holds a snapshot.
_PIN_HOLDS = "-1 day"


@dataclass(frozen=True)
class ExportEntry:
    """An export as it was entered: who made what from which snapshot, where, and the hash of its manifest."""

    export_id: int
    made_at: datetime
    made_by: str
    kind: str
    filters: str
    snapshot_id: str
    folder: str
    manifest_sha256: str


@dataclass(frozen=True)
class Waiver:
    """A finding someone has acknowledged: still shown, no longer alarming."""

    finding_id: str
    reason: str
    waived_by: str
    waived_at: datetime


@dataclass(frozen=True)
class LedgerCall:
    """One call to Appwrite, the ``number``-th of its run; ``at`` is naive UTC, ``seconds`` include the waits."""

    run_id: str
    number: int
    at: datetime
    operation: str
    collection: str
    seconds: float
    outcome: str
    status: int | None
    category: str
    severity: str
    attempts: int
    reason: str
    slow: bool


class Ledger:
    """The ledger of a home. Every method opens its own short connection: several processes write here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
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

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction, for what keeps tables of its own in this file (alert_store.py)."""
        return self._open()

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

    def run_ended(self, run_id: str) -> tuple[int, bool] | None:
        """The number of a run, and whether it finished or was noticed as dead; None where it was never entered."""
        with self._open() as db:
            row = db.execute("SELECT sequence, finished_at FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else (row["sequence"], row["finished_at"] is not None)

    def finish_run(
        self, sequence: int, finished_at: datetime, exit_status: int, snapshot_id: str | None, message: str
    ) -> None:
        """Record how a run ended."""
        with self._open() as db:
            db.execute(
                "UPDATE runs SET finished_at = ?, exit_status = ?, snapshot_id = ?, message = ? WHERE sequence = ?",
                (finished_at.isoformat(), exit_status, snapshot_id, message, sequence),
            )

    def dead_runs(self, before: int) -> list[tuple[int, str]]:
        """Number and id of the runs before one that never finished, since the last that did; oldest first.

        Only for whoever holds the run lock for the run ``before``: it knows that none of them still goes on.
        """
        with self._open() as db:
            rows = db.execute(
                "SELECT sequence, run_id FROM runs WHERE finished_at IS NULL AND sequence < ?1 AND sequence >"
                " (SELECT coalesce(max(sequence), 0) FROM runs WHERE finished_at IS NOT NULL AND sequence < ?1)"
                " ORDER BY sequence",
                (before,),
            ).fetchall()
        return [(row["sequence"], row["run_id"]) for row in rows]

    def waived(self) -> dict[str, str]:
        """Finding id → reason."""
        with self._open() as db:
            return {
                row["finding_id"]: row["reason"]
                for row in db.execute("SELECT finding_id, reason FROM waivers")
            }

    def waiver(self, finding_id: str) -> Waiver | None:
        """The waiver in force on a finding."""
        with self._open() as db:
            return _waiver(db, finding_id)

    def waive(self, finding_id: str, *, reason: str, by: str, at: datetime) -> Waiver | None:
        """Enter a waiver; returns the one it replaces. Every change stays in the waiver log."""
        with self._open() as db:
            before = _waiver(db, finding_id)
            db.execute(
                "INSERT INTO waivers (finding_id, reason, waived_by, waived_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (finding_id) DO UPDATE SET reason = excluded.reason, waived_by = excluded.waived_by,"
                " waived_at = excluded.waived_at",
                (finding_id, reason, by, at.isoformat()),
            )
            _log_waiver(db, finding_id, "waived", reason, by, at)
        return before

    def withdraw_waiver(self, finding_id: str, *, reason: str, by: str, at: datetime) -> Waiver | None:
        """Take a waiver back; returns it, or None when there was none. The waiver log keeps both entries."""
        with self._open() as db:
            before = _waiver(db, finding_id)
            if before is not None:
                db.execute("DELETE FROM waivers WHERE finding_id = ?", (finding_id,))
                _log_waiver(db, finding_id, "withdrawn", reason, by, at)
        return before

    def waiver_log(self, finding_id: str) -> list[tuple[str, str, str, datetime]]:
        """What happened to the waiver of a finding, oldest first: action, reason, by whom, when."""
        with self._open() as db:
            return [
                (row["action"], row["reason"], row["entered_by"], datetime.fromisoformat(row["entered_at"]))
                for row in db.execute(
                    "SELECT action, reason, entered_by, entered_at FROM waiver_log WHERE finding_id = ?"
                    " ORDER BY entry_id",
                    (finding_id,),
                )
            ]

    def record_erasure(self, customer_id: str, *, by: str, at: datetime, rows: Mapping[str, int]) -> None:
        """Enter that a person was forgotten: who asked, when, of how many rows a collection. No personal value."""
        with self._open() as db:
            db.execute(
                "INSERT INTO erasures (customer_id, erased_by, erased_at, rows, detail) VALUES (?, ?, ?, ?, ?)",
                (customer_id, by, at.isoformat(), sum(rows.values()), json.dumps(dict(rows), sort_keys=True)),
            )

    def erasures(self) -> list[tuple[str, str, datetime, int]]:
        """Every erasure, oldest first: customer id, by whom, when, rows."""
        with self._open() as db:
            return [
                (
                    row["customer_id"],
                    row["erased_by"],
                    datetime.fromisoformat(row["erased_at"]),
                    int(row["rows"]),
                )
                for row in db.execute("SELECT * FROM erasures ORDER BY erasure_id")
            ]

    def last_manifest_sha256(self) -> str | None:
        """The hash of the newest export's manifest, which the next manifest names."""
        with self._open() as db:
            return _last_manifest(db)

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
            _insert_export(db, made_at, made_by, kind, filters, snapshot_id, folder, sha256)

    def chain_export(
        self,
        *,
        made_at: datetime,
        made_by: str,
        kind: str,
        filters: str,
        snapshot_id: str,
        folder: str,
        settle: Callable[[str | None], str],
        undo: Callable[[], None],
    ) -> str:
        """Enter an export whose manifest names the one before it; returns the manifest's hash.

        ``settle`` is given the hash of the newest manifest, puts the new one in its place and returns its hash, all
        within one transaction: two exports at a time can't both follow the same one, and none stands without its
        entry. ``undo`` takes the manifest away when the entry could not be committed.
        """
        settled = False
        try:
            with self._open() as db:
                sha256 = settle(_last_manifest(db))
                settled = True
                _insert_export(db, made_at, made_by, kind, filters, snapshot_id, folder, sha256)
        except BaseException:
            if settled:
                undo()
            raise
        return sha256

    def exports(self) -> list[ExportEntry]:
        """Every export, in the order of the chain."""
        with self._open() as db:
            return [
                ExportEntry(
                    row["export_id"],
                    datetime.fromisoformat(row["made_at"]),
                    row["made_by"],
                    row["kind"],
                    row["filters"],
                    row["snapshot_id"],
                    row["folder"],
                    row["manifest_sha256"],
                )
                for row in db.execute(
                    "SELECT export_id, made_at, made_by, kind, filters, snapshot_id, folder, manifest_sha256"
                    " FROM exports ORDER BY export_id"
                )
            ]

    @contextmanager
    def pinned(self, snapshot_id: str) -> Generator[None]:
        """Keep a snapshot from being dropped while it is read for long."""
        with self._open() as db:
            pin = db.execute("INSERT INTO pins (snapshot_id) VALUES (?)", (snapshot_id,)).lastrowid
        try:
            yield
        finally:
            with self._open() as db:
                db.execute("DELETE FROM pins WHERE pin_id = ?", (pin,))

    def record_calls(self, calls: Sequence[LedgerCall]) -> None:
        """Enter calls, to wait here until a run carries them into the warehouse."""
        with self._open() as db:
            db.executemany(
                "INSERT INTO calls (run_id, number, at, operation, collection, seconds, outcome, status, category,"
                " severity, attempts, reason, slow) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*astuple(call)[:2], call.at.isoformat(), *astuple(call)[3:]) for call in calls],
            )
            db.execute(
                "DELETE FROM calls WHERE call_id <= (SELECT max(call_id) FROM calls) - ?", (KEEP_CALLS,)
            )

    def calls(self) -> tuple[list[LedgerCall], int]:
        """The calls that wait, in the order entered, and the number to give to ``drop_calls``."""
        with self._open() as db:
            rows = db.execute(
                "SELECT run_id, number, at, operation, collection, seconds, outcome, status, category, severity,"
                " attempts, reason, slow, call_id FROM calls ORDER BY call_id"
            ).fetchall()
        listed = [
            LedgerCall(
                row["run_id"],
                row["number"],
                datetime.fromisoformat(row["at"]),
                row["operation"],
                row["collection"],
                row["seconds"],
                row["outcome"],
                row["status"],
                row["category"],
                row["severity"],
                row["attempts"],
                row["reason"],
                bool(row["slow"]),
            )
            for row in rows
        ]
        return listed, rows[-1]["call_id"] if rows else 0

    def errors_after(self, instant: datetime, *, not_of: str) -> list[datetime]:
        """When (naive UTC) calls that wait here failed, were tried again or were slow, but those of one run."""
        with self._open() as db:
            return [
                datetime.fromisoformat(row["at"])
                for row in db.execute(
                    "SELECT at FROM calls WHERE at > ? AND severity <> 'info' AND run_id <> ?",
                    (instant.isoformat(), not_of),
                )
            ]

    def drop_calls(self, upto: int) -> None:
        """Forget calls that the warehouse has: those entered up to the number ``calls`` gave."""
        with self._open() as db:
            db.execute("DELETE FROM calls WHERE call_id <= ?", (upto,))

    def cited_snapshots(self) -> set[str]:
        """Snapshots an export rests on, or is being made from: these are never deleted."""
        with self._open() as db:
            return {
                row["snapshot_id"]
                for row in db.execute(
                    "SELECT snapshot_id FROM exports"
                    " UNION SELECT snapshot_id FROM pins WHERE pinned_at > datetime('now', ?)",
                    (_PIN_HOLDS,),
                )
            }


def _last_manifest(db: sqlite3.Connection) -> str | None:
    row = db.execute("SELECT manifest_sha256 FROM exports ORDER BY export_id DESC LIMIT 1").fetchone()
    return row["manifest_sha256"] if row else None


def _insert_export(
    db: sqlite3.Connection,
    made_at: datetime,
    made_by: str,
    kind: str,
    filters: str,
    snapshot_id: str,
    folder: str,
    sha256: str,
) -> None:
    db.execute(
        "INSERT INTO exports (made_at, made_by, kind, filters, snapshot_id, folder, manifest_sha256)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (made_at.isoformat(), made_by, kind, filters, snapshot_id, folder, sha256),
    )


def _waiver(db: sqlite3.Connection, finding_id: str) -> Waiver | None:
    row = db.execute(
        "SELECT reason, waived_by, waived_at FROM waivers WHERE finding_id = ?", (finding_id,)
    ).fetchone()
    if row is None:
        return None
    return Waiver(finding_id, row["reason"], row["waived_by"], datetime.fromisoformat(row["waived_at"]))


def _log_waiver(
    db: sqlite3.Connection, finding_id: str, action: str, reason: str, by: str, at: datetime
) -> None:
    db.execute(
        "INSERT INTO waiver_log (finding_id, action, reason, entered_by, entered_at) VALUES (?, ?, ?, ?, ?)",
        (finding_id, action, reason, by, at.isoformat()),
    )
