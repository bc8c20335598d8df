"""Addresses of earlier pages lead on, with what they ask for; answers are compressed for who can take them so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dashboards import frame, moved
from dashboards.moved import MOVED, Moved, leads_to


@pytest.fixture(autouse=True)
def pages_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    now = frozenset({"todo", "providers", "health", "performance", "findings", "revenue"})
    monkeypatch.setattr(moved, "_there", lambda: now)


@pytest.mark.parametrize(
    ("path", "query", "place"),
    [
        ("/alerts", "", "/todo"),
        ("/alerts", "lang=id&alert=a%7Bb%3Dc%7D", "/todo?lang=id&alert=a%7Bb%3Dc%7D"),
        ("/members", "lang=id", "/providers?lang=id"),
        ("/links", "", "/health"),
        ("/errors", "", "/performance?show=errors"),
        ("/timings", "show=slow", "/performance?show=slow"),
        ("/revenue", "finding=missing%3Ab1&lang=id", "/findings?finding=missing%3Ab1&lang=id"),
        ("/revenue", "period=7d", None),
        ("/overview", "period=7d", "/?period=7d"),
        ("/", "", None),
        ("/health", "", None),
        ("/health/_stcore/stream", "", None),
    ],
)
def test_an_earlier_address_leads_on_with_its_parameters(path: str, query: str, place: str | None) -> None:
    assert leads_to(path, query) == place


def test_no_address_leads_out_of_these_pages_or_in_a_circle() -> None:
    for old, place in MOVED.items():
        assert leads_to(f"/{place.page}", "finding=x") is None, old
        for hostile in ("//evil.test", "next=//evil.test", "%0d%0aSet-Cookie:a=b"):
            found = leads_to(f"/{old}", hostile)
            assert found is None or (found.startswith("/") and not found.startswith("//"))
            assert found is None or "\n" not in found


def test_a_page_that_is_there_is_never_led_away_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moved, "_there", lambda: frozenset(page.name for page in frame.PAGES))
    for page in frame.PAGES[1:]:
        assert leads_to(f"/{page.name}", "") is None
    monkeypatch.setattr(moved, "_there", lambda: frozenset({"alerts", "todo"}))
    assert leads_to("/alerts", "") is None


def answered(method: str, path: str, query: bytes) -> list[dict[str, Any]]:
    """What a server behind it sends; one that goes on to the pages sends nothing here."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(dict(message))

    async def pages(_scope: Any, _receive: Any, _send: Any) -> None:
        return None

    async def nothing() -> dict[str, Any]:
        return {}

    scope = {"type": "http", "method": method, "path": path, "query_string": query, "headers": []}
    asyncio.run(Moved(pages)(scope, nothing, send))
    return sent


def test_the_server_answers_with_the_way_on() -> None:
    begun, *_ = answered("GET", "/alerts", b"alert=x")
    assert begun["status"] == 307
    assert dict(begun["headers"])[b"location"] == b"/todo?alert=x"
    assert answered("GET", "/todo", b"alert=x") == []
    assert answered("POST", "/alerts", b"") == []
