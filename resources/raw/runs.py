"""What became of each collection in each run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from marketplace.events import ScanOutcome
from resources.raw.file import RawFile
from resources.raw.watermarks import Watermarks
from resources.sql import literal


@dataclass(frozen=True)
class Counts:
    """What became of the rows fetched: fetched = inserted + updated + unchanged + rejected."""

    fetched: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    deleted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.fetched + other.fetched,
            self.inserted + other.inserted,
            self.updated + other.updated,
            self.unchanged + other.unchanged,
            self.rejected + other.rejected,
            self.deleted + other.deleted,
        )


class IngestRuns:
    """``_ingest_runs``."""

    def __init__(self, file: RawFile, watermarks: Watermarks) -> None:
        self._file = file
        self._watermarks = watermarks

    def record(
        self,
        run_id: str,
        collection: str,
        counts: Counts,
        *,
        started_at: datetime,
        seconds: float,
        outcome: ScanOutcome,
        detail: str = "",
    ) -> None:
        """Replace the line of ``_ingest_runs`` for a run and a collection. Joins a running transaction."""
        self._file.connection.execute(
            "DELETE FROM _ingest_runs WHERE run_id = ? AND collection = ?", [run_id, collection]
        )
        self._file.connection.execute(
            "INSERT INTO _ingest_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                run_id,
                collection,
                counts.fetched,
                counts.inserted,
                counts.updated,
                counts.unchanged,
                counts.deleted,
                counts.rejected,
                started_at,
                seconds,
                self._watermarks.of(collection).watermark,
                outcome.value,
                detail or None,
            ],
        )

    def all(self, run_id: str | None = None) -> pl.DataFrame:
        """``_ingest_runs``, of one run or all."""
        with self._file.translated_errors("be read"):
            where = f" WHERE run_id = {literal(run_id)}" if run_id is not None else ""
            return self._file.connection.sql(
                f"SELECT * FROM _ingest_runs{where} ORDER BY started_at, collection"
            ).pl()
