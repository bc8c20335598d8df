"""A mirror goes along when the server moved and its rows prove it, and with nothing else."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.adopt import adopt_mirror
from pipelines.cli.adopt import adopt
from resources.errors import RunActive, SourceUnavailable, UsageError
from resources.lock import run_lock
from resources.raw.store import RawStore
from resources.settings import Settings
from tests.ingest.mirroring import DATABASE, ask, fill, gateway_for, make_table, row, run, settings_for
from tests.sandbox_server import SandboxProcess
from tests.server_second import after_this_second

COLLECTIONS = ("bookings", "commission_records", "reviews")
ROWS = 40


@pytest.fixture
def moved(tmp_path: Path) -> Iterator[tuple[SandboxProcess, Path]]:
    """A server that was mirrored and then came back at another address, with all its rows."""
    data, home = tmp_path / "data", tmp_path / "home"
    with SandboxProcess("--empty", data=data) as server:
        for name in COLLECTIONS:
            make_table(server, name)
            fill(server, name, ROWS)
        after_this_second()
        gateway, _ = gateway_for(settings_for(server, home))
        with RawStore(home / "raw.duckdb") as store:
            run(gateway, store, COLLECTIONS)
        before = server.endpoint
    with SandboxProcess("--empty", data=data) as server:
        assert server.endpoint != before
        yield server, home


def mirrors(home: Path) -> tuple[str, str, str] | None:
    with RawStore(home / "raw.duckdb") as store:
        return store.source.known()


def refused(settings: Settings, home: Path, words: str) -> None:
    known = mirrors(home)
    done = adopt_mirror(settings)
    assert done.refused is not None
    assert (done.adopted, done.refused.exit_status, mirrors(home)) == (False, 2, known)
    assert words in done.refused.problem


def test_the_refusal_of_another_endpoint_says_how_to_move_and_moving_works(
    moved: tuple[SandboxProcess, Path],
) -> None:
    server, home = moved
    settings = settings_for(server, home)
    gateway, _ = gateway_for(settings)
    with RawStore(home / "raw.duckdb") as store, pytest.raises(UsageError, match="bookwatch adopt"):
        run(gateway, store, COLLECTIONS)
    # Rows that were written, changed and deleted since are no reason to doubt.
    ask(server, "delete", "/tables/bookings/rows/r00003")
    ask(server, "patch", "/tables/bookings/rows/r00004", data={"title": "meanwhile"})
    ask(server, "post", "/tables/bookings/rows", rowId="fresh", data={"title": "new", "amount": 1})
    done = adopt_mirror(settings)
    assert (done.adopted, done.moved) == (True, ("endpoint",))
    assert [(c.collection, c.sampled, c.same, c.missing, c.other) for c in done.compared] == [
        ("bookings", ROWS, ROWS - 1, 1, 0),
        ("commission_records", ROWS, ROWS, 0, 0),
        ("reviews", ROWS, ROWS, 0, 0),
    ]
    assert mirrors(home) == (server.endpoint, server.project, DATABASE)
    after_this_second()
    with RawStore(home / "raw.duckdb") as store:
        outcomes = run(gateway, store, COLLECTIONS, run_id="run2")
        assert (outcomes["bookings"].counts.inserted, outcomes["bookings"].counts.updated) == (1, 1)
    again = adopt_mirror(settings)
    assert (again.adopted, again.refused, again.compared) == (False, None, ())


def test_another_database_is_refused_and_the_mirror_stays(moved: tuple[SandboxProcess, Path]) -> None:
    server, home = moved
    with SandboxProcess("--empty") as other:
        for name in COLLECTIONS:
            make_table(other, name)
        for name in COLLECTIONS:
            other.load_rows(
                name, [row(n, at="2025-05-05T00:00:00.000+00:00") for n in range(1, ROWS + 1)], DATABASE
            )
        refused(settings_for(other, home), home, "40 with another $sequence or $createdAt")
    with SandboxProcess("--empty") as copied:
        # Written anew, row by row: what a mirror goes by, $sequence, is of other rows.
        for name in COLLECTIONS:
            make_table(copied, name)
            copied.load_rows(name, [row(n) for n in reversed(range(1, ROWS + 1))], DATABASE)
        refused(settings_for(copied, home), home, "with another $sequence")
    with SandboxProcess("--empty") as older:
        # A copy of before: its rows are the same, but the newest of the mirror are not there.
        for name in COLLECTIONS:
            make_table(older, name)
            fill(older, name, ROWS - 5)
        refused(settings_for(older, home), home, "5 not there")
    assert server.endpoint not in (mirrors(home) or ())


def test_a_server_that_lacks_a_collection_or_is_not_there(
    moved: tuple[SandboxProcess, Path], tmp_path: Path
) -> None:
    server, home = moved
    known = mirrors(home)
    with pytest.raises(SourceUnavailable, match="no table for bookings"):
        adopt_mirror(settings_for(server, home, tables={"bookings": "nowhere"}))
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        adopt_mirror(settings_for(server, home, appwrite_endpoint="http://127.0.0.1:9/v1"))
    with run_lock(settings_for(server, home).home), pytest.raises(RunActive):
        adopt_mirror(settings_for(server, home))
    with pytest.raises(UsageError, match="no mirror"):
        adopt_mirror(settings_for(server, tmp_path / "elsewhere"))
    assert mirrors(home) == known
    # An optional one may have gone: the others prove.
    done = adopt_mirror(settings_for(server, home, tables={"reviews": "nowhere"}))
    assert (done.adopted, [c.lacking for c in done.compared]) == (True, [False, False, True])


def test_the_command_says_what_it_compared(
    moved: tuple[SandboxProcess, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, home = moved
    values: dict[str, Any] = {
        "APPWRITE_ENDPOINT": server.endpoint, "APPWRITE_PROJECT_ID": server.project,
        "APPWRITE_API_KEY": server.key, "APPWRITE_DATABASE_ID": DATABASE, "BOOKWATCH_HOME": str(home),
    }  # fmt: skip
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(home)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        adopt()
    assert "bookings: 40 of 40 sampled rows are the same." in out.getvalue()
    assert f"is {server.endpoint} now" in out.getvalue()
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        adopt(json=True)
    told = json.loads(out.getvalue())
    assert (told["adopted"], told["compared"], told["to"]["endpoint"]) == (False, [], server.endpoint)
