"""Health: since when each point is what it is. A row a change; no row is ever changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from resources.instants import instant_of, optional_instant_of, text_of
from resources.ledger.connection import LedgerFile


@dataclass(frozen=True)
class HealthVerdict:
    """What a health point was found to be at an instant. ``message`` holds no personal value; ``code`` and ``args``
    (JSON) are what it is in any language."""

    point: int
    status: str
    message: str
    code: str | None = None
    args: str | None = None


@dataclass(frozen=True)
class HealthChange:
    """The ``change_id``-th change: a point is ``status`` since an instant (naive UTC).

    ``evaluated_before``: the verdict before this one, None for the first; ``evaluated_at``: the point's newest verdict.
    """

    change_id: int
    point: int
    status: str
    since: datetime
    evaluated_before: datetime | None
    evaluated_at: datetime
    message: str
    code: str | None = None
    args: str | None = None


class HealthPoints(LedgerFile):
    """The history of the health points."""

    def record_health(self, verdicts: Sequence[HealthVerdict], *, at: datetime, silence: timedelta) -> None:
        """Enter verdicts of one instant (naive UTC). A point gets a new row only where its status changed, or its last
        verdict is older than ``silence``: what lies between was not measured. No row is ever changed."""
        with self.writing() as db:
            for verdict in verdicts:
                before = db.execute(
                    "SELECT status, since, (SELECT evaluated_at FROM health_evaluated WHERE point = ?1) AS seen"
                    " FROM health_changes WHERE point = ?1 ORDER BY change_id DESC LIMIT 1",
                    (verdict.point,),
                ).fetchone()
                seen = None if before is None else instant_of(before["seen"])
                # A clock that was set back to before a row begins a new one as well.
                goes_on = (
                    before is not None
                    and seen is not None
                    and before["status"] == verdict.status
                    and instant_of(before["since"]) <= at <= seen + silence
                )
                if not goes_on:
                    db.execute(
                        "INSERT INTO health_changes (point, status, since, evaluated_before, message, code, args)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?)",
                        (
                            verdict.point,
                            verdict.status,
                            text_of(at),
                            text_of(seen),
                            verdict.message,
                            verdict.code,
                            verdict.args,
                        ),
                    )
                db.execute(
                    "INSERT INTO health_evaluated (point, evaluated_at) VALUES (?, ?)"
                    " ON CONFLICT (point) DO UPDATE SET evaluated_at = excluded.evaluated_at",
                    (verdict.point, text_of(at)),
                )

    def health_changes(self, *, ending_after: datetime) -> list[HealthChange]:
        """Every change still in force at ``ending_after`` (naive UTC) or made since, in the order entered."""
        with self.reading() as db:
            return [
                HealthChange(
                    row["change_id"],
                    row["point"],
                    row["status"],
                    instant_of(row["since"]),
                    optional_instant_of(row["evaluated_before"]),
                    instant_of(row["evaluated_at"]),
                    row["message"],
                    row["code"],
                    row["args"],
                )
                for row in db.execute(
                    "SELECT * FROM (SELECT c.*, e.evaluated_at,"
                    " lead(since) OVER (PARTITION BY point ORDER BY change_id) AS next_since"
                    " FROM health_changes c JOIN health_evaluated e USING (point))"
                    " WHERE next_since IS NULL OR next_since >= ? ORDER BY change_id",
                    (text_of(ending_after),),
                )
            ]

    def health_since(self) -> dict[int, datetime]:
        """Since when (naive UTC) each point has been in its state, without a silence between."""
        with self.reading() as db:
            return {
                row["point"]: instant_of(row["since"])
                for row in db.execute(
                    "SELECT point, since FROM health_changes WHERE change_id IN"
                    " (SELECT max(change_id) FROM health_changes GROUP BY point)"
                )
            }
