"""What a careful reader of the written rows can know: which rows there are, what each refers to."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sandbox.simulator.simulation import Simulation
from sandbox.simulator.truth.rules import NOT_LIVE, PAYABLE_WITHIN, end_of, expected_of, is_refund
from sandbox.simulator.world import Booking, Record


@dataclass(frozen=True, slots=True)
class _Match:
    """What a record refers to: one booking, an ambiguity among several, a quarantined row, or nothing."""

    kind: str
    bookings: tuple[Booking, ...] = ()


class Known:
    """The world of one simulation as its tables tell it, at its ``now``."""

    def __init__(self, simulation: Simulation) -> None:
        self.now = simulation.now
        self.simulation = simulation
        self.readable = [b for b in simulation.bookings.values() if not b.quarantined]
        self.standing = [b for b in self.readable if b.deleted is None]
        self.counted = [b for b in self.standing if not b.is_test]
        self.by_ref: dict[str, dict[str, Booking]] = defaultdict(dict)
        for booking in self.standing:
            for ref in (booking.id, booking.business_id):
                if ref:
                    self.by_ref[ref][booking.key] = booking
        self.unreadable_refs = {
            ref
            for b in simulation.bookings.values()
            if b.quarantined and b.deleted is None
            for ref in (b.id, b.business_id)
            if ref
        }
        self.spellings: dict[str, set[str]] = defaultdict(set)
        for ref in self.by_ref:
            self.spellings[ref.lower()].add(ref)
        self.records = [r for r in simulation.records.values() if not r.quarantined]
        self.reference_case: set[str] = set()
        self.match = {r.id: self._refers(r) for r in self.records}
        self.in_figures = [r for r in self.records if r.deleted is None and not self.is_test(r)]
        self.live = [r for r in self.in_figures if r.status not in NOT_LIVE and not is_refund(r)]

    def _refers(self, record: Record) -> _Match:
        for written in (record.booking_ref, record.doc_ref):
            if not written:
                continue
            ref = written
            if ref not in self.by_ref and ref not in self.unreadable_refs:
                alike = self.spellings.get(ref.lower(), set())
                if len(alike) != 1:
                    continue
                (ref,) = alike
                self.reference_case.add(record.id)
            candidates = tuple(self.by_ref.get(ref, {}).values())
            real = tuple(b for b in candidates if not b.is_test)
            if real:
                candidates = real
            if len(candidates) == 1:
                return _Match("one", candidates)
            return _Match("ambiguous", candidates) if candidates else _Match("quarantined")
        return _Match("none")

    def is_test(self, record: Record) -> bool:
        """Whether it is a test by its own word, or by its booking's."""
        match = self.match[record.id]
        return record.is_test or (match.kind == "one" and match.bookings[0].is_test)

    def booking_of(self, record: Record) -> Booking | None:
        """The one it certainly refers to."""
        match = self.match[record.id]
        return match.bookings[0] if match.kind == "one" else None

    def charged(self, record: Record) -> int | None:
        """The commission in rupiah: one without a base is in thousands if its booking owes a thousand times as much."""
        owed = expected_of(self.booking_of(record))
        if record.base is None and record.commission and record.commission * 1000 == owed:
            return owed
        return record.commission

    def due(self, record: Record) -> int | None:
        """When it is to be paid: by the end of its booking, else by what it says."""
        booking = self.booking_of(record)
        ended = None if booking is None else end_of(booking)
        return record.deadline if ended is None else ended + PAYABLE_WITHIN
