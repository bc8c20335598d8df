"""Which requests a server of ours answers: under its own names, and not to pages of others."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from resources.own_hosts import OwnHosts, host_name, is_loopback

FURTHER = ("watch.example.org", "2001:db8::1")
OPENED = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


async def _through(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "passed"})


def asked(
    *headers: tuple[str, str], kind: str = "http", method: str = "GET", names: tuple[str, ...] = FURTHER
) -> list[MutableMapping[str, Any]]:
    """What is sent for a request with these headers."""
    scope: dict[str, Any] = {
        "type": kind,
        "method": method,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }
    sent: list[MutableMapping[str, Any]] = []

    async def keep(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {}

    # In a thread of its own: a browser test before it leaves a loop running in this one.
    with ThreadPoolExecutor(1) as aside:
        aside.submit(asyncio.run, OwnHosts(_through, names)(scope, receive, keep)).result()
    return sent


def passes(*headers: tuple[str, str], **more: Any) -> bool:
    sent = asked(*headers, **more)
    if sent == [{"type": "passed"}]:
        return True
    if more.get("kind") == "websocket":
        assert sent == [{"type": "websocket.close", "code": 1008}]
    else:
        assert [message.get("status") for message in sent] == [403, None]
    return False


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:8501", "LocalHost:1", "localhost.:8501", "127.0.0.1", "127.0.0.1:3000", "[::1]:8501",
        "[0:0:0:0:0:0:0:1]", "watch.example.org", "WATCH.example.org:443", "[2001:db8::1]:8501",
    ],
)  # fmt: skip
def test_own_names_are_answered(kind: str, host: str) -> None:
    assert passes(("host", host), kind=kind)


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host",
    [
        "", "evil.test", "evil.test:8501", "localhost.evil.test", "127.0.0.1.evil.test", "evillocalhost",
        "watch.example.org.evil.test", "x.watch.example.org", "localhost@evil.test", "evil.test#localhost",
        "evil.test/localhost", "localhost evil.test", "localhost,evil.test", "[::1", "::1", "[::2]", "0.0.0.0", "127.1",
        "2130706433", "localhost:evil", "localhost:123456", "localhost\x00", "l\xf6calhost", "127.0.0.2", "*",
    ],
)  # fmt: skip
def test_other_names_are_refused(kind: str, host: str) -> None:
    assert not passes(("host", host), kind=kind)


def test_no_name_and_two_names_are_refused() -> None:
    assert not passes()
    assert not passes(("host", "localhost"), ("host", "evil.test"))
    assert not passes(("host", "watch.example.org"), names=())


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("origin", "answered"),
    [
        ("http://localhost:8501", True),
        ("https://LOCALHOST:8501", True),  # behind a proxy that ends TLS
        ("http://localhost:9999", False),
        ("http://localhost", False),
        ("http://127.0.0.1:8501", False),
        ("http://evil.test", False),
        ("http://evil.test:8501", False),
        ("null", False),
        ("", False),
        ("file://", False),
        ("http://[", False),
        ("chrome-extension://localhost:8501", False),
    ],
)
def test_only_its_own_pages_ask(kind: str, origin: str, answered: bool) -> None:
    assert passes(("host", "localhost:8501"), ("origin", origin), kind=kind, method="POST") is answered


def test_a_followed_link_opens_a_page_and_nothing_else_comes_from_elsewhere() -> None:
    def so(method: str = "GET", kind: str = "http", **changed: str) -> bool:
        headers = {**OPENED, **{name.replace("_", "-"): value for name, value in changed.items()}}
        return passes(("host", "localhost"), *headers.items(), method=method, kind=kind)

    assert so()
    assert so("HEAD")
    assert so(sec_fetch_site="same-site")
    assert not so("POST"), "a form"
    assert not so(sec_fetch_dest="iframe"), "a frame"
    assert not so(sec_fetch_mode="no-cors", sec_fetch_dest="image"), "an image, from another host"
    assert not so(sec_fetch_site="same-site", sec_fetch_mode="no-cors", sec_fetch_dest="script"), (
        "from another port"
    )
    assert not so(kind="websocket")
    for own in ("same-origin", "none"):
        assert so(sec_fetch_site=own, sec_fetch_mode="cors", sec_fetch_dest="empty")


def test_what_is_no_request_is_passed_on() -> None:
    assert passes(kind="lifespan")


def test_loopback_is_told_by_the_address_itself() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "LOCALHOST.")))
    assert not any(
        map(is_loopback, ("", "0.0.0.0", "10.0.0.1", "localhost.test", "::", "127.1", "evil.test"))
    )


def test_a_host_name_is_compared_in_one_spelling() -> None:
    assert [host_name(text) for text in ("A.Test.", " a_b ", "[0::1]", "a..b", "-a", "a" * 64, "")] == [
        "a.test", "a_b", "::1", None, None, None, None,
    ]  # fmt: skip
