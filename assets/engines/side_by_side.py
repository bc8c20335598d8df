"""Jobs that wait for each other's results, as many at a time as may be. What a job does is not known here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")

#: Seconds after which jobs that still run when they ought to end are told so again: one may have begun something since.
_AGAIN_SECONDS = 1.0


def in_their_order(
    jobs: Mapping[str, Callable[[], T]],
    needs: Mapping[str, Collection[str]],
    *,
    at_once: int,
    stop: Callable[[], None],
) -> dict[str, T]:
    """Name → what each job returned. A job begins when those it ``needs`` have ended (names that are no job's are there
    already); of those that may begin the first of ``jobs`` does, while less than ``at_once`` run, each in a thread.

    Where one raises, or this thread is interrupted, no other begins, ``stop`` is called (again each second) until
    those that run have ended, and then that is raised. Raises ValueError where jobs wait for each other."""
    waiting = dict(jobs)
    running: dict[Future[T], str] = {}
    ended: dict[str, T] = {}
    with ThreadPoolExecutor(at_once, "made side by side") as pool:
        try:
            while waiting or running:
                due = [
                    name for name in waiting if all(need in ended or need not in jobs for need in needs[name])
                ]
                for name in due[: at_once - len(running)]:
                    running[pool.submit(waiting.pop(name))] = name
                if not running:
                    raise ValueError(f"They wait for each other: {', '.join(sorted(waiting))}")
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    ended[running.pop(future)] = future.result()
        except BaseException:
            while running:
                # What ended the work is told, not how stopping the others failed after it.
                with suppress(Exception):
                    stop()
                for future in wait(running, timeout=_AGAIN_SECONDS).done:
                    del running[future]
            raise
    return {name: ended[name] for name in jobs}
