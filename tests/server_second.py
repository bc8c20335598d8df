"""The second of the server's clock after which a scan reads what was written. Holds no test."""

from __future__ import annotations

import time

_wrote: float | None = None


def after_this_second() -> None:
    """Wait until the second of what was just written is over: without a safety lag a scan ends at a whole second."""
    time.sleep(1.05 - time.time() % 1)


def wrote() -> None:
    """A row was written now, which the next run is to read."""
    global _wrote
    _wrote = time.monotonic()


def settled() -> None:
    """Wait until what was written is over a second old. How late it is a run knows from whole seconds, and never
    guesses too high: what is younger it may leave to the next run."""
    if _wrote is not None:
        time.sleep(max(0.0, _wrote + 1.05 - time.monotonic()))
