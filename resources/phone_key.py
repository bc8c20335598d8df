"""The secret of a home that hashes are keyed with, in a file beside the mirror. What is hashed is in marketplace/."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from resources.errors import BookwatchError
from resources.own_files import sync_open


def read_phone_key(raw_path: Path) -> bytes:
    """The secret beside the mirror that phone hashes are made with; made at first use, readable by its owner
    only."""
    path = raw_path.with_name("phone.key")
    if path.is_symlink():
        raise BookwatchError.of("failure.key_link", path=str(path))
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(handle, "wb") as file:
        file.write(secrets.token_bytes(32))
        sync_open(file)
    return path.read_bytes()
