"""Providers' phones: when each was last seen, whether it is on line."""

from __future__ import annotations

from typing import Any

from sandbox.simulator.actor import Actor
from sandbox.simulator.times import HOUR, MINUTE, SECOND, appwrite
from sandbox.simulator.world import Provider


class Presence(Actor):
    """Providers are seen twice a day in the past, every few minutes around the end of the history, and after it."""

    def begin(self, at: int) -> None:
        """From an hour on, one after the other."""
        for number, provider in enumerate(self.people.providers):
            self.agenda.at(at + HOUR + number * 20 * SECOND, self._seen, provider)

    def _seen(self, at: int, provider: Provider) -> None:
        rng = self.rng
        near = at >= self.end - 2 * HOUR
        if near and provider.online:
            provider.online = rng.random() > 0.004
        elif near:
            provider.online = rng.random() < 0.01
        data: dict[str, Any] = {}
        if not near or provider.online:
            provider.last_seen = at
            data["lastSeenAt"] = appwrite(at)
        if near and provider.status != "RESTRICTED":
            busy = "BUSY" if rng.random() < 0.2 else "AVAILABLE"
            status = busy if provider.online else "OFFLINE"
            if status != provider.status:
                provider.status = data["status"] = status
        if data:
            self.journal.change(at, provider.table, provider.id, data)
        step = rng.between(3 * MINUTE, 5 * MINUTE) if near else 12 * HOUR
        if not near:
            step = min(step, max(MINUTE, self.end - 2 * HOUR - at + rng.between(0, 5 * MINUTE)))
        self.agenda.at(at + step, self._seen, provider)
