"""What was left half made of bookings is finished or taken back, once a minute."""

from __future__ import annotations

from typing import Final

from services.context import Services
from services.going_on import conclude
from services.looping import Loop
from services.sweeping.bookings import sweep


def _step(services: Services) -> None:
    done = sweep(services.gateway, services.now, services.settings.timezone, services.asides.of("bookings"))
    conclude(services.notes, services.settings.clock.naive_now(), LOOP.name, {"row": done})


LOOP: Final = Loop("sweep_bookings", 60.0, _step)
