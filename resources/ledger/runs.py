"""Runs: when each began and how it ended. A run without an end goes on, or died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from resources.instants import instant_of, stamp_of, text_of
from resources.ledger.connection import LedgerFile


@dataclass(frozen=True)
class EnteredRun:
    """A run as it was entered. Instants are naive UTC. ``finished_at`` None: it goes on, or died; ``snapshot_id``: the
    one that is shown since. ``message``: why it failed, or what failed after it had published; never a value of a row.
    """

    sequence: int
    run_id: str
    started_at: datetime
    finished_at: datetime | None
    exit_status: int | None
    snapshot_id: str | None
    message: str


class Runs(LedgerFile):
    """The runs of a home."""

    def start_run(self, started_at: datetime) -> tuple[str, int]:
        """Enter a run; returns its id and its number. The id is the start instant and the number, so it sorts."""
        with self.writing() as db:
            cursor = db.execute(
                "INSERT INTO runs (run_id, started_at) VALUES ('', ?)", (text_of(started_at),)
            )
            sequence = int(cursor.lastrowid or 0)
            run_id = f"{stamp_of(started_at)}-{sequence:06d}"
            db.execute("UPDATE runs SET run_id = ? WHERE sequence = ?", (run_id, sequence))
        return run_id, sequence

    def run_ended(self, run_id: str) -> tuple[int, bool] | None:
        """The number of a run, and whether it finished or was noticed as dead; None where it was never entered."""
        with self.reading() as db:
            row = db.execute("SELECT sequence, finished_at FROM runs WHERE run_id = ?", (run_id,)).fetchone()
        return None if row is None else (row["sequence"], row["finished_at"] is not None)

    def newest_runs(self, limit: int) -> list[EnteredRun]:
        """The newest runs, the newest first."""
        with self.reading() as db:
            rows = db.execute("SELECT * FROM runs ORDER BY sequence DESC LIMIT ?", (limit,)).fetchall()
        return [
            EnteredRun(
                row["sequence"],
                row["run_id"],
                instant_of(row["started_at"]).replace(tzinfo=None),
                None if row["finished_at"] is None else instant_of(row["finished_at"]).replace(tzinfo=None),
                row["exit_status"],
                row["snapshot_id"],
                row["message"] or "",
            )
            for row in rows
        ]

    def finish_run(
        self, sequence: int, finished_at: datetime, exit_status: int, snapshot_id: str | None, message: str
    ) -> None:
        """Record how a run ended."""
        with self.writing() as db:
            db.execute(
                "UPDATE runs SET finished_at = ?, exit_status = ?, snapshot_id = ?, message = ? WHERE sequence = ?",
                (text_of(finished_at), exit_status, snapshot_id, message, sequence),
            )

    def dead_runs(self, before: int) -> list[tuple[int, str]]:
        """Number and id of the runs before one that never finished, since the last that did; oldest first.

        Only for whoever holds the run lock for the run ``before``: it knows that none of them still goes on.
        """
        with self.reading() as db:
            rows = db.execute(
                "SELECT sequence, run_id FROM runs WHERE finished_at IS NULL AND sequence < ?1 AND sequence >"
                " (SELECT coalesce(max(sequence), 0) FROM runs WHERE finished_at IS NOT NULL AND sequence < ?1)"
                " ORDER BY sequence",
                (before,),
            ).fetchall()
        return [(row["sequence"], row["run_id"]) for row in rows]
