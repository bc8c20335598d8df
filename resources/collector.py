"""Python's own collector of garbage, kept from looking again and again through what lasts.

What a process is to do stands elsewhere; this only says what of it stays.
"""

from __future__ import annotations

import gc
from collections.abc import Generator
from contextlib import contextmanager


def leave_out_what_is_loaded() -> None:
    """Leave what is loaded by now (libraries, declarations, pages) out of every later collection.

    To look through it takes a process of ours some 0.13 s, amid whatever it does then.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def paused() -> Generator[None]:
    """Collect nothing until the end of the block: for seconds of work whose many small objects are needed to its end,
    as the expressions and syntax trees of SQL are. To look through them again and again took three tenths of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
