"""The whole second of the server's clock that a scan's bound falls on. Holds no test."""

from __future__ import annotations

import time


def after_this_second() -> None:
    """Wait until the second of what was just written is over: without a safety lag a scan ends at a whole second."""
    time.sleep(1.05 - time.time() % 1)
