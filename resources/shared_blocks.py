"""What the file system can tell and do of blocks that files share (btrfs, xfs and their like): a copy that shares all
of them, and which of two files' are the same. Linux's ioctls; elsewhere, and on file systems that share none, neither.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import struct
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple

from resources.own_files import create

#: linux/fs.h: FICLONE, FS_IOC_FIEMAP; linux/fiemap.h: what an extent may be said to be.
_FICLONE: Final = 0x40049409
_FIEMAP: Final = 0xC020660B
_SYNC: Final = 0x1
_LAST: Final = 0x1
_SHARED: Final = 0x2000
#: Whatever else is said of an extent (compressed, inline, not yet written, of unknown place), its place proves nothing.
_PLAIN: Final = _LAST | _SHARED | 0x1000
_HEAD: Final = struct.Struct("=QQLLLL")
_EXTENT: Final = struct.Struct("=QQQQQLLLL")
_AT_ONCE: Final = 4096
_TRIED: Final = 64 << 10


class _Extent(NamedTuple):
    begin: int
    end: int
    place: int


def share(reader: BinaryIO, writer: BinaryIO) -> bool:
    """Make ``writer``, which is empty, a copy of ``reader`` that shares its blocks. False where that cannot be done."""
    try:
        fcntl.ioctl(writer.fileno(), _FICLONE, reader.fileno())
    except OSError:
        return False
    return True


def shares_blocks(source: Path, target: Path) -> bool:
    """Whether a file of the folder ``source`` can be copied into ``target`` by sharing its blocks: tried with two small
    files, which are taken away again. Raises OSError where none can be made."""
    name = f".shares-blocks-{secrets.token_hex(4)}"
    first, second = source / f"{name}-1", target / f"{name}-2"
    try:
        with create(first) as reader, create(second) as writer:
            reader.write(b"\1" * _TRIED)
            reader.flush()
            return share(reader, writer)
    finally:
        for path in (first, second):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def same_ranges(one: BinaryIO, other: BinaryIO) -> list[tuple[int, int]]:
    """The ranges (from, until) of bytes that two files hold in one place of the disk, so that they are the same bytes.
    None of them where the file system does not tell."""
    try:
        ours, theirs = _extents(one.fileno()), _extents(other.fileno())
    except OSError:
        return []
    found: list[tuple[int, int]] = []
    left = iter(theirs)
    their = next(left, None)
    for our in ours:
        while their is not None and their.end <= our.begin:
            their = next(left, None)
        while their is not None and their.begin < our.end:
            begin, end = max(our.begin, their.begin), min(our.end, their.end)
            if our.place - our.begin == their.place - their.begin:
                if found and found[-1][1] == begin:
                    found[-1] = (found[-1][0], end)
                else:
                    found.append((begin, end))
            if their.end > our.end:
                break
            their = next(left, None)
    return found


def _extents(descriptor: int) -> list[_Extent]:
    """Where the bytes of a file lie, as far as that is said for certain and they are shared with any other file's."""
    found: list[_Extent] = []
    begin, size = 0, os.fstat(descriptor).st_size
    while begin < size:
        asked = bytearray(_HEAD.size + _AT_ONCE * _EXTENT.size)
        _HEAD.pack_into(asked, 0, begin, size - begin, _SYNC, 0, _AT_ONCE, 0)
        fcntl.ioctl(descriptor, _FIEMAP, asked, True)
        mapped = _HEAD.unpack_from(asked)[3]
        last = not mapped
        for number in range(mapped):
            logical, place, length, _, _, flags, *_ = _EXTENT.unpack_from(
                asked, _HEAD.size + number * _EXTENT.size
            )
            if flags & _SHARED and not flags & ~_PLAIN:
                found.append(_Extent(logical, logical + length, place))
            begin, last = logical + length, bool(flags & _LAST)
        if last:
            break
    return found
