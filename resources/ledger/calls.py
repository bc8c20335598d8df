"""Calls to Appwrite, on their way into the warehouse: they wait here for a run that reaches it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import datetime

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile

KEEP_CALLS = 200_000
"""Calls that may wait here for a run that reaches the warehouse; in an outage a run makes a handful."""


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


class Calls(LedgerFile):
    """The calls that wait."""

    def record_calls(self, calls: Sequence[LedgerCall]) -> None:
        """Enter calls, to wait here until a run carries them into the warehouse."""
        with self.writing() as db:
            db.executemany(
                "INSERT INTO calls (run_id, number, at, operation, collection, seconds, outcome, status, category,"
                " severity, attempts, reason, slow, error_type, host)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*astuple(call)[:2], text_of(call.at), *astuple(call)[3:]) for call in calls],
            )
            db.execute(
                "DELETE FROM calls WHERE call_id <= (SELECT max(call_id) FROM calls) - ?", (KEEP_CALLS,)
            )

    def calls(self) -> tuple[list[LedgerCall], int]:
        """The calls that wait, in the order entered, and the number to give to ``drop_calls``."""
        with self.reading() as db:
            rows = db.execute("SELECT * FROM calls ORDER BY call_id").fetchall()
        return [_call(row) for row in rows], rows[-1]["call_id"] if rows else 0

    def waiting_errors(self, since: datetime) -> list[LedgerCall]:
        """The error events since an instant (naive UTC) that no run has carried into the warehouse yet."""
        with self.reading() as db:
            return [
                _call(row)
                for row in db.execute(
                    "SELECT * FROM calls WHERE severity <> 'info' AND at >= ? ORDER BY call_id",
                    (text_of(since),),
                )
            ]

    def drop_calls(self, upto: int) -> None:
        """Forget calls that the warehouse has: those entered up to the number ``calls`` gave."""
        with self.writing() as db:
            db.execute("DELETE FROM calls WHERE call_id <= ?", (upto,))


def _call(row: sqlite3.Row) -> LedgerCall:
    return LedgerCall(
        row["run_id"],
        row["number"],
        instant_of(row["at"]),
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
