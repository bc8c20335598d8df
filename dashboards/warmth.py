"""A new snapshot is read once before viewers are switched to it: what was asked of the one before is asked of it, in
the background of the server, so that the first drawing on it finds its answers. Until then, and for HELD_S at most, the
one before is shown, as of when it was made. Draws nothing, decides on no figure.

Where no server runs (tests, notebooks, reports) nothing is held and nothing warmed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dashboards import data_age
from dashboards.queries import reading
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import load_settings

HELD_S: Final = 5.0
"""How long the snapshot before is shown at most while the new one is read."""
LOOK_EVERY_S: Final = 0.25
REMEMBERED_S: Final = 3600.0
"""A question nobody asked for so long is not asked again."""
MOST_QUESTIONS: Final = 400

_THREAD: Final = "warmth"

Question = Callable[..., Any]


@dataclass(frozen=True)
class Asked:
    """A question as it was asked: of the snapshot at ``path``, ``times`` times, at ``last`` (seconds of the clock that
    only goes on)."""

    question: Question
    more: tuple[Any, ...]
    named: tuple[tuple[str, Any], ...]
    path: str
    times: int
    last: float


class Warmth:
    """What was asked of the snapshot that is shown, and which one that is. Safe to use from several threads."""

    def __init__(
        self,
        home: Home,
        zone: str = "UTC",
        *,
        monotonic: Callable[[], float] = time.monotonic,
        held_s: float = HELD_S,
    ) -> None:
        self.home, self._zone = home, ZoneInfo(zone)
        self._monotonic, self._held_s = monotonic, held_s
        self._guard = threading.Lock()
        self._asked: dict[Any, Asked] = {}
        self._ready: str | None = None
        self._seen: tuple[str, float] | None = None
        self._status: dict[str, Any] | None = None
        self._warming = threading.local()

    # What viewers do ------------------------------------------------------------------------------------

    def heard(self, question: Question, path: str, more: tuple[Any, ...], named: Mapping[str, Any]) -> None:
        """Remember a question, unless it is ours. Of an older snapshot that somebody looks back at none is kept."""
        if getattr(self._warming, "on", False):
            return
        with self._guard:
            if path != self._ready:
                return
            key = (question, more, tuple(sorted(named.items())))
            before = self._asked.pop(key, None)
            times = 1 if before is None else before.times + 1
            self._asked[key] = Asked(*key, path, times, self._monotonic())
            while len(self._asked) > MOST_QUESTIONS:
                self._asked.pop(next(iter(self._asked)))

    def shown(self, newest: str) -> str:
        """The snapshot to show where this one is the newest."""
        with self._guard:
            if self._ready is None or self._ready == newest:
                self._ready, self._seen = newest, None
                return newest
            now = self._monotonic()
            if self._seen is None or self._seen[0] != newest:
                # Of several that come one after the other within that time the first began it.
                self._seen = (newest, now if self._seen is None else self._seen[1])
            before = self._ready
            late = now - self._seen[1] >= self._held_s
        if late or not reading.readable(before):
            self._switch(newest)
            return newest
        return before

    def status(self, *, held: bool) -> dict[str, Any] | None:
        """status.json; while a snapshot is held back as it was before that one: figures and their age belong
        together."""
        if held and self._status is not None:
            return self._status
        told = data_age.read_status(self.home.status)
        if self._seen is None:
            self._status = told
        return told

    # What the thread does -------------------------------------------------------------------------------

    def look(self) -> None:
        """Read the newest snapshot, if it is not shown yet, and have it shown."""
        newest = reading.newest(self.home.current)
        if newest is None or self.shown(newest) == newest:
            return
        with self._guard:
            before, began = self._ready, self._seen[1] if self._seen else self._monotonic()
            asked = sorted(self._asked.values(), key=lambda one: -one.times)
        assert before is not None
        moved: list[Asked] = []
        self._warming.on = True
        try:
            by = _apart(before, newest)
            since = self._monotonic() - REMEMBERED_S
            moved = [self._of(one, newest, by) for one in asked if one.last > since]
            for one in moved:
                if (
                    self._monotonic() - began >= self._held_s
                ):  # shown by now; the rest is read for who comes later
                    self._switch(newest, moved)
                    if reading.newest(self.home.current) != newest:
                        break
                with suppress(reading.NotInSnapshot):
                    one.question(newest, *one.more, **dict(one.named))
        except reading.SnapshotUnreadable:
            pass  # what is shown in the place of a damaged one is lookback.py's
        finally:
            self._warming.on = False
        self._switch(newest, moved)

    def _of(self, one: Asked, path: str, by: timedelta) -> Asked:
        """A question as it is asked of another snapshot, made so much later."""
        more = tuple(self._moved(value, by) for value in one.more)
        named = tuple((name, self._moved(value, by)) for name, value in one.named)
        return replace(one, path=path, more=more, named=named)

    def _moved(self, value: Any, by: timedelta) -> Any:
        """An instant that is told from when the snapshot was made moves with it; the beginning of a day stays."""
        if not isinstance(value, datetime):
            return value
        local = value.replace(tzinfo=ZoneInfo("UTC")) if value.tzinfo is None else value
        begins = local.astimezone(self._zone)
        return value if (begins.hour, begins.minute, begins.second) == (0, 0, 0) else value + by

    def _switch(self, newest: str, asked: Sequence[Asked] = ()) -> None:
        """Show a snapshot from now on. ``asked``: what is asked of it as of the one before, beside what viewers have
        asked of it by now."""
        with self._guard:
            if self._seen is not None and self._seen[0] != newest:
                return  # a newer one came meanwhile, and has its turn
            self._ready, self._seen = newest, None
            new = {key: one for key, one in self._asked.items() if one.path == newest}
            if asked:
                self._asked = {(one.question, one.more, one.named): one for one in reversed(asked)} | new


def _apart(before: str, newest: str) -> timedelta:
    """How much later a snapshot was made. Raises SnapshotUnreadable."""
    first, second = (reading.snapshot(path).published_at for path in (before, newest))
    return timedelta(0) if first is None or second is None else second - first


_kept: Warmth | None = None


def keep_warm(warmth: Warmth | None) -> None:
    """From now on this is asked what to show; None: nothing is held back any more."""
    global _kept
    _kept = warmth
    reading.heard = None if warmth is None else warmth.heard


def shown(home: Home, newest: str) -> str:
    """The snapshot to show of a home whose newest is this."""
    kept = _of(home)
    return newest if kept is None else kept.shown(newest)


def status(home: Home, *, held: bool) -> dict[str, Any] | None:
    """What the newest run said, as far as it is of what is shown."""
    kept = _of(home)
    return data_age.read_status(home.status) if kept is None else kept.status(held=held)


def _of(home: Home) -> Warmth | None:
    return _kept if _kept is not None and _kept.home == home else None


def start() -> None:
    """Keep the snapshots of this server's home warm, in one thread that ends with the process."""
    if not any(thread.name == _THREAD for thread in threading.enumerate()):
        threading.Thread(target=_run, name=_THREAD, daemon=True).start()


def _run() -> None:
    for _ in _beats():
        with suppress(BookwatchError, OSError):
            if _kept is None:
                settings = load_settings()
                keep_warm(Warmth(settings.home, settings.timezone))
            assert _kept is not None
            _kept.look()


def _beats() -> Iterator[None]:
    while True:
        yield
        time.sleep(LOOK_EVERY_S)  # a new snapshot is a link that is replaced: it is looked for
