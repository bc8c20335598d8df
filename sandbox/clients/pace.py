"""When people act: each action as its time comes, on one of a few threads. What they do is no matter here."""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from sched import scheduler
from typing import Any

THREADS = 6
_STEP_S = 0.2


class Pace:
    """``hurry``: every pause is so many times shorter. An action that fails is told by its place in the code, and the
    others go on."""

    def __init__(self, stop: threading.Event, hurry: float = 1.0) -> None:
        self._stop, self._hurry = stop, hurry
        self._agenda = scheduler(time.monotonic, time.sleep)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="person")
        self.failed = 0

    def later(self, seconds: float, action: Callable[..., object], *args: Any) -> None:
        """Have it done in so many seconds."""
        self._agenda.enter(seconds / self._hurry, 0, self.at_once, (action, *args))

    def at_once(self, action: Callable[..., object], *args: Any) -> None:
        """Have it done beside what is being done."""
        if not self._stop.is_set():
            self._pool.submit(action, *args).add_done_callback(self._look_at)

    def run(self, is_over: Callable[[], bool], each_step: Callable[[], None]) -> None:
        """Until told to stop, or until it ``is_over``."""
        try:
            # The step of the agenda; a stop ends it at once.
            while not self._stop.wait(_STEP_S) and not is_over():
                self._agenda.run(blocking=False)
                each_step()
        finally:
            self._stop.set()
            self._pool.shutdown(cancel_futures=True)

    def _look_at(self, done: Future[Any]) -> None:
        if done.cancelled() or (problem := done.exception()) is None:
            return
        self.failed += 1
        place = traceback.extract_tb(problem.__traceback__)[-1]
        # The message of an exception may hold what was answered, and so a name.
        sys.stderr.write(f"{type(problem).__name__} in {place.name}, line {place.lineno}\n")
        sys.stderr.flush()
