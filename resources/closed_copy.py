"""How a closed file is copied so that no more is read, hashed or written than has to be: sharing blocks, over a copy
that is not needed any more, or whole. Which file is copied when, and what is entered of it, is snapshots.py's.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

from resources.block_hashes import BLOCK, BlockHashes, BlockHashing, blocks_of
from resources.shared_blocks import same_ranges

_CHUNK = 4 * BLOCK
#: From this size on a file is compared in several places at once, in so many at most.
_LARGE: Final = 256 * BLOCK
_PLACES: Final = 4

How = Literal["shared", "amended", "whole"]
#: File systems of this machine alone. On another (NFS, FUSE, a container's overlay) a reader elsewhere is not seen.
_LOCAL: Final = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "tmpfs"})


@dataclass(frozen=True)
class Copied:
    """How a file was copied. ``hashes``: of the copy's blocks; ``written``: bytes of them; ``read``: bytes that had to
    be read of the source."""

    how: How
    hashes: BlockHashes
    read: int
    written: int


def whole(reader: BinaryIO, writer: BinaryIO) -> Copied:
    """Copy all of ``reader`` to ``writer``, which is empty. Raises OSError."""
    hashing = BlockHashing()
    chunk = memoryview(bytearray(_CHUNK))
    begin = 0
    # One after the other: a thread that hashes beside the writing took twice as long on a machine with two cores.
    while filled := _fill(reader, chunk, begin):
        _write(writer, chunk[:filled], begin)
        for block in blocks_of(chunk[:filled]):
            hashing.add(block)
        begin += filled
    return Copied("whole", hashing.done(), begin, begin)


def shared(
    reader: BinaryIO, copy: BinaryIO, earlier: BinaryIO | None = None, known: BlockHashes | None = None
) -> Copied:
    """The hashes of ``copy``, which shares the blocks of ``reader``: only what does not lie in the same place of the
    disk as in ``earlier``, whose hashes are ``known``, is read. Raises OSError."""
    size = os.fstat(copy.fileno()).st_size
    same = [] if earlier is None or known is None else same_ranges(copy, earlier)
    hashing = BlockHashing()
    block = memoryview(bytearray(BLOCK))
    read = place = 0
    for begin in range(0, size, BLOCK):
        while place < len(same) and same[place][1] < begin + BLOCK:
            place += 1
        before = known.of(begin // BLOCK) if known is not None else b""
        if before and place < len(same) and same[place][0] <= begin and begin + BLOCK <= size:
            hashing.known(before)
            continue
        # Of the source, whose pages are in memory: it was just written.
        filled = _fill(reader, block, begin)
        hashing.add(block[:filled])
        read += filled
    return Copied("shared", hashing.done(), read, 0)


def amended(reader: BinaryIO, file: BinaryIO, known: BlockHashes) -> Copied:
    """Make ``file`` what ``reader`` is, by writing the blocks that differ; ``known``: its hashes.

    Each block is compared with what the file holds, so that the outcome is the same whatever that was. Raises OSError.
    """
    size = os.fstat(reader.fileno()).st_size
    # Beyond its end there is nothing to compare with, also once another place has been written.
    was = os.fstat(file.fileno()).st_size
    # Both are read for the most part: in as many places at once as there are processors, where there is much of it.
    places = min(_PLACES, os.cpu_count() or 1) if size >= _LARGE else 1
    step = -(-size // places // BLOCK) * BLOCK or BLOCK

    def part(begin: int) -> tuple[BlockHashes, int]:
        return _amend(reader, file, known, begin, min(begin + step, size), was)

    with ThreadPoolExecutor(places) as threads:
        parts = list(threads.map(part, range(0, size, step)))
    os.truncate(file.fileno(), size)
    hashes = BlockHashes(size, b"".join(done.hashes for done, _ in parts))
    return Copied("amended", hashes, size, sum(written for _, written in parts))


def _amend(
    reader: BinaryIO, file: BinaryIO, known: BlockHashes, begin: int, end: int, was: int
) -> tuple[BlockHashes, int]:
    """The same of the blocks from ``begin`` to ``end``, of a file that was so long; their hashes, and how much was
    written."""
    hashing = BlockHashing()
    # Compared as bytearrays, which is a memcmp; memoryviews are compared a byte at a time.
    ours, theirs = bytearray(BLOCK), bytearray(BLOCK)
    written = 0
    for place in range(begin, end, BLOCK):
        filled = _fill(reader, memoryview(ours), place)
        there = _fill(file, memoryview(theirs), place) if place + BLOCK <= was else 0
        if filled == there == BLOCK and ours == theirs:
            hashing.add(ours, known.of(place // BLOCK))
            continue
        block = memoryview(ours)[:filled]
        _write(file, block, place)
        hashing.add(block)
        written += filled
    return hashing.done(), written


@contextmanager
def not_in_use(path: Path) -> Generator[BinaryIO | None]:
    """The file ``path`` to read and write, which nobody else has open; None where anybody has, or it cannot be told.

    It must have a name by now that no one opens it by: whoever opened it before is found, by whatever program and
    however, for the kernel gives a lease to write only of a file that nobody else has open or mapped. (DuckDB's lock
    would tell of DuckDB alone, and closing a file here drops the locks this process has on it.)
    """
    try:
        reading = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(reading, 0o600)
        finally:
            os.close(reading)
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    except OSError:
        yield None
        return
    with os.fdopen(descriptor, "r+b", buffering=0) as file:
        yield file if _is_ours_alone(descriptor) else None


def _is_ours_alone(descriptor: int) -> bool:
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode) or state.st_nlink != 1:
        return False  # another name of the file, as some backups make them, would change with it
    if _file_system(state.st_dev) not in _LOCAL:
        return False
    try:
        # Who opens it within the lease is waited for by the kernel, which tells us by a signal: by default by the one
        # that ends a process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except (OSError, AttributeError):  # in use; or this file system, or this system, has no leases
        return False
    return True


def _file_system(device: int) -> str | None:
    """The kind of a mounted file system; None where it is not told."""
    number = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for line in lines:
        mounted, _, told = line.partition(" - ")
        if mounted.split(" ")[2] == number:
            return told.split(" ")[0]
    return None


def _fill(file: BinaryIO, block: memoryview, begin: int) -> int:
    """Read into ``block`` from ``begin`` on; how many bytes: fewer than it has room for at the file's end only."""
    filled = 0
    while filled < len(block):
        read = os.preadv(file.fileno(), [block[filled:]], begin + filled)
        if not read:
            break
        filled += read
    return filled


def _write(file: BinaryIO, block: memoryview, begin: int) -> None:
    while block:
        written = os.pwrite(file.fileno(), block, begin)
        block, begin = block[written:], begin + written
