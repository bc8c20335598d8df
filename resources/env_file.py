"""Whether a ``.env`` may be read, and how: whose it is and in which encoding. What stands in it: settings.py.

Whoever writes this file chooses where the key is sent, and a folder above may be one that everybody can write to.
"""

from __future__ import annotations

import codecs
import os
import stat
from pathlib import Path

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
        raise UsageError(
            f"{path} cannot be read ({refused.strerror}).", "Make it readable to you, or remove it."
        ) from None
    if found := _other_encoding(content):
        encoding, at = found
        line = len((content[:at].decode("latin-1") + ".").splitlines())
        raise UsageError(
            f"{path} is not in UTF-8: line {line} is in {encoding}.", "Save it as UTF-8 and try again."
        )
    return ENCODING


def _of_this_user(path: Path) -> None:
    target = path.resolve(strict=True)
    # A mounted secret is a link within its folder.
    if path.is_symlink() and not target.is_relative_to(path.parent.resolve()):
        raise UsageError(
            f"{path} is a link to a file elsewhere, and is not read.",
            "Put the file itself there, or remove the link.",
        )
    found = target.stat()
    if found.st_uid != os.geteuid():
        raise UsageError(
            f"{path} belongs to another user, who could send the key elsewhere, and is not read.",
            f"Make it yours (chown {os.geteuid()}), or work in another folder.",
        )
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(
            f"{path} can be written by other users, who could send the key elsewhere, and is not read.",
            "Take that right away: chmod go-w on it.",
        )


def _other_encoding(content: bytes) -> tuple[str, int] | None:
    """The encoding that is not UTF-8, in words, and the byte that shows it."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding, 0
    zero = content.find(b"\0")
    if zero >= 0:
        # No text has one; UTF-16 without its mark has one beside every Latin letter.
        return "UTF-16 (or holds zero bytes)", zero
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return "another encoding, such as Latin-1 (Windows-1252)", wrong.start
    return None
