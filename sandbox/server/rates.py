"""How many writes a minute a user or a guest may make. Keys are not limited."""

from __future__ import annotations

import threading
import time

from sandbox.server.calls import Access
from sandbox.server.errors import Failure


class Rates:
    """What was called in this minute, by method, by path, by who called."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str | None, int], int] = {}
        self._lock = threading.Lock()

    def headers(self, method: str, path: str, limit: int, access: Access) -> list[tuple[bytes, bytes]]:
        """The headers of a limited route. Raises Failure for a user or a guest past the limit."""
        minute, remaining = int(time.time()) // 60, limit - 1
        if not access.is_key:
            with self._lock:
                who = (method, path, access.owner, minute)
                calls = self._calls.get(who, 0) + 1
                if calls == 1:
                    self._calls = {known: n for known, n in self._calls.items() if known[3] == minute}
                if calls > limit:
                    raise Failure(
                        429,
                        "general_rate_limit_exceeded",
                        "Rate limit for the current endpoint has been exceeded. Please try again after "
                        "some time.",
                    )
                self._calls[who] = calls
                remaining = limit - calls
        return [
            (b"x-ratelimit-limit", b"%d" % limit),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % (minute * 60 + 60)),
        ]
