"""Ctrl-C and SIGTERM while a run goes on: asked to stop it stops, asked while it reports it reports first.

Signals reach the main thread alone; elsewhere nothing is changed.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType

_ASKING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def terminable() -> Generator[None]:
    """SIGTERM raises KeyboardInterrupt within the block, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def held_back() -> Generator[None]:
    """The first Ctrl-C or SIGTERM within the block raises KeyboardInterrupt at its end, a second one at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ASKING}
    asked = False

    def back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def hold(_number: int, _frame: FrameType | None) -> None:
        nonlocal asked
        asked = True
        back()

    for number in _ASKING:
        signal.signal(number, hold)
    try:
        yield
    finally:
        back()
    if asked:
        raise KeyboardInterrupt
