"""An identity provider on this machine, and the dashboards behind it: what tests of signing in stand on. Holds no test.

The provider is oidc-provider-mock: it lets anybody be whom they say, and a test says what else is claimed of them.
"""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
from authlib.deprecate import AuthlibDeprecationWarning

from dashboards import launch

with warnings.catch_warnings():  # of itself it warns of how it uses Authlib, which is not ours to change
    warnings.simplefilter("ignore", AuthlibDeprecationWarning)
    import oidc_provider_mock

ROLES = """
[email]
"ayu@example.test" = "viewer"
"komang@example.test" = "operator"
"sari@example.test" = "support"
"made@example.test" = "auditor"
"wayan@example.test" = "admin"

[provider]
"ketut@example.test" = "nobody-of-this-snapshot"
"""


#: What an environment may say to Streamlit, and is not to open a way around.
OF_OTHERS = {
    "STREAMLIT_SERVER_BASE_URL_PATH": "elsewhere",
    "STREAMLIT_SERVER_ENABLE_AGENT_API": "true",
    "STREAMLIT_SERVER_TRUSTED_USER_HEADERS": '{"x-user": "email"}',
    "STREAMLIT_SERVER_ENABLE_STATIC_SERVING": "true",
}


@dataclass
class Login:
    """The dashboards behind a login, and the provider that people sign in at."""

    url: str
    provider: str
    home: Path

    def claim(self, email: str, **claims: object) -> None:
        """What the provider says of somebody, beside their address."""
        said = {"email": email, "email_verified": True, **claims}
        requests.put(f"{self.provider}/users/{email}", json=said, timeout=10).raise_for_status()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def settings_of(provider: str, port: int, home: Path) -> dict[str, str]:
    """The environment that sets a login up."""
    (home / "roles.toml").write_text(ROLES, encoding="utf-8")
    return {
        "BOOKWATCH_HOME": str(home),
        "BOOKWATCH_LOGIN": f"{provider}/.well-known/openid-configuration",
        "BOOKWATCH_LOGIN_CLIENT": "bookwatch",
        "BOOKWATCH_LOGIN_SECRET": "known-to-the-two",
        "BOOKWATCH_ROLES": "roles.toml",
        "BOOKWATCH_DASHBOARDS": f"http://127.0.0.1:{port}",
    }


@contextmanager
def provider() -> Iterator[str]:
    """A provider of this process; its address."""
    with oidc_provider_mock.run_server_in_thread(issue_refresh_token=False) as server:
        yield f"http://localhost:{server.server_port}"


@contextmanager
def dashboards(home: Path, **environment: str) -> Iterator[Login]:
    """A provider and a server of the dashboards that asks for it; both are stopped at the end."""
    with provider() as address:
        port = free_port()
        log = home / "server.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                launch.command(port),
                env={**launch.environment(), **settings_of(address, port, home), **OF_OTHERS, **environment},
                cwd=home,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            url = f"http://127.0.0.1:{port}"
            until = time.monotonic() + 60
            while not _answers(url):
                assert process.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < until, log.read_text()[-2000:]
                time.sleep(0.05)  # nobody tells when a server listens: it is asked
            yield Login(url, address, home)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False
