"""Sign-offs: who answers for a closed month, and who took that back. A log that is only appended to.

Signing changes no figure and no mart: whether a month is closed is marketplace/closed_months.py's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile

CLOSED: Final = "closed"
REOPENED: Final = "reopened"


@dataclass(frozen=True)
class SignOff:
    """An entry of the log. ``action``: closed (signed off) or reopened (every sign-off before it is taken back).

    ``snapshot_id``: the newest snapshot as it was entered, kept for good where it was signed off. ``manifest_sha256``:
    the newest report of the month that stood in the ledger then; None where there was none.
    """

    local_month: date
    action: str
    by: str
    at: datetime
    reason: str
    snapshot_id: str | None
    manifest_sha256: str | None


class SignOffs(LedgerFile):
    """The sign-offs of a home."""

    def sign_off(
        self,
        month: date,
        *,
        by: str,
        at: datetime,
        reason: str = "",
        snapshot_id: str | None,
        manifest_sha256: str | None,
    ) -> SignOff | None:
        """Sign a month off; returns the sign-off of the same person on the same snapshot and report that stands
        already, and enters nothing then. A further person, or the same one on newer figures, is entered beside those
        before."""
        entry = SignOff(month, CLOSED, by, at, reason, snapshot_id, manifest_sha256)
        with self.writing() as db:
            for standing in _standing(_log(db, month)):
                if (standing.by, standing.snapshot_id, standing.manifest_sha256) == (
                    by,
                    snapshot_id,
                    manifest_sha256,
                ):
                    return standing
            _enter(db, entry)
        return None

    def reopen(
        self, month: date, *, by: str, at: datetime, reason: str, snapshot_id: str | None
    ) -> list[SignOff]:
        """Take back every sign-off of a month that stands; returns them. Where there is none nothing is entered."""
        with self.writing() as db:
            taken_back = _standing(_log(db, month))
            if taken_back:
                _enter(db, SignOff(month, REOPENED, by, at, reason, snapshot_id, None))
        return taken_back

    def sign_offs(self, month: date) -> list[SignOff]:
        """The sign-offs of a month that stand, oldest first."""
        with self.reading() as db:
            return _standing(_log(db, month))

    def sign_off_log(self, month: date | None = None) -> list[SignOff]:
        """Everything that was ever entered, of a month or of all, oldest first."""
        with self.reading() as db:
            return _log(db, month)


def standing(log: Iterable[SignOff]) -> dict[date, list[SignOff]]:
    """Of a log of several months: month → its sign-offs that stand; none for a month without."""
    by_month: dict[date, list[SignOff]] = {}
    for entry in log:
        by_month.setdefault(entry.local_month, []).append(entry)
    return {month: kept for month, entries in by_month.items() if (kept := _standing(entries))}


def _standing(log: list[SignOff]) -> list[SignOff]:
    since = max((n for n, entry in enumerate(log, 1) if entry.action == REOPENED), default=0)
    return log[since:]


def _log(db: sqlite3.Connection, month: date | None) -> list[SignOff]:
    return [
        SignOff(
            date.fromisoformat(row["local_month"]),
            row["action"],
            row["entered_by"],
            instant_of(row["entered_at"]),
            row["reason"],
            row["snapshot_id"],
            row["manifest_sha256"],
        )
        for row in db.execute(
            "SELECT local_month, action, entered_by, entered_at, reason, snapshot_id, manifest_sha256"
            " FROM sign_off_log WHERE ?1 IS NULL OR local_month = ?1 ORDER BY entry_id",
            (None if month is None else month.isoformat(),),
        )
    ]


def _enter(db: sqlite3.Connection, entry: SignOff) -> None:
    db.execute(
        "INSERT INTO sign_off_log (local_month, action, entered_by, entered_at, reason, snapshot_id, manifest_sha256)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            entry.local_month.isoformat(),
            entry.action,
            entry.by,
            text_of(entry.at),
            entry.reason,
            entry.snapshot_id,
            entry.manifest_sha256,
        ),
    )
