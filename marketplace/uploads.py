"""What a file that somebody uploads is, by its own bytes: its name and what its sender calls it say nothing. Where it
is kept does not live here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class UploadKind:
    """A kind of file that is taken. ``extension``: under which it is kept."""

    name: str
    extension: str
    content_type: str


JPEG: Final = UploadKind("jpeg", "jpg", "image/jpeg")
PNG: Final = UploadKind("png", "png", "image/png")
WEBP: Final = UploadKind("webp", "webp", "image/webp")
PDF: Final = UploadKind("pdf", "pdf", "application/pdf")
IMAGES: Final = (JPEG, PNG, WEBP)
PROOFS: Final = (*IMAGES, PDF)
"""What a proof of payment may be."""

LARGEST_PROOF_BYTES: Final = 5_000_000
"""One request to Appwrite carries it: a file is there whole, or not at all."""
PROOF_BUCKET: Final = "payment_proofs"
"""Each file of it is readable by its provider and by administrators, and by nobody else."""

_SCAN: Final = 1_024
"""A PDF ends with its mark, and perhaps a few blanks."""


def kind_of(content: bytes) -> UploadKind | None:
    """What a file is; None for anything that is none of these, or broke off before its end."""
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG if b"\xff\xd9" in content[-_SCAN:] else None
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG if b"IEND" in content[-_SCAN:] else None
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP if len(content) >= int.from_bytes(content[4:8], "little") + 8 else None
    if content.startswith(b"%PDF-"):
        return PDF if b"%%EOF" in content[-_SCAN:] else None
    return None
