"""Acknowledgements: who takes care of an alert or a finding. They mute nothing: that is a silence or a waiver."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile

AcknowledgedKind = Literal["alert", "finding"]


@dataclass(frozen=True)
class Acknowledgement:
    """That somebody has seen a problem and takes care of it. ``ended_at``: somebody took it back, or took it over."""

    kind: AcknowledgedKind
    of_id: str
    by: str
    role: str
    at: datetime
    note: str = ""
    ended_at: datetime | None = None
    ended_by: str | None = None


class Acknowledgements(LedgerFile):
    """The acknowledgements of a home."""

    def acknowledge(
        self,
        kind: AcknowledgedKind,
        of_id: str,
        *,
        by: str,
        role: str,
        at: datetime,
        note: str = "",
    ) -> None:
        """Enter an acknowledgement; the one that stood is over with it."""
        with self.writing() as db:
            _end(db, kind, of_id, by, at)
            db.execute(
                "INSERT INTO acknowledgements (kind, of_id, acknowledged_by, role, acknowledged_at, note)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (kind, of_id, by, role, text_of(at), note),
            )

    def end_acknowledgement(self, kind: AcknowledgedKind, of_id: str, *, by: str, at: datetime) -> bool:
        """Take the standing acknowledgement back; whether there was one. The log keeps it."""
        with self.writing() as db:
            return _end(db, kind, of_id, by, at)

    def acknowledged(self, kind: AcknowledgedKind) -> dict[str, Acknowledgement]:
        """Those that stand: id → who takes care of it. An alert that fired anew since is another one: its reader
        compares the instants."""
        with self.reading() as db:
            return {
                row["of_id"]: _acknowledgement(row)
                for row in db.execute(
                    "SELECT * FROM acknowledgements WHERE kind = ? AND ended_at IS NULL"
                    " ORDER BY acknowledgement_id",
                    (kind,),
                )
            }

    def acknowledgement_log(self, kind: AcknowledgedKind, of_id: str) -> list[Acknowledgement]:
        """Everyone who ever took care of it, oldest first."""
        with self.reading() as db:
            return [
                _acknowledgement(row)
                for row in db.execute(
                    "SELECT * FROM acknowledgements WHERE kind = ? AND of_id = ? ORDER BY acknowledgement_id",
                    (kind, of_id),
                )
            ]


def _end(db: sqlite3.Connection, kind: str, of_id: str, by: str, at: datetime) -> bool:
    ended = db.execute(
        "UPDATE acknowledgements SET ended_at = ?, ended_by = ? WHERE kind = ? AND of_id = ? AND ended_at IS NULL",
        (text_of(at), by, kind, of_id),
    )
    return ended.rowcount > 0


def _acknowledgement(row: sqlite3.Row) -> Acknowledgement:
    return Acknowledgement(
        row["kind"],
        row["of_id"],
        row["acknowledged_by"],
        row["role"],
        instant_of(row["acknowledged_at"]),
        row["note"],
        optional_instant_of(row["ended_at"]),
        row["ended_by"],
    )
