"""Indexes that are missing are made, waited for and timed; what cannot be made says why, and nothing is made twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from messages.catalogue import english
from operations.indexes import IndexState, make, wanted
from operations.writing import ActingStopped
from pipelines.cli.indexes import sentence
from resources import acting
from resources.home import Home
from resources.settings import Settings
from tests.sandbox_server import SandboxProcess

AT = "2026-03-10T03:00:00.000+00:00"


@pytest.fixture
def settings(empty_sandbox: SandboxProcess, tmp_path: Path) -> Iterator[tuple[SandboxProcess, Settings]]:
    with empty_sandbox.own_database() as server:
        columns = [
            {"key": key, "kind": "string", "size": 300} for key in ("bookingId", "status", "createdAt")
        ]
        server.control(
            "POST", "tables", {"database": server.database, "table": "bookings", "columns": columns}
        )
        row = {"status": "done", "createdAt": AT}
        server.load_rows("bookings", [{"$id": i, "$createdAt": AT, **row} for i in ("a", "b")])
        home = Home(tmp_path / "home")
        home.create()
        yield (
            server,
            Settings(
                appwrite_endpoint=server.endpoint,
                appwrite_project_id=server.project,
                appwrite_database_id=server.database,
                appwrite_api_key=SecretStr(server.read_only_key),
                appwrite_write_key=SecretStr(server.key),
                home=home,
            ),
        )
        server.settings(index_seconds=0, index_error="")


def test_what_is_missing_is_made_waited_for_and_timed(
    settings: tuple[SandboxProcess, Settings],
) -> None:
    server, given = settings
    missing = wanted(given).missing
    assert {index.columns for index in missing} == {("status",), ("createdAt",)}
    assert {index.state for index in missing} == {IndexState.MISSING}
    assert all(index.body["type"] == "key" for index in missing)
    server.settings(index_seconds=0.2)
    looked: list[float] = []
    made = make(given, missing, sleep=looked.append)
    assert {index.state for index in made} == {IndexState.AVAILABLE}
    assert looked
    assert all(index.before_s is not None and index.after_s is not None for index in made)
    assert "a query by it took" in sentence(made[0])
    assert wanted(given).missing == ()
    # Another process made them meanwhile: they are waited for, and the server holds each once.
    assert {index.state for index in make(given, missing)} == {IndexState.AVAILABLE}


def test_one_that_cannot_be_built_or_may_not_be_made_says_why(
    settings: tuple[SandboxProcess, Settings],
) -> None:
    server, given = settings
    first, second = wanted(given).missing
    server.settings(index_seconds=0, index_error="broken")
    (failed,) = make(given, [first])
    assert failed.state is IndexState.FAILED
    server.settings(index_seconds=3600, index_error="")
    (late,) = make(given, [second], patience_s=0)
    assert late.state is IndexState.PROCESSING
    # A key that is not the acting one stands in its place.
    may_not = given.model_copy(update={"appwrite_write_key": given.appwrite_api_key})
    (refused,) = make(may_not, [first])
    assert refused.state is IndexState.REFUSED
    assert refused.said is not None
    assert "tables.write" in english(refused.said)
    acting.stop(given.home, by="Ani", reason="look", at=given.clock.now())
    with pytest.raises(ActingStopped):
        make(given, [first])
