"""The hashes of a file's blocks, and one hash over all of them: of a large file of which little changed, only that
little is hashed anew. Holds no file open, knows no snapshot.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

#: A block of DuckDB's.
BLOCK: Final = 256 << 10
_EACH: Final = hashlib.sha256().digest_size
_FORM: Final = b"bookwatch: SHA-256 of blocks, 1"


@dataclass(frozen=True)
class BlockHashes:
    """The SHA-256 of each block of a file of ``size`` bytes, one after the other; the last block may be shorter."""

    size: int
    hashes: bytes

    @property
    def root(self) -> str:
        """One hash for all: another one wherever a byte, or the length, is another."""
        told = hashlib.sha256(_FORM + BLOCK.to_bytes(8, "big") + self.size.to_bytes(8, "big"))
        told.update(self.hashes)
        return told.hexdigest()

    @property
    def whole(self) -> bool:
        """Whether there is a hash for every block of a file of that size."""
        return len(self.hashes) == _EACH * len(range(0, self.size, BLOCK))

    def of(self, number: int) -> bytes:
        """The hash of a block of whole length; b"" where there is none such."""
        return (
            self.hashes[number * _EACH : (number + 1) * _EACH] if (number + 1) * BLOCK <= self.size else b""
        )


def hash_of(block: bytes | bytearray | memoryview) -> bytes:
    """The hash of one block."""
    return hashlib.sha256(block).digest()


class BlockHashing:
    """The hashes of blocks that come one after the other."""

    def __init__(self) -> None:
        self._size = 0
        self._hashes = bytearray()

    def add(self, block: bytes | bytearray | memoryview, known: bytes = b"") -> None:
        """The next block; ``known``: its hash, where there is one already."""
        self._size += len(block)
        self._hashes += known or hash_of(block)

    def known(self, known: bytes) -> None:
        """The next block is a whole one that was hashed before: its hash."""
        self._size += BLOCK
        self._hashes += known

    def done(self) -> BlockHashes:
        return BlockHashes(self._size, bytes(self._hashes))


def blocks_of(chunk: memoryview) -> Iterator[memoryview]:
    """A chunk that begins with a block, as its blocks."""
    for begin in range(0, len(chunk), BLOCK):
        yield chunk[begin : begin + BLOCK]
