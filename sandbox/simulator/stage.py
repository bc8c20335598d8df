"""What all actors of one simulation stand on: its dice, its clock, what was written so far. Nobody acts here."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.simulator.agenda import Agenda
from sandbox.simulator.chance import Chance
from sandbox.simulator.disturbances import Disturbances
from sandbox.simulator.happenings import Happenings
from sandbox.simulator.journal import Journal
from sandbox.simulator.people import People
from sandbox.simulator.planted import Planted
from sandbox.simulator.records import Records
from sandbox.simulator.world import Booking


@dataclass(frozen=True, slots=True)
class Stage:
    """The parts that actors share. ``start``, ``end``: of the history, epoch milliseconds."""

    start: int
    end: int
    rng: Chance
    agenda: Agenda
    happenings: Happenings
    journal: Journal
    planted: Planted
    people: People
    records: Records
    disturbances: Disturbances
    bookings: dict[str, Booking]  # by Booking.key
