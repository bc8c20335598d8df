"""Providers: they answer a booking, or let it pass; those they took on they serve."""

from __future__ import annotations

from sandbox.simulator.actor import Actor
from sandbox.simulator.booking_desk import BookingDesk
from sandbox.simulator.shapes import bookings as booking_shapes
from sandbox.simulator.stage import Stage
from sandbox.simulator.times import HOUR, MINUTE, SECOND
from sandbox.simulator.world import Booking, HandOver


class Providers(Actor):
    """What becomes of a booking by ``outcome``, each step at its time."""

    def __init__(self, stage: Stage, desk: BookingDesk) -> None:
        super().__init__(stage)
        self._desk = desk

    def consider(self, at: int, booking: Booking) -> None:
        """A request came in, or was handed on."""
        rng, marks, outcome = self.rng, booking.marks, booking.outcome
        window = booking.deadline - at
        if booking.to_hand_on > len(booking.hand_overs):
            self.agenda.at(at + rng.between(0.2 * window, 0.45 * window), self._hand_on, booking)
            return
        answer = at + min(
            int(rng.lognormvariate(4.1, 0.8) * SECOND * (1 if window < 10 * MINUTE else 5)), window - 20_000
        )
        answer = self.end - 40 * SECOND if "awaiting" in marks else max(answer, at + 4 * SECOND)
        if booking.quarantined:
            if "no_record" not in marks.values():
                self.agenda.at(answer, self._accept, booking)
        elif outcome in ("completed", "accepted", "confirmed", "cancelled_after"):
            self.agenda.at(answer, self._accept, booking)
        elif outcome == "declined":
            self.agenda.at(answer, self._decline, booking)
        elif outcome == "expired":
            expiry = booking.deadline + rng.between(2 * SECOND, 20 * SECOND)
            self.agenda.at(expiry, self._end, booking, "expired")
        elif outcome in ("cancelled", "reassigned", "unknown"):
            self.agenda.at(answer, self._end, booking, outcome)

    def _hand_on(self, at: int, booking: Booking) -> None:
        """Another is asked in place of the one who was: it is the row's provider from now on."""
        giver, taker = booking.provider, self._desk.hand_over(booking)
        if taker is None:
            booking.to_hand_on = len(booking.hand_overs)
        else:
            booking.hand_overs.append(HandOver(at, giver, taker))
            data = booking_shapes.hand_over_attributes(self.rng, booking)
            self.journal.change(at, booking.table, booking.id, data)
            self.happenings.handed_over.now(at, booking)
        self.consider(at, booking)

    def _accept(self, at: int, booking: Booking) -> None:
        rng, marks = self.rng, booking.marks
        booking.accepted = at
        first = "confirmed" if rng.random() < 0.18 else "accepted"
        if booking.outcome == "confirmed" and rng.random() < 0.5:
            first = "confirmed"
        data = booking_shapes.acceptance_attributes(rng, booking, at, first)
        self.journal.change(at, booking.table, booking.id, data)
        self.happenings.accepted.now(at, booking)
        if booking.quarantined:
            return
        if booking.outcome == "cancelled_after":
            # always before the service, and before its commission is due
            latest = min(booking.start - 5 * MINUTE, at + 20 * HOUR)
            if marks.get("not_due") == "pending_record":
                latest = at + 40 * MINUTE
            self.agenda.at(max(at + 3 * MINUTE, rng.between(at, latest)), self._end, booking, "cancelled")
            return
        if booking.outcome == "confirmed" and booking.status != "confirmed":
            self.agenda.at(max(at + MINUTE, booking.start - 2 * MINUTE), self._confirm, booking)
        if booking.outcome == "completed":
            end = booking.start + booking.minutes * MINUTE
            late = rng.between(-3 * MINUTE, 8 * MINUTE)
            if marks.get("overlapping_bookings") == "ran_over":
                late = 40 * MINUTE
            self.agenda.at(max(at + 10 * MINUTE, end + late), self._complete, booking)

    def _confirm(self, at: int, booking: Booking) -> None:
        data = booking_shapes.status_attributes(self.rng, booking, "confirmed")
        self.journal.change(at, booking.table, booking.id, data)

    def _decline(self, at: int, booking: Booking) -> None:
        data = booking_shapes.decline_attributes(self.rng, booking, at)
        self.journal.change(at, booking.table, booking.id, data)
        self.happenings.ended.now(at, booking, "declined")

    def _end(self, at: int, booking: Booking, canonical: str) -> None:
        data = booking_shapes.ending_attributes(self.rng, booking, at, canonical)
        self.journal.change(at, booking.table, booking.id, data)
        self.happenings.ended.now(at, booking, canonical)
        if canonical == "reassigned":
            self.agenda.at(at + self.rng.between(5 * SECOND, 30 * SECOND), self._reassign, booking)

    def _reassign(self, at: int, booking: Booking) -> None:
        self._desk.book(at, booking.customer, like=booking, replaces=booking, outcome="completed")

    def _complete(self, at: int, booking: Booking) -> None:
        data = booking_shapes.ending_attributes(self.rng, booking, at, "completed")
        self.journal.change(at, booking.table, booking.id, data)
        self.happenings.ended.now(at, booking, "completed")
        self.happenings.completed.now(at, booking)
