"""How many writes a minute a guest may make. Keys are not limited."""

from __future__ import annotations

import threading
import time

from sandbox.server.calls import Access
from sandbox.server.errors import Failure


class Rates:
    """What guests called in the last minute, by method, by path."""

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str, str], list[float]] = {}
        self._lock = threading.Lock()

    def headers(self, method: str, path: str, limit: int, access: Access) -> list[tuple[bytes, bytes]]:
        """The headers of a limited route. Raises Failure for a guest past the limit."""
        now, remaining = time.time(), limit
        if not access.is_key:
            with self._lock:
                calls = self._calls.setdefault((method, path, "guest"), [])
                calls[:] = [at for at in calls if at > now - 60]
                if len(calls) >= limit:
                    raise Failure(
                        429,
                        "general_rate_limit_exceeded",
                        "Rate limit for the current endpoint has been exceeded. Please try again after "
                        "some time.",
                    )
                calls.append(now)
                remaining = limit - len(calls)
        return [
            (b"x-ratelimit-limit", b"%d" % limit),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % (int(now) // 60 * 60 + 60)),
        ]
