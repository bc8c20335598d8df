"""Exports: the chain of their manifests, and which snapshots must be kept for them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from resources.instants import instant_of, text_of
from resources.ledger.connection import LedgerFile

# A pin outlives its process only if that was killed: after a day it no longer holds a snapshot.
_PIN_HOLDS = "-1 day"


@dataclass(frozen=True)
class ExportEntry:
    """An export as it was entered: who made what from which snapshot, where, and the hash of its manifest."""

    export_id: int
    made_at: datetime
    made_by: str
    kind: str
    filters: str
    snapshot_id: str
    folder: str
    manifest_sha256: str


class Exports(LedgerFile):
    """The exports of a home."""

    def last_manifest_sha256(self, kind: str) -> str | None:
        """The hash of the newest manifest of a kind of export, which the next manifest names."""
        with self.reading() as db:
            return _last_manifest(db, kind)

    def chain_export(
        self,
        *,
        made_at: datetime,
        made_by: str,
        kind: str,
        filters: str,
        snapshot_id: str,
        folder: str,
        settle: Callable[[str | None], str],
        undo: Callable[[], None],
    ) -> str:
        """Enter an export whose manifest names the one of its kind before it; returns the manifest's hash. Its snapshot
        is kept for good from now on.

        ``settle`` is given the hash of the newest manifest, puts the new one in its place and returns its hash, all
        within one transaction: two exports at a time can't both follow the same one, and none stands without its
        entry. ``undo`` takes the manifest away when the entry could not be committed.
        """
        settled = False
        try:
            with self.writing() as db:
                sha256 = settle(_last_manifest(db, kind))
                settled = True
                db.execute(
                    "INSERT INTO exports (made_at, made_by, kind, filters, snapshot_id, folder, manifest_sha256)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (text_of(made_at), made_by, kind, filters, snapshot_id, folder, sha256),
                )
        except BaseException:
            if settled:
                undo()
            raise
        return sha256

    def exports(self) -> list[ExportEntry]:
        """Every export, in the order they were entered; each kind's are a chain."""
        with self.reading() as db:
            return [
                ExportEntry(
                    row["export_id"],
                    instant_of(row["made_at"]),
                    row["made_by"],
                    row["kind"],
                    row["filters"],
                    row["snapshot_id"],
                    row["folder"],
                    row["manifest_sha256"],
                )
                for row in db.execute(
                    "SELECT export_id, made_at, made_by, kind, filters, snapshot_id, folder, manifest_sha256"
                    " FROM exports ORDER BY export_id"
                )
            ]

    @contextmanager
    def pinned(self, snapshot_id: str) -> Generator[None]:
        """Keep a snapshot from being dropped while it is read for long."""
        with self.writing() as db:
            pin = db.execute("INSERT INTO pins (snapshot_id) VALUES (?)", (snapshot_id,)).lastrowid
        try:
            yield
        finally:
            with self.writing() as db:
                db.execute("DELETE FROM pins WHERE pin_id = ?", (pin,))

    def cited_snapshots(self) -> set[str]:
        """Snapshots an export or a sign-off rests on, or that one is being made from: these are never deleted."""
        with self.reading() as db:
            return {
                row["snapshot_id"]
                for row in db.execute(
                    "SELECT snapshot_id FROM exports"
                    " UNION SELECT snapshot_id FROM sign_off_log WHERE action = 'closed' AND snapshot_id IS NOT NULL"
                    " UNION SELECT snapshot_id FROM pins WHERE pinned_at > datetime('now', ?)",
                    (_PIN_HOLDS,),
                )
            }


def _last_manifest(db: sqlite3.Connection, kind: str) -> str | None:
    row = db.execute(
        "SELECT manifest_sha256 FROM exports WHERE kind = ? ORDER BY export_id DESC LIMIT 1", (kind,)
    ).fetchone()
    return row["manifest_sha256"] if row else None
