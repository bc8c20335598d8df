"""Pages of one scan in order, each next one fetched while the last is decoded and merged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future

from resources.appwrite.columns import Page, last_id, last_sequence
from resources.appwrite.failures import Malformed
from resources.appwrite.page_threads import PageThreads
from resources.appwrite.relations import Selection
from resources.raw.column_types import Order, Position

PAGES_AHEAD = 2
"""Pages of a collection that may be fetched beyond the one being handed over: bounds the memory."""


def position_guess(order: Order, selection: Selection) -> Callable[[bytes], Position | None]:
    """How to tell where an answer ends before it is read. Not where related rows, with their own places, are in it."""
    if selection.keys:
        return lambda body: None
    return last_sequence if order == "$sequence" else last_id


class PageAhead:
    """Pages of one scan in order, each next one fetched while the last is decoded and merged.

    ``guess``: where the next page begins, from the tail of an answer before it is parsed; a wrong guess is thrown
    away.
    """

    def __init__(
        self,
        pool: PageThreads,
        fetch: Callable[[Position | None, Callable[[bytes], Page]], Page],
        decode: Callable[[bytes], Page],
        guess: Callable[[bytes], Position | None] = last_sequence,
    ) -> None:
        self._pool = pool
        self._fetch = fetch
        self._decode = decode
        self._guessed = guess
        self._lock = threading.Lock()
        self._ahead: dict[Position | None, Future[Page]] = {}
        self._closed = False

    def page(self, after: Position | None) -> Page:
        """The page after a position. Raises what the fetch raised."""
        with self._lock:
            future = self._ahead.pop(after, None)
            if future is None:
                # A wrong guess: what was fetched on from it leads nowhere.
                self._ahead.clear()
                future = self._pool.submit(self._job, after)
        return future.result()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            for future in self._ahead.values():
                future.cancel()
            self._ahead.clear()

    def _job(self, after: Position | None) -> Page:
        def decode(body: bytes) -> Page:
            # Before anything else is done with the answer: the server works on the next page meanwhile.
            guess = self._guessed(body)
            if guess is not None and guess != after:
                self._guess(guess)
            page = self._decode(body)
            if not page.follows(after):
                raise Malformed  # the server does not keep to the order asked for
            if guess is None and page.last is not None:
                self._guess(page.last)
            return page

        return self._fetch(after, decode)

    def _guess(self, after: Position) -> None:
        with self._lock:
            if not self._closed and after not in self._ahead and len(self._ahead) < PAGES_AHEAD:
                self._ahead[after] = self._pool.submit(self._job, after)
