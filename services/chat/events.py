"""What is new in rooms, told to those who look at them as it comes: one poll of the server, however many rooms are open
and however many read each.

What changed is asked for by ``$updatedAt``, with an overlap: rows are stamped before they are to be seen, and may come
to be seen in another order. What a reader was given before is known by row and stamp, so that each version of a message
is given once; an event's id says all that, so that a reader may go on anywhere, at any process.
"""

# The SDK carries no types.
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from appwrite.query import Query

from marketplace.app_rows import Row
from resources.appwrite.failures import CallFailure
from services.chat.conversation import ROOM, Conversation, Entry, placed
from services.chat.place import LATE_MS, changed, clear, milliseconds, opaque, sequence_of, stamp
from services.store import Gateway

OVERLAP_MS: Final = LATE_MS
EVERY_S: Final = 1.0
ROOMS_A_CALL: Final = 40
"""As many ids, at their longest and under two names, as one query takes."""
ROWS_A_CALL: Final = 100
GOES_BACK_MS: Final = 3_600_000
"""Who was away for longer reads the pages anew."""
STREAMS: Final = 500
STREAMS_A_USER: Final = 5
WAITING: Final = 500
"""Messages that wait for one slow reader; then the stream ends, and goes on where they come again."""
_KNOWN: Final = 64
_ID_MOST: Final = 4_000
_CLOCK_COUNTS_FOR_S: Final = 60.0
_BEGINS_WITHIN_S: Final = 30.0


class TooManyStreams(Exception):
    """As many streams are open as one process, or one user, may have."""


@dataclass
class Mark:
    """How far somebody was told: everything stamped before ``at`` (less the overlap), and of the overlap those rows
    that are named. ``floor``: what was stamped before is not told. Epoch milliseconds of the server's clock."""

    at: int
    floor: int
    given: dict[int, int] = field(default_factory=dict[int, int])

    def take(self, row: Row) -> bool:
        """Whether this version of a row is to be told, which it is then."""
        at, number = changed(row), sequence_of(row)
        if at < max(self.floor, self.at - OVERLAP_MS) or self.given.get(number, -1) >= at:
            return False
        self.given[number] = at
        self.at = max(self.at, at)
        bound = self.at - OVERLAP_MS
        self.given = {number: at for number, at in self.given.items() if at >= bound}
        return True

    @property
    def since(self) -> int:
        """From which stamp on the server is to be asked."""
        return max(self.floor, self.at - OVERLAP_MS)

    @property
    def event_id(self) -> str:
        """Opaque to clients."""
        newest = sorted(self.given.items(), key=lambda item: item[1])
        dropped, kept = newest[:-_KNOWN], newest[-_KNOWN:]
        floor = max(self.floor, dropped[-1][1]) if dropped else self.floor
        floor = floor if floor > self.at - OVERLAP_MS else 0
        parts = [str(self.at), str(floor), *(f"{number}-{self.at - at}" for number, at in kept)]
        return opaque(".".join(parts))


def mark_of(event_id: str) -> Mark:
    """The mark that an event's id says. Raises ValueError."""
    at, floor, *given = clear(event_id, _ID_MOST).split(".")
    mark = Mark(int(at), int(floor))
    stamp(mark.since)
    for one in given:
        number, before = one.split("-")
        mark.given[int(number)] = mark.at - int(before)
    return mark


@dataclass
class Stream:
    """One reader of one room. ``news``: what came, of which some was given before; ``over``: no more comes."""

    conversation: Conversation
    user_id: str
    seat_id: str
    mark: Mark
    wake: Callable[[], object]
    news: deque[Entry] = field(default_factory=deque[Entry])
    over: bool = False
    begun: bool = False
    opened_at: float = 0.0

    def give(self, found: Sequence[Entry]) -> None:
        if len(self.news) + len(found) > WAITING:
            self.over = True
        else:
            self.news.extend(found)
        self.wake()

    def end(self) -> None:
        self.over = True
        self.wake()


