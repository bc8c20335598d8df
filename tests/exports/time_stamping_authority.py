"""A time-stamping authority of the tests' own (RFC 3161): its certificates, and a server that answers by HTTP.

Its answers are put together byte by byte in DER, by no code that bookwatch uses.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from http.server import BaseHTTPRequestHandler, HTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

INTEGER, OCTETS, SEQUENCE, SET, TIME = 0x02, 0x04, 0x30, 0x31, 0x18
SHA256 = bytes.fromhex("0609608648016503040201")
ECDSA = bytes.fromhex("06082a8648ce3d040302")
SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
TST_INFO = bytes.fromhex("060b2a864886f70d0109100104")
CONTENT_TYPE = bytes.fromhex("06092a864886f70d010903")
DIGEST = bytes.fromhex("06092a864886f70d010904")
SIGNING_CERTIFICATE = bytes.fromhex("060b2a864886f70d010910022f")
POLICY = bytes.fromhex("06042a030405")


def der(tag: int, *parts: bytes) -> bytes:
    """One value of DER."""
    content = b"".join(parts)
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8 or 1, "big")
    return bytes([tag, *([] if size < 128 else [0x80 | len(length)])]) + length + content


def whole(number: int) -> bytes:
    return der(INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def values(content: bytes) -> list[tuple[int, bytes]]:
    """The values within a SEQUENCE, as tag and content."""
    found: list[tuple[int, bytes]] = []
    while content:
        size, at = content[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(content[2:at], "big")
        found.append((content[0], content[at : at + size]))
        content = content[at + size :]
    return found


def _certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, by: ec.EllipticCurvePrivateKey, at: datetime
) -> x509.Certificate:
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    builder = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
    )
    if name != issuer:
        stamping = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING])
        builder = builder.add_extension(stamping, critical=True)
    return builder.sign(by, hashes.SHA256())


@dataclass(frozen=True)
class Authority:
    """An authority whose clock stands at ``at``. ``refuses``: it says no; ``lies``: it stamps other bytes."""

    at: datetime = datetime(2026, 11, 6, 2, 0, tzinfo=UTC)
    name: str = "Test TSA"
    refuses: bool = False
    lies: bool = False

    @cached_property
    def _keys(self) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate, x509.Certificate]:
        root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = f"{self.name} Root"
        return (
            leaf,
            _certificate(self.name, leaf, issuer, root, self.at),
            _certificate(issuer, root, issuer, root, self.at),
        )

    @property
    def root(self) -> bytes:
        """Its root certificate, PEM."""
        return self._keys[2].public_bytes(serialization.Encoding.PEM)

    def answer(self, request: bytes) -> bytes:
        """A TimeStampResp."""
        if self.refuses:
            return der(SEQUENCE, der(SEQUENCE, whole(2)))
        inner = values(values(request)[0][1])
        imprint = der(SEQUENCE, inner[1][1])
        if self.lies:
            imprint = der(
                SEQUENCE, der(SEQUENCE, SHA256, b"\5\0"), der(OCTETS, hashlib.sha256(b"other").digest())
            )
        nonce = next(content for tag, content in inner[2:] if tag == INTEGER)
        info = der(
            SEQUENCE,
            whole(1),
            POLICY,
            imprint,
            whole(7),
            der(TIME, f"{self.at:%Y%m%d%H%M%SZ}".encode()),
            der(INTEGER, nonce),
        )
        return der(SEQUENCE, der(SEQUENCE, whole(0)), self._token(info))

    def _token(self, info: bytes) -> bytes:
        key, leaf, root = self._keys
        certificates = [one.public_bytes(serialization.Encoding.DER) for one in (leaf, root)]
        sha256 = der(SEQUENCE, SHA256, b"\5\0")
        hashed = der(OCTETS, hashlib.sha256(certificates[0]).digest())
        attributes = b"".join(
            sorted(
                (
                    der(SEQUENCE, CONTENT_TYPE, der(SET, TST_INFO)),
                    der(SEQUENCE, DIGEST, der(SET, der(OCTETS, hashlib.sha256(info).digest()))),
                    der(
                        SEQUENCE,
                        SIGNING_CERTIFICATE,
                        der(SET, der(SEQUENCE, der(SEQUENCE, der(SEQUENCE, hashed)))),
                    ),
                )
            )
        )
        signature = key.sign(der(SET, attributes), ec.ECDSA(hashes.SHA256()))
        signer = der(
            SEQUENCE,
            whole(1),
            der(SEQUENCE, leaf.issuer.public_bytes(), whole(leaf.serial_number)),
            sha256,
            der(0xA0, attributes),
            der(SEQUENCE, ECDSA),
            der(OCTETS, signature),
        )
        signed = der(
            SEQUENCE,
            whole(3),
            der(SET, sha256),
            der(SEQUENCE, TST_INFO, der(0xA0, der(OCTETS, info))),
            der(0xA0, *sorted(certificates)),
            der(SET, signer),
        )
        return der(SEQUENCE, SIGNED_DATA, der(0xA0, signed))

    @contextmanager
    def serving(self) -> Generator[str]:
        """The authority as a server; its address."""
        authority = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.headers["Content-Type"] == "application/timestamp-query"
                content = authority.answer(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/timestamp-reply")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                del format, args

        server = HTTPServer(("127.0.0.1", 0), Handler)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            serving.join()
            server.server_close()
