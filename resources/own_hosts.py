"""Which host names a server of ours answers to, and the ASGI application that holds one to them. Serves nothing itself.

A server on 127.0.0.1 is reached by every page this machine's browser opens. A page can let its own name point to
127.0.0.1 (DNS rebinding) and then read what it likes as its own; and it can send requests to 127.0.0.1 whose answers it
does not see but whose effects stay. The browser says both: in Host under which name, in Origin and Sec-Fetch-Site from
where.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any
from urllib.parse import urlsplit

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

OTHER_NAME = (
    "This server does not answer to that host name. Its own further names are set in BOOKWATCH_HOSTS.\n"
)
OTHER_ORIGIN = "This server does not answer to pages of another origin.\n"
POLICY_VIOLATION = 1008
"""The code with which a WebSocket is closed (RFC 6455, 7.4.1)."""

_NAME = re.compile(r"(?!-)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*")

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this machine whatever a name server says."""
    name = host.strip("[]").rstrip(".").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def host_name(text: str) -> str | None:
    """A host name or address as it is compared: lower case, IPv6 without brackets. None where it is none."""
    name = text.strip().lower().rstrip(".")
    try:
        return str(ipaddress.ip_address(name.removeprefix("[").removesuffix("]")))
    except ValueError:
        return name if len(name) <= 253 and _NAME.fullmatch(name) else None


def name_of(host: str | None) -> str | None:
    """The name in a Host header, without its port. None where it is missing or malformed."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/?#\\\s]+)(?::([0-9]{1,5}))?", host or "")
    return host_name(found[1]) if found else None


class OwnHosts:
    """Passes on to ``app`` what was asked for under a name of ours, and not by a page of somebody else; the rest is
    refused with 403 (a WebSocket before it opens). A link in a mail or a message opens a page all the same.

    ``names``: further own names (BOOKWATCH_HOSTS), beside those of loopback. ``origins``: where pages lie that may ask
    as ours do, as a browser says it (https://app.example).
    """

    def __init__(self, app: AsgiApp, names: Iterable[str] = (), origins: Iterable[str] = ()) -> None:
        self.app = app
        self.names = frozenset((*LOOPBACK_NAMES, *names))
        self.origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self.refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})  # not accepted yet: a 403
        else:
            content = refusal.encode()
            headers = [
                (b"content-type", b"text/plain; charset=utf-8"),
                (b"content-length", str(len(content)).encode()),
            ]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": content})

    def refusal(self, scope: Scope) -> str | None:
        """Why a request is refused, None where it is not."""
        headers: dict[str, list[str]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
        hosts = headers.get("host", [])
        if len(hosts) != 1 or name_of(hosts[0]) not in self.names:
            return OTHER_NAME
        origins = headers.get("origin", [])
        if len(origins) == 1 and origins[0].lower() in self.origins:
            return None
        if any(_place(origin) != hosts[0].lower() for origin in origins):
            return OTHER_ORIGIN
        # Not every request carries its origin (an image, a form sent with GET): browsers say this of each.
        elsewhere = {"cross-site", "same-site"} & set(headers.get("sec-fetch-site", ()))
        return OTHER_ORIGIN if elsewhere and not _opens_a_page(scope, headers) else None


def _place(origin: str) -> str | None:
    """Host and port of an Origin, as Host has them. None for "null" and anything else."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.scheme in ("http", "https") and parts.netloc else None


def _opens_a_page(scope: Scope, headers: Mapping[str, list[str]]) -> bool:
    """A link that a person followed: it opens a page of its own, in no frame of another's, and sends nothing."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == ["navigate"]
        and headers.get("sec-fetch-dest") == ["document"]
    )
