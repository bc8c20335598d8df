"""Calls to Appwrite, on their way into the warehouse: they wait here for a run that reaches it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile

KEEP_CALLS = 200_000
"""Calls that may wait here for a run that reaches the warehouse; in an outage a run makes a handful."""


APPWRITE: Final = "appwrite"
"""The source of what bookwatch's own runs ask of Appwrite."""


@dataclass(frozen=True)
class LedgerCall:
    """One call to Appwrite, the ``number``-th of its run; ``at`` is naive UTC, ``seconds`` include the waits.
    ``error_type`` and ``host``: what a refusal says of itself, and who gave it. ``source``: whose call it is;
    ``context``: what else is known of it, a JSON object, or ''."""

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
    source: str = APPWRITE
    context: str = ""


class Calls(LedgerFile):
    """The calls that wait."""

    def record_calls(self, calls: Sequence[LedgerCall]) -> None:
        """Enter calls, to wait here until a run carries them into the warehouse."""
        with self.writing() as db:
            _enter(db, calls)
            db.execute(
                "DELETE FROM calls WHERE call_id <= (SELECT max(call_id) FROM calls) - ?", (KEEP_CALLS,)
            )

    def take_spooled(
        self, file: str, read: Callable[[int, int], tuple[Sequence[LedgerCall], int, int]]
    ) -> tuple[int, int]:
        """Enter the calls that ``read`` finds in a file of the spool, and how far it was read, in one transaction;
        up to which byte that is, and how many lines were read now. ``read``: the byte and the lines it was read up to
        → calls, and both up to which it is then."""
        with self.writing() as db:
            row = db.execute("SELECT upto, lines FROM spooled WHERE file = ?", (file,)).fetchone()
            before: tuple[int, int] = (row["upto"], row["lines"]) if row else (0, 0)
            calls, upto, lines = read(*before)
            if (upto, lines) != before:
                _enter(db, calls)
                db.execute(
                    "INSERT OR REPLACE INTO spooled (file, upto, lines) VALUES (?, ?, ?)", (file, upto, lines)
                )
        return upto, lines - before[1]

    def spooled_files(self) -> list[str]:
        """The files of the spool that something is known of."""
        with self.reading() as db:
            return [str(row["file"]) for row in db.execute("SELECT file FROM spooled ORDER BY file")]

    def forget_spooled(self, files: Iterable[str]) -> None:
        """Forget how far files were read that are gone."""
        with self.writing() as db:
            db.executemany("DELETE FROM spooled WHERE file = ?", [(file,) for file in files])

    def calls(self) -> tuple[list[LedgerCall], int]:
        """The calls that wait, in the order entered, and the number to give to ``drop_calls``."""
        with self.reading() as db:
            rows = db.execute("SELECT * FROM calls ORDER BY call_id").fetchall()
        return [_call(row) for row in rows], rows[-1]["call_id"] if rows else 0

    def waiting_calls(self) -> int:
        """How many calls wait."""
        with self.reading() as db:
            return int(db.execute("SELECT count(*) FROM calls").fetchone()[0])

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


def _enter(db: sqlite3.Connection, calls: Sequence[LedgerCall]) -> None:
    db.executemany(
        "INSERT INTO calls (run_id, number, at, operation, collection, seconds, outcome, status, category,"
        " severity, attempts, reason, slow, error_type, host, source, context)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*(told := astuple(call))[:2], text_of(call.at), *told[3:]) for call in calls],
    )


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
        row["source"],
        row["context"],
    )
