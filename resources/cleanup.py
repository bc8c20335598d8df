"""What is done after a block of work, whether or not it failed, without standing in the way of why it failed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator

import duckdb


@contextlib.contextmanager
def afterwards(work: Callable[[], object]) -> Generator[None]:
    """Do ``work`` after the block. Where the block failed, an error of DuckDB's in ``work`` is not raised.

    A transaction that failed takes no statement any more, so cleaning up fails too; raised from a ``finally``, that
    error would stand before the cause, and be told to people in its place.
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(duckdb.Error):
            work()
        raise
    work()
