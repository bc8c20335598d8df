"""What a file is, by its own bytes."""

from __future__ import annotations

import pytest

from marketplace.uploads import JPEG, PDF, PNG, WEBP, UploadKind, kind_of

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 40 + b"\0\0\0\0IEND\xaeB`\x82"
PAPER = b"%PDF-1.7\n" + b"x" * 2_000 + b"\n%%EOF\n"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PICTURE, PNG),
        (PAPER, PDF),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40 + b"\xff\xd9", JPEG),
        (b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0", WEBP),
        (PICTURE[:-8], None),  # it broke off
        (PAPER[:-8], None),
        (b"\xff\xd8\xff\xe0" + b"\0" * 40, None),
        (b"RIFF\x0c\0\0\0WEBPVP8 ", None),
        (b"<html>%PDF-1.7 %%EOF</html>", None),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"GIF89a" + b"\0" * 40, None),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_say(content: bytes, kind: UploadKind | None) -> None:
    assert kind_of(content) is kind
