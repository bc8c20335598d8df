"""How long to wait for Appwrite.

Retry delays, the server's own wishes, the circuit breaker. Sends nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Literal

RETRIES = 3
FIRST_DELAY = 0.3
MAX_DELAY = 3.0
JITTER = 0.15
RETRY_BUDGET = 4.0
"""Seconds from the first failure of a call within which it is tried again, unless the server asked for more.
"""
LONGEST_SERVER_WAIT = 120.0
"""Seconds: a server that asks for more gets its wish by not being called; the call fails at once."""
BREAKER_FAILURES = 5
BREAKER_COOL_DOWN = 30.0


def retry_delay(retry: int, random: Callable[[], float]) -> float:
    """Seconds before retry 0, 1, 2: min(3 s, 0.3 s x 2^n x (1 +- 0.15)). ``random`` gives 0 to 1."""
    return min(MAX_DELAY, FIRST_DELAY * 2**retry * (1 + JITTER * (2 * random() - 1)))


def http_date(value: str | None) -> datetime | None:
    """The instant (aware, UTC) of an HTTP date; None where there is none that can be read."""
    if not value:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _number(value: str | None) -> float | None:
    try:
        number = float(value) if value is not None else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < 1e15 else None


def wait_asked(headers: Mapping[str, str], status: int, wall: float) -> float | None:
    """Seconds the server asks to stay away; None if it does not ask.

    Retry-After in seconds or as a date (on 429 and 5xx), or X-RateLimit-Reset where X-RateLimit-Remaining is 0 or the
    status 429: what limits a key is a proxy, which sends that instant and neither of the others. Instants are read
    against the answer's own Date, so that clock skew does no harm.
    """
    date = http_date(headers.get("Date"))
    now = date.timestamp() if date else wall
    asked: list[float] = []
    if status == 429 or status >= 500:
        text = headers.get("Retry-After")
        seconds = _number(text)
        moment = http_date(text) if seconds is None else None
        if seconds is not None:
            asked.append(seconds)
        elif moment is not None:
            asked.append(max(0.0, moment.timestamp() - now))
    if status == 429 or _number(headers.get("X-RateLimit-Remaining")) == 0:
        reset = _until(headers.get("X-RateLimit-Reset"), now)
        if reset is not None:
            asked.append(reset)
    return max(asked) if asked else None


def _until(text: str | None, now: float) -> float | None:
    """Seconds until a reset: a small number is a duration (the IETF draft), a large one Appwrite's epoch second or a
    proxy's millisecond; else a date, of HTTP or ISO 8601."""
    number = _number(text)
    if number is not None:
        instant = number / 1000 if number >= 1e11 else number
        return number if number < 1e8 else max(0.0, instant - now)
    moment = http_date(text)
    if moment is None and text:
        try:
            read = datetime.fromisoformat(text.strip())
        except ValueError:
            return None
        moment = read if read.tzinfo else read.replace(tzinfo=UTC)
    return None if moment is None else max(0.0, moment.timestamp() - now)


class ServerWish:
    """Until when the server wants to be left alone; shared by all threads of a gateway."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._until = 0.0

    def note(self, seconds: float) -> None:
        with self._lock:
            self._until = max(self._until, self._monotonic() + seconds)

    def remaining(self) -> float:
        with self._lock:
            return max(0.0, self._until - self._monotonic())


BreakerState = Literal["closed", "open", "half-open"]


class CircuitBreaker:
    """Opens at 5 consecutive failed calls, cools down for 30 s, then lets one trial through."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._failures = 0
        self._opened_at: float | None = None
        self._trial = False

    @property
    def state(self) -> BreakerState:
        with self._lock:
            return self._state()

    def _state(self) -> BreakerState:
        if self._opened_at is None:
            return "closed"
        return "half-open" if self._monotonic() - self._opened_at >= BREAKER_COOL_DOWN else "open"

    def admit(self) -> bool:
        """Whether a call may go out now. In half-open only the first asker may, until its call has ended."""
        with self._lock:
            state = self._state()
            if state == "closed":
                return True
            if state == "open" or self._trial:
                return False
            self._trial = True
            return True

    def succeeded(self) -> None:
        """The server answered (also with a refusal: it is alive)."""
        with self._lock:
            self._failures, self._opened_at, self._trial = 0, None, False

    def failed(self) -> None:
        """A call failed after its retries."""
        with self._lock:
            self._failures += 1
            if self._trial or self._failures >= BREAKER_FAILURES:
                self._opened_at, self._trial = self._monotonic(), False

    def abandoned(self) -> None:
        """A call ended without saying anything about the server (it was interrupted)."""
        with self._lock:
            self._trial = False
