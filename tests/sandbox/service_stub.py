"""Booking services in memory, as far as a client of them sees: paths and fields of the contract, no rule. Holds no
test."""

from __future__ import annotations

import base64
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class StubServices:
    """On a free port until it is left. ``calls``: what was asked, by method and first word; ``refuse``: statuses to
    answer next, whatever is asked."""

    def __init__(self, port: int = 0) -> None:
        stub = self
        self.calls: Counter[str] = Counter()
        self.refuse: list[int] = []
        self.bookings: dict[str, dict[str, Any]] = {}
        self.rooms: dict[str, list[dict[str, Any]]] = {}
        self.answered: dict[tuple[str, str], tuple[int, Any]] = {}
        self.authorized: set[str] = set()
        self.lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                sent = self.rfile.read(size)
                given = json.loads(sent or b"null") if sent[:1] in b"{" else sent
                at = urlsplit(self.path)
                user = _user(self.headers.get("Authorization", ""))
                key = self.headers.get("Idempotency-Key", "")
                status, body = stub.asked(self.command, at.path, parse_qs(at.query), given, user, key)
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, format: str, *args: Any) -> None:
                del format, args

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> StubServices:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def asked(
        self, method: str, path: str, query: dict[str, list[str]], given: Any, user: str, key: str
    ) -> tuple[int, Any]:
        with self.lock:
            words = path.strip("/").split("/")
            self.calls[f"{method} {words[-1] if len(words) > 2 else path}"] += 1
            self.authorized.add(user)
            if self.refuse:
                return self.refuse.pop(0), {"code": "refused"}
            if method == "POST" and not key:
                return 400, {"code": "idempotency_key_missing"}
            if (user, key) not in self.answered or method != "POST":
                self.answered[user, key] = self._done(method, words, query, given, user)
            return self.answered[user, key]

    def _done(
        self, method: str, words: list[str], query: dict[str, list[str]], given: Any, user: str
    ) -> tuple[int, Any]:
        match method, words:
            case "POST", ["bookings"]:
                return self._booked(given, user)
            case "GET", ["bookings", which]:
                return 200, self.bookings[which]
            case "POST", ["bookings", which, what]:
                booking = self.bookings[which]
                after = {"accept": "accepted", "decline": "declined", "cancel": "cancelled"}
                if what == "accept" and booking["status"] != "pending":
                    return 409, {"code": "not_allowed", "state": booking["status"]}
                booking["status"] = after.get(what, "completed")
                return 200, booking
            case "GET", ["me", "requests"]:
                mine = [b for b in self.bookings.values() if b["providerId"] == user]
                return 200, {"requests": [b for b in mine if b["status"] == "pending"]}
            case "GET", ["providers", _, "slots"]:
                return 200, {"slots": [{"startsAt": f"{query['day'][0]}T10:00:00+08:00"}]}
            case "POST", ["rooms", room, "messages"]:
                self.rooms[room].append(given)
                return 201, given
            case "GET", ["rooms", room, "messages" | "search"]:
                return 200, {"messages": self.rooms[room][-50:]}
            case "GET", ["me", "earnings"]:
                owed = [
                    {"commissionId": f"c{name}", "bookingId": name, "hasProof": False}
                    for name, booking in self.bookings.items()
                    if booking["status"] == "completed" and booking["providerId"] == user
                ]
                return 200, {"owed": {"records": [*owed, {"commissionId": "old", "bookingId": "x"}]}}
            case _:
                return 200, {}

    def _booked(self, given: Any, user: str) -> tuple[int, Any]:
        for booking in self.bookings.values():
            if (booking["customerId"], booking["providerId"]) == (user, given["providerId"]):
                return 200, {**booking, "duplicate": True}
        name = f"b{len(self.bookings)}"
        made = {
            "bookingId": name,
            "roomId": f"r{name}",
            "status": "pending",
            "customerId": user,
            "providerId": given["providerId"],
        }
        self.bookings[name], self.rooms[made["roomId"]] = made, []
        return 201, made


def _user(header: str) -> str:
    claims = header.removeprefix("Bearer ").split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["userId"]
