"""How files of the home are written: new, for this user only, never through a link that lies in their place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO


def create(path: Path, *, mode: int = 0o600) -> BinaryIO:
    """A new file to write and read. What lay at ``path`` (a leftover, a link) is taken away, its target untouched."""
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "w+b")


def replace(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Put ``content`` at ``path`` in one step, durably: a reader sees the old file or the new."""
    partial = path.with_name(f".{path.name}.partial")
    with create(partial, mode=mode) as file:
        file.write(content)
        sync_open(file)
    os.replace(partial, path)
    sync(path.parent)


def no_link(path: str, flags: int) -> int:
    """An ``opener`` for ``open`` that fails (OSError) where a link lies at ``path``."""
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def sync_open(file: BinaryIO) -> None:
    """Make what was written to an open file durable."""
    file.flush()
    os.fsync(file.fileno())


def sync(path: Path) -> None:
    """Make a closed file, or the renames in a folder, durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
