"""Providers' phones: when each was last seen, and what it says of itself: AVAILABLE, BUSY, OFFLINE."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.actor import Actor
from sandbox.simulator.times import DAY, HOUR, MINUTE, SECOND, appwrite
from sandbox.simulator.world import Booking, Provider

_SERVES = frozenset({"accepted", "confirmed"})


class Presence(Actor):
    """Providers come on line and go by their shift, and are busy while they serve: a write of their row each time.

    From two hours before the end of the history on they are seen every few minutes too, while they are on line.
    """

    def begin(self, at: int) -> None:
        """From an hour on, one after the other."""
        for number, provider in enumerate(self.people.providers):
            moment = at + HOUR + number * 20 * SECOND
            self.agenda.at(moment, self._come_or_go, provider)
            self.agenda.at(
                max(moment, self.end - 2 * HOUR) + self.rng.between(0, 5 * MINUTE), self._seen, provider
            )

    # -- by the day --

    def _come_or_go(self, at: int, provider: Provider) -> None:
        """A shift begins or ends; where there is none the phone is looked at twice a day."""
        if at >= self.end - 2 * HOUR:
            return
        if provider.shift is None:
            self._write(at, provider, online=True)
            self.agenda.at(at + self.rng.between(11 * HOUR, 13 * HOUR), self._come_or_go, provider)
            return
        if provider.online and at < provider.busy_until:
            self.agenda.at(provider.busy_until + 5 * MINUTE, self._come_or_go, provider)
            return
        self._write(at, provider, online=_on_duty(provider, at))
        self.agenda.at(at + self._until_next(at, provider), self._come_or_go, provider)

    def _until_next(self, at: int, provider: Provider) -> int:
        """Until the shift ends, or the next one begins, give or take a quarter of an hour after it."""
        assert provider.shift is not None
        minute = _minute_of_day(at, provider)
        begins, ends = provider.shift
        next_change = ends if begins <= minute < ends else begins if minute < begins else begins + 24 * 60
        return (next_change - minute) * MINUTE + self.rng.between(0, 15 * MINUTE)

    # -- by the service --

    def serve(self, at: int, booking: Booking) -> None:
        """A booking was taken on: its therapist is busy while it lasts. A place has room for more."""
        if booking.provider.kind == "therapist" and booking.start > at:
            self.agenda.at(booking.start, self._begin_service, booking)

    def _begin_service(self, at: int, booking: Booking) -> None:
        provider = booking.provider
        if booking.status not in _SERVES:
            return
        provider.busy_until = at + booking.minutes * MINUTE
        self._write(at, provider, online=True)
        self.agenda.at(provider.busy_until, self._end_service, provider)

    def _end_service(self, at: int, provider: Provider) -> None:
        if at >= provider.busy_until:
            self._write(at, provider, online=provider.online and _on_duty(provider, at))

    # -- every few minutes --

    def _seen(self, at: int, provider: Provider) -> None:
        rng, mark = self.rng, self.rng.random()
        if _on_duty(provider, at):
            provider.online = mark > 0.004 if provider.online else mark < 0.1
        elif at >= provider.busy_until:
            provider.online = mark > 0.15 if provider.online else mark < 0.003
        self._write(at, provider, online=provider.online)
        self.agenda.at(at + rng.between(3 * MINUTE, 5 * MINUTE), self._seen, provider)

    # -- what is written --

    def _write(self, at: int, provider: Provider, *, online: bool) -> None:
        """What is new of it: nothing of a phone that was off line and is. A restriction stays."""
        data: dict[str, Any] = {}
        if online or provider.online:
            provider.last_seen = at
            data["lastSeenAt"] = appwrite(at)
        provider.online = online
        status = ("BUSY" if at < provider.busy_until else "AVAILABLE") if online else "OFFLINE"
        if provider.status not in ("RESTRICTED", status):
            provider.turn(at, status)
            data["status"] = status
        if data:
            self.journal.change(at, provider.table, provider.id, data)


def _minute_of_day(at: int, provider: Provider) -> int:
    return (at + provider.offset * MINUTE) % DAY // MINUTE


def _on_duty(provider: Provider, at: int) -> bool:
    return provider.shift is None or provider.shift[0] <= _minute_of_day(at, provider) < provider.shift[1]
