"""Calls to the booking services: made again where nobody answers, counted by what was answered. What is said in them
stands in no log."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import requests

from sandbox.clients.server import Server

PATIENCE_S = 30.0
TRIED_FOR = 12
"""So often a call is made again while nobody answers, a little later each time: for about a minute and a half."""
_LONGEST_PAUSE_S = 10.0
NORMAL = frozenset((200, 201, 202, 204, 409, 429))
"""Done, or refused as it should be: the state does not allow it (any more), or it was too much."""


@dataclass(frozen=True)
class Told:
    """What a call was answered. ``status`` 0: nobody answered, however often it was tried."""

    status: int
    body: Any

    @property
    def done(self) -> bool:
        return 200 <= self.status < 300


class Service:
    """The API at ``endpoint``. ``stop``: nothing is tried again once it is set."""

    def __init__(self, endpoint: str, server: Server, stop: threading.Event) -> None:
        self._endpoint, self._server, self._stop = endpoint.rstrip("/"), server, stop
        self._local = threading.local()
        self._lock = threading.Lock()
        self.counts: Counter[str] = Counter()

    def call(
        self,
        user: str,
        method: str,
        path: str,
        given: Any = None,
        *,
        key: str | None = None,
        params: Mapping[str, str] | None = None,
        file: bytes | None = None,
        normal: frozenset[int] = frozenset(),
        ids: Mapping[str, str] | None = None,
    ) -> Told:
        """Call ``path`` (``{names}`` stand for ``ids``) as this user. ``key``: of idempotency, one of its own where
        none is given; all tries of a call have the same. ``file``: a picture that is sent. ``normal``: statuses that
        are, beside NORMAL."""
        headers = {"Idempotency-Key": key or str(uuid4())} if method == "POST" else {}
        where = self._endpoint + path.format(**{name: quote(of, safe="") for name, of in (ids or {}).items()})
        renewed = False
        for attempt in range(TRIED_FOR):
            try:
                headers["Authorization"] = f"Bearer {self._server.token(user, anew=renewed)}"
                files = {"file": ("proof.png", file, "image/png")} if file is not None else None
                answer = self._web().request(
                    method, where, json=given, params=params, files=files, headers=headers, timeout=PATIENCE_S
                )
            except requests.RequestException as away:
                self._count(f"{method} {path} {type(away).__name__}")
                # Nobody is there: longer each time, unless told to stop.
                if self._stop.wait(min(_LONGEST_PAUSE_S, 0.5 * 2**attempt)):
                    break
                continue
            if answer.status_code == 401 and not renewed:
                renewed = True
                continue
            body = _body(answer)
            code = str(body.get("code") or "") if isinstance(body, dict) else ""
            self._count(f"{method} {path} {answer.status_code} {code}".rstrip())
            if answer.status_code not in NORMAL | normal:
                _tell(f"{method} {path} answered {answer.status_code} {code}".rstrip())
            return Told(answer.status_code, body)
        self._count(f"{method} {path} given up")
        return Told(0, None)

    def _web(self) -> requests.Session:
        """A thread's own connections."""
        if not hasattr(self._local, "web"):
            self._local.web = requests.Session()
            self._local.web.trust_env = False
        return self._local.web

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1

    def counted(self) -> dict[str, int]:
        """How often each call was answered how."""
        with self._lock:
            return dict(sorted(self.counts.items()))


def _body(answer: requests.Response) -> Any:
    try:
        return answer.json() if answer.content else None
    except ValueError:
        return None


def _tell(what: str) -> None:
    sys.stderr.write(f"{what}\n")
    sys.stderr.flush()
