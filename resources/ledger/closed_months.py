"""Closed months: figures found changed, and comparisons that could not be made. Only ever appended to."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile


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
    """A run that could compare closed months with no snapshot: which one (None: there was none), and why:
    ``code`` and ``args`` (JSON) are the reason in any language."""

    snapshot_id: str
    previous_snapshot_id: str | None
    compared_at: datetime
    reason: str
    code: str | None = None
    args: str | None = None


class ClosedMonths(LedgerFile):
    """What became of closed months."""

    def record_closed_changes(
        self, previous_snapshot_id: str, changes: Sequence[ClosedChange], *, run_id: str
    ) -> None:
        """Enter what differs now from a snapshot, in one transaction, appending only what is not entered already.

        Run after run compares with the same snapshot until a new one is published: a change that stands is entered
        once, one whose value moved on gets a further entry, one that went back is entered as gone back (both values
        the same), and ``closed_changes`` tells it no more.
        """
        with self.writing() as db:
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
        with self.reading() as db:
            newest = {
                row["finding_id"]: _change(row)
                for row in db.execute("SELECT * FROM closed_month_log ORDER BY entry_id")
            }
        return [change for change in newest.values() if change.previous_value != change.current_value]

    def record_closed_gap(self, gap: ClosedGap) -> None:
        """Enter that closed months could not be compared. While the same snapshot (or none) stays the newest this is
        one gap, of the run that came last."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO closed_month_gaps (previous_snapshot_id, reason, snapshot_id, compared_at, code, args)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (previous_snapshot_id, reason) DO UPDATE"
                " SET snapshot_id = excluded.snapshot_id, compared_at = excluded.compared_at,"
                " code = excluded.code, args = excluded.args",
                (
                    gap.previous_snapshot_id or "",
                    gap.reason,
                    gap.snapshot_id,
                    text_of(gap.compared_at),
                    gap.code,
                    gap.args,
                ),
            )

    def closed_gaps(self) -> list[ClosedGap]:
        """Every gap, oldest first."""
        with self.reading() as db:
            return [
                ClosedGap(
                    row["snapshot_id"],
                    row["previous_snapshot_id"] or None,
                    instant_of(row["compared_at"]),
                    row["reason"],
                    row["code"],
                    row["args"],
                )
                for row in db.execute("SELECT * FROM closed_month_gaps ORDER BY compared_at, snapshot_id")
            ]


def _change(row: sqlite3.Row) -> ClosedChange:
    return ClosedChange(
        row["finding_id"],
        date.fromisoformat(row["local_month"]),
        row["figure"],
        int(row["previous_value"]),
        int(row["current_value"]),
        row["previous_snapshot_id"],
        instant_of(row["seen_at"]),
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
            text_of(change.seen_at),
            run_id,
        ),
    )
