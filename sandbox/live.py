"""A simulation that goes on: its events are applied as their time comes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from sandbox.fill import as_stored, dates_of
from sandbox.storage.records import EventLike
from sandbox.storage.store import Store

LIVE_STEP = 0.25  # seconds between two looks at the clock


class EventSource(Protocol):
    """What a simulation offers: every event up to an instant that was not given yet."""

    def run_until(self, t: datetime) -> Iterator[EventLike]: ...


def live(
    store: Store,
    database: str,
    simulation: EventSource,
    stop: threading.Event,
    after: Callable[[], None] = lambda: None,
) -> None:
    """Apply the simulation's events as their time comes, until told to stop; ``after`` each time any was."""
    while not stop.wait(LIVE_STEP):
        if catch_up(store, database, simulation):
            after()


def catch_up(store: Store, database: str, simulation: EventSource) -> int:
    """Apply the events whose time has come; how many."""
    made = store.databases[database]
    applied = 0
    for event in simulation.run_until(store.clock.now()):
        store.apply(made, _Stored(event, as_stored(dates_of(made.tables[event.table]), event.data)))
        applied += 1
    return applied


class _Stored:
    """An event with its data as served."""

    def __init__(self, event: EventLike, data: Mapping[str, Any]) -> None:
        self.at, self.kind, self.table, self.row_id, self.data = (
            event.at,
            event.kind,
            event.table,
            event.row_id,
            data,
        )
