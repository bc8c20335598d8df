"""Seals: what the file of each published snapshot is. Whether it still is so, is resources/seals.py's to find out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass

from resources.ledger.connection import LedgerFile


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


class Seals(LedgerFile):
    """The seals of a home's snapshots."""

    def record_seal(self, seal: Seal) -> None:
        """Enter what a snapshot's file is. One entered already is replaced: its file was moved, or rewritten by us."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO snapshots (snapshot_id, sha256, bytes, mtime_ns, inode, adopted)"
                " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (snapshot_id) DO UPDATE SET sha256 = excluded.sha256,"
                " bytes = excluded.bytes, mtime_ns = excluded.mtime_ns, inode = excluded.inode",
                astuple(seal),
            )

    def seal(self, snapshot_id: str) -> tuple[Seal | None, str | None]:
        """The seal of a snapshot, None where it has none, and the id of the first snapshot sealed when it was published
        (None: none was)."""
        with self.reading() as db:
            row = db.execute(
                "SELECT snapshot_id, sha256, bytes, mtime_ns, inode, adopted FROM snapshots WHERE snapshot_id = ?",
                (snapshot_id,),
            ).fetchone()
            first = db.execute("SELECT min(snapshot_id) FROM snapshots WHERE NOT adopted").fetchone()[0]
        return (None if row is None else Seal(*row[:5], adopted=bool(row[5]))), first

    def drop_seals(self, snapshot_ids: Sequence[str]) -> None:
        """Forget the seals of snapshots that are dropped. The first stays: it tells since when seals are kept."""
        with self.writing() as db:
            db.executemany(
                "DELETE FROM snapshots WHERE snapshot_id = ?"
                " AND snapshot_id IS NOT (SELECT min(snapshot_id) FROM snapshots WHERE NOT adopted)",
                [(snapshot_id,) for snapshot_id in snapshot_ids],
            )
