"""ledger.sqlite: what is written while the warehouse is busy, or by several processes.

Runs, waivers, exports, changes of health, calls on their way; its alert tables are alerts.py's. Figures do not
live here: each run mirrors what readers need into ``ops``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, timedelta
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
CREATE TABLE IF NOT EXISTS closed_month_log (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    finding_id TEXT NOT NULL,
    local_month TEXT NOT NULL,
    figure TEXT NOT NULL,
    previous_value INTEGER NOT NULL,
    current_value INTEGER NOT NULL,
    previous_snapshot_id TEXT NOT NULL,
    seen_at TEXT NOT NULL,
    run_id TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS closed_month_gaps (
    previous_snapshot_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    snapshot_id TEXT NOT NULL,
    compared_at TEXT NOT NULL,
    PRIMARY KEY (previous_snapshot_id, reason)
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
CREATE TABLE IF NOT EXISTS snapshots (
    snapshot_id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL,
    sealed_at TEXT NOT NULL DEFAULT (datetime('now')),
    adopted INTEGER NOT NULL
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
    slow INTEGER NOT NULL,
    error_type TEXT NOT NULL DEFAULT '',
    host TEXT NOT NULL DEFAULT ''
);
"""

_LATER_COLUMNS = (("calls", "error_type"), ("calls", "host"))
"""Columns a ledger of before does not have."""

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
class Seal:
    """What a snapshot's file was when it was published: the SHA-256 of its bytes, and its stamp.

    ``adopted``: published before seals were kept, and hashed when an export first rested on it.
    """

    snapshot_id: str
    sha256: str
    bytes: int
    mtime_ns: int
    inode: int
    adopted: bool = False


@dataclass(frozen=True)
class Waiver:
    """A finding someone has acknowledged: still shown, no longer alarming."""

    finding_id: str
    reason: str
    waived_by: str
    waived_at: datetime


@dataclass(frozen=True)
class ClosedChange:
    """A figure of a closed month that a run found changed since the snapshot before it."""

    finding_id: str
    local_month: date
    figure: str
    previous_value: int
    current_value: int
    previous_snapshot_id: str
    seen_at: datetime


@dataclass(frozen=True)
class ClosedGap:
    """A run that could compare closed months with no snapshot: which one (None: there was none), and why."""

    snapshot_id: str
    previous_snapshot_id: str | None
    compared_at: datetime
    reason: str


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
    """One call to Appwrite, the ``number``-th of its run; ``at`` is naive UTC, ``seconds`` include the waits.
    ``error_type`` and ``host``: what a refusal says of itself, and who gave it."""

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
    error_type: str = ""
    host: str = ""


