"""Runs the loops of loops/, each in a thread of its own, until the process ends. What one raises is noted, and it goes
on: nothing it does is held in memory."""

from __future__ import annotations

import importlib
import pkgutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from marketplace.events import CallOutcome
from services import loops
from services.patience import answered_within

if TYPE_CHECKING:
    from services.context import Services

LONGEST_PAUSE_S: Final = 30.0
STEP_S: Final = 30.0
"""Seconds that the calls of one step may take together."""
LATE_AFTER_S: Final = 60.0
"""A loop that did not come through for longer is told by /healthz."""
STOPPED_WITHIN_S: Final = 5.0


@dataclass(frozen=True)
class Loop:
    """Something done again and again. ``name``: one word, underscores in it; ``every_s``: seconds from the end of one
    step to the next; ``step`` raises what it likes."""

    name: str
    every_s: float
    step: Callable[[Services], object]


def found_loops() -> Iterator[Loop]:
    """The loops of every subject, by the folder loops/."""
    for found in sorted(pkgutil.iter_modules(loops.__path__), key=lambda module: module.name):
        yield cast("Loop", importlib.import_module(f"{loops.__name__}.{found.name}").LOOP)


class Loops:
    """The loops of a process. ``late``: which of them did not come through lately."""

    def __init__(self, services: Services, which: tuple[Loop, ...] | None = None) -> None:
        self._services = services
        self._loops = tuple(found_loops()) if which is None else which
        self._ended = threading.Event()
        self._well: dict[str, float] = {}
        self._threads = [
            threading.Thread(target=self._run, args=(loop,), name=loop.name, daemon=True)
            for loop in self._loops
        ]

    def start(self) -> None:
        began = time.monotonic()
        self._well = {loop.name: began for loop in self._loops}
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End them: a step that is under way ends first, as long as it takes no longer than it may."""
        self._ended.set()
        until = time.monotonic() + STOPPED_WITHIN_S
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, until - time.monotonic()))

    def late(self) -> list[str]:
        """Names of those whose last step that came through is too long ago."""
        now = time.monotonic()
        return [
            loop.name
            for loop in self._loops
            if now - self._well.get(loop.name, now) > LATE_AFTER_S + loop.every_s
        ]

    def _run(self, loop: Loop) -> None:
        failed = 0
        while not self._ended.is_set():
            began, at = time.perf_counter(), self._services.settings.clock.naive_now()
            try:
                with answered_within(STEP_S):
                    loop.step(self._services)
                failed = 0
                self._well[loop.name] = time.monotonic()
            except Exception as failure:  # noqa: BLE001 - the edge of a thread: noted, and begun again
                failed += 1
                self._services.notes.note(
                    at,
                    f"loop_{loop.name}",
                    time.perf_counter() - began,
                    CallOutcome.TRANSIENT,
                    context={"reason": type(failure).__name__},
                )
            # Its rhythm, slower after failures; a stop ends it at once.
            self._ended.wait(min(LONGEST_PAUSE_S, loop.every_s * 2 ** min(failed, 6)))
