"""A desk for each test: a database of its own on the session's sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from operations.port import Published
from resources.home import Home
from resources.settings import Settings
from tests.operations.app import App
from tests.operations.desk import Desk, Expiring, make_tables, told
from tests.sandbox_server import SandboxProcess


@pytest.fixture
def desk(empty_sandbox: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    with empty_sandbox.own_database() as server:
        make_tables(server)
        settings = Settings(
            appwrite_endpoint=server.endpoint,
            appwrite_project_id=server.project,
            appwrite_database_id=server.database,
            appwrite_api_key=server.read_only_key,
            appwrite_write_key=server.key,
            home=Home(tmp_path / "home"),
            operations={"expire_bookings": "enforce"},
            actions_a_run=10_000,
            actions_share=1,
        )
        server.forget_writes()
        with told(Desk(server, settings, Expiring()), monkeypatch) as desk:
            yield desk


@pytest.fixture(scope="session")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[App, Published]]:
    """The rows that the kinds are tried on, and what is published of them."""
    from tests.operations.test_kinds import world

    app = world(tmp_path_factory.mktemp("planned") / "home")
    with app.published() as published:
        yield app, published
