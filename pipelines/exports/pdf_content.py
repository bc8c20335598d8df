"""What a PDF of ours says, apart from how it is packed: two covers are compared by it. Drawing one is month/paper.py's.

Another machine may deflate the same page to other bytes and cut the same letters out of a font in another way. What
stands on a page, where, and every object that a reader of PDF could show must be the same.
"""

from __future__ import annotations

import re
import zlib
from typing import Final

_OBJECT: Final = re.compile(rb"(?<![0-9])(\d+) 0 obj\r?\n(.*?)\r?\nendobj", re.DOTALL)
_STREAM: Final = re.compile(rb"\A(.*?)\r?\n?stream\r?\n(.*)\r?\nendstream\Z", re.DOTALL)
_LENGTH: Final = re.compile(rb"/Length1? \d+")
#: Of a font program, and of nothing else: how long it is unpacked.
_FONT: Final = b"/Length1 "
_PLACES: Final = re.compile(rb"xref\r?\n.*?(?=trailer)|/ID \[.*?\]|(?<=startxref\n)\d+", re.DOTALL)


class NotAsWeDraw(ValueError):
    """The file is no PDF as bookwatch writes one."""


def unpacked(pdf: bytes) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    """What it says, object by object, and the fonts it brings. Raises NotAsWeDraw."""
    said: list[bytes] = []
    fonts: list[bytes] = []
    rest, place = b"", 0
    while (found := _OBJECT.search(pdf, place)) is not None:
        rest += pdf[place : found.start()]
        place = found.end()
        number, body = found[1], found[2]
        stream = _STREAM.match(body)
        if stream is None:
            said.append(number + b" " + body)
            continue
        words, packed = stream[1], stream[2]
        try:
            content = zlib.decompress(packed) if b"/FlateDecode" in words else packed
        except zlib.error:
            raise NotAsWeDraw("a part of it cannot be unpacked") from None
        said.append(number + b" " + _LENGTH.sub(b"", words))
        (fonts if _FONT in words else said).append(content)
    if not said:
        raise NotAsWeDraw("it holds nothing")
    said.append(_PLACES.sub(b"", rest + pdf[place:]))
    return tuple(said), tuple(fonts)
