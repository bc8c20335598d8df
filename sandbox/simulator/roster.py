"""Which provider a new booking falls to. When that one has time is the diary's."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import accumulate

from sandbox.simulator.chance import Chance, pick
from sandbox.simulator.diary import Diary
from sandbox.simulator.world import Provider

_ON_DEFAULTERS = frozenset({"overdue_unmarked", "fee_missing", "fee_wrong", "default"})


class Roster:
    """Those who are open to all by weight, beside the few who play a planted part."""

    def __init__(self, rng: Chance, providers: list[Provider], diary: Diary) -> None:
        self._rng, self._diary = rng, diary
        self.open = [p for p in providers if p.role == "normal"]
        self._weights = list(accumulate(p.weight for p in self.open))
        self._defaulters = [p for p in providers if p.role == "defaulter"]
        self._overlooked = [p for p in providers if p.role == "overlooked"]
        self._defaults_given = self._overlooked_given = 0

    def planted(
        self, marks: Mapping[str, str], number: int, start_with: Callable[[Provider], int], length: int
    ) -> Provider | None:
        """One of the few who pay late, or are overlooked when they do, where that is planted.

        ``number``: the booking's, by which the defaulters take turns.
        """
        if "default" in marks:
            self._defaults_given += 1
            return self._defaulters[self._defaults_given - 1]
        if "overlooked" in marks:
            self._overlooked_given += 1
            return self._overlooked[self._overlooked_given - 1]
        if marks.keys() & _ON_DEFAULTERS:
            turn = number % 3
            return min(
                (self._defaulters[(turn + step) % 3] for step in range(3)),
                key=lambda p: self._diary.next_free(p, start_with(p), length),
            )
        return None

    def any_free(
        self, suits: Callable[[Provider], bool], fits: Callable[[Provider], bool], *, soon: bool = False
    ) -> Provider:
        """One who is not restricted and fits, by weight; where many are busy any other, a place at the least.

        ``soon``: rather one who is on line.
        """
        rng, weights = self._rng, self._weights
        for attempt in range(6):
            mark = rng.random() * weights[-1]
            provider = self.open[bisect_left(weights, mark)]
            if soon and attempt < 4 and provider.status == "OFFLINE":
                continue
            if provider.status != "RESTRICTED" and fits(provider):
                return provider
        fitting = [p for p in self.open if fits(p)] or [p for p in self.open if suits(p)]
        return pick(rng, [p for p in fitting if p.status != "RESTRICTED"] or fitting)

    def another(self, than: Provider, fits: Callable[[Provider], bool]) -> Provider | None:
        """One in the same zone who fits, on line if there is any such; None where nobody else does."""
        fitting = [
            p
            for p in self.open
            if p is not than and p.offset == than.offset and p.status != "RESTRICTED" and fits(p)
        ]
        if not fitting:
            return None
        return pick(self._rng, [p for p in fitting if p.status == "AVAILABLE"] or fitting)
