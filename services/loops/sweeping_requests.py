"""What old requests were answered is deleted, every ten minutes."""

from __future__ import annotations

from typing import Final

from services.context import Services
from services.looping import Loop
from services.sweeping.requests import sweep_requests


def _step(services: Services) -> None:
    sweep_requests(services.gateway, services.settings.clock.naive_now)


LOOP: Final = Loop("sweep_requests", 600.0, _step)
