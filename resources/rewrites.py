"""What the ledger holds of files that were written anew because a person was forgotten: which, by whom, when, and their
hashes before and after. Writing them is kept_files.py's, and pipelines/exports'.

An entry is begun before the file gets its name and done afterwards: a kill between leaves one that the next call ends.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from resources.errors import BookwatchError
from resources.instants import instant_of, text_of
from resources.ledger import Seal
from resources.ledger.connection import LedgerFile

Kind = Literal["snapshot", "warehouse", "backup", "export", "status", "report"]

_COLUMNS: Final = (
    "rewrite_id, customer_id, rewritten_by, begun_at, done_at, kind, path, sha256_before, sha256_after,"
    " bytes, mtime_ns, inode"
)


class InUse(BookwatchError):
    """An export is being made from the snapshot."""


@dataclass(frozen=True)
class Rewrite:
    """A file (of an export its folder; the hashes are its manifest's) that was written anew, or is about to be."""

    rewrite_id: int
    customer_id: str
    by: str
    begun_at: datetime
    done_at: datetime | None
    kind: Kind
    path: str
    sha256_before: str
    sha256_after: str
    seal: Seal


class Rewrites(LedgerFile):
    """The rewrites of a home."""

    def begin(
        self, customer_id: str, *, by: str, at: datetime, kind: Kind, path: Path, before: str, after: Seal
    ) -> Rewrite:
        """Enter what is about to take a file's place. Raises InUse where an export is being made from a snapshot."""
        with self.writing() as db:
            held = db.execute(
                "SELECT 1 FROM pins WHERE snapshot_id = ? AND pinned_at > datetime('now', '-1 day')",
                (path.stem,),
            ).fetchone()
            if kind == "snapshot" and held is not None:
                raise InUse(
                    f"An export is being made from the snapshot {path.stem}.",
                    "Run this again when it is done (an export that was killed holds its snapshot for a day).",
                )
            made = after.sha256 or ""
            entry = (customer_id, by, text_of(at), kind, str(path), before, made)
            number = db.execute(
                "INSERT INTO rewrites (customer_id, rewritten_by, begun_at, kind, path, sha256_before, sha256_after,"
                " bytes, mtime_ns, inode) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*entry, after.bytes, after.mtime_ns, after.inode),
            ).lastrowid
        return Rewrite(int(number or 0), customer_id, by, at, None, kind, str(path), before, made, after)

    def finish(self, rewrite: Rewrite, *, at: datetime) -> None:
        """The file is in its place: its seal, or its manifest's hash, is the new one from now on."""
        with self.writing() as db:
            db.execute(
                "UPDATE rewrites SET done_at = ? WHERE rewrite_id = ?", (text_of(at), rewrite.rewrite_id)
            )
            if rewrite.kind == "snapshot":
                seal = rewrite.seal
                db.execute(
                    "UPDATE snapshots SET sha256 = ?, bytes = ?, mtime_ns = ?, inode = ?, root = NULL"
                    " WHERE snapshot_id = ?",
                    (seal.sha256, seal.bytes, seal.mtime_ns, seal.inode, seal.snapshot_id),
                )
            if rewrite.kind == "export":
                for table in ("exports", "sign_off_log"):
                    db.execute(
                        f"UPDATE {table} SET manifest_sha256 = ? WHERE manifest_sha256 = ?",
                        (rewrite.sha256_after, rewrite.sha256_before),
                    )

    def give_up(self, rewrite: Rewrite) -> None:
        """The file never got its place: the entry goes."""
        with self.writing() as db:
            db.execute("DELETE FROM rewrites WHERE rewrite_id = ?", (rewrite.rewrite_id,))

    def unfinished(self) -> list[Rewrite]:
        """Those begun and not done: of a process that was killed, for whoever holds the run lock."""
        with self.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM rewrites WHERE done_at IS NULL ORDER BY rewrite_id"
            ).fetchall()
        return [_rewrite(row) for row in rows]

    def done(self) -> list[Rewrite]:
        """Every file written anew, the oldest first."""
        with self.reading() as db:
            rows = db.execute(
                f"SELECT {_COLUMNS} FROM rewrites WHERE done_at IS NOT NULL ORDER BY rewrite_id"
            ).fetchall()
        return [_rewrite(row) for row in rows]


def begun_seal(ledger: Path, snapshot_id: str) -> Seal | None:
    """What the file of a snapshot is where it was just written anew, and the entry is not done yet. Reads only."""
    with LedgerFile(ledger).reading() as db:
        row = db.execute(
            "SELECT sha256_after, bytes, mtime_ns, inode, path FROM rewrites"
            " WHERE done_at IS NULL AND kind = 'snapshot' AND path LIKE '%' || ? ORDER BY rewrite_id DESC",
            (f"/{snapshot_id}.duckdb",),
        ).fetchone()
    return None if row is None else Seal(snapshot_id, *tuple(row)[:4])


def _rewrite(row: sqlite3.Row) -> Rewrite:
    seal = Seal(Path(row["path"]).stem, row["sha256_after"], row["bytes"], row["mtime_ns"], row["inode"])
    return Rewrite(
        row["rewrite_id"],
        row["customer_id"],
        row["rewritten_by"],
        instant_of(row["begun_at"]),
        None if row["done_at"] is None else instant_of(row["done_at"]),
        row["kind"],
        row["path"],
        row["sha256_before"],
        row["sha256_after"],
        seal,
    )
