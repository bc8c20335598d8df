"""The API in this process, on a database of its own of the session's sandbox, with accounts of everybody who calls."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from appwrite.query import Query

from resources.home import Home
from resources.settings import Settings
from sandbox.simulator.schema import TABLES
from services import context, patience
from services.context import open_services
from services.installing import install
from tests.sandbox_server import SandboxProcess
from tests.services.told import Client

WHO = ("customer", "other_customer", "therapist", "other_therapist", "place", "admin")


class Api(Client):
    """The API on a sandbox. ``ids``: the account of each who calls; a provider's row has its account's id."""

    def __init__(self, server: SandboxProcess, settings: Settings) -> None:
        self.server, self.settings = server, settings
        self.ids = {who: f"{who.replace('_', '')}-{server.database}" for who in WHO}
        super().__init__(open_services(settings), {who: self._account(who) for who in WHO})
        self.row("therapists", self.ids["therapist"], **PROVIDER, name="Ayu", whatsappNumber="+628110001")
        self.row(
            "therapists", self.ids["other_therapist"], **PROVIDER, name="Made", whatsappNumber="+628110002"
        )
        self.row("places", self.ids["place"], **PROVIDER, name="Spa", whatsappNumber="+628110003")

    def appwrite(self, method: str, path: str, body: Any = None) -> Any:
        """A call with the full key."""
        request = urllib.request.Request(
            f"{self.server.endpoint}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Content-Type": "application/json",
                "X-Appwrite-Project": self.server.project,
                "X-Appwrite-Key": self.server.key,
            },
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return json.loads(content) if content else None

    def row(self, table: str, row_id: str, **values: Any) -> None:
        """A row as the app wrote it before."""
        self.server.load_rows(table, [{"$id": row_id, **values}])

    def rows(self, table: str, *queries: str) -> list[dict[str, Any]]:
        """Rows as they are."""
        return list(self.services.gateway.rows(table, [*queries, Query.limit(5000)]))

    def _account(self, who: str) -> str:
        identity = self.ids[who]
        self.appwrite("POST", "/users", {"userId": identity})
        if who == "admin":
            self.appwrite("PUT", f"/users/{identity}/labels", {"labels": ["admin"]})
        return self.appwrite("POST", f"/users/{identity}/jwts", {"duration": 3600})["jwt"]


PROVIDER = {
    "status": "AVAILABLE",
    "city": "Seminyak",
    "timezone": "Asia/Makassar",
    "pricing": '{"60": 350000, "90": 450000, "120": 550000}',
}


@pytest.fixture
def marketplace(empty_sandbox: SandboxProcess, tmp_path: Path) -> Iterator[tuple[SandboxProcess, Settings]]:
    """A database with the marketplace's tables, empty, and the settings to reach it."""
    with empty_sandbox.own_database() as server:
        for name, columns in TABLES.items():
            told = [
                {
                    "key": column.key,
                    "kind": column.kind,
                    "size": column.size,
                    "required": column.required,
                    "array": column.array,
                    "elements": list(column.elements) if column.elements else None,
                }
                for column in columns
            ]
            server.control("POST", "tables", {"database": server.database, "table": name, "columns": told})
        settings = Settings(
            appwrite_endpoint=server.endpoint,
            appwrite_project_id=server.project,
            appwrite_database_id=server.database,
            appwrite_api_key=server.read_only_key,  # type: ignore[arg-type] - a secret from text
            appwrite_write_key=server.key,  # type: ignore[arg-type] - a secret from text
            home=Home(tmp_path / "home"),
        )
        yield server, settings


@pytest.fixture
def api(marketplace: tuple[SandboxProcess, Settings], monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """On a busy machine the sandbox may take as long as it likes: that nobody waits for longer is test_faults.py's."""
    monkeypatch.setattr(context, "READ_S", 60.0)
    monkeypatch.setattr(patience, "ANSWERED_WITHIN_S", 120.0)
    server, settings = marketplace
    install(settings)
    found = Api(server, settings)
    yield found
    found.services.close()
