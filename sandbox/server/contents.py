"""What is in a file: its type as libmagic would name it, the bytes it takes, the part that a Range asks for."""

from __future__ import annotations

import re
import zlib

from sandbox.server.errors import Failure

CHUNK = 5 * 1024 * 1024  # bytes of a chunk, but the last
ENCRYPTED_MAX = 20_000_000  # bytes; a larger file is kept as it is
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"), (b"PK\x03\x04", "application/zip"), (b"\x1f\x8b", "application/gzip"),
    (b"(\xb5/\xfd", "application/zstd"),
)  # fmt: skip
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


def type_of(head: bytes, size: int) -> str:
    """By the first bytes of a file, whatever its sender said."""
    if not size:
        return "application/x-empty"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    try:
        text = head.decode() if len(head) == size else head[:-4].decode("utf-8", "ignore")
    except UnicodeDecodeError:
        return "application/octet-stream"
    if len(head) < size and "\ufffd" in head[:-4].decode("utf-8", "replace"):
        return "application/octet-stream"
    if any(ord(letter) < 32 and letter not in "\t\n\r\f\b\x1b" for letter in text):
        return "application/octet-stream"
    if text.lstrip()[:1] in ("{", "[") and text.rstrip()[-1:] in ("}", "]") and "\n{" not in text:
        return "application/json"
    return "text/plain"


def kept_size(content: bytes, compression: str, encrypted: bool) -> int:
    """Bytes it takes on the server: compressed, then encrypted into base64."""
    if len(content) > ENCRYPTED_MAX:
        return len(content)
    size = len(content)
    if compression != "none" and content:
        packer = zlib.compressobj(6, wbits=31, memLevel=9)  # as PHP's gzencode does
        size = len(packer.compress(content)) + len(packer.flush())
    return -(-size // 3) * 4 if encrypted else size


def range_of(header: str, size: int) -> tuple[int, int]:
    """First and last byte. Raises Failure where a file of this size has none of the kind."""
    found = _RANGE.fullmatch(header.strip())
    first, last = (int(found[1]), int(found[2] or size - 1)) if found else (1, 0)
    if first > last or last >= size:
        raise Failure(
            416,
            "storage_invalid_range",
            "The requested range is not satisfiable. Please check the value of the Range header.",
        )
    return first, last


def chunk_of(header: str) -> tuple[int, int, int]:
    """First and last byte of a chunk, size of its file. Raises Failure where a Content-Range says none of it."""
    found = _CONTENT_RANGE.fullmatch(header.strip())
    first, last, size = (int(found[1]), int(found[2]), int(found[3])) if found else (1, 0, 0)
    if first > last or last >= size or first % CHUNK or (last + 1 < size and last + 1 - first != CHUNK):
        raise Failure(
            400,
            "storage_invalid_content_range",
            "The content range is invalid. Please check the value of the Content-Range header.",
        )
    return first, last, size
