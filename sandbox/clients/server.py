"""The server that the services stand on, as a client of it sees it: rows, accounts, tokens. Tells nobody's name."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

SCOPES = ("rows.read", "rows.write", "users.read", "users.write", "sessions.write")
PATIENCE_S = 20.0
_TOKEN_S = 900
_PAGE = 500


class Server:
    """``endpoint``: with /v1. A key of its own, that may make accounts and log them in; of rows it writes one
    attribute, as the service that pushes notifications to phones does."""

    def __init__(self, endpoint: str, project: str, database: str) -> None:
        self._endpoint, self._database = endpoint, database
        self._control = endpoint.removesuffix("/v1") + "/control"
        self._web = requests.Session()
        self._web.trust_env = False
        self._web.headers["X-Appwrite-Project"] = project
        self._lock = threading.Lock()
        self._sessions: dict[str, str] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def enter(self) -> None:
        """Have a key made. Raises requests.RequestException."""
        answer = self._web.post(f"{self._control}/keys", json={"scopes": list(SCOPES)}, timeout=PATIENCE_S)
        answer.raise_for_status()
        self._web.headers["X-Appwrite-Key"] = answer.json()["key"]

    def rows(self, table: str, at_most: int) -> list[dict[str, Any]]:
        """The first rows of a table by their ids. Raises requests.RequestException."""
        found: list[dict[str, Any]] = []
        while len(found) < at_most:
            queries = ['{"method":"orderAsc","attribute":"$id"}', f'{{"method":"limit","values":[{_PAGE}]}}']
            if found:
                queries.append(f'{{"method":"cursorAfter","values":["{found[-1]["$id"]}"]}}')
            answer = self._web.get(
                f"{self._endpoint}/tablesdb/{self._database}/tables/{table}/rows",
                params={"queries[]": queries},
                timeout=PATIENCE_S,
            )
            answer.raise_for_status()
            page = answer.json()["rows"]
            found += page
            if len(page) < _PAGE:
                break
        return found[:at_most]

    def deliver(self, bookings: Collection[str]) -> int:
        """What was sent of late about these bookings has come to the phones; how many. Raises
        requests.RequestException."""
        since = (datetime.now(UTC) - timedelta(minutes=30)).isoformat(timespec="milliseconds")
        queries = [
            '{"method":"isNull","attribute":"deliveredAt"}',
            '{"method":"isNull","attribute":"failedAt"}',
            f'{{"method":"greaterThan","attribute":"$createdAt","values":["{since}"]}}',
            f'{{"method":"limit","values":[{_PAGE}]}}',
        ]
        where = f"{self._endpoint}/tablesdb/{self._database}/tables/notifications/rows"
        found = self._web.get(where, params={"queries[]": queries}, timeout=PATIENCE_S)
        found.raise_for_status()
        rows = [row for row in found.json()["rows"] if row.get("bookingId") in bookings]
        for row in rows:
            given = {"data": {"deliveredAt": datetime.now(UTC).isoformat(timespec="milliseconds")}}
            self._web.patch(f"{where}/{row['$id']}", json=given, timeout=PATIENCE_S).raise_for_status()
        return len(rows)

    def token(self, user: str, *, anew: bool = False) -> str:
        """A JWT of the account of this id, which is made where there is none. Raises requests.RequestException."""
        with self._lock:
            token, until = self._tokens.get(user, ("", 0.0))
            if not anew and time.monotonic() < until:
                return token
            session = self._sessions.get(user)
            if session is None or anew:
                session = self._sessions[user] = self._session_of(user)
            given = {"sessionId": session, "duration": _TOKEN_S}
            token = self._made(f"users/{user}/jwts", given)["jwt"]
            self._tokens[user] = (token, time.monotonic() + 0.8 * _TOKEN_S)
            return token

    def _session_of(self, user: str) -> str:
        made = self._post("users", {"userId": user})
        if made.status_code not in (201, 409):  # 409: it is there already
            made.raise_for_status()
        return self._made(f"users/{user}/sessions", {})["$id"]

    def _made(self, path: str, given: dict[str, Any]) -> dict[str, Any]:
        answer = self._post(path, given)
        answer.raise_for_status()
        return answer.json()

    def _post(self, path: str, given: dict[str, Any]) -> requests.Response:
        return self._web.post(f"{self._endpoint}/{path}", json=given, timeout=PATIENCE_S)
