"""What a proof of payment is, and the hash that stands for where it lies. The picture is never looked at.

Whether a record has one, and when it was handed in, is read in assets/core; what follows from that is the marts'.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Final

import polars as pl

from marketplace.identifiers import TOKEN
from marketplace.pseudonyms import PREFIX
from marketplace.statuses import values


class ProofKind(StrEnum):
    """What a proof is written as. Columns hold the plain word (``value``), as with statuses."""

    LINK = "link"
    EMBEDDED = "embedded"
    FILE = "file"
    OTHER = "other"


PROOF_KINDS: Final = values(*ProofKind)
PROOF_KEY: Final = rf"^{PREFIX}[a-p]{{32}}$"
"""The form of a hash. Its letters hold no digits: none can be read as a phone."""
_LETTERS: Final = str.maketrans("0123456789abcdef", "abcdefghijklmnop")
_HASH_BYTES: Final = 16
_NAMESPACE: Final = b"proof"


def proof_kinds(written: pl.Series) -> pl.Series:
    """Proofs as written (trimmed; null for none) → link (an address on the web), embedded (the picture itself, in a
    data: address), file (an id or path in the app's storage), other."""
    proof = pl.col("proof")
    return (
        pl.DataFrame({"proof": written})
        .select(
            pl.when(proof.is_null())
            .then(None)
            .when(proof.str.contains(r"^(?i:https?:)?//[^/\s]"))
            .then(pl.lit(ProofKind.LINK.value))
            .when(proof.str.contains(r"^(?i:data:)"))
            .then(pl.lit(ProofKind.EMBEDDED.value))
            .when(proof.str.contains(rf"^{TOKEN}$"))
            .then(pl.lit(ProofKind.FILE.value))
            .otherwise(pl.lit(ProofKind.OTHER.value))
            .alias("kind")
        )
        .to_series()
    )


def proof_keys(written: pl.Series, key: bytes) -> pl.Series:
    """Proofs as written → a hash of each, keyed in the home: BLAKE2b of 128 bits, of the exact text. Of another domain
    than pseudonyms, as an address is no id: what both hide is not to be compared."""
    if written.null_count() == len(written):
        return pl.Series([None] * len(written), dtype=pl.String)
    return pl.Series(
        [None if proof is None else _hash(proof, key) for proof in written.to_list()], dtype=pl.String
    )


def _hash(proof: str, key: bytes) -> str:
    digest = hashlib.blake2b(proof.encode(), key=key, digest_size=_HASH_BYTES, person=_NAMESPACE)
    return PREFIX + digest.hexdigest().translate(_LETTERS)
