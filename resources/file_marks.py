"""Whether a DuckDB file is as this process left it: a mark of a closed file, and the chain of its openings. What is
known of the rows in it is checks/proven.py's.

While a process has a file open nobody else can write it. Between two openings anybody may: DuckDB then numbers a
checkpoint in the file's headers, or leaves a log beside it.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The headers of a DuckDB file: its own and two of the database, of which each checkpoint writes one anew.
_HEADERS: Final = 3 * 4096


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
    """What a closed file is told by: its size, its last write, its headers. None where there is none, or a log that
    is not in it yet."""
    try:
        if path.with_name(f"{path.name}.wal").exists():
            return None
        with path.open("rb") as file:
            headers = file.read(_HEADERS)
        stat = path.stat()
    except OSError:
        return None
    return f"{stat.st_size}:{stat.st_mtime_ns}:{hashlib.blake2b(headers, digest_size=16).hexdigest()}"


def opening(path: Path) -> None:
    """The file is about to be opened for writing, by this process alone."""
    mark = mark_of(path)
    chain, left = _CLOSED.pop(str(path), (None, None))
    _OPEN[str(path)] = chain if chain is not None and mark == left else Chain(next(_NUMBERS), mark)


def closed(path: Path) -> None:
    """The file was closed."""
    chain, mark = _OPEN.pop(str(path), None), mark_of(path)
    if chain is not None and mark is not None:
        _CLOSED[str(path)] = (chain, mark)


def chain_of(file: str) -> Chain | None:
    """The chain of a file that is open through ``opening``; None where it is not."""
    return _OPEN.get(file)


def left(path: Path) -> tuple[Chain, str] | None:
    """The chain of a file that this process has closed, and the mark it left it with."""
    return _CLOSED.get(str(path))
