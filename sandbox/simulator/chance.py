"""The dice of a simulation: one generator, drawn from in one order. What is drawn for stands elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any


class Chance(Random):
    """A seeded generator with the two draws that every actor needs. Same seed, same draws, in their order."""

    def identity(self) -> str:
        """A row id as Appwrite makes them: 20 hexadecimal digits, of which one is a letter at least."""
        text = f"{self.getrandbits(80):020x}"
        return self.identity() if text.isdigit() else text

    def between(self, low: float, high: float) -> int:
        """A whole number from ``low`` on, below ``high``."""
        return int(low + self.random() * (high - low))


def choose(rng: Random, weighted: tuple[tuple[Any, float], ...]) -> Any:
    """One of the values; the weights sum to 100."""
    mark = rng.random() * 100
    for value, weight in weighted:
        mark -= weight
        if mark < 0:
            return value
    return weighted[-1][0]


def pick(rng: Random, values: Sequence[Any]) -> Any:
    """One of the values, each as likely as any other."""
    return values[int(rng.random() * len(values))]
