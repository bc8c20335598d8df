"""What a browser is told with the empty page, and that nothing else is touched on its way out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dashboards import first_page
from dashboards.first_page import FONT, HEAD, FirstPage

PAGE = b"<html><head><title>Streamlit</title></head><body></body></html>"


def answered(
    path: str, body: bytes, kind: bytes = b"text/html; charset=utf-8", status: int = 200
) -> tuple[dict[bytes, bytes], bytes, list[tuple[bytes, bytes]]]:
    """Headers and body as they go out, and what the server behind was asked with."""
    sent: list[Any] = []
    asked: list[tuple[bytes, bytes]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def streamlit(scope: Any, _receive: Any, send: Any) -> None:
        asked.extend(scope["headers"])
        headers = [(b"content-type", kind), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body[:10], "more_body": True})
        await send({"type": "http.response.body", "body": body[10:]})

    async def nothing() -> dict[str, Any]:
        return {}

    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"accept-encoding", b"gzip")]}
    asyncio.run(FirstPage(streamlit)(scope, nothing, send))
    start, *rest = sent
    return dict(start["headers"]), b"".join(message["body"] for message in rest), asked


def test_the_page_says_where_its_server_is_and_what_it_needs_first() -> None:
    headers, body, asked = answered("/revenue", PAGE)
    assert body == PAGE.replace(b"</head>", HEAD + b"</head>")
    assert int(headers[b"content-length"]) == len(body)
    assert asked == []  # not compressed before it is read
    assert b"BACKEND_BASE_URL" in body
    assert b"/static/js/Html." in body
    assert FONT.stat().st_size < 30_000


@pytest.mark.parametrize(
    ("path", "body", "kind", "status"),
    [
        ("/reports/2026-11-22/day.html", PAGE, b"text/html", 200),
        ("/static/js/index.js", b"</head>", b"text/javascript", 200),
        ("/nowhere", PAGE, b"text/html", 404),
        ("/data", b"</head>" * 3, b"application/json", 200),
        ("/large", PAGE + b" " * first_page.LONGEST, b"text/html", 200),
    ],
)
def test_whatever_else_is_handed_out_passes_as_it_is(
    path: str, body: bytes, kind: bytes, status: int
) -> None:
    headers, out, _ = answered(path, body, kind, status)
    assert out == body
    assert int(headers[b"content-length"]) == len(body)
