"""Waivers: findings someone has acknowledged, and every waiver there was."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile


@dataclass(frozen=True)
class Waiver:
    """A finding someone has acknowledged: still shown, no longer alarming."""

    finding_id: str
    reason: str
    waived_by: str
    waived_at: datetime


class Waivers(LedgerFile):
    """The waivers of a home."""

    def waived(self) -> dict[str, str]:
        """Finding id → reason."""
        with self.reading() as db:
            return {
                row["finding_id"]: row["reason"]
                for row in db.execute("SELECT finding_id, reason FROM waivers")
            }

    def waivers(self) -> list[Waiver]:
        """Every waiver in force, by finding id."""
        with self.reading() as db:
            return [
                _as_waiver(row)
                for row in db.execute(
                    "SELECT finding_id, reason, waived_by, waived_at FROM waivers ORDER BY finding_id"
                )
            ]

    def waiver(self, finding_id: str) -> Waiver | None:
        """The waiver in force on a finding."""
        with self.reading() as db:
            return _waiver(db, finding_id)

    def waive(self, finding_id: str, *, reason: str, by: str, at: datetime) -> Waiver | None:
        """Enter a waiver; returns the one it replaces. Every change stays in the waiver log."""
        with self.writing() as db:
            before = _waiver(db, finding_id)
            db.execute(
                "INSERT INTO waivers (finding_id, reason, waived_by, waived_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (finding_id) DO UPDATE SET reason = excluded.reason, waived_by = excluded.waived_by,"
                " waived_at = excluded.waived_at",
                (finding_id, reason, by, text_of(at)),
            )
            _log_waiver(db, finding_id, "waived", reason, by, at)
        return before

    def withdraw_waiver(self, finding_id: str, *, reason: str, by: str, at: datetime) -> Waiver | None:
        """Take a waiver back; returns it, or None when there was none. The waiver log keeps both entries."""
        with self.writing() as db:
            before = _waiver(db, finding_id)
            if before is not None:
                db.execute("DELETE FROM waivers WHERE finding_id = ?", (finding_id,))
                _log_waiver(db, finding_id, "withdrawn", reason, by, at)
        return before

    def waiver_log(self, finding_id: str) -> list[tuple[str, str, str, datetime]]:
        """What happened to the waiver of a finding, oldest first: action, reason, by whom, when."""
        with self.reading() as db:
            return [
                (row["action"], row["reason"], row["entered_by"], instant_of(row["entered_at"]))
                for row in db.execute(
                    "SELECT action, reason, entered_by, entered_at FROM waiver_log WHERE finding_id = ?"
                    " ORDER BY entry_id",
                    (finding_id,),
                )
            ]


def _waiver(db: sqlite3.Connection, finding_id: str) -> Waiver | None:
    row = db.execute(
        "SELECT finding_id, reason, waived_by, waived_at FROM waivers WHERE finding_id = ?", (finding_id,)
    ).fetchone()
    return None if row is None else _as_waiver(row)


def _as_waiver(row: sqlite3.Row) -> Waiver:
    return Waiver(row["finding_id"], row["reason"], row["waived_by"], instant_of(row["waived_at"]))


def _log_waiver(
    db: sqlite3.Connection, finding_id: str, action: str, reason: str, by: str, at: datetime
) -> None:
    db.execute(
        "INSERT INTO waiver_log (finding_id, action, reason, entered_by, entered_at) VALUES (?, ?, ?, ?, ?)",
        (finding_id, action, reason, by, text_of(at)),
    )
