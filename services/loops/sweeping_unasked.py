"""Somebody is asked for bookings that wait and are offered to nobody any more, once a minute."""

from __future__ import annotations

from typing import Final

from services.context import Services
from services.going_on import conclude
from services.looping import Loop
from services.moving.terms import terms_of
from services.sweeping.unasked import sweep_unasked


def _step(services: Services) -> None:
    terms, aside = terms_of(services.settings), services.asides.of("unasked")
    done = sweep_unasked(services.gateway, services.now, terms, aside)
    conclude(services.notes, services.settings.clock.naive_now(), LOOP.name, {"booking": done})


LOOP: Final = Loop("sweep_unasked", 60.0, _step)
