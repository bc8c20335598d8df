"""Whether a ``.env`` may be read, and how: whose it is and in which encoding. What stands in it: settings.py.

Whoever writes this file chooses where the key is sent, and a folder above may be one that everybody can write to.
"""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

from messages.message import Message, Words, as_message
from resources.errors import UsageError

ENCODING = "utf-8-sig"
"""UTF-8, with the mark that Windows' editors put before it or without. Lines may end with CR, LF or both."""

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # begins as UTF-16's does, so it is looked for first
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


def checked(path: Path) -> str:
    """The encoding to read ``path`` with. Raises UsageError for a file of somebody else, one that others may write, a
    link out of its folder, and one in another encoding than UTF-8; the sentence names file, line and encoding.
    """
    try:
        _of_this_user(path)
        content = path.read_bytes()
    except OSError as refused:
        raise UsageError.of("failure.env_unread", path=str(path), why=str(refused.strerror)) from None
    if found := _other_encoding(content):
        encoding, at = found
        line = len((content[:at].decode("latin-1") + ".").splitlines())
        raise UsageError.of("failure.env_encoding", path=str(path), line=line, encoding=as_message(encoding))
    return ENCODING


def _of_this_user(path: Path) -> None:
    target = path.resolve(strict=True)
    # A mounted secret is a link within its folder.
    if path.is_symlink() and not target.is_relative_to(path.parent.resolve()):
        raise UsageError.of("failure.env_link", path=str(path))
    found = target.stat()
    if found.st_uid != os.geteuid():
        raise UsageError.of("failure.env_foreign", path=str(path), user=os.geteuid())
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError.of("failure.env_open", path=str(path))


def _other_encoding(content: bytes) -> tuple[Words, int] | None:
    """The encoding that is not UTF-8, in words, and the byte that shows it."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, 0
    zero = content.find(b"\0")
    if zero >= 0:
        # No text has one; UTF-16 without its mark has one beside every Latin letter.
        return Message("failure.env_zero"), zero
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return Message("failure.env_latin"), wrong.start
    return None
