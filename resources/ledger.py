"""ledger.sqlite: what is written while the warehouse is busy, or by several processes.

Runs, alert state, waivers, exports, changes of health, calls on their way. Figures do not live here: each run mirrors
what readers need into ``ops``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
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
CREATE TABLE IF NOT EXISTS health_changes (
    change_id INTEGER PRIMARY KEY AUTOINCREMENT,
    point INTEGER NOT NULL,
    status TEXT NOT NULL,
    since TEXT NOT NULL,
    evaluated_before TEXT,
    message TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS health_changes_of ON health_changes (point, change_id);
CREATE TABLE IF NOT EXISTS health_evaluated (
    point INTEGER PRIMARY KEY,
    evaluated_at TEXT NOT NULL
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
class AlertState:
    """What was last known of an alert. ``announced``: whether people were told of ``firing`` (a send succeeded)."""

    name: str
    firing: bool
    since: datetime
    announced: bool


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
class HealthVerdict:
    """What a health point was found to be at an instant. ``message`` holds no personal value."""

    point: int
    status: str
    message: str


@dataclass(frozen=True)
class HealthChange:
    """The ``change_id``-th change: a point is ``status`` since an instant (naive UTC).

    ``evaluated_before``: the verdict before this one, None for the first; ``evaluated_at``: the point's newest verdict.
    """

    change_id: int
    point: int
    status: str
    since: datetime
    evaluated_before: datetime | None
    evaluated_at: datetime
    message: str


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

    def record_health(self, verdicts: Sequence[HealthVerdict], *, at: datetime, silence: timedelta) -> None:
        """Enter verdicts of one instant (naive UTC). A point gets a new row only where its status changed, or its last
        verdict is older than ``silence``: what lies between was not measured. No row is ever changed."""
        with self._open() as db:
            for verdict in verdicts:
                before = db.execute(
                    "SELECT status, since, (SELECT evaluated_at FROM health_evaluated WHERE point = ?1) AS seen"
                    " FROM health_changes WHERE point = ?1 ORDER BY change_id DESC LIMIT 1",
                    (verdict.point,),
                ).fetchone()
                seen = None if before is None else datetime.fromisoformat(before["seen"])
                # A clock that was set back to before a row begins a new one as well.
                goes_on = (
                    before is not None
                    and seen is not None
                    and before["status"] == verdict.status
                    and datetime.fromisoformat(before["since"]) <= at <= seen + silence
                )
                if not goes_on:
                    db.execute(
                        "INSERT INTO health_changes (point, status, since, evaluated_before, message)"
                        " VALUES (?, ?, ?, ?, ?)",
                        (
                            verdict.point,
                            verdict.status,
                            at.isoformat(),
                            None if seen is None else seen.isoformat(),
                            verdict.message,
                        ),
                    )
                db.execute(
                    "INSERT INTO health_evaluated (point, evaluated_at) VALUES (?, ?)"
                    " ON CONFLICT (point) DO UPDATE SET evaluated_at = excluded.evaluated_at",
                    (verdict.point, at.isoformat()),
                )

    def health_changes(self, *, ending_after: datetime) -> list[HealthChange]:
        """Every change still in force at ``ending_after`` (naive UTC) or made since, in the order entered."""
        with self._open() as db:
            return [
                HealthChange(
                    row["change_id"],
                    row["point"],
                    row["status"],
                    datetime.fromisoformat(row["since"]),
                    None
                    if row["evaluated_before"] is None
                    else datetime.fromisoformat(row["evaluated_before"]),
                    datetime.fromisoformat(row["evaluated_at"]),
                    row["message"],
                )
                for row in db.execute(
                    "SELECT * FROM (SELECT c.*, e.evaluated_at,"
                    " lead(since) OVER (PARTITION BY point ORDER BY change_id) AS next_since"
                    " FROM health_changes c JOIN health_evaluated e USING (point))"
                    " WHERE next_since IS NULL OR next_since >= ? ORDER BY change_id",
                    (ending_after.isoformat(),),
                )
            ]

    def health_since(self) -> dict[int, datetime]:
        """Since when (naive UTC) each point has been in its state, without a silence between."""
        with self._open() as db:
            return {
                row["point"]: datetime.fromisoformat(row["since"])
                for row in db.execute(
                    "SELECT point, since FROM health_changes WHERE change_id IN"
                    " (SELECT max(change_id) FROM health_changes GROUP BY point)"
                )
            }

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
            rows = db.execute("SELECT * FROM calls ORDER BY call_id").fetchall()
        return [_call(row) for row in rows], rows[-1]["call_id"] if rows else 0

    def waiting_errors(self, since: datetime) -> list[LedgerCall]:
        """The error events since an instant (naive UTC) that no run has carried into the warehouse yet."""
        with self._open() as db:
            return [
                _call(row)
                for row in db.execute(
                    "SELECT * FROM calls WHERE severity <> 'info' AND at >= ? ORDER BY call_id",
                    (since.isoformat(),),
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


def _call(row: sqlite3.Row) -> LedgerCall:
    return LedgerCall(
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
