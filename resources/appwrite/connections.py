"""How Appwrite is reached: kept connections, the proxy and the certificates the environment names.

What is asked over them, and what an answer means, is not known here (gateway.py).
"""

from __future__ import annotations

import os
from typing import Any

import urllib3
from requests.utils import (
    DEFAULT_CA_BUNDLE_PATH,
    get_auth_from_url,
    get_environ_proxies,
    select_proxy,
)
from urllib3.exceptions import HTTPError

from resources.errors import UsageError


def connections_to(endpoint: str, most: int) -> urllib3.PoolManager:
    """A pool of at most ``most`` kept connections to a server.

    HTTP_PROXY, HTTPS_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE count as they do for `requests`, which the
    SDK uses; they are read once, where `requests` reads them for every call (2 ms of the 3.7 that a small call cost).
    Raises UsageError where the proxy cannot be used.
    """
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
    raise UsageError(
        "The proxy that the environment names cannot be used.",
        "Check HTTP_PROXY and HTTPS_PROXY (http://host:port), or list the server in NO_PROXY.",
    )
