"""What somebody who books has in mind: drawn from the seed and the number of the visit, whatever the clock says and
whatever is answered. Nobody acts here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.simulator.chance import Chance, choose

Answer = Literal["accept", "decline", "ignore"]

ENTRIES = (("bookNow", 32.0), ("chat", 22.0), ("menu", 18.0), ("schedule", 16.0), ("direct", 12.0))
_MINUTES = ((60, 46.0), (90, 36.0), (120, 18.0))
# what those who are asked do, one after the other; the last word is that of all further ones
_ANSWERS: tuple[tuple[tuple[Answer, ...], float], ...] = (
    (("accept",), 66.0),
    (("decline", "accept"), 13.0),
    (("ignore", "accept"), 9.0),
    (("decline",), 6.0),
    (("ignore",), 6.0),
)
TWICE_SHARE = 0.12
WITHDRAWN_SHARE, CANCELLED_SHARE = 0.06, 0.08


@dataclass(frozen=True, slots=True)
class Visit:
    """``customer``, ``provider``: places in the lists of them, from 0 to 1. ``twice``: the button is clicked twice.
    ``withdrawn``: cancelled before anybody answers; ``cancelled``: after it was accepted, by whom."""

    number: int
    customer: float
    provider: float
    entry: str
    minutes: int
    answers: tuple[Answer, ...]
    twice: bool
    withdrawn: bool
    cancelled: Literal["", "customer", "provider"]
    lines: int
    days_ahead: int
    slot: float

    def answer(self, asked: int) -> Answer:
        """What the provider says who is the ``asked``-th to be asked (from 0)."""
        return self.answers[min(asked, len(self.answers) - 1)]


def visit(seed: int, number: int) -> Visit:
    """The visit of this number; the same for the same seed."""
    rng = Chance(f"clients {seed} {number}")
    cancelled: Literal["", "customer", "provider"] = ""
    if rng.random() < CANCELLED_SHARE:
        cancelled = "customer" if rng.random() < 0.7 else "provider"
    return Visit(
        number=number,
        customer=rng.random(),
        provider=rng.random(),
        entry=choose(rng, ENTRIES),
        minutes=choose(rng, _MINUTES),
        answers=choose(rng, _ANSWERS),
        twice=rng.random() < TWICE_SHARE,
        withdrawn=rng.random() < WITHDRAWN_SHARE,
        cancelled=cancelled,
        lines=rng.between(1, 5),
        days_ahead=rng.between(1, 5),
        slot=rng.random(),
    )