class Ledger:
    """The ledger of a home. Every method opens its own short connection: several processes write here."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Generator[sqlite3.Connection]:
        if self.path.is_symlink():
            raise sqlite3.OperationalError("the ledger is a link")
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")
            connection.executescript(_SCHEMA)
            connection.row_factory = sqlite3.Row
            connection.execute("BEGIN IMMEDIATE")
            for table, column in _LATER_COLUMNS:
                if column not in {row["name"] for row in connection.execute(f"PRAGMA table_info({table})")}:
                    connection.execute(f"ALTER TABLE {table} ADD COLUMN {column} TEXT NOT NULL DEFAULT ''")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """One transaction, for what keeps tables of its own in this file (alerts.py)."""
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

    def waivers(self) -> list[Waiver]:
        """Every waiver in force, by finding id."""
        with self._open() as db:
            return [
                _as_waiver(row)
                for row in db.execute(
                    "SELECT finding_id, reason, waived_by, waived_at FROM waivers ORDER BY finding_id"
                )
            ]

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

    def record_closed_changes(
        self, previous_snapshot_id: str, changes: Sequence[ClosedChange], *, run_id: str
    ) -> None:
        """Enter what differs now from a snapshot, in one transaction, appending only what is not entered already.

        Run after run compares with the same snapshot until a new one is published: a change that stands is entered
        once, one whose value moved on gets a further entry, one that went back is entered as gone back (both values
        the same), and ``closed_changes`` tells it no more.
        """
        with self._open() as db:
            known = {
                row["finding_id"]: row
                for row in db.execute(
                    "SELECT * FROM closed_month_log WHERE previous_snapshot_id = ? ORDER BY entry_id",
                    (previous_snapshot_id,),
                )
            }
            found = {change.finding_id: change for change in changes}
            for change in changes:
                before = known.get(change.finding_id)
                if before is None or before["current_value"] != change.current_value:
                    _log_change(db, change, run_id)
            for finding_id, row in known.items():
                if finding_id not in found and row["current_value"] != row["previous_value"]:
                    back = _change(row)
                    _log_change(db, replace(back, current_value=back.previous_value), run_id)

    def closed_changes(self) -> list[ClosedChange]:
        """Every change of a closed month, in the order first entered: the newest entry of each, without those that
        went back before anything was published."""
        with self._open() as db:
            newest = {
                row["finding_id"]: _change(row)
                for row in db.execute("SELECT * FROM closed_month_log ORDER BY entry_id")
            }
        return [change for change in newest.values() if change.previous_value != change.current_value]

    def record_closed_gap(self, gap: ClosedGap) -> None:
        """Enter that closed months could not be compared. While the same snapshot (or none) stays the newest this is
        one gap, of the run that came last."""
        with self._open() as db:
            db.execute(
                "INSERT INTO closed_month_gaps (previous_snapshot_id, reason, snapshot_id, compared_at)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (previous_snapshot_id, reason) DO UPDATE"
                " SET snapshot_id = excluded.snapshot_id, compared_at = excluded.compared_at",
                (
                    gap.previous_snapshot_id or "",
                    gap.reason,
                    gap.snapshot_id,
                    gap.compared_at.isoformat(),
                ),
            )

    def closed_gaps(self) -> list[ClosedGap]:
        """Every gap, oldest first."""
        with self._open() as db:
            return [
                ClosedGap(
                    row["snapshot_id"],
                    row["previous_snapshot_id"] or None,
                    datetime.fromisoformat(row["compared_at"]),
                    row["reason"],
                )
                for row in db.execute("SELECT * FROM closed_month_gaps ORDER BY compared_at, snapshot_id")
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

    def record_seal(self, seal: Seal) -> None:
        """Enter what a snapshot's file is. One entered already is replaced: its file was moved, or rewritten by us."""
        with self._open() as db:
            db.execute(
                "INSERT INTO snapshots (snapshot_id, sha256, bytes, mtime_ns, inode, adopted)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (snapshot_id) DO UPDATE SET sha256 = excluded.sha256,"
                " bytes = excluded.bytes, mtime_ns = excluded.mtime_ns, inode = excluded.inode",
                astuple(seal),
            )

    def seal(self, snapshot_id: str) -> tuple[Seal | None, str | None]:
        """The seal of a snapshot, None where it has none, and the id of the first snapshot sealed when it was published
        (None: none was).

        Opens the file for reading only: readers of a snapshot neither make a ledger nor wait for its writers.
        """
        if not self.path.is_file():
            return None, None
        reader = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True, timeout=30)
        try:
            if reader.execute("SELECT 1 FROM sqlite_master WHERE name = 'snapshots'").fetchone() is None:
                return None, None
            row = reader.execute(
                "SELECT snapshot_id, sha256, bytes, mtime_ns, inode, adopted FROM snapshots WHERE snapshot_id = ?",
                (snapshot_id,),
            ).fetchone()
            first = reader.execute("SELECT min(snapshot_id) FROM snapshots WHERE NOT adopted").fetchone()[0]
        finally:
            reader.close()
        return (None if row is None else Seal(*row[:5], adopted=bool(row[5]))), first

    def drop_seals(self, snapshot_ids: Sequence[str]) -> None:
        """Forget the seals of snapshots that are dropped. The first stays: it tells since when seals are kept."""
        with self._open() as db:
            db.executemany(
                "DELETE FROM snapshots WHERE snapshot_id = ?"
                " AND snapshot_id IS NOT (SELECT min(snapshot_id) FROM snapshots WHERE NOT adopted)",
                [(snapshot_id,) for snapshot_id in snapshot_ids],
            )

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
                " severity, attempts, reason, slow, error_type, host)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
        row["error_type"],
        row["host"],
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
        "SELECT finding_id, reason, waived_by, waived_at FROM waivers WHERE finding_id = ?", (finding_id,)
    ).fetchone()
    return None if row is None else _as_waiver(row)


def _as_waiver(row: sqlite3.Row) -> Waiver:
    return Waiver(
        row["finding_id"], row["reason"], row["waived_by"], datetime.fromisoformat(row["waived_at"])
    )


def _log_waiver(
    db: sqlite3.Connection, finding_id: str, action: str, reason: str, by: str, at: datetime
) -> None:
    db.execute(
        "INSERT INTO waiver_log (finding_id, action, reason, entered_by, entered_at) VALUES (?, ?, ?, ?, ?)",
        (finding_id, action, reason, by, at.isoformat()),
    )


def _change(row: sqlite3.Row) -> ClosedChange:
    return ClosedChange(
        row["finding_id"],
        date.fromisoformat(row["local_month"]),
        row["figure"],
        int(row["previous_value"]),
        int(row["current_value"]),
        row["previous_snapshot_id"],
        datetime.fromisoformat(row["seen_at"]),
    )


def _log_change(db: sqlite3.Connection, change: ClosedChange, run_id: str) -> None:
    db.execute(
        "INSERT INTO closed_month_log (finding_id, local_month, figure, previous_value, current_value,"
        " previous_snapshot_id, seen_at, run_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            change.finding_id,
            change.local_month.isoformat(),
            change.figure,
            change.previous_value,
            change.current_value,
            change.previous_snapshot_id,
            change.seen_at.isoformat(),
            run_id,
        ),
    )
