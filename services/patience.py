"""How long a request may take, calls to Appwrite and all: whoever asked is answered before they give up."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

ANSWERED_WITHIN_S: Final = 8.0
"""Seconds from a request's coming within which its last call to Appwrite begins, its answer is read."""
RETRIED_UNTIL_S: Final = 5.0
"""A call that begins with less than this left is not tried again: its retries would outlast the request."""

_UNTIL: ContextVar[float | None] = ContextVar("answered_until", default=None)


@contextmanager
def answered_within(seconds: float | None = None) -> Generator[None]:
    """Calls of this block, and of threads that are started with its context, end within so many seconds: as many as a
    request may take, where none are told."""
    before = _UNTIL.set(time.monotonic() + (ANSWERED_WITHIN_S if seconds is None else seconds))
    try:
        yield
    finally:
        _UNTIL.reset(before)


def seconds_left() -> float:
    """Seconds that are left to the request at hand; as many as one may take, outside of any."""
    until = _UNTIL.get()
    return ANSWERED_WITHIN_S if until is None else until - time.monotonic()
