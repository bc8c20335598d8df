"""Passes on what nobody answered, and finishes what a dead process left of a move."""

from __future__ import annotations

from services.context import Services
from services.looping import Loop
from services.moving.terms import terms_of
from services.queue.dispatching import EVERY_S, dispatch_once
from services.sweeping.moves import sweep_moves


def _step(services: Services) -> None:
    terms = terms_of(services.settings)
    failed = [
        done.first_failure
        for done in (
            dispatch_once(services.gateway, services.now, terms),
            sweep_moves(services.gateway, services.now, terms),
        )
        if done.first_failure is not None
    ]
    if failed:
        raise failed[0]


LOOP = Loop("dispatch", every_s=EVERY_S, step=_step)
