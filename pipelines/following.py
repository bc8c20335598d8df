"""A home that follows a store: which store that is, and the newest snapshot fetched again and again, for `serve` and
`bookwatch fetch --follow`. How one is fetched is resources/shared's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from resources.errors import BookwatchError, UsageError
from resources.home import Home
from resources.objects import Objects, objects_of
from resources.settings import Settings
from resources.shared.fetching import (
    Fetched,
    Mark,
    fetch,
    is_readers,
    mark_of,
    require_no_pipeline,
    write_mark,
)

EVERY_S: Final = 15.0
"""How often the pointer is looked at: a request that mostly answers that nothing moved."""

Say = Callable[[str], None]


def store_of(settings: Settings) -> Objects:
    """Where snapshots are fetched from. Raises UsageError where no store is named."""
    address = settings.follow or settings.store
    if not address:
        raise UsageError.of("failure.fetch_store")
    return objects_of(settings, address)


def is_reader(settings: Settings) -> bool:
    """Whether this home shows snapshots of another one."""
    return bool(settings.follow) or is_readers(settings.home)


def require_own(settings: Settings) -> None:
    """Raises UsageError in a reader's home: what was asked for takes a pipeline, or its ledger."""
    if is_reader(settings):
        mark = mark_of(settings.home.published)
        place = mark.store if mark else settings.follow
        raise UsageError.of("failure.reader_home", place=place)


def fetch_home(settings: Settings, *, snapshot_id: str | None = None) -> Fetched:
    """Fetch into the home itself. Raises BookwatchError where a pipeline publishes there."""
    require_no_pipeline(settings.home)
    objects = store_of(settings)
    settings.home.create()
    become_reader(settings.home, objects)
    return fetch(objects, settings.home.published, snapshot_id=snapshot_id, at=settings.clock.now())


def become_reader(home: Home, objects: Objects) -> None:
    """Say in the home whose snapshots it shows, before the first is there."""
    known = mark_of(home.published)
    if known is None or known.store != objects.place:
        write_mark(home.published, Mark(objects.place))


class Follower:
    """Fetches the newest snapshot whenever the pointer moves. What stands in the way is said once, until it is another;
    what was fetched before is shown on, with its age."""

    def __init__(self, fetch_once: Callable[[], Fetched], say: Say, *, every_s: float = EVERY_S) -> None:
        self._fetch, self._say, self._every_s = fetch_once, say, every_s
        self._stopping = threading.Event()
        self._told = ""
        self._thread = threading.Thread(target=self.follow, name="follow", daemon=True)

    def look(self) -> Fetched | None:
        """Fetch once; None where it failed, and that was said."""
        try:
            fetched = self._fetch()
        except BookwatchError as refused:
            if str(refused) != self._told:
                self._told = str(refused)
                self._say(self._told)
            return None
        if self._told:
            self._told = ""
            self._say("The store answers again.")
        if fetched.changed:
            self._say(f"Fetched {fetched.snapshot_id}: {fetched.received / 1e6:,.1f} MB.")
        return fetched

    def follow(self) -> None:
        """Look again and again, until it is stopped."""
        while not self._stopping.is_set():
            self.look()
            self._stopping.wait(self._every_s)

    def start(self) -> None:
        """Follow in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop before the next look; a transfer that is under way ends with the process, and is gone on with by the
        next."""
        self._stopping.set()
