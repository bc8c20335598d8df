"""The lock that lets one run at a time write the warehouse of a home. Released by the system when its holder dies."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from filelock import FileLock, Timeout

from resources.errors import RunActive
from resources.home import Home


@contextmanager
def run_lock(home: Home) -> Generator[None]:
    """Hold the run lock of ``home``. Raises RunActive at once when another process or run holds it."""
    lock = FileLock(home.lock, mode=0o600)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunActive(
            "Another run is active on this BOOKWATCH_HOME.",
            "Nothing was changed; wait for it to finish (`bookwatch status`) and run again.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_run_active(home: Home) -> bool:
    """Whether a run holds the lock now."""
    if not home.lock.exists():
        return False
    try:
        with run_lock(home):
            return False
    except RunActive:
        return True
