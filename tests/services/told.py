"""Callers that are told and not proven, and the API over them in this process: for tests of routes on an Appwrite in
memory. Holds no test."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from marketplace.transitions import Actor
from resources.home import Home
from resources.settings import Settings
from services.api import make_app
from services.callers import Caller
from services.context import Services
from services.problems import Problem
from tests.services.memory import Memory

CALLERS = {
    "customer": Caller("ann", Actor.CUSTOMER),
    "other_customer": Caller("cid", Actor.CUSTOMER),
    "therapist": Caller("t1", Actor.PROVIDER, "id", "t1", "therapists"),
    "other_therapist": Caller("t2", Actor.PROVIDER, "id", "t2", "therapists"),
    "place": Caller("p1", Actor.PROVIDER, "id", "p1", "places"),
    "admin": Caller("root", Actor.ADMIN),
}


class Told:
    """A bearer token is the name of a caller."""

    def __init__(self, callers: dict[str, Caller]) -> None:
        self.callers = callers

    def caller(self, jwt: str, language: str | None = None) -> Caller:
        if jwt not in self.callers:
            raise Problem(401, "not_signed_in")
        return replace(self.callers[jwt], language=language) if language else self.callers[jwt]

    def close(self) -> None:
        pass


class Client:
    """Requests to the API by ``who`` (a name of CALLERS, None: nobody); each POST with a key of its own, unless one is
    given."""

    def __init__(self, services: Services, tokens: dict[str, str] | None = None) -> None:
        self.services = services
        self.tokens = tokens
        self.http = TestClient(
            make_app(services),  # type: ignore[arg-type] - an ASGI application
            base_url="http://127.0.0.1",
            raise_server_exceptions=False,
        )
        self._keys = 0

    def ask(self, method: str, path: str, who: str | None, key: str | None = None, **given: Any) -> Any:
        headers: dict[str, str] = dict(given.pop("headers", {}))
        if who is not None:
            headers["Authorization"] = f"Bearer {self.tokens[who] if self.tokens else who}"
        if method == "POST" and key != "":
            self._keys += 1
            headers["Idempotency-Key"] = key or f"key-{self._keys}"
        return self.http.request(method, path, headers=headers, **given)

    def get(self, path: str, who: str | None, **given: Any) -> Any:
        return self.ask("GET", path, who, **given)

    def post(self, path: str, who: str | None, json: Any = None, key: str | None = None, **given: Any) -> Any:
        """``key`` '': none."""
        return self.ask("POST", path, who, key, json={} if json is None else json, **given)

    def put(self, path: str, who: str | None, json: Any = None, **given: Any) -> Any:
        return self.ask("PUT", path, who, json=json, **given)


def settings_for_memory(home: Path = Path("/nonexistent")) -> Settings:
    return Settings(
        appwrite_endpoint="http://127.0.0.1:9/v1",
        appwrite_project_id="p",
        appwrite_database_id="d",
        appwrite_api_key="read",  # type: ignore[arg-type] - a secret from text
        appwrite_write_key="write",  # type: ignore[arg-type] - a secret from text
        home=Home(home),
    )


class MemoryServices(Services):
    """Services over an Appwrite in memory, whose clock is theirs."""

    def now(self) -> Any:
        assert isinstance(self.gateway, Memory)
        return self.gateway.now


def on_memory(server: Memory) -> Client:
    """The API over an Appwrite in memory."""
    return Client(MemoryServices(settings_for_memory(), server, Told(CALLERS)))
