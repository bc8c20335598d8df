"""A server that answers what a test scripts, byte for byte, and records what it was asked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType

Script = Callable[[str, dict[str, str]], bytes | None]
"""(path with query, headers in lower case) -> the raw answer; None: hang up without one."""


def http(
    status: int,
    body: bytes | str = b"",
    kind: str = "application/json",
    length: int | None = None,
    **more: str,
) -> bytes:
    content = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} Something", f"Content-Length: {len(content) if length is None else length}"]
    lines += [f"Content-Type: {kind}"] if kind else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
    lines += ["Connection: close"]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


class ScriptedServer:
    """Context manager; ``endpoint`` ends in /v1; ``requests`` holds (path, headers)."""

    def __init__(self, *answers: bytes | Script | None) -> None:
        self._answers = list(answers)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._lock = threading.Lock()
        self._hold = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.endpoint = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def __enter__(self) -> ScriptedServer:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._hold.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in accept
        self._socket.close()

    def stall(self, path: str, headers: dict[str, str]) -> bytes | None:
        """A script: says nothing until the server is closed."""
        del path, headers
        self._hold.wait(30)
        return None

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            first = stream.readline().decode().split(" ")
            if len(first) < 2:
                return
            headers: dict[str, str] = {}
            while (line := stream.readline().decode().strip()) != "":
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            with self._lock:
                self.requests.append((first[1], headers))
                # The last answer is given to whoever comes later, too.
                answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
            content = answer(first[1], headers) if callable(answer) else answer
            if content is not None:
                connection.sendall(content)