class Watch:
    """The streams of one process, and the thread that asks for what is new while there are any."""

    def __init__(
        self,
        gateway: Gateway,
        *,
        collection: str = "chat_messages",
        every: float = EVERY_S,
        streams: int = STREAMS,
        streams_a_user: int = STREAMS_A_USER,
        on_new: Callable[[Conversation], object] = lambda conversation: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.gateway, self.collection, self.every = gateway, collection, every
        self._streams, self._streams_a_user, self._on_new = streams, streams_a_user, on_new
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._open: dict[str, list[Stream]] = {}
        self._thread: threading.Thread | None = None
        self._clock: tuple[int, float] | None = None
        self._asked_to = 0
        self._over = False

    # Clients ------------------------------------------------------------------------------------------------

    def now(self) -> int:
        """The server's clock, epoch milliseconds, never ahead of it: asked for, and counted on for a while. Raises
        CallFailure."""
        at = self._monotonic()
        clock = self._clock
        if clock is None or at - clock[1] > _CLOCK_COUNTS_FOR_S:
            clock = (milliseconds(self.gateway.server_now()), at)
            self._clock = clock
        return clock[0] + int((at - clock[1]) * 1000)

    def open(
        self,
        conversation: Conversation,
        user_id: str,
        seat_id: str,
        since: str | None,
        wake: Callable[[], object],
    ) -> Stream:
        """A stream of what is new in a room, since an event, else from now on. ``wake`` is called, from another thread,
        when something came. Raises TooManyStreams, ValueError (no event's id), CallFailure."""
        now = self.now()
        mark = Mark(now, now) if since is None else mark_of(since)
        if mark.at > now + GOES_BACK_MS:
            raise ValueError("an event that is not yet")
        stream = Stream(conversation, user_id, seat_id, mark, wake, opened_at=self._monotonic())
        with self._lock:
            everybody = [one for held in self._open.values() for one in held]
            if self._over or len(everybody) >= self._streams:
                raise TooManyStreams
            if sum(one.user_id == user_id for one in everybody) >= self._streams_a_user:
                raise TooManyStreams
            if not everybody:
                self._asked_to = now
            self._open.setdefault(conversation.identity.lower(), []).append(stream)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="chat-watch", daemon=True)
                self._thread.start()
        return stream

    def too_old(self, stream: Stream) -> bool:
        """Whether the pages are to be read anew, for too much happened since."""
        return stream.mark.since < self.now() - GOES_BACK_MS

    def restart(self, stream: Stream) -> None:
        """Go on from now, whatever happened before. Raises CallFailure."""
        now = self.now()
        stream.mark = Mark(now, now)

    def catch_up(self, stream: Stream) -> list[Entry]:
        """What came between the stream's mark and its opening. Raises CallFailure."""
        rows = self._changed([stream.conversation.identity], stream.mark.since)
        found = placed(
            self.gateway, stream.conversation, [row for row in rows if stream.conversation.holds(row)]
        )
        stream.news.extendleft(reversed(found))
        return found

    def next(self, stream: Stream) -> Entry | None:
        """What came to a stream and was not given before: the next of it, which is given now."""
        while stream.news:
            entry = stream.news.popleft()
            if stream.mark.take(entry.row):
                return entry
        return None

    def quiet(self, stream: Stream) -> str:
        """The id of a stream of which all was given: how far the server was asked."""
        asked_to = self._asked_to  # before it is looked whether something came: what came until then is there
        if not stream.news:
            stream.mark.at = max(stream.mark.at, asked_to)
        return stream.mark.event_id

    def close(self, stream: Stream) -> None:
        with self._lock:
            held = self._open.get(stream.conversation.identity.lower(), [])
            if stream in held:
                held.remove(stream)
            if not held:
                self._open.pop(stream.conversation.identity.lower(), None)

    def present(self, who: str, room_id: str) -> bool:
        """Whether somebody looks at a room through a stream of this process."""
        with self._lock:
            held = self._open.get(room_id.lower(), ())
            return any(one.seat_id.lower() == who.lower() and not one.over for one in held)

    def end(self) -> None:
        """End every stream; no other begins."""
        with self._lock:
            self._over = True
            everybody = [one for held in self._open.values() for one in held]
        for stream in everybody:
            stream.end()

    @property
    def streams(self) -> int:
        with self._lock:
            return sum(len(held) for held in self._open.values())

    # The server ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            time.sleep(self.every)  # the rhythm at which the server is asked for news
            with self._lock:
                if not self._open:
                    self._thread = None
                    return
            try:
                self.poll()
            except CallFailure:
                continue  # the gateway notes it; what was missed is asked for the next time

    def poll(self) -> None:
        """Ask once for what is new in all open rooms, and give it to their readers. Raises CallFailure."""
        with self._lock:
            everybody = [one for held in self._open.values() for one in held]
        for stream in everybody:
            # Whoever went before the first line of it was sent.
            if not stream.begun and self._monotonic() - stream.opened_at > _BEGINS_WITHIN_S:
                self.close(stream)
        until = self.now()  # before it is looked which rooms are open: who comes later asks by themselves
        with self._lock:
            rooms = {key: held[0].conversation.identity for key, held in self._open.items()}
            since = self._asked_to - OVERLAP_MS
        keys = list(rooms)
        for first in range(0, len(keys), ROOMS_A_CALL):
            some = keys[first : first + ROOMS_A_CALL]
            self._deliver(some, self._changed([rooms[key] for key in some], since))
        self._asked_to = max(self._asked_to, until)

    def _deliver(self, keys: Sequence[str], rows: Sequence[Row]) -> None:
        for key in keys:
            with self._lock:
                held = list(self._open.get(key, ()))
            theirs = [row for row in rows if held and held[0].conversation.holds(row)]
            if theirs:
                self._on_new(held[0].conversation)
                found = placed(self.gateway, held[0].conversation, theirs)
                for stream in held:
                    stream.give(found)

    def _changed(self, rooms: Sequence[str], since: int) -> list[Row]:
        """Rows of rooms that were written since, in the order they were. They are read in that of their numbers: so the
        server goes by the stamps, however long a conversation is."""
        names = [name for name in ROOM if self.gateway.has(self.collection, name)]
        if not names:
            return []
        where = [Query.equal(name, list(rooms)) for name in names]
        queries = [
            where[0] if len(where) == 1 else Query.or_queries(where),
            Query.greater_than_equal("$updatedAt", stamp(since)),
            Query.order_asc("$sequence"),
            Query.limit(ROWS_A_CALL),
        ]
        found: list[Row] = []
        last: int | None = None
        while True:
            past = [] if last is None else [Query.greater_than("$sequence", last)]
            rows = self.gateway.rows(self.collection, [*queries, *past])
            found += rows
            if len(rows) < ROWS_A_CALL:
                return sorted(found, key=lambda row: (changed(row), sequence_of(row)))
            last = sequence_of(rows[-1])
