"""The signature of a report: of its manifest, which holds the hash of every other file. It lies beside the manifest as
minisign writes it, so that ``minisign -Vm manifest.json -p KEY`` proves it without bookwatch.

The keys are resources/report_keys.py's.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import minisign  # pyright: ignore[reportMissingTypeStubs] - it has types, and no py.typed

from pipelines.exports.manifest import MANIFEST
from resources.errors import BookwatchError
from resources.report_keys import PublicKey, Signer

SIGNATURE: Final = f"{MANIFEST}.minisig"


@dataclass(frozen=True)
class Judged:
    """What a signature proves. At most one of the first two is said; ``signed``: by which key, where it holds."""

    difference: str | None = None
    not_checked: str | None = None
    signed: str | None = None


def signature_of(manifest: bytes, signer: Signer, made_at: datetime, *, clock_frozen: bool) -> bytes:
    """The signature file of a manifest. What its second comment says is signed as well."""
    words = [f"timestamp:{int(made_at.timestamp())}", f"file:{MANIFEST}", "hashed"]
    return signer.sign(manifest, "\t".join([*words, *(["clock:frozen"] if clock_frozen else [])]))


def judge(
    folder: Path,
    manifest: bytes,
    *,
    signed_with: str | None,
    known: Sequence[PublicKey],
    given: PublicKey | None,
    must_say: bool,
) -> Judged:
    """Whether the report in ``folder`` is signed, and by whom.

    ``signed_with``: the public key its manifest names; ``known``: the keys of this home; ``given``: the key the reader
    trusts, which goes before them. ``must_say``: a report without any signature is told of.
    """
    path = folder / SIGNATURE
    if not os.path.lexists(path):
        if signed_with is not None:
            return Judged(
                f"{SIGNATURE} is gone; {MANIFEST} says that it was signed with the key {signed_with}."
            )
        if given is not None:
            return Judged(f"the report is not signed, so not with the key {given.key_id} either.")
        unsigned = "the report is not signed: who holds its folder and the ledger could have made it anew."
        return Judged(not_checked=unsigned if must_say else None)
    if path.is_symlink() or not path.is_file():
        return Judged(f"{SIGNATURE} is not a plain file.")
    try:
        signature = minisign.Signature.from_bytes(path.read_bytes())
    except minisign.Error:
        return Judged(f"{SIGNATURE} is no signature as minisign writes it: it was edited.")
    named = [] if signed_with is None else [signed_with]
    trusted = [given.text] if given else [key.text for key in known]
    for text in (*trusted, *named):
        key = _key(text)
        if key is None or not _proves(key, manifest, signature):
            continue
        comment = signature.trusted_comment.replace("\t", " ")
        if text in trusted:
            return Judged(signed=f"signed with the key {text} ({comment})")
        if trusted:
            return Judged(
                f"the report is signed with the key {text}, which is not"
                f" {'the one given' if given else 'a key of this home'}."
            )
        return Judged(
            not_checked=f"the signature is by the key that {MANIFEST} itself names, {text}: whose it is cannot be told"
            " here; `bookwatch verify --key` takes the key you know."
        )
    if trusted or named:
        return Judged(
            f"{SIGNATURE} does not prove {MANIFEST}: one of the two was edited, or it was signed with a key that is not"
            f" {'the one given' if given else 'known here'}."
        )
    return Judged(
        not_checked=f"no key is known here for {SIGNATURE}; `bookwatch verify --key` takes the key you know."
    )


def _key(text: str) -> minisign.PublicKey | None:
    try:
        return minisign.PublicKey.from_base64(text)
    except minisign.Error:
        return None


def _proves(key: minisign.PublicKey, manifest: bytes, signature: minisign.Signature) -> bool:
    try:
        key.verify(manifest, signature)
    except minisign.VerifyError:
        return False
    return True


def report_of(folder: Path) -> bytes:
    """The manifest of the report in ``folder``. Raises BookwatchError."""
    try:
        return (folder / MANIFEST).read_bytes()
    except OSError as refused:
        raise BookwatchError(
            f"There is no report in {folder} that could be read ({refused.strerror}).",
            "Give the folder of a report.",
        ) from None
