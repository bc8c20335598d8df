"""The secret of a home that hashes are keyed with, in a file beside the mirror. What is hashed is in marketplace/."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from resources.errors import BookwatchError
from resources.own_files import create, sync, sync_open


def read_phone_key(raw_path: Path) -> bytes:
    """The secret beside the mirror that phone hashes are made with; made at first use, readable by its owner
    only. Raises BookwatchError where a link lies in its place, or a file that holds nothing: what is hashed without a
    secret can be guessed."""
    path = raw_path.with_name("phone.key")
    if path.is_symlink():
        raise BookwatchError.of("failure.key_link", path=str(path))
    if not path.exists():
        _make(path)
    key = path.read_bytes()
    if not key:
        raise BookwatchError.of("failure.key_empty", path=str(path))
    return key


def _make(path: Path) -> None:
    """Whole from the instant it is there; of two that make it at once the first one's stands."""
    new = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with create(new) as file:
            file.write(secrets.token_bytes(32))
            sync_open(file)
        with suppress(FileExistsError):
            os.link(new, path, follow_symlinks=False)
    finally:
        new.unlink(missing_ok=True)
    sync(path.parent)
