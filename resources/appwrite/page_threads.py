"""The threads that fetch pages, a few for a run. What they fetch is not known here (sync.py, sweep.py)."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Any, TypeVar

T = TypeVar("T")


class PageThreads:
    """So many threads that take jobs in their order, as ThreadPoolExecutor's do; but nobody waits for them who stops.

    They are daemons: a process that ends waits for an executor's threads, 20 seconds where a server never answers. As
    a context manager it waits for what is under way only where nothing went wrong.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._waiting: set[Future[Any]] = set()
        self._closed = False
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True) for n in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[..., T], *arguments: Any) -> Future[T]:
        """What the job will return or raise. After close: cancelled."""
        future: Future[T] = Future()

        def do() -> None:
            with self._lock:
                self._waiting.discard(future)
            if not future.set_running_or_notify_cancel():
                return
            try:
                made = job(*arguments)
            except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits for it
                future.set_exception(error)
            else:
                future.set_result(made)

        with self._lock:
            if self._closed:
                future.cancel()
                future.set_running_or_notify_cancel()
            else:
                self._waiting.add(future)
                self._jobs.put(do)
        return future

    def close(self) -> None:
        """Cancel what no thread has begun, and let each end after the job it is at."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for future in self._waiting:
                future.cancel()
        for _ in self._threads:
            self._jobs.put(None)

    def __enter__(self) -> PageThreads:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if kind is None:
            for thread in self._threads:
                thread.join()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()
            del job  # and with it the page, which would stay in memory until the next one
