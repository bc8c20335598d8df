"""The server's clock, finer than the whole seconds its `Date` header tells. Asks nothing by itself.

How far a scan may read by it is not known here (sync.py).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

DRIFT = 200e-6
"""Seconds by which two clocks may part in a second: twice what the worst of common quartzes do."""


class ServerClock:
    """A moment that the server's clock has certainly reached.

    A `Date` is the whole second in which an answer began, so the clock is at least there when it comes. Of many
    answers the one that came soonest after its second began tells the clock to some milliseconds; it is counted on
    from there by our own steady clock. An answer that began earlier than this allows shows that the clock was set back
    (or that another server answers): then that answer alone counts. Safe to use from several threads.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._lead: float | None = None
        self._noted = 0.0

    def note(self, date: datetime, sent: float, received: float) -> None:
        """An answer's `Date`, and when (by our steady clock) it was asked for and its head came."""
        lead = date.timestamp() - received
        with self._lock:
            known = self._known(received)
            if known is None or lead > known or known > date.timestamp() + 1 - sent:
                self._lead, self._noted = lead, received

    def now(self) -> datetime | None:
        """Aware, UTC, whole milliseconds; None before the first answer. Never later than the server's clock."""
        moment = self._monotonic()
        with self._lock:
            lead = self._known(moment)
        if lead is None:
            return None
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int((lead + moment) * 1000))

    def _known(self, moment: float) -> float | None:
        return None if self._lead is None else self._lead - DRIFT * (moment - self._noted)


_CLOCKS: dict[str, ServerClock] = {}


def clock_of(endpoint: str) -> ServerClock:
    """The one clock of a server in this process: what one run learned of it, the next one knows."""
    return _CLOCKS.setdefault(endpoint, ServerClock())
