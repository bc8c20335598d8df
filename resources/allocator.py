"""How the C library's allocator of this process keeps what is given back to it. Knows nothing of who asks."""

from __future__ import annotations

import ctypes
from typing import Final

_M_MMAP_THRESHOLD: Final = -3  # malloc.h of glibc
_FROM_BYTES: Final = 128 << 10


def give_back_blocks() -> None:
    """Let every block of 128 KiB or more go back to the system at once when it is freed, for the rest of this process.

    That is what glibc does at first; but the first such block that is freed raises the limit to its size, and from then
    on blocks as large come from heaps that only shrink at their end. DuckDB takes 256 KiB at a time: what it had given
    back stayed, between blocks that it held, up to twice what it was allowed. Where there is no glibc nothing is done.
    """
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _FROM_BYTES)


def give_back_rest() -> None:
    """Give back to the system the whole pages that small freed pieces left, wherever they lie.

    After a query that held millions of them (lists that medians are taken of): they are spread over the heaps of all
    its threads, and what comes next takes other memory. Some tenths of a second for a GB of them.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
