"""What actors tell each other. None of them knows another: each tells of what it did, or asks for what it needs.

Who hears of what stands in one place, simulation.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, Generic, ParamSpec

from sandbox.simulator.agenda import Agenda
from sandbox.simulator.world import Booking, Record

P = ParamSpec("P")


class Happening(Generic[P]):
    """One thing that happens, with the instant it happens at. Its hearers hear of it in the order they came."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._hearers: tuple[Callable[Concatenate[int, P], None], ...] = ()

    def heard_by(self, *hearers: Callable[Concatenate[int, P], None]) -> None:
        """Have these called each time, after those that are called already."""
        self._hearers += hearers

    def now(self, at: int, *args: P.args, **kwargs: P.kwargs) -> None:
        """It happens: every hearer is called before this returns."""
        for hearer in self._hearers:
            hearer(at, *args, **kwargs)

    def later(self, at: int, *args: P.args, **kwargs: P.kwargs) -> None:
        """It is to happen at that instant."""
        assert not kwargs, "the agenda takes arguments by their place"
        self._agenda.at(at, self.now, *args)


class Happenings:
    """Every happening of the marketplace, by name. The first argument of each is its instant."""

    def __init__(self, agenda: Agenda) -> None:
        # what became of a booking
        self.booked: Happening[[Booking]] = Happening(agenda)
        self.handed_over: Happening[[Booking]] = Happening(agenda)  # its provider is the one it was handed to
        self.accepted: Happening[[Booking]] = Happening(agenda)
        self.ended: Happening[[Booking, str]] = Happening(agenda)  # the canonical status it ended in
        self.completed: Happening[[Booking]] = Happening(agenda)
        # what became of a commission record
        self.recorded: Happening[[Record, str]] = Happening(agenda)  # its role, see commission_writer.py
        self.proof_sent: Happening[[Record, str]] = Happening(
            agenda
        )  # what comes of it: verified, rejected, left
        self.paid: Happening[[Record]] = Happening(agenda)
        self.cleared: Happening[[Record]] = Happening(agenda)  # paid or undone: nothing is due on it any more
        self.overdue: Happening[[Record]] = Happening(agenda)
        # what one actor asks of another
        self.record_wanted: Happening[[Booking, str]] = Happening(agenda)  # the role of the record
        self.undoing_wanted: Happening[[Record, str]] = Happening(
            agenda
        )  # the canonical status it is to have
        self.payment_wanted: Happening[[Record, bool]] = Happening(agenda)  # whether its proof was verified
        self.deadline: Happening[[Record]] = Happening(agenda)
        self.removal_wanted: Happening[[Booking]] = Happening(agenda)
        self.admin_called: Happening[[Booking]] = Happening(agenda)
        self.odd_message_wanted: Happening[[Booking, str]] = Happening(agenda)  # what is odd about it
        self.odd_notification_wanted: Happening[[Booking]] = Happening(agenda)
