"""Delivery through Apprise, to a real receiver on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from resources.notifier import Notifier


class Receiver(BaseHTTPRequestHandler):
    """Keeps what it is sent; answers with ``status``."""

    taken: list[dict[str, str]]
    status: int

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).taken.append(json.loads(body))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[tuple[str, type[Receiver]]]:
    kind = type("Fresh", (Receiver,), {"taken": [], "status": 200})
    server = HTTPServer(("127.0.0.1", 0), kind)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"json://127.0.0.1:{server.server_port}/alerts", kind
    server.shutdown()
    server.server_close()


def test_a_message_reaches_its_channel(receiver: tuple[str, type[Receiver]]) -> None:
    url, kind = receiver
    assert Notifier((url,)).send("bookwatch: 1 check failing", "zero_missing_commission")
    assert [(m["title"], m["message"]) for m in kind.taken] == [
        ("bookwatch: 1 check failing", "zero_missing_commission")
    ]


def test_a_channel_that_refuses_is_a_failed_send(receiver: tuple[str, type[Receiver]]) -> None:
    url, kind = receiver
    kind.status = 500
    assert not Notifier((url,)).send("t", "b")


def test_a_wrong_url_is_a_failed_send_without_repeating_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert not Notifier(("nonsense-secret-token",)).send("t", "b")
    out, err = capfd.readouterr()
    assert "secret-token" not in out + err
