"""A server is believed by its certificate: one not trusted, or of another host, is refused before the key goes out."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from resources.appwrite.sync import ping
from resources.errors import SourceUnavailable
from tests.ingest.other_servers import OtherServer, serving
from tests.ingest.test_other_servers import opened

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl makes the certificates")


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """What a server of this name shows, signed by itself, and the file of who trusts it."""
    key, shown = folder / "key.pem", folder / "shown.pem"
    made = subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={name}", "-keyout", str(key),
            "-out", str(shown),
        ],
        capture_output=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    if made.returncode:
        pytest.skip("this openssl makes no such certificate")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(shown, key)
    return context, shown


@pytest.mark.parametrize(
    ("name", "trusted", "accepted"),
    [("IP:127.0.0.1", True, True), ("IP:127.0.0.1", False, False), ("DNS:other.example", True, False)],
)
def test_only_a_trusted_certificate_of_this_host_is_accepted(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool, accepted: bool
) -> None:
    context, shown = certificate(tmp_path, name)
    for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(variable, raising=False)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(shown))
    server = OtherServer()
    with serving(server, context):
        gateway, recorder = opened(server, home)
        if accepted:
            assert ping(gateway) is not None
            return
        with pytest.raises(SourceUnavailable, match=r"certificate of .* is not trusted") as told:
            ping(gateway)
    assert "REQUESTS_CA_BUNDLE" in told.value.next_step
    # It was not tried again, and neither the request nor the key in it went out.
    assert (recorder.events[-1].reason, recorder.events[-1].attempts, server.asked) == ("certificate", 1, [])
