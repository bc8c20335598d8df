"""Whether a DuckDB file is as this process left it: the mark of a closed file, and the chain of its openings. What is
known of the rows in it is checks/proven.py's.

While a process has a file open nobody else can write it; between two openings anybody may. The file itself is not
opened here: closing it again would drop the lock of a connection that this process has to it.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Chain:
    """Openings of one file by this process between which nobody else wrote it. ``begun``: the mark the file had before
    the first of them; None where it was new, or not closed properly."""

    number: int
    begun: str | None


_NUMBERS = itertools.count(1)
#: File → the chain of a file that is open now.
_OPEN: dict[str, Chain] = {}
#: File → the chain of one that was closed, and its mark since.
_CLOSED: dict[str, tuple[Chain, str]] = {}


def mark_of(path: Path) -> str | None:
    """What a file is told by: which it is, its size, its last write. None where there is none, or a log beside it of
    what is not in it yet."""
    try:
        log = path.with_name(f"{path.name}.wal")
        if log.exists() and log.stat().st_size:
            return None
        told = os.stat(path)
    except OSError:
        return None
    return f"{told.st_ino}:{told.st_size}:{told.st_mtime_ns}"


def opening(path: Path) -> None:
    """The file is about to be opened for writing, by this process alone."""
    mark = mark_of(path)
    chain, left = _CLOSED.pop(str(path), (None, None))
    _OPEN[str(path)] = chain if chain is not None and mark == left else Chain(next(_NUMBERS), mark)


def closed(path: Path, mark: str | None) -> None:
    """The file was closed; ``mark``: its mark when all was written, and nobody else could write it yet."""
    chain = _OPEN.pop(str(path), None)
    if chain is not None and mark is not None and mark == mark_of(path):
        _CLOSED[str(path)] = (chain, mark)


def chain_of(file: str) -> Chain | None:
    """The chain of a file that is open through ``opening``; None where it is not."""
    return _OPEN.get(file)


def left(path: Path) -> tuple[Chain, str] | None:
    """The chain of a file that this process has closed, and the mark it left it with."""
    return _CLOSED.get(str(path))
