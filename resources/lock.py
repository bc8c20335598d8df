"""The lock that lets one run at a time write the warehouse of a home. Released by the system when its holder dies."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from resources.errors import BookwatchError, RunActive
from resources.home import Home


@contextmanager
def run_lock(home: Home) -> Generator[None]:
    """Hold the run lock of ``home``. Raises RunActive at once when another process or run holds it."""
    lock = file_lock(home.lock)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunActive.of("failure.run_active") from None
    try:
        yield
    finally:
        lock.release()


def file_lock(path: Path) -> FileLock:
    """A lock on ``path``. Raises BookwatchError where a link lies there: taking a lock empties its file."""
    if path.is_symlink():
        raise BookwatchError.of("failure.lock_link", path=str(path))
    return FileLock(path, mode=0o600)


def is_run_active(home: Home) -> bool:
    """Whether a run holds the lock now."""
    if not home.lock.exists():
        return False
    try:
        with run_lock(home):
            return False
    except RunActive:
        return True
