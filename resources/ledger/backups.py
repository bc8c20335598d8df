"""Backups: each that was begun, what became of it, and the restores of them, those tried out in a drill included.

What a backup is and where it lies is operations/backup's; whether it still holds is found out there and entered here.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from marketplace.backups import BackupState, DrillState
from messages.message import Message, message_of
from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile

_BACKUP = (
    "backup_id, started_at, finished_at, state, rows, bytes, verified_at, verified, store, bucket, copied,"
    " manifest_sha256,"
    " code, args"
)


@dataclass(frozen=True)
class BackupEntry:
    """A backup. ``rows`` and ``bytes``: of all tables, of its files; None while it is made. ``verified``: what the
    newest look at it found. ``store``: the folder or address it lies in, without a secret; ``bucket``: Appwrite's that
    has a copy, or part of one; ``copied``: it has all. ``why``: what is to be said of it."""

    backup_id: str
    started_at: datetime
    finished_at: datetime | None
    state: BackupState
    rows: int | None
    bytes: int | None
    verified_at: datetime | None
    verified: bool | None
    store: str
    bucket: str | None
    copied: bool
    manifest_sha256: str | None
    why: Message | None


@dataclass(frozen=True)
class DrillEntry:
    """A backup that was restored to try it out. ``differences``: rows that were not the same, or could not be told."""

    drill_id: int
    backup_id: str
    started_at: datetime
    finished_at: datetime | None
    state: DrillState
    seconds: float | None
    rows: int | None
    differences: int | None
    why: Message | None


class Backups(LedgerFile):
    """The backups of a home."""

    def begin_backup(self, started_at: datetime, stamp: str, *, store: str) -> str:
        """Enter one that is about to be made; its id: the stamp of its start, and a number. Homes that share a store
        begin at the same instant of the night, so the number ends by chance: else one's files would replace another's.
        """
        with self.writing() as db:
            number = 1 + int(db.execute("SELECT coalesce(max(number), 0) FROM backups").fetchone()[0])
            backup_id = f"{stamp}-{number:04d}{secrets.randbelow(10**6):06d}"
            db.execute(
                "INSERT INTO backups (number, backup_id, started_at, state, store) VALUES (?, ?, ?, ?, ?)",
                (number, backup_id, text_of(started_at), BackupState.RUNNING, store),
            )
        return backup_id

    def finish_backup(
        self,
        backup_id: str,
        state: BackupState,
        *,
        at: datetime,
        rows: int | None = None,
        size: int | None = None,
        manifest_sha256: str | None = None,
        why: Message | None = None,
    ) -> None:
        """It stands, or it was not made."""
        with self.writing() as db:
            db.execute(
                "UPDATE backups SET state = ?, finished_at = ?, rows = ?, bytes = ?, manifest_sha256 = ?, code = ?,"
                " args = ? WHERE backup_id = ?",
                (state, text_of(at), rows, size, manifest_sha256, *_said(why), backup_id),
            )

    def enter_copy(self, backup_id: str, bucket: str | None, *, whole: bool) -> None:
        """A bucket of Appwrite's has a ``whole`` copy, or is about to have one; None: it has none any more."""
        with self.writing() as db:
            db.execute(
                "UPDATE backups SET bucket = ?, copied = ? WHERE backup_id = ?", (bucket, whole, backup_id)
            )

    def enter_verified(self, backup_id: str, *, at: datetime, holds: bool) -> None:
        """What a look at every file of it found."""
        with self.writing() as db:
            db.execute(
                "UPDATE backups SET verified_at = ?, verified = ? WHERE backup_id = ?",
                (text_of(at), holds, backup_id),
            )

    def enter_rewritten(self, backup_id: str, manifest_sha256: str, *, size: int) -> None:
        """It was written anew: its manifest is another one, nobody has looked at its files since, and a copy of it is
        not one any more."""
        with self.writing() as db:
            db.execute(
                "UPDATE backups SET manifest_sha256 = ?, bytes = ?, verified_at = NULL, verified = NULL,"
                " copied = 0"
                " WHERE backup_id = ?",
                (manifest_sha256, size, backup_id),
            )

    def expire_backups(self, backup_ids: Sequence[str]) -> None:
        """They are about to be deleted: from here on none of them is taken for one that stands."""
        with self.writing() as db:
            db.executemany(
                "UPDATE backups SET state = ? WHERE backup_id = ?",
                [(BackupState.EXPIRED, backup_id) for backup_id in backup_ids],
            )

    def backups(self) -> list[BackupEntry]:
        """Every backup, the newest first."""
        with self.reading() as db:
            rows = db.execute(f"SELECT {_BACKUP} FROM backups ORDER BY number DESC").fetchall()
        return [_backup(row) for row in rows]

    def backup(self, backup_id: str) -> BackupEntry | None:
        """One of them."""
        with self.reading() as db:
            row = db.execute(f"SELECT {_BACKUP} FROM backups WHERE backup_id = ?", (backup_id,)).fetchone()
        return None if row is None else _backup(row)

    # -- restores ------------------------------------------------------------------------------------------

    def begin_restore(self, backup_id: str, target: str, *, at: datetime) -> tuple[int, bool]:
        """Enter a restore into a database that is empty; (its number, whether it is gone on with). ``target``: which
        database of which server."""
        with self.writing() as db:
            row = db.execute(
                "SELECT restore_id FROM restores WHERE backup_id = ? AND target = ? AND finished_at IS NULL",
                (backup_id, target),
            ).fetchone()
            if row is not None:
                return int(row[0]), True
            number = db.execute(
                "INSERT INTO restores (backup_id, target, started_at) VALUES (?, ?, ?)",
                (backup_id, target, text_of(at)),
            ).lastrowid
        return int(number or 0), False

    def restore_begun(self, backup_id: str, target: str) -> bool:
        """Whether a restore of it into a database was begun and not finished."""
        with self.reading() as db:
            return (
                db.execute(
                    "SELECT 1 FROM restores WHERE backup_id = ? AND target = ? AND finished_at IS NULL",
                    (backup_id, target),
                ).fetchone()
                is not None
            )

    def finish_restore(self, restore_id: int, *, at: datetime, rows: int, differences: int) -> None:
        """It was made and compared."""
        with self.writing() as db:
            db.execute(
                "UPDATE restores SET finished_at = ?, rows = ?, differences = ? WHERE restore_id = ?",
                (text_of(at), rows, differences, restore_id),
            )

    # -- drills --------------------------------------------------------------------------------------------

    def begin_drill(self, backup_id: str, *, at: datetime) -> int:
        """Enter one that begins; those that a dead process left running failed."""
        with self.writing() as db:
            db.execute(
                "UPDATE drills SET state = ?, finished_at = ? WHERE state = ?",
                (DrillState.FAILED, text_of(at), DrillState.RUNNING),
            )
            number = db.execute(
                "INSERT INTO drills (backup_id, started_at, state) VALUES (?, ?, ?)",
                (backup_id, text_of(at), DrillState.RUNNING),
            ).lastrowid
        return int(number or 0)

    def finish_drill(
        self,
        drill_id: int,
        state: DrillState,
        *,
        at: datetime,
        seconds: float,
        rows: int | None = None,
        differences: int | None = None,
        why: Message | None = None,
    ) -> None:
        """What it showed."""
        with self.writing() as db:
            db.execute(
                "UPDATE drills SET state = ?, finished_at = ?, seconds = ?, rows = ?, differences = ?, code = ?,"
                " args = ? WHERE drill_id = ?",
                (state, text_of(at), seconds, rows, differences, *_said(why), drill_id),
            )

    def drills(self) -> list[DrillEntry]:
        """Every drill, the newest first."""
        with self.reading() as db:
            rows = db.execute("SELECT * FROM drills ORDER BY drill_id DESC").fetchall()
        return [
            DrillEntry(
                row["drill_id"],
                row["backup_id"],
                instant_of(row["started_at"]),
                optional_instant_of(row["finished_at"]),
                DrillState(row["state"]),
                row["seconds"],
                row["rows"],
                row["differences"],
                message_of(row["code"], row["args"]),
            )
            for row in rows
        ]


def _said(why: Message | None) -> tuple[str | None, str | None]:
    return (None, None) if why is None else (why.code, why.args_json)


def _backup(row: sqlite3.Row) -> BackupEntry:
    return BackupEntry(
        row["backup_id"],
        instant_of(row["started_at"]),
        optional_instant_of(row["finished_at"]),
        BackupState(row["state"]),
        row["rows"],
        row["bytes"],
        optional_instant_of(row["verified_at"]),
        None if row["verified"] is None else bool(row["verified"]),
        row["store"],
        row["bucket"],
        bool(row["copied"]),
        row["manifest_sha256"],
        message_of(row["code"], row["args"]),
    )
