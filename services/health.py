"""Whether services work, as /healthz tells it: what could not be found out is unknown, and never ok."""

from __future__ import annotations

import threading
import time
from typing import Final, Literal

from pydantic import BaseModel, Field

from resources.appwrite.failures import CallFailure, PermanentFailure
from services.context import Services
from services.looping import Loops
from services.patience import answered_within
from services.tables import REQUESTS, TABLES

KEPT_S: Final = 5.0
"""Whoever asks more often is told what was found last: it costs the marketplace's server calls."""
ASKED_WITHIN_S: Final = 3.0

Word = Literal["ok", "broken", "unknown"]


class Point(BaseModel):
    """One thing that was looked at."""

    name: str = Field(description="appwrite, collections, loops or notes.")
    state: Word
    detail: str = Field(
        default="",
        description="A word for programs: what is missing, late or set aside.",
    )


class Health(BaseModel):
    """Whether services work."""

    state: Word = Field(description="ok only where everything is.")
    points: list[Point]


class Examiner:
    """Looks at most every few seconds. Safe for threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.loops: Loops | None = None
        self._lock = threading.Lock()
        self._held: tuple[float, Health] | None = None
        self._lost = 0

    def health(self) -> Health:
        with self._lock:
            if self._held is None or time.monotonic() - self._held[0] > KEPT_S:
                self._held = time.monotonic(), self._examined()
            return self._held[1]

    def _examined(self) -> Health:
        with answered_within(ASKED_WITHIN_S):
            points = [self._appwrite(), self._collections()]
        late = self.loops.late() if self.loops is not None else []
        # A row that fails for good is told by the spool, and stops nothing: the loops work.
        aside = self._services.asides.count()
        told = " ".join(late) or (f"aside {aside}" if aside else "")
        points.append(Point(name="loops", state="broken" if late else "ok", detail=told))
        # What was lost once stays so, and is told by the spool: here counts whether more is.
        before, self._lost = self._lost, self._services.notes.lost
        told = f"lost {self._lost}" if self._lost else ""
        points.append(Point(name="notes", state="broken" if self._lost > before else "ok", detail=told))
        states = {point.state for point in points}
        worst: Word = "broken" if "broken" in states else "unknown" if "unknown" in states else "ok"
        return Health(state=worst, points=points)

    def _appwrite(self) -> Point:
        try:
            self._services.gateway.fresh([(REQUESTS, "healthz")])
        except PermanentFailure as refused:
            return Point(name="appwrite", state="broken", detail=refused.reason)
        except CallFailure as failure:
            return Point(name="appwrite", state="unknown", detail=failure.reason)
        return Point(name="appwrite", state="ok")

    def _collections(self) -> Point:
        try:
            missing = [
                f"{table.name}.{column.key}"
                for table in TABLES
                for column in table.columns
                if not self._services.gateway.has(table.name, column.key)
            ]
        except CallFailure as failure:
            return Point(name="collections", state="unknown", detail=failure.reason)
        state: Word = "broken" if missing else "ok"
        return Point(name="collections", state=state, detail=" ".join(missing[:5]))
