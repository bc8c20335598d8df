"""Passes on what nobody answered, and finishes what a dead process left of a move."""

from __future__ import annotations

from services.context import Services
from services.going_on import conclude
from services.looping import Loop
from services.moving.terms import terms_of
from services.queue.dispatching import EVERY_S, dispatch_once
from services.sweeping.moves import sweep_moves


def _step(services: Services) -> None:
    terms, asides = terms_of(services.settings), services.asides
    rounds = {
        "offer": dispatch_once(services.gateway, services.now, terms, asides.of("offers")),
        "booking": sweep_moves(services.gateway, services.now, terms, asides.of("moves")),
    }
    conclude(services.notes, services.settings.clock.naive_now(), LOOP.name, rounds)


LOOP = Loop("dispatch", every_s=EVERY_S, step=_step)
