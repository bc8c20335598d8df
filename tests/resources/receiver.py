"""Real receivers on loopback: what alerts and heartbeats are sent to, with real limits. Holds no test."""

from __future__ import annotations

import json
import re
import socketserver
import threading
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Limit = Callable[[dict[str, Any], int], "tuple[int, dict[str, Any]] | None"]
"""What a channel answers to content of so many bytes that it refuses; None where it takes it."""


def units(text: str) -> int:
    """UTF-16 units: no HTTP channel counts a letter for more."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def discord(content: dict[str, Any], size: int) -> tuple[int, dict[str, Any]] | None:
    """2,000 letters of content; an embed 4,096 of description, 6,000 in all."""
    del size
    if units(content.get("content", "")) > 2000:
        return 400, {"content": ["Must be 2000 or fewer in length."]}
    if not content.get("content") and not content.get("embeds"):
        return 400, {"message": "Cannot send an empty message", "code": 50006}
    return None


def telegram(content: dict[str, Any], size: int) -> tuple[int, dict[str, Any]] | None:
    """4,096 letters after its tags are read; a tag it does not know is an error."""
    del size
    tags = re.findall(r"</?([^ >/]*)", content["text"])
    unknown = set(tags) - {"b", "i", "u", "s", "a", "code", "pre", "strong", "em"}
    if content.get("parse_mode") == "HTML" and unknown:
        return 400, {"ok": False, "error_code": 400, "description": "Bad Request: can't parse entities"}
    if units(shown_by_telegram(content)) > 4096:
        return 400, {"ok": False, "error_code": 400, "description": "Bad Request: message is too long"}
    return None


def shown_by_telegram(content: dict[str, Any]) -> str:
    return unescape(re.sub(r"<[^>]*>", "", content["text"]))


def ntfy(content: dict[str, Any], size: int) -> tuple[int, dict[str, Any]] | None:
    """4 KiB of message in UTF-8, 8 KiB of request, without a cache for attachments."""
    if size > 8192 or len(content["message"].encode()) > 4096:
        return 413, {"code": 41301, "http": 413, "error": "attachment too large, or bandwidth limit reached"}
    return None


class Receiver:
    """Keeps what it is sent; answers with the statuses in ``answers``, then with what ``limit`` refuses, then with
    ``status``. A context manager."""

    def __init__(self, limit: Limit | None = None) -> None:
        self.taken: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.status = 200
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(json.loads(body), len(body))

            def do_GET(self) -> None:
                self._answer(None, 0)

            def _answer(self, content: dict[str, Any] | None, size: int) -> None:
                receiver.asked.append(self.path)
                status, said = receiver.status, b""
                if receiver.answers:
                    status = receiver.answers.pop(0)
                elif limit is not None and content is not None and (refused := limit(content, size)):
                    receiver.refused.append(content)
                    status, said = refused[0], json.dumps(refused[1]).encode()
                if status < 400 and content is not None:
                    receiver.taken.append(content)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.taken]

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class MailServer:
    """An SMTP server on loopback that takes everything. ``taken``: the mails, parsed. A context manager."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                self._say("220 loopback")
                while line := self.rfile.readline():
                    word = line.split()[0].upper() if line.split() else b""
                    if word == b"DATA":
                        self._say("354 go on")
                        server.taken.append(self._mail())
                        self._say("250 taken")
                    elif word == b"QUIT":
                        self._say("221 bye")
                        return
                    else:
                        self._say("250 yes")

            def _mail(self) -> EmailMessage:
                lines: list[bytes] = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
                parsed = message_from_bytes(b"".join(lines), policy=policy.default)
                assert isinstance(parsed, EmailMessage)
                return parsed

            def _say(self, words: str) -> None:
                self.wfile.write(words.encode() + b"\r\n")

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> MailServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
