"""Going through rows of which each may fail by itself: what one raises is kept, and those behind it are done.

One that fails for good is set aside: told once, tried again ever more seldom, so that it slows down nothing else. Which
rows there are, and what is done to each, is the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from marketplace.events import CONTEXT_IDS, CallOutcome
from resources.appwrite.failures import CallFailure, TransientFailure
from services.noting import Notes
from services.store import Contended, Doubtful

FIRST_AGAIN_S: Final = 60.0
LONGEST_AGAIN_S: Final = 3_600.0
_DOUBLED: Final = 16
MOST_FAILURES: Final = 20
"""A server that does not answer so often in a row is left alone until the next round. And where so many rows failed for
good with none done since, it is not the rows: the step counts as failed."""


class Aside:
    """What of one subject failed for good, in this process. Nothing rests on it but the pace: who begins anew tries all
    of it at once. Of one loop, so of one thread."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._held: dict[str, tuple[int, float]] = {}
        self._since_any_was_done: set[str] = set()
        self._newest: Exception | None = None

    @property
    def count(self) -> int:
        """How many are set aside; asked by other threads too."""
        return len(self._met())

    @property
    def is_no_rows_fault(self) -> Exception | None:
        """What the newest failed by, where so many rows failed with none done since. One that fails again and again is
        one row."""
        return self._newest if len(self._since_any_was_done & self._met()) >= MOST_FAILURES else None

    def _met(self) -> set[str]:
        """Those that were met when they were due again: what is not met any more came right by another's hand."""
        now = self._monotonic()
        return {one for one, (_, again) in list(self._held.items()) if now <= again + LONGEST_AGAIN_S}

    def holds_back(self, key: str) -> bool:
        """Whether it is not yet to be tried again."""
        held = self._held.get(key)
        return held is not None and self._monotonic() < held[1]

    def put(self, key: str, failure: Exception) -> bool:
        """Set one aside; whether it is news."""
        now, (times, _) = self._monotonic(), self._held.get(key, (0, 0.0))
        self._newest = failure
        self._since_any_was_done.add(key)
        # (A row may stay for months: what is doubled so often is no number any more.)
        self._held[key] = times + 1, now + min(LONGEST_AGAIN_S, FIRST_AGAIN_S * 2 ** min(times, _DOUBLED))
        for one in self._held.keys() - self._met():
            del self._held[one]
            self._since_any_was_done.discard(one)
        return times == 0

    def done(self, key: str) -> None:
        self._held.pop(key, None)
        self._since_any_was_done.clear()


class Asides:
    """Those of a process, by subject."""

    def __init__(self) -> None:
        self._by_subject: dict[str, Aside] = {}

    def of(self, subject: str) -> Aside:
        return self._by_subject.setdefault(subject, Aside())

    def count(self) -> int:
        """How much is set aside now."""
        return sum(aside.count for aside in list(self._by_subject.values()))


@dataclass
class Round:
    """One going through the rows of a subject. ``done``: what the rows that came through add up to; ``failed``: so many
    did not; ``set_aside``: those of them that failed for good, for the first time."""

    aside: Aside = field(default_factory=Aside)
    done: int = 0
    failed: int = 0
    set_aside: list[tuple[str, Exception]] = field(default_factory=list[tuple[str, Exception]])
    _passing: Exception | None = None
    _in_a_row: int = 0

    @property
    def is_hopeless(self) -> bool:
        """Whether the server answers nothing: the rest is left to the next round."""
        return self._in_a_row >= MOST_FAILURES

    @property
    def failure(self) -> Exception | None:
        """What makes the round count as failed."""
        return self._passing or self.aside.is_no_rows_fault

    def do(self, key: str, act: Callable[[], int]) -> bool:
        """Do one, unless it is set aside; whether it came through. ``act`` answers what it did, and raises what it
        likes."""
        if self.aside.holds_back(key):
            return False
        try:
            done = act()
        except Exception as failure:  # noqa: BLE001 - whatever one row is, those behind it are not it
            self.failed += 1
            if isinstance(failure, (TransientFailure, Contended, Doubtful)):
                self._passing = self._passing or failure
                # Of what only a row is, any number may stand before those that can be done.
                self._in_a_row += isinstance(failure, TransientFailure)
            elif self.aside.put(key, failure):
                self.set_aside.append((key, failure))
            return False
        self._in_a_row = 0
        self.aside.done(key)
        self.done += done
        return True


def conclude(notes: Notes, at: datetime, loop: str, rounds: Mapping[str, Round]) -> None:
    """Tell what was set aside; then raise what makes the step count as failed, if anything does. ``rounds``: by what
    their keys are (booking, offer); keys of what an event may not name are not told."""
    for about, found in rounds.items():
        for key, failure in found.set_aside:
            reason = failure.reason if isinstance(failure, CallFailure) else type(failure).__name__
            context = {"reason": reason, **({about: key} if about in CONTEXT_IDS else {})}
            notes.note(at, f"loop_{loop}", 0.0, CallOutcome.PERMANENT, context=context)
    for found in rounds.values():
        if found.failure is not None:
            raise found.failure
