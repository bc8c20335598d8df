"""The newest messages of the conversations that were just read, of one process: bounded a conversation, in all and in
bytes. What is kept counts for seconds only, so that what other processes and the app write, change and delete is seen;
whoever reads the newest end asks the server whatever is kept (pages.py).
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from services.chat.conversation import Entry
from services.chat.place import Place

A_CONVERSATION: Final = 500
IN_ALL: Final = 50_000
BYTES_IN_ALL: Final = 64 << 20
COUNTS_FOR_S: Final = 3.0
"""So long an edit or a deletion by somebody else may stay unseen."""
_ROW_BYTES: Final = 1_500
"""What a row takes beside its texts."""

Key = tuple[str, str]
"""Collection and conversation."""


@dataclass(frozen=True)
class Kept:
    """The newest end of a conversation without a gap, oldest first. ``whole``: nothing is older than it."""

    entries: tuple[Entry, ...]
    whole: bool
    read_at: float
    bytes: int


class Cache:
    """Least recently used goes first. Safe for threads."""

    def __init__(
        self,
        *,
        a_conversation: int = A_CONVERSATION,
        in_all: int = IN_ALL,
        bytes_in_all: int = BYTES_IN_ALL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._a_conversation, self._in_all, self._bytes_in_all = a_conversation, in_all, bytes_in_all
        self.monotonic = monotonic
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._lock = threading.Lock()
        self.messages = self.bytes = 0

    def older(self, key: Key, before: Place, most: int) -> tuple[list[Entry], bool] | None:
        """The messages before a place, oldest first, and whether there are older ones; None where the server has to be
        asked."""
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                return None
            if self.monotonic() - kept.read_at > COUNTS_FOR_S:
                self._drop(key)
                return None
            self._kept.move_to_end(key)
        # A cursor that is younger than all that is kept may skip some that came meanwhile.
        if not kept.entries or before > kept.entries[-1].place:
            return None
        found = [entry for entry in kept.entries if entry.place < before]
        if len(found) <= most and not kept.whole:
            return None
        return found[-most:], len(found) > most

    def newest(self, key: Key, entries: Sequence[Entry], *, whole: bool, asked_at: float) -> None:
        """The newest end as it was just read, oldest first. ``asked_at``: before it was asked for."""
        self._keep(key, tuple(entries), whole, asked_at)

    def further(self, key: Key, before: Place, entries: Sequence[Entry], *, whole: bool) -> None:
        """What stands before a place, oldest first: kept where it goes on from what is kept."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is None or not kept.entries or kept.entries[0].place != before:
            return
        self._keep(key, (*entries, *kept.entries), whole, kept.read_at)

    def forget(self, key: Key) -> None:
        with self._lock:
            self._drop(key)

    def _keep(self, key: Key, entries: tuple[Entry, ...], whole: bool, read_at: float) -> None:
        if len(entries) > self._a_conversation:
            entries, whole = entries[-self._a_conversation :], False
        weight = sum(_bytes_of(entry) for entry in entries)
        with self._lock:
            self._drop(key)
            self._kept[key] = Kept(entries, whole, read_at, weight)
            self.messages += len(entries)
            self.bytes += weight
            while self._kept and (self.messages > self._in_all or self.bytes > self._bytes_in_all):
                self._drop(next(iter(self._kept)))

    def _drop(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.messages -= len(kept.entries)
            self.bytes -= kept.bytes


def _bytes_of(entry: Entry) -> int:
    return _ROW_BYTES + sum(2 * len(value) for value in entry.row.values() if isinstance(value, str))
