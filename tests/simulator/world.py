"""Simulated worlds for the tests, each made once, and their tables as a server would hold them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from sandbox.simulator import Event, Simulation, truth

UNTIL = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
SEEDS = (7, 11, 23)


@dataclass(frozen=True)
class World:
    simulation: Simulation
    events: list[Event]
    truth: dict[str, Any]
    tables: dict[str, dict[str, dict[str, Any]]]


def replay(events: list[Event]) -> dict[str, dict[str, dict[str, Any]]]:
    """The tables after the events; raises KeyError for a change of a row that is not there."""
    tables: dict[str, dict[str, dict[str, Any]]] = {}
    for event in events:
        rows = tables.setdefault(event.table, {})
        if event.kind == "create":
            assert event.row_id not in rows
            rows[event.row_id] = {"$createdAt": event.at.isoformat(), **event.data}
        elif event.kind == "update":
            rows[event.row_id].update(event.data)
        else:
            del rows[event.row_id]
    return tables


@cache
def world(seed: int, days: int = 6, findings: bool = True, rate: float = 250) -> World:
    simulation = Simulation(seed, days, UNTIL, bookings_per_day=rate, findings=findings)
    events = list(simulation.run_until(UNTIL))
    return World(simulation, events, truth(simulation), replay(events))
