"""Appwrite as operations see it: what they read they know until they forget it, and before every call, also one that
reads, the switch that ends all acting is looked for. How a call is made stands in resources/appwrite/writing.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Unpack

from resources.acting import Stop, stopped
from resources.appwrite.acting_client import Patience
from resources.appwrite.failures import CallEvent
from resources.appwrite.writing import Row, WritingGateway
from resources.clock import Clock
from resources.errors import BookwatchError
from resources.settings import Settings


class ActingStopped(BookwatchError):
    """Somebody stopped all acting: no further call is made."""

    @classmethod
    def by(cls, stop: Stop) -> ActingStopped:
        """Of who stopped it."""
        return cls.of("operations.stopped", by=stop.by or "—", reason=stop.reason or "—")


class ActingGateway(WritingGateway):
    """Calls with the acting key. It is the ``Asking`` of kinds. Every method raises CallFailure, and ActingStopped
    before it calls."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_call: Callable[[CallEvent], None] = lambda event: None,
        **patience: Unpack[Patience],
    ) -> None:
        """Raises UsageError where there is no acting key."""
        super().__init__(settings, clock, on_call, **patience)
        self._home = settings.home
        self._rows: dict[tuple[str, str], Row | None] = {}
        self._answers: dict[tuple[str, tuple[str, ...]], list[Row]] = {}

    def forget(self) -> None:
        """Forget what rows were read: the next question is asked of the server."""
        self._rows.clear()
        self._answers.clear()

    def row(self, collection: str, row_id: str) -> Row | None:
        """A row, None where there is none."""
        if (collection, row_id) not in self._rows:
            self._rows[collection, row_id] = super().row(collection, row_id)
        return self._rows[collection, row_id]

    def read(self, wanted: Iterable[tuple[str, str]]) -> None:
        """Read rows, (collection, id) each, a hundred a call: ``row`` knows them then."""
        for (collection, row_id), row in self.fresh(wanted).items():
            self._rows[collection, row_id] = row

    def rows(self, collection: str, queries: Sequence[str]) -> list[Row]:
        """The first rows that fit."""
        key = (collection, tuple(queries))
        if key not in self._answers:
            self._answers[key] = super().rows(collection, queries)
        return self._answers[key]

    def _before_call(self) -> None:
        stop = stopped(self._home)
        if stop is not None:
            raise ActingStopped.by(stop)
