"""Unfinished sweeps: where each goes on, and what it found so far."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from resources.raw.column_types import Position
from resources.raw.file import RawFile
from resources.sql import literal, quoted


@dataclass(frozen=True)
class SweepState:
    """An unfinished sweep: where to go on, and how many rows it has seen. ``since_change``: the last change before it,
    for one that follows rows by $id and can tell only at its end what it has not seen."""

    started_at: datetime
    resume_sequence: int | None
    seen: int
    resume_id: str | None = None
    since_change: int | None = None

    @property
    def resume(self) -> Position | None:
        return self.resume_id if self.resume_sequence is None else self.resume_sequence

    def at(self, position: Position | None, seen: int) -> SweepState:
        """The same sweep further on."""
        number, name = (position, None) if isinstance(position, int) else (None, position)
        return replace(self, resume_sequence=number, resume_id=name, seen=seen)


class Sweeps:
    """``_sweeps``, ``_sweep_missing``, ``_sweep_seen``."""

    def __init__(self, file: RawFile) -> None:
        self._file = file

    def state(self, collection: str) -> SweepState | None:
        """The unfinished sweep of a collection, if there is one."""
        rows = self._file.rows(
            "SELECT started_at, resume_sequence, seen, resume_id, since_change FROM _sweeps WHERE collection = ?",
            [collection],
        )
        return SweepState(*rows[0]) if rows else None

    def save(
        self,
        collection: str,
        state: SweepState | None,
        missing: pl.DataFrame | None = None,
        seen: pl.Series | None = None,
    ) -> None:
        """Remember where a sweep stands and the rows (row_id, sequence) it found missing; None ends it.

        ``seen``: the ids it came by, where rows are followed by $id.
        """
        with self._file.transaction() as con:
            if state is None:
                self.end(collection)
                return
            con.execute("DELETE FROM _sweeps WHERE collection = ?", [collection])
            con.execute(
                "INSERT INTO _sweeps (collection, started_at, resume_sequence, seen, resume_id, since_change) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                [
                    collection,
                    state.started_at,
                    state.resume_sequence,
                    state.seen,
                    state.resume_id,
                    state.since_change,
                ],
            )
            if missing is not None and missing.height:
                with self._file.lent(_missing=missing.select("row_id", "sequence")):
                    con.execute(
                        "INSERT INTO _sweep_missing SELECT ?, row_id, sequence FROM _missing", [collection]
                    )
            if seen is not None and len(seen):
                with self._file.lent(_seen=pl.DataFrame({"row_id": seen})):
                    con.execute("INSERT INTO _sweep_seen SELECT ?, row_id FROM _seen", [collection])

    def end(self, collection: str) -> None:
        """Forget an unfinished sweep. Joins the running transaction."""
        for table in ("_sweeps", "_sweep_missing", "_sweep_seen"):
            self._file.connection.execute(f"DELETE FROM {table} WHERE collection = ?", [collection])

    def missing(self, collection: str) -> pl.DataFrame:
        """Rows (row_id, sequence) a sweep found missing that still live here under the same $sequence."""
        with self._file.translated_errors("be read"):
            return self._file.connection.sql(
                f"SELECT DISTINCT m.row_id, m.sequence FROM _sweep_missing m JOIN {quoted(collection)} t "
                f"ON t._id = m.row_id AND t._sequence = m.sequence "
                f"WHERE m.collection = {literal(collection)} AND t._deleted_at IS NULL"
            ).pl()

    def unseen(self, collection: str, since_change: int) -> pl.DataFrame:
        """Rows (row_id, sequence) that live here since before a change and that a sweep by $id did not come by."""
        with self._file.translated_errors("be read"):
            return self._file.connection.sql(
                f"SELECT t._id AS row_id, t._sequence AS sequence FROM {quoted(collection)} t ANTI JOIN "
                f"(SELECT row_id FROM _sweep_seen WHERE collection = {literal(collection)}) s "
                f"ON t._id = s.row_id WHERE t._deleted_at IS NULL AND t._change <= {int(since_change)}"
            ).pl()
