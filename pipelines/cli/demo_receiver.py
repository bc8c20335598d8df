"""The app of a demo that acts: a receiver on loopback that takes every notification and keeps none."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Takes(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: an address is not logged."""


def start_receiver() -> str:
    """Start it in a thread that ends with the process; its address. Raises OSError."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Takes)
    threading.Thread(target=server.serve_forever, name="receiver", daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/notifications"
