"""Seals: what the file of each published snapshot is. Whether it still is so, is resources/seals.py's to find out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resources.block_hashes import BlockHashes
from resources.ledger.connection import LedgerFile

#: Of how many snapshots the hashes of blocks are kept: of the last ten, and of the one that went last.
_BLOCKS_OF: Final = 16


@dataclass(frozen=True)
class Seal:
    """What a snapshot's file was when it was published: its stamp, the hash over the hashes of its blocks (``root``),
    and the SHA-256 of its bytes, made when something first rested on it. One of the two hashes is there.

    ``adopted``: published before seals were kept, and hashed when an export first rested on it.
    """

    snapshot_id: str
    sha256: str | None
    bytes: int
    mtime_ns: int
    inode: int
    adopted: bool = False
    root: str | None = None


class Seals(LedgerFile):
    """The seals of a home's snapshots."""

    def record_seal(self, seal: Seal, blocks: BlockHashes | None = None) -> None:
        """Enter what a snapshot's file is, and the hashes of its ``blocks``. One entered already is replaced: its file
        was moved, or rewritten by us, or hashed in full."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO snapshots (snapshot_id, sha256, bytes, mtime_ns, inode, adopted, root)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (snapshot_id) DO UPDATE SET sha256 = excluded.sha256,"
                " bytes = excluded.bytes, mtime_ns = excluded.mtime_ns, inode = excluded.inode,"
                " root = excluded.root",
                (
                    seal.snapshot_id,
                    # An older bookwatch reads this column, too, and knows no file without a hash.
                    seal.sha256 or "",
                    seal.bytes,
                    seal.mtime_ns,
                    seal.inode,
                    seal.adopted,
                    seal.root,
                ),
            )
            if blocks is None:
                return
            db.execute(
                "INSERT OR REPLACE INTO snapshot_blocks (snapshot_id, bytes, mtime_ns, inode, hashes)"
                " VALUES (?, ?, ?, ?, ?)",
                (seal.snapshot_id, seal.bytes, seal.mtime_ns, seal.inode, blocks.hashes),
            )
            db.execute(
                "DELETE FROM snapshot_blocks WHERE snapshot_id NOT IN"
                f" (SELECT snapshot_id FROM snapshot_blocks ORDER BY snapshot_id DESC LIMIT {_BLOCKS_OF})"
            )

    def seal(self, snapshot_id: str) -> tuple[Seal | None, str | None]:
        """The seal of a snapshot, None where it has none, and the id of the first snapshot sealed when it was published
        (None: none was)."""
        with self.reading() as db:
            row = db.execute(
                "SELECT snapshot_id, nullif(sha256, ''), bytes, mtime_ns, inode, adopted, root FROM snapshots"
                " WHERE snapshot_id = ?",
                (snapshot_id,),
            ).fetchone()
            first = db.execute("SELECT min(snapshot_id) FROM snapshots WHERE NOT adopted").fetchone()[0]
        return (None if row is None else Seal(*row[:5], adopted=bool(row[5]), root=row[6])), first

    def blocks(self, snapshot_id: str, *, size: int, mtime_ns: int, inode: int) -> BlockHashes | None:
        """The hashes of a snapshot's blocks; None where they are not kept, or the file that was published had another
        stamp."""
        with self.reading() as db:
            row = db.execute(
                "SELECT hashes FROM snapshot_blocks WHERE snapshot_id = ? AND (bytes, mtime_ns, inode) = (?, ?, ?)",
                (snapshot_id, size, mtime_ns, inode),
            ).fetchone()
        found = None if row is None else BlockHashes(size, row["hashes"])
        return found if found is not None and found.whole else None

    def drop_seals(self, snapshot_ids: Sequence[str]) -> None:
        """Forget the seals of snapshots that are dropped. The first stays: it tells since when seals are kept."""
        with self.writing() as db:
            db.executemany(
                "DELETE FROM snapshots WHERE snapshot_id = ?"
                " AND snapshot_id IS NOT (SELECT min(snapshot_id) FROM snapshots WHERE NOT adopted)",
                [(snapshot_id,) for snapshot_id in snapshot_ids],
            )
