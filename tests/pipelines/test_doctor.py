"""`bookwatch doctor` against the sandbox: each thing that can be missing is told with what to do, and nothing is
changed."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from appwrite.services.tables_db import TablesDB

from marketplace.collections import BY_NAME, COLLECTIONS, INGESTED
from pipelines.cli.doctor import doctor, verdict
from resources.appwrite.examination import Line, examine, exit_status
from resources.appwrite.failures import CallEvent
from resources.appwrite.gateway import Gateway
from resources.errors import UsageError
from resources.settings import Settings
from tests.marketplace_tables import ALL_TABLES, BOOL, FLOAT, INT
from tests.sandbox_server import SandboxProcess

KINDS = {INT: "integer", FLOAT: "float", BOOL: "boolean"}
AT = "2026-03-10T03:00:00.000+00:00"
DATABASE = "shop"


def make(server: SandboxProcess, database: str, table: str, columns: dict[str, str]) -> None:
    kinds = {key: KINDS.get(kind, "varchar") for key, kind in columns.items()}
    server.control(
        "POST",
        "tables",
        {
            "database": database,
            "table": table,
            "columns": [
                {"key": key, "kind": kind, **({"size": 1000} if kind == "varchar" else {})}
                for key, kind in kinds.items()
            ],
        },
    )


@pytest.fixture(scope="module")
def shop() -> Iterator[SandboxProcess]:
    """Every ingested collection with every attribute expected, and two bookings."""
    with SandboxProcess("--empty") as server:
        TablesDB(server.client()).create(DATABASE, DATABASE)
        for name in INGESTED:
            columns = {key: str(kind) for key, kind in ALL_TABLES.get(name, {}).items()}
            for expected in BY_NAME[name].expected:
                columns.setdefault(expected.names[0].partition(".")[0], "text")
            make(server, DATABASE, name, columns)
        server.load_rows(
            "bookings", [{"$id": i, "$createdAt": AT, "status": "done"} for i in ("a", "b")], DATABASE
        )
        yield server


@pytest.fixture
def server(shop: SandboxProcess) -> Iterator[SandboxProcess]:
    shop.faults()
    yield shop
    shop.faults()


def settings_of(server: SandboxProcess, **more: Any) -> Settings:
    given: dict[str, Any] = {
        "appwrite_endpoint": server.endpoint,
        "appwrite_project_id": server.project,
        "appwrite_api_key": server.read_only_key,
        "appwrite_database_id": DATABASE,
        **more,
    }
    return Settings(_env_file=None, **given)  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument


def examined(server: SandboxProcess, **more: Any) -> list[Line]:
    settings = settings_of(server, **more)
    events: list[CallEvent] = []
    with Gateway(settings, settings.clock, events.append, sleep=lambda _: None) as gateway:
        lines = examine(gateway)
    key = settings.appwrite_api_key.get_secret_value()
    assert key not in "".join(map(repr, lines))
    return lines


def wrong(lines: list[Line], topic: str = "") -> list[str]:
    return [f"{x.verdict}: {x.sentence}" for x in lines if x.verdict != "ok" and topic in ("", x.topic)]


def contents(server: SandboxProcess) -> list[Any]:
    """Everything the server has: databases, tables, indexes, rows."""
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key}

    def get(path: str) -> dict[str, Any]:
        return requests.get(f"{server.endpoint}/{path}", headers=headers, timeout=20).json()

    found: list[Any] = [get("tablesdb")]
    for database in found[0]["databases"]:
        tables = get(f"tablesdb/{database['$id']}/tables")
        found.append(tables)
        found += [get(f"tablesdb/{database['$id']}/tables/{t['$id']}/rows") for t in tables["tables"]]
    return found


def test_missing_indexes_are_all_that_is_wrong_and_the_calls_told_make_them(server: SandboxProcess) -> None:
    lines = examined(server)
    assert {x.topic for x in lines if x.verdict != "ok"} == {"indexes"}
    missing = [x for x in lines if x.call]
    assert len(missing) == sum(len(collection.indexes) for collection in COLLECTIONS)
    assert exit_status(lines) == 10
    said = [x.sentence for x in lines]
    assert "bookings (required, table bookings) has 2 rows." in said
    assert "The key may not write." in said
    headers = {"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key}
    for line in missing:
        assert line.call is not None
        made = requests.request(
            line.call["method"], line.call["url"], json=line.call["body"], headers=headers, timeout=20
        )
        assert made.status_code == 202, made.text
        assert json.dumps(line.call["body"], separators=(",", ":")) in line.what_to_do
    healthy = examined(server)
    assert wrong(healthy) == []
    assert exit_status(healthy) == 0
    assert verdict(healthy) == "Nothing is wrong."


@pytest.mark.parametrize("api", ["tablesdb", "databases"])
def test_a_key_that_may_write_is_a_warning_and_finding_out_changes_nothing(
    server: SandboxProcess, api: str
) -> None:
    before = contents(server)
    lines = examined(server, appwrite_api_key=server.key, appwrite_api=api)
    warned = [x for x in lines if x.topic == "scopes" and x.verdict == "warning"]
    assert [x.sentence for x in warned] == [
        "The key may write (rows.write, tables.write, databases.write); bookwatch only reads."
    ]
    some = server.new_key("rows.read", "tables.read", "rows.write", "documents.read", "collections.read")
    assert "The key may write (rows.write); bookwatch only reads." in [
        x.sentence for x in examined(server, appwrite_api_key=some, appwrite_api="tablesdb")
    ]
    assert contents(server) == before


@pytest.mark.parametrize(
    ("scopes", "told"),
    [
        (("rows.read",), "The key lacks the scope tables.read (collections.read)."),
        (("tables.read",), "The key lacks the scope rows.read (documents.read)."),
    ],
)
def test_the_scope_that_lacks_is_named(server: SandboxProcess, scopes: tuple[str, ...], told: str) -> None:
    lines = examined(server, appwrite_api_key=server.new_key(*scopes))
    assert told in [x.sentence for x in lines if x.blocking]
    assert "The key is accepted." in [x.sentence for x in lines]
    assert exit_status(lines) == 11
    if "tables.read" not in scopes:
        assert "could not tell: The indexes of bookings cannot be listed." in wrong(lines, "indexes")
        assert not [x for x in lines if x.topic == "indexes" and x.verdict == "ok"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ({"appwrite_api_key": "standard_nobody"}, "does not know the API key"),
        ({"appwrite_project_id": "other"}, "has no project 'other'"),
        ({"appwrite_database_id": "other"}, "There is no database 'other'"),
        ({"appwrite_endpoint": "http://127.0.0.1:9/v1"}, "cannot be reached"),
    ],
)
def test_a_source_that_does_not_let_us_in(server: SandboxProcess, setting: dict[str, str], told: str) -> None:
    lines = examined(server, **setting)
    assert [x for x in lines if x.blocking and told in x.sentence and x.what_to_do]
    assert exit_status(lines) == 11
    assert {x.verdict for x in lines if x.topic in ("collections", "attributes", "indexes", "clock")} == {
        "could not tell"
    }


def test_the_other_api_is_named_where_the_server_speaks_that_one(server: SandboxProcess) -> None:
    server.faults({"kind": "html", "status": 404, "path": "/tablesdb"})
    lines = examined(server)
    told = next(x for x in lines if x.topic == "API")
    assert (told.verdict, told.blocking, told.what_to_do) == ("problem", True, "Set APPWRITE_API=databases.")
    assert "bookings (required, table bookings) has 2 rows." in [x.sentence for x in lines]
    server.faults({"kind": "html", "status": 404, "path": "/v1"})
    assert "knows neither" in " ".join(wrong(examined(server)))


def test_a_clock_that_is_off_is_told(server: SandboxProcess) -> None:
    assert [x.verdict for x in examined(server) if x.topic == "clock"] == ["ok"]
    server.faults({"kind": "skew", "seconds": -40})
    told = next(x for x in examined(server) if x.topic == "clock")
    assert told.verdict == "warning"
    assert "behind this machine's" in told.sentence


def test_collections_and_attributes_that_lack(server: SandboxProcess) -> None:
    tables = TablesDB(server.client())
    if "lean" not in {database.id for database in tables.list().databases}:
        tables.create("lean", "lean")
        make(
            server, "lean", "bookings_collection_id", {"bookingStatus": "text", "assigned_therapist": "text"}
        )
        make(server, "lean", "commission_records", {"amount": "integer"})
    lines = examined(server, appwrite_database_id="lean")
    told = {x.collection: x for x in lines if x.topic == "collections"}
    assert told["bookings"].blocking
    assert told["bookings"].what_to_do == (
        'It may be \'bookings_collection_id\': set BOOKWATCH_TABLES={"bookings": "bookings_collection_id"}.'
    )
    assert told["chat_messages"].blocking
    assert (told["reviews"].verdict, told["reviews"].blocking) == ("warning", False)
    assert exit_status(lines) == 11
    named = examined(server, appwrite_database_id="lean", tables={"bookings": "bookings_collection_id"})
    absent = [x.sentence for x in named if x.topic == "attributes" and x.collection == "bookings"]
    assert not [s for s in absent if s.startswith(("bookings has no status", "bookings has no providerId"))]
    vital = [x for x in named if x.sentence.startswith("bookings has no totalCost (or totalPrice")]
    assert [(x.verdict, x.blocking) for x in vital] == [("problem", False)]


def test_http_to_another_machine_that_is_allowed_is_a_warning(
    server: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [line for line in examined(server) if "http://" in line.sentence and line.verdict != "ok"]
    monkeypatch.setattr(Settings, "sends_in_the_clear", True)
    [line] = [x for x in examined(server, allow_http=True) if "BOOKWATCH_ALLOW_HTTP" in x.sentence]
    assert (line.topic, line.verdict, line.blocking) == ("endpoint", "warning", False)


def test_of_more_columns_than_are_mirrored_those_the_rules_read_are_found(server: SandboxProcess) -> None:
    tables = TablesDB(server.client())
    if "wide" not in {database.id for database in tables.list().databases}:
        tables.create("wide", "wide")
        junk = {f"junk{n}": "integer" for n in range(600)}
        make(server, "wide", "bookings", {**junk, "status": "text", "totalCost": "integer"})
    lines = examined(server, appwrite_database_id="wide")
    told = [x for x in lines if x.topic == "attributes" and x.collection == "bookings"]
    assert not [
        x for x in told if x.sentence.startswith(("bookings has no status", "bookings has no totalCost"))
    ]
    (aside,) = [x for x in told if "set aside" in x.sentence]
    assert aside.verdict == "warning"
    assert "more than 500 are not mirrored: 'junk498', 'junk499'" in aside.sentence


def test_the_command_prints_lines_and_json_and_ends_with_the_status(
    server: SandboxProcess, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("APPWRITE_ENDPOINT", "APPWRITE_PROJECT_ID", "APPWRITE_API_KEY", "APPWRITE_DATABASE_ID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match="APPWRITE_ENDPOINT"):
        doctor()
    settings = settings_of(server, appwrite_api_key=server.key)
    monkeypatch.setenv("APPWRITE_ENDPOINT", "http://appwrite.test/v1")
    monkeypatch.setenv("APPWRITE_PROJECT_ID", settings.appwrite_project_id)
    monkeypatch.setenv("APPWRITE_API_KEY", server.key)
    monkeypatch.setenv("APPWRITE_DATABASE_ID", DATABASE)
    monkeypatch.setenv("BOOKWATCH_HOME", str(tmp_path / "home"))
    with pytest.raises(UsageError, match="BOOKWATCH_ALLOW_HTTP"):
        doctor()
    monkeypatch.setenv("APPWRITE_ENDPOINT", settings.appwrite_endpoint)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert doctor() == 10
        assert doctor(json=True) == 10
    plain, _, content = out.getvalue().partition("{\n")
    assert "warning: scopes: The key may write" in plain
    assert json.loads("{\n" + content)["exit_status"] == 10
    assert not (tmp_path / "home").exists()
