"""How a single value is spelt: words, keys in another case, what stands for nothing."""

from __future__ import annotations

from random import Random

from sandbox.simulator import vocabulary as words
from sandbox.simulator.chance import pick
from sandbox.simulator.times import zulu
from sandbox.simulator.world import Booking, Record

UNREADABLE_TIMES = ("yesterday", "45000", "1970-01-01T00:00:00.000Z", "31/31/2026", "0", "Invalid Date")
SHOPWORN = "n/a"


def spelled(rng: Random, word: str) -> str:
    """A word as one of the writers spells it: case, spaces, _ and - differ in an eighth of the cases."""
    style = rng.random()
    if style > 0.125 or not word:
        return word
    if style < 0.03:
        return word.upper()
    if style < 0.06:
        return word.replace("_", " ").title()
    if style < 0.09:
        return word.replace("_", "-")
    return word.replace("_", "").capitalize()


def empty(rng: Random) -> str:
    """What a writer puts where there is nothing."""
    return pick(rng, words.EMPTY_WORDS)


def recased(key: str) -> str:
    """The key in another case. Raises ValueError where it has no letter."""
    other = key.swapcase()
    if other == key:
        raise ValueError("a key without a letter has one case only")
    return other


def ahead(booking: Booking | Record) -> str:
    """The instant that cannot be true, as it is written."""
    assert booking.ahead is not None
    return zulu(booking.ahead)
