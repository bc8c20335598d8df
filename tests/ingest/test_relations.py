"""Relationship columns are read whichever way a server hands them out; where it does not, that is said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.appwrite.examination import examine
from resources.appwrite.relations import select_related
from resources.raw.store import RawStore
from tests.ingest.mirroring import run
from tests.ingest.other_servers import OtherServer, serving
from tests.ingest.test_other_servers import AT, just_now, opened, swept

PROVIDER = {"key": "providerId", "type": "relationship", "relatedTable": "therapists", "relationType": "manyToOne",
            "twoWay": False, "side": "parent"}  # fmt: skip
ROOMS = {**PROVIDER, "key": "rooms", "relatedTable": "chat_rooms", "relationType": "oneToMany"}


@pytest.fixture
def store(home: Path) -> Iterator[RawStore]:
    with RawStore(home / "raw.duckdb") as made:
        yield made


@pytest.fixture
def server() -> Iterator[OtherServer]:
    made = OtherServer()
    made.add_table("therapists", {"key": "name", "type": "string"})
    made.add_table("chat_rooms", {"key": "name", "type": "string"})
    made.add_table("bookings", {"key": "title", "type": "string"}, PROVIDER, ROOMS)
    for n in range(1, 8):
        made.put("therapists", f"t{n}", AT, name=f"Ibu {n}")
        made.put("chat_rooms", f"c{n}", AT, name="room")
        made.put("bookings", f"b{n}", AT, title=f"x{n}", providerId=f"t{n}", rooms=[f"c{n}", "c1"])
    made.put("bookings", "b8", AT, title="none", providerId=None, rooms=[])
    with serving(made):
        yield made


def mirrored(store: RawStore) -> dict[str, tuple[Any, ...]]:
    rows = store.connection.sql(
        "SELECT _id, title, providerId, rooms, _misfits FROM bookings WHERE _deleted_at IS NULL"
    ).fetchall()
    return {row[0]: (row[1], row[2], json.loads(row[3]) if row[3] else row[3], row[4]) for row in rows}


def served(server: OtherServer) -> dict[str, tuple[Any, ...]]:
    return {r["$id"]: (r["title"], r["providerId"], r["rooms"], None) for r in server.tables["bookings"]}


@pytest.mark.parametrize("relations", ["selected", "nested", "bare", "whole"])
def test_the_related_ids_are_read_by_scans_sweeps_and_repairs(
    server: OtherServer, home: Path, store: RawStore, relations: str
) -> None:
    server.relations = relations
    gateway, _ = opened(server, home)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.detail, outcome.unread) == ("complete", "", ())
    assert mirrored(store) == served(server)
    server.put("bookings", "b2", just_now(), providerId="t5")
    server.put("bookings", "b9", just_now(), title="new", providerId="t1", rooms=["c2"])
    later, _ = opened(server, home, overlap=60)
    run(later, store, ["bookings"], run_id="run2")
    assert mirrored(store) == served(server)
    # A row that changed with an old time is repaired by a quick sweep, one that changed in silence by a deep one.
    server.put("bookings", "b3", "2025-01-01T00:00:00.000+00:00", providerId="t6")
    server.put("bookings", "b4", AT, providerId="t7", rooms=["c7"])
    assert swept(gateway, store).repaired == 1
    assert swept(gateway, store, deep=True).repaired == 1
    assert mirrored(store) == served(server)
    assert store.columns.unread("bookings") == frozenset()


def test_pages_are_asked_for_once_where_related_rows_have_numbers_of_their_own(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, recorder = opened(server, home)
    run(gateway, store, ["bookings"])
    assert recorder.requests() == 4  # of three, three, two and no rows: none was guessed from a related one


@pytest.mark.parametrize("relations", ["refused", "broken"])
def test_a_server_that_refuses_the_selection_is_reported_and_read_once_it_does_not(
    server: OtherServer, home: Path, store: RawStore, relations: str
) -> None:
    server.relations = relations
    gateway, recorder = opened(server, home)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, set(outcome.unread)) == ("complete", {"providerId", "rooms"})
    assert outcome.detail.startswith("references not read: providerId, rooms (probe_rows of bookings: ")
    assert store.columns.unread("bookings") == {"providerId", "rooms"}
    assert [e.reason for e in recorder.events if e.severity == "error"] == []
    assert {row[0]: row[1] for row in mirrored(store).items()} == {
        identity: (title, None, None, None) for identity, (title, *_) in served(server).items()
    }
    assert swept(gateway, store, deep=True).outcome == "complete"
    gateway.breaker.succeeded()
    server.relations = "selected"
    run(gateway, store, ["bookings"], run_id="run2")
    assert mirrored(store) == served(server)
    # And taken away again: what was read stays, and a sweep does not take it for empty.
    server.relations = relations
    outcome = run(gateway, store, ["bookings"], run_id="run3")["bookings"]
    assert set(outcome.unread) == {"providerId", "rooms"}
    server.relations = "selected"
    run(gateway, store, ["bookings"], run_id="run4")
    server.relations = relations
    held = swept(gateway, store, deep=True)
    assert (held.outcome, held.counts.fetched) == ("failed", 0)
    assert "references not read" in held.detail
    assert mirrored(store) == served(server)


def test_one_column_that_is_refused_keeps_no_other_from_being_read(server: OtherServer, home: Path) -> None:
    check = server._check

    def refuses_rooms(table: str, selected: list[str]) -> None:
        server.relations = "refused" if any(name.startswith("rooms") for name in selected) else "selected"
        check(table, selected)

    server._check = refuses_rooms  # type: ignore[method-assign] - the server is made to refuse
    gateway, _ = opened(server, home)
    selection = select_related(gateway, "bookings", ["providerId", "rooms"])
    assert selection.unread == ("rooms",)
    assert json.loads(selection.queries[0])["values"] == ["*", "providerId.$id"]


def test_a_mirror_of_before_reads_its_relationships_anew(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"])
    store.connection.execute("UPDATE _columns SET unread = NULL")
    store.connection.execute("UPDATE bookings SET providerId = NULL, rooms = NULL")
    store.columns._noted.clear()
    run(gateway, store, ["bookings"], run_id="run2")
    assert mirrored(store) == served(server)


def test_a_server_that_takes_the_selection_and_gives_nothing_is_not_believed(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    server._related_value = lambda column, value, *, bare: None  # type: ignore[method-assign] - the server is made to refuse
    gateway, _ = opened(server, home)
    assert run(gateway, store, ["bookings"])["bookings"].unread == ()  # null is an answer
    real = server._served
    server._served = lambda table, row, selected: {  # type: ignore[method-assign] - the server is made to refuse
        k: v for k, v in real(table, row, selected).items() if k not in ("providerId", "rooms")
    }
    outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert set(outcome.unread) == {"providerId", "rooms"}
    assert "though they were selected" in outcome.detail


def test_the_doctor_lists_relationships_and_says_which_cannot_be_read(
    server: OtherServer, home: Path
) -> None:
    gateway, _ = opened(server, home, appwrite_api="tablesdb")
    told = [line for line in examine(gateway) if line.topic == "relationships"]
    assert [(line.verdict, line.sentence) for line in told] == [
        ("ok", "bookings.providerId is a relationship (manyToOne, therapists), read as the related $id."),
        ("ok", "bookings.rooms is a relationship (oneToMany, chat_rooms), read as the related $id."),
    ]
    server.relations = "refused"
    told = [line for line in examine(gateway) if line.topic == "relationships"]
    assert {line.verdict for line in told} == {"warning"}
    assert "what refers by it is unknown" in told[0].sentence
    assert "general_query_invalid" in told[0].sentence


@pytest.mark.parametrize(
    ("kind", "verdict"), [("before_1_8", "ok"), ("unordered", "problem"), ("numbered", None)]
)
def test_the_doctor_says_what_rows_are_followed_by(
    server: OtherServer, home: Path, kind: str, verdict: str | None
) -> None:
    server.kind = kind
    gateway, _ = opened(server, home, appwrite_api="tablesdb")
    told = [line for line in examine(gateway) if line.topic == "order"]
    assert {line.verdict for line in told} == ({verdict} if verdict else set())
    assert any(line.blocking for line in told) == (verdict == "problem")


def test_a_row_that_cannot_be_read_hides_no_relationship_and_comes_with_its_own_later(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    server.put("bookings", "b1", AT, title="x" * 90_000)
    server.most_bytes = 50_000
    gateway, _ = opened(server, home)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.unread, outcome.counts.rejected) == ("complete", (), 1)
    assert mirrored(store) == {key: row for key, row in served(server).items() if key != "b1"}
    server.most_bytes = None
    later, _ = opened(server, home)
    run(later, store, ["bookings"], run_id="run2")
    assert mirrored(store) == served(server)
    assert store.rejects.listed().height == 0
