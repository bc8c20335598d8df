"""The app's receiver of notifications on loopback: answers as it is told, and keeps what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """``answers``: what it answers about a notification, one after the other, then 204; 0 hangs up."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.answers: dict[str, list[int]] = {}
        self.always: int | None = None
        self.url = ""

    def of(self, notification: str) -> list[str]:
        """The keys a notification came under."""
        return [key for key, body in self.sent if body["notificationId"] == notification]

    def answer(self, notification: str) -> int:
        waiting = self.answers.get(notification)
        return waiting.pop(0) if waiting else 204 if self.always is None else self.always


@contextmanager
def receiving() -> Generator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            receiver.sent.append((self.headers["Idempotency-Key"], body))
            status = receiver.answer(body["notificationId"])
            if status:
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", f"{receiver.url}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/notify?token=S3CRET"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
