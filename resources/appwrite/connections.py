"""How Appwrite is reached: kept connections, the proxy and the certificates the environment names.

What is asked over them, and what an answer means, is not known here (gateway.py).
"""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

import urllib3
from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    get_auth_from_url,
    get_environ_proxies,
    select_proxy,
)
from urllib3.exceptions import HTTPError

from resources.errors import UsageError

# Its warnings (an odd header, a pool that is full) repeat the address asked for, in which queries name rows by $id.
logging.getLogger("urllib3").propagate = False


class Connections:
    """At most ``most`` kept connections to one server.

    HTTP_PROXY, HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE count as they do for `requests`, which the
    SDK uses; they are read once, where `requests` reads them for every call.
    Raises UsageError where the proxy cannot be used.
    """

    def __init__(self, endpoint: str, most: int) -> None:
        self._endpoint = endpoint
        self._path = urlsplit(endpoint).path
        self._manager = _manager(endpoint, most)
        self._direct: urllib3.HTTPConnectionPool | None = None

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        data: str | bytes | None,
        timeout: urllib3.Timeout,
    ) -> urllib3.BaseHTTPResponse:
        """One request to ``path`` below the endpoint; the answer's body is still to be read.

        Raises what urllib3 raises, ValueError where the endpoint is no address or a header cannot be sent.
        """
        asked: dict[str, Any] = {
            "body": data,
            "headers": headers,
            "timeout": timeout,
            "retries": False,
            "redirect": False,
            "preload_content": False,
        }
        if self._manager.proxy is not None:
            return self._manager.urlopen(method, self._endpoint + path, **asked)
        if self._direct is None:
            self._direct = self._manager.connection_from_url(self._endpoint)
        return self._direct.urlopen(method, self._path + path, **asked)

    def close(self) -> None:
        """Drop the connections nobody is using."""
        self._manager.clear()


def _manager(endpoint: str, most: int) -> urllib3.PoolManager:
    authorities = (
        os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    )
    kept: dict[str, Any] = {
        "num_pools": 2,
        "maxsize": most,
        "cert_reqs": "CERT_REQUIRED",
        ("ca_cert_dir" if os.path.isdir(authorities) else "ca_certs"): authorities,
    }
    proxy = select_proxy(endpoint, get_environ_proxies(endpoint))
    if proxy is None:
        return urllib3.PoolManager(**kept)
    name, password = get_auth_from_url(proxy)
    known = urllib3.make_headers(proxy_basic_auth=f"{name}:{password}") if name else None
    try:
        return urllib3.ProxyManager(proxy, proxy_headers=known, **kept)
    except (HTTPError, ValueError):
        pass  # its words repeat the address, which may hold a password
    raise UsageError.of("failure.proxy")
