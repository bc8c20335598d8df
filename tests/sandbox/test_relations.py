"""Relationship columns as a recorded Appwrite 1.9.6 answers them, and read by bookwatch's own scan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import requests
from appwrite.query import Query

from resources.raw.store import RawStore
from tests.ingest.mirroring import DATABASE, database, gateway_for, run, settings_for
from tests.sandbox_server import SandboxProcess


def call(
    server: SandboxProcess, method: str, path: str, queries: list[str] | None = None, **body: Any
) -> tuple[int, Any]:
    answer = requests.request(
        method,
        f"{server.endpoint}/tablesdb/{DATABASE}/tables{path}",
        params={f"queries[{n}]": text for n, text in enumerate(queries or [])},
        json=body or None,
        headers={"X-Appwrite-Project": server.project, "X-Appwrite-Key": server.key},
        timeout=20,
    )
    return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
def tables(empty_sandbox: SandboxProcess) -> Iterator[tuple[SandboxProcess, str, str]]:
    """Two tables: stays (with guest, two-way, and host, one-way) and guests."""
    server, mark = empty_sandbox, uuid4().hex[:8]
    database(server)
    stays, guests = f"stays{mark}", f"guests{mark}"
    for table in (guests, stays):
        name = {"key": "name", "type": "varchar", "size": 40}
        assert call(server, "POST", "", tableId=table, name=table, columns=[name])[0] == 201
    status, made = call(
        server, "POST", f"/{stays}/columns/relationship", relatedTableId=guests, type="manyToOne", twoWay=True,
        key="guest", twoWayKey="stays", onDelete="setNull",
    )  # fmt: skip
    assert status == 202
    expected = {
        "key": "guest", "type": "relationship", "status": "processing", "required": False, "array": False,
        "error": "", "relatedTable": guests, "relationType": "manyToOne", "twoWay": True, "twoWayKey": "stays",
        "onDelete": "setNull", "side": "parent",
    }  # fmt: skip
    assert {k: v for k, v in made.items() if k[0] != "$"} == expected
    host = {"relatedTableId": guests, "type": "oneToOne", "key": "host"}
    assert call(server, "POST", f"/{stays}/columns/relationship", **host)[1]["onDelete"] == "restrict"
    assert call(server, "POST", f"/{guests}/rows", rowId="gu1", data={"name": "Gus"})[0] == 201
    for n in (1, 2):
        assert call(server, "POST", f"/{stays}/rows", rowId=f"a{n}", data={"name": f"stay {n}"})[0] == 201
    status, set_ = call(server, "PATCH", f"/{stays}/rows/a1", data={"guest": "gu1"})
    assert (status, set_["guest"]["$id"], set_["guest"]["name"]) == (200, "gu1", "Gus")
    assert "host" not in set_
    yield server, stays, guests
    server.as_it_was()


def test_a_row_carries_the_bare_id_and_of_what_is_selected_the_related_row(
    tables: tuple[SandboxProcess, str, str],
) -> None:
    server, stays, guests = tables
    _, got = call(server, "GET", f"/{stays}/rows/a1")
    assert (got["guest"], got["host"]) == ("gu1", None)
    _, got = call(server, "GET", f"/{stays}/rows/a1", [Query.select(["*", "guest.*"])])
    assert (got["guest"]["$id"], got["guest"]["name"], got["host"]) == ("gu1", "Gus", None)
    _, listed = call(server, "GET", f"/{stays}/rows")
    assert [(row["guest"], row["host"]) for row in listed["rows"]] == [("gu1", None), (None, None)]
    _, listed = call(server, "GET", f"/{stays}/rows", [Query.select(["name", "guest.name"])])
    assert [row["guest"] and row["guest"]["name"] for row in listed["rows"]] == ["Gus", None]
    assert (
        "name"
        not in call(server, "GET", f"/{stays}/rows", [Query.select(["*", "guest.$id"])])[1]["rows"][0][
            "guest"
        ]
    )
    # The other side of a two-way relationship is a list.
    _, listed = call(server, "GET", f"/{guests}/rows", [Query.select(["*", "stays.$id"])])
    assert [[stay["$id"] for stay in row["stays"]] for row in listed["rows"]] == [["a1"]]


def test_a_related_row_that_does_not_exist_is_none_and_one_that_is_deleted_no_more(
    tables: tuple[SandboxProcess, str, str],
) -> None:
    server, stays, guests = tables
    assert call(server, "PATCH", f"/{stays}/rows/a2", data={"guest": "nobody"})[0] == 200
    assert call(server, "GET", f"/{stays}/rows/a2")[1]["guest"] is None
    assert call(server, "DELETE", f"/{guests}/rows/gu1")[0] == 204
    assert call(server, "GET", f"/{stays}/rows/a1")[1]["guest"] is None


def test_refusals_are_those_recorded(tables: tuple[SandboxProcess, str, str]) -> None:
    server, stays, _ = tables
    for told, (status, answer) in {
        "Bulk create is not supported for tablesDB with relationship columns": call(
            server, "POST", f"/{stays}/rows", rows=[{"name": "x"}]
        ),
        "Bulk update is not supported for tablesDB with relationship attributes": call(
            server, "PATCH", f"/{stays}/rows", data={"name": "x"}
        ),
        "Cannot create an index for a relationship column: guest": call(
            server, "POST", f"/{stays}/indexes", key="rel", type="key", columns=["guest"]
        ),
    }.items():
        assert (status, answer["message"]) == (400, told)
    status, answer = call(
        server, "POST", f"/{stays}/columns/relationship", relatedTableId="nope", type="oneToOne"
    )
    assert (status, answer["type"]) == (404, "table_not_found")
    assert answer["message"] == "Table with the requested ID 'nope' could not be found."


@pytest.mark.parametrize("api", ["tablesdb", "databases"])
def test_bookwatch_reads_both_sides(
    tables: tuple[SandboxProcess, str, str], tmp_path: Path, api: str
) -> None:
    server, stays, guests = tables
    names = {"bookings": stays, "therapists": guests}
    settings = settings_for(server, tmp_path / "home", tables=names, appwrite_api=api)
    gateway, _ = gateway_for(settings)
    server.a_second_passes()
    with RawStore(tmp_path / "home" / "raw.duckdb") as store:
        outcomes = run(gateway, store, ["therapists", "bookings"])
        assert [outcome.unread for outcome in outcomes.values()] == [(), ()]
        kept = store.connection.sql("SELECT _id, guest, host FROM bookings ORDER BY 1").fetchall()
        assert kept == [("a1", "gu1", None), ("a2", None, None)]
        (listed,) = store.connection.sql("SELECT stays FROM therapists").fetchone() or (None,)
        assert json.loads(listed) == ["a1"]
