"""The time-stamp of a report (RFC 3161): an authority outside says that the manifest was there at an instant. Only the
manifest's hash leaves this machine. The authority's answer lies beside the manifest, as ``openssl ts`` reads it too.

Needs the extra ``timestamps`` (rfc3161-client); a report holds without.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pipelines.exports.manifest import MANIFEST
from resources.errors import BookwatchError, UsageError
from resources.own_files import replace

if TYPE_CHECKING:
    from cryptography.x509 import Certificate
    from rfc3161_client import TimeStampResponse

STAMP: Final = f"{MANIFEST}.tsr"
_SECONDS: Final = 20.0
#: An answer holds a few certificates; what is longer is none.
_LARGEST: Final = 1 << 20
_WITHOUT: Final = "the extra timestamps is not installed (pip install 'bookwatch[timestamps]')"


@dataclass(frozen=True)
class Stamped:
    """What a time-stamp proves. At most one of the first two is said; ``stamped``: when and by whom."""

    difference: str | None = None
    not_checked: str | None = None
    stamped: str | None = None


def stamp(folder: Path, manifest: bytes, url: str) -> str:
    """Have the manifest time-stamped by the authority at ``url`` and keep its answer; returns when and by whom.

    Raises UsageError without rfc3161-client or for another URL than http(s), BookwatchError where the authority does
    not answer with a stamp of this manifest. Nothing is written then.
    """
    if not url.startswith(("http://", "https://")):
        raise UsageError("The address of a time-stamping authority begins with http:// or https://.", "")
    try:
        import rfc3161_client
    except ImportError:
        raise UsageError(
            f"A report cannot be time-stamped: {_WITHOUT}.", "Install it and try again."
        ) from None
    import requests

    asked = (
        rfc3161_client.TimestampRequestBuilder()
        .data(manifest)
        .hash_algorithm(rfc3161_client.HashAlgorithm.SHA256)
        .build()
    )
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    try:
        answer = requests.post(url, data=asked.as_bytes(), headers=headers, timeout=_SECONDS, stream=True)
        content = answer.raw.read(_LARGEST + 1, decode_content=True)
    except (requests.RequestException, OSError) as refused:
        raise _not_stamped(type(refused).__name__) from None
    if not answer.ok or len(content) > _LARGEST:
        raise _not_stamped(f"status {answer.status_code}, {len(content):,} bytes")
    try:
        response = rfc3161_client.decode_timestamp_response(content)
        if response.status != rfc3161_client.PKIStatus.GRANTED:
            raise _not_stamped(f"it refused: {response.status} {'; '.join(response.status_string)}".strip())
        if response.tst_info.nonce != asked.nonce:
            raise _not_stamped("it answered another question")
        told = _proven(response, [manifest], None)
    except ValueError as broken:
        raise _not_stamped(str(broken) or type(broken).__name__) from None
    replace(folder / STAMP, content)
    return told


def judge_stamp(
    folder: Path, manifest: bytes, *, earlier_sha256: Sequence[str] = (), roots: Path | None = None
) -> Stamped:
    """Whether the report in ``folder`` was there when its time-stamp says.

    ``earlier_sha256``: the hashes of the manifests this one took the place of, which it may be of as well; ``roots``:
    the certificates (PEM) of the authorities that the reader trusts. Raises UsageError where these cannot be read.
    """
    path = folder / STAMP
    trusted = None if roots is None else _certificates(roots)
    if not os.path.lexists(path):
        return Stamped("the report has no time-stamp.") if trusted else Stamped()
    if path.is_symlink() or not path.is_file():
        return Stamped(f"{STAMP} is not a plain file.")
    try:
        import rfc3161_client
    except ImportError:
        return Stamped(not_checked=f"{STAMP}: {_WITHOUT}.")
    try:
        response = rfc3161_client.decode_timestamp_response(path.read_bytes())
        told = _proven(response, [manifest], trusted, earlier_sha256)
    except ValueError as broken:
        return Stamped(f"{STAMP} does not prove {MANIFEST}: {str(broken).rstrip('.') or 'it was edited'}.")
    if trusted is None:
        return Stamped(
            not_checked=f"{told}: whether that authority can be believed; `bookwatch verify --tsa-root` takes its"
            " certificate."
        )
    return Stamped(stamped=told)


def _proven(
    response: TimeStampResponse,
    manifests: Sequence[bytes],
    trusted: Sequence[Certificate] | None,
    earlier_sha256: Sequence[str] = (),
) -> str:
    """When and by whom; ValueError where it proves nothing of them. Without ``trusted`` certificates those within the
    answer are taken: that it is whole is proven, who made it is not."""
    import rfc3161_client
    from cryptography import x509

    digests = {hashlib.sha256(data).digest(): "" for data in manifests}
    digests |= {bytes.fromhex(text): " (of the manifest it took the place of)" for text in earlier_sha256}
    info = response.tst_info
    held = info.message_imprint.message
    if held not in digests:
        raise ValueError("it is of other bytes")
    within = [x509.load_der_x509_certificate(data) for data in response.signed_data.certificates]
    builder = rfc3161_client.VerifierBuilder()
    for certificate in within if trusted is None else trusted:
        builder = builder.add_root_certificate(certificate)
    try:
        builder.build().verify(response, held)
    except rfc3161_client.VerificationError as broken:
        raise ValueError(str(broken)) from None
    makers = {(signer.issuer, signer.serial_number) for signer in response.signed_data.signer_infos}
    leaf = next(one for one in within if (one.issuer, one.serial_number) in makers)
    return f"time-stamped at {info.gen_time:%Y-%m-%d %H:%M:%S} UTC by {leaf.subject.rfc4514_string()}{digests[held]}"


def _certificates(path: Path) -> list[Certificate]:
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except (OSError, ValueError):
        raise UsageError(
            f"{path} holds no certificates in PEM.", "Give the authority's root certificate."
        ) from None


def _not_stamped(why: str) -> BookwatchError:
    return BookwatchError(
        f"The report was not time-stamped: the authority gave no stamp of it ({why}).",
        "The report stands as it is; `bookwatch keys stamp DIR` tries again.",
    )
