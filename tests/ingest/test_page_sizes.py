"""Pages a worker dies over are asked for with fewer rows, and one row that cannot be had stops nothing."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from resources.appwrite import gateway as gateway_module
from resources.appwrite import page_sizes
from resources.appwrite.failures import CallFailure, PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.page_sizes import AIM, FIRST_ROWS, GROWS_AFTER, PageSize
from resources.appwrite.patience import BREAKER_FAILURES
from resources.appwrite.sweep import sweep
from resources.progress import Quiet
from resources.raw.pages import Learned
from resources.raw.rejects import Unread
from resources.raw.store import RawStore
from tests.anything import HOSTILE_VALUES, answer
from tests.ingest.mirroring import (
    DATABASE,
    KINDS,
    Recorder,
    accept_all,
    ask,
    assert_mirrors,
    gateway_for,
    make_table,
    naive,
    reconciles,
    row,
    run,
    settings_for,
)
from tests.ingest.scripted import ScriptedServer, http
from tests.ingest.test_gateway import scripted_gateway
from tests.sandbox_server import SandboxProcess

NOW = naive(2026, 3, 1)


def body(rows: int, size: int) -> bytes:
    """An answer of so many rows, so many bytes each."""
    return b",".join([b'{"$id":"r"' + b"x" * (size - 12) + b"}"] * rows)


# -- how many to ask for -----------------------------------------------------------------------------------


def test_of_a_collection_nothing_is_known_of_a_few_rows_are_asked_for_first() -> None:
    size = PageSize(1000)
    assert size.rows() == FIRST_ROWS
    size.had(FIRST_ROWS, body(FIRST_ROWS, 1700))
    assert size.rows() == 1000
    assert PageSize(10).rows() == 10


def test_pages_are_sized_by_what_the_last_ones_weighed() -> None:
    size = PageSize(1000)
    size.had(100, body(100, 500_000))
    assert size.rows() == AIM // 500_000
    for _ in range(50):
        size.had(size.rows(), body(size.rows(), 1000))
    assert size.rows() == 1000


def test_what_fails_is_halved_down_to_one_and_remembered() -> None:
    size = PageSize(1000, Learned(row_bytes=2000))
    asked = []
    for _ in range(11):
        asked.append(size.rows())
        size.failed(asked[-1])
    assert asked == [1000, 500, 250, 125, 62, 31, 15, 7, 3, 1, 1]
    assert PageSize(1000, size.learned).rows() == 1


def test_two_pages_that_fail_together_are_one_step() -> None:
    size = PageSize(1000, Learned(row_bytes=2000))
    size.failed(1000)
    size.failed(1000)
    assert size.rows() == 500


def test_a_size_that_failed_is_tried_again_after_pages_in_a_row_that_did_not() -> None:
    size = PageSize(1000, Learned(rows=500, failed=1000, row_bytes=2000))
    for _ in range(GROWS_AFTER - 1):
        size.had(500, body(500, 2000))
        assert size.rows() == 500
    size.had(500, body(500, 2000))
    assert size.rows() == 1000


def test_one_odd_row_explains_small_pages_which_grow_again_at_once() -> None:
    size = PageSize(1000, Learned(rows=1, failed=2, row_bytes=2000))
    size.explained()
    asked = []
    while size.rows() < 1000:
        asked.append(size.rows())
        size.had(asked[-1], body(asked[-1], 2000))
    assert asked == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]


def test_what_is_remembered_does_not_change_with_every_page() -> None:
    size = PageSize(1000)
    size.had(100, body(100, 1700))
    first = size.learned
    size.had(1000, body(1000, 1750))
    assert size.learned == first == Learned(None, None, 2048)


def test_a_row_is_tried_again_at_the_next_run_and_then_after_ever_longer_pauses() -> None:
    minute = timedelta(minutes=1)
    assert Unread("r1", None, NOW, NOW).due(NOW)
    assert not Unread("r1", None, NOW, NOW + 5 * minute).due(NOW + 9 * minute)
    assert Unread("r1", None, NOW, NOW + 5 * minute).due(NOW + 10 * minute)
    assert Unread("r1", None, NOW, NOW + 500 * minute).due(NOW + 560 * minute)


# -- a worker that dies ------------------------------------------------------------------------------------


@pytest.fixture
def store(home: Path) -> Iterator[RawStore]:
    with RawStore(home / "raw.duckdb") as opened:
        yield opened


def opened(server: SandboxProcess, home: Path, table: str, **more: Any) -> tuple[Gateway, Recorder]:
    return gateway_for(settings_for(server, home, tables={"reviews": table}, **more), timeouts=(2.0, 0.3))


def memory(bytes_: int, death: str = "reset", **more: Any) -> dict[str, Any]:
    return {"kind": "memory", "bytes": bytes_, "death": death, "status": 500, "path": "/rows", **more}


def fill_reviews(server: SandboxProcess, table: str, rows: int, size: int) -> None:
    make_table(server, table, {"title": KINDS["title"], "long": KINDS["long"]})
    server.load_rows(table, [review(n, size) for n in range(1, rows + 1)], DATABASE)


def review(n: int, size: int, **more: Any) -> dict[str, Any]:
    told = row(n, long=f"{n}".ljust(size, "x"), **more)
    del told["amount"]
    return told


def deaths(server: SandboxProcess) -> int:
    return server.control("GET", "faults")["injected"].get("memory", 0)


@pytest.mark.parametrize("death", ["reset", "status", "stall"])
def test_pages_a_worker_dies_over_are_read_with_fewer_rows_and_the_size_is_remembered(
    server: SandboxProcess, home: Path, store: RawStore, table: str, death: str
) -> None:
    fill_reviews(server, table, 60, 20_000)
    server.faults(memory(300_000, death))
    gateway, _ = opened(server, home, table, page_size=50)
    outcomes = run(gateway, store, ["reviews"])
    assert outcomes["reviews"].outcome == "complete"
    assert outcomes["reviews"].counts.inserted == 60
    assert reconciles(outcomes.values())
    assert deaths(server) > 0
    server.faults()
    assert_mirrors(store, server, table, "reviews")
    server.faults(memory(300_000, death))
    gateway, _ = opened(server, home, table, page_size=50)
    again = run(gateway, store, ["reviews"], run_id="run2", full=True)["reviews"]
    assert (again.outcome, again.counts.unchanged) == ("complete", 60)
    assert deaths(server) == 0


def test_a_row_that_no_page_can_hold_is_set_aside_by_name_and_read_when_it_can_be(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    fill_reviews(server, table, 30, 2_000)
    server.load_rows(table, [review(31, 90_000, title="the large one"), review(32, 10)], DATABASE)
    server.faults(memory(50_000))
    gateway, _ = opened(server, home, table, page_size=20)
    outcome = run(gateway, store, ["reviews"], told=["title"])["reviews"]
    assert outcome.outcome == "complete"
    assert (outcome.counts.fetched, outcome.counts.inserted, outcome.counts.rejected) == (32, 31, 1)
    assert outcome.detail == "a row cannot be read and stands in quarantine: 'r00031'"
    (kept,) = store.connection.sql("SELECT row_id, sequence, reasons, content FROM _rejects").fetchall()
    assert kept[:3] == ("r00031", 31, '["row_unread"]')
    assert json.loads(kept[3])["title"] == "the large one"
    assert {r[0] for r in store.connection.sql("SELECT _id FROM reviews").fetchall()} == {
        f"r{n:05d}" for n in (*range(1, 31), 32)
    }
    # It is not what the next pages are sized by.
    assert store.pages.learned("reviews").failed is None

    gateway, recorder = opened(server, home, table, page_size=20)
    again = run(gateway, store, ["reviews"], run_id="run2")["reviews"]
    assert again.detail == outcome.detail
    assert deaths(server) < 40
    assert recorder.requests("repair_rows") == 1

    server.faults()
    gateway, _ = opened(server, home, table, page_size=20)
    read = run(gateway, store, ["reviews"], run_id="run3", full=True)["reviews"]
    assert (read.outcome, read.detail) == ("complete", "")
    assert store.connection.sql("SELECT count(*) FROM _rejects").fetchall() == [(0,)]
    assert_mirrors(store, server, table, "reviews")


def test_a_row_that_cannot_be_read_any_more_is_not_believed_to_be_as_it_was(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    fill_reviews(server, table, 5, 100)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["reviews"])
    ask(server, "patch", f"/tables/{table}/rows/r00003", data={"long": "y" * 80_000})
    server.a_second_passes()
    server.faults(memory(50_000))
    gateway, _ = opened(server, home, table)
    outcome = run(gateway, store, ["reviews"], run_id="run2", full=True)["reviews"]
    assert (outcome.counts.unchanged, outcome.counts.rejected) == (4, 1)
    rejected = store.connection.sql("SELECT _id, _rejected FROM reviews WHERE _rejected IS NOT NULL")
    assert rejected.fetchall() == [("r00003", '["row_unread"]')]
    assert store.merge.rejudge("reviews", accept_all, rules_version="next", run_id="run3", now=NOW) == 0
    server.faults()
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["reviews"], run_id="run3", full=True)
    assert_mirrors(store, server, table, "reviews")
    assert store.rejects.listed().height == 0


@pytest.mark.parametrize("deep", [True, False])
def test_a_sweep_goes_on_behind_a_row_that_cannot_be_read_and_counts_honestly(
    server: SandboxProcess, home: Path, store: RawStore, table: str, deep: bool
) -> None:
    fill_reviews(server, table, 12, 1_000)
    gateway, _ = opened(server, home, table, page_size=4)
    run(gateway, store, ["reviews"])
    old = {"$createdAt": "2025-01-01T00:00:00.000+00:00", "$updatedAt": "2025-01-01T00:00:00.000+00:00"}
    # Written with an old $updatedAt: no scan comes to them.
    server.load_rows(
        table, [{**review(13, 90_000), **old}, {**review(14, 10), **old}, {**review(15, 10), **old}], DATABASE
    )
    ask(server, "delete", f"/tables/{table}/rows/r00002")
    server.faults(memory(50_000))
    gateway, _ = opened(server, home, table, page_size=4)

    def swept() -> Any:
        (one,) = sweep(
            gateway, store, ["reviews"], settings=gateway.settings, run_id="s", reject_reasons=accept_all,
            progress=Quiet(), deep=deep, guard=1.0,
        )  # fmt: skip
        return one

    first = swept()
    assert (first.outcome, first.counts.deleted, first.counts.inserted) == ("complete", 1, 2)
    assert (first.server_rows, first.mirror_rows) == (14, 13)
    assert first.detail == "1 cannot be read: 'r00013'"
    assert [r.row_id for r in store.rejects.unread("reviews")] == ["r00013"]
    second = swept()
    assert (second.outcome, second.counts.deleted, second.server_rows, second.mirror_rows) == (
        "complete", 0, 14, 13,
    )  # fmt: skip
    server.faults()
    gateway, _ = opened(server, home, table, page_size=4)
    run(gateway, store, ["reviews"], run_id="run2", full=True)
    assert_mirrors(store, server, table, "reviews")
    assert store.rejects.listed().height == 0


@pytest.mark.parametrize("row_id", ["081234567890", "Made Wijaya"])
def test_a_row_that_cannot_be_read_is_told_by_a_hash_where_its_id_is_none(
    server: SandboxProcess, home: Path, store: RawStore, table: str, row_id: str
) -> None:
    fill_reviews(server, table, 3, 100)
    server.load_rows(table, [{**review(4, 90_000), "$id": row_id}], DATABASE)
    server.faults(memory(50_000))
    gateway, _ = opened(server, home, table)
    detail = run(gateway, store, ["reviews"])["reviews"].detail
    (told,) = store.published_ids("reviews", [row_id])
    assert told.startswith("hash_")
    assert detail == f"a row cannot be read and stands in quarantine: '{told}'"
    (swept,) = sweep(
        gateway, store, ["reviews"], settings=gateway.settings, run_id="s", reject_reasons=accept_all,
        progress=Quiet(), deep=True,
    )  # fmt: skip
    assert swept.detail == f"1 cannot be read: '{told}'"


def test_a_row_that_was_set_aside_and_is_deleted_leaves_the_quarantine(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    fill_reviews(server, table, 3, 100)
    server.load_rows(table, [review(4, 90_000)], DATABASE)
    server.faults(memory(50_000))
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["reviews"])
    assert store.rejects.listed().height == 1
    server.faults()
    ask(server, "delete", f"/tables/{table}/rows/r00004")
    gateway, _ = opened(server, home, table)
    assert run(gateway, store, ["reviews"], run_id="run2")["reviews"].detail == ""
    assert store.rejects.listed().height == 0


def test_many_rows_in_a_row_that_cannot_be_read_are_the_servers_trouble(
    server: SandboxProcess, home: Path, store: RawStore, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_sizes, "MOST_ODD_ROWS", 3)
    fill_reviews(server, table, 8, 90_000)
    server.load_rows(table, [review(9, 10)], DATABASE)
    server.faults(memory(50_000))
    gateway, _ = opened(server, home, table)
    outcome = run(gateway, store, ["reviews"])["reviews"]
    assert (outcome.outcome, outcome.counts.rejected) == ("partial", 3)
    for n in (2, 3):
        gateway, _ = opened(server, home, table)
        outcome = run(gateway, store, ["reviews"], run_id=f"run{n}")["reviews"]
    # Each run goes on behind those before; the last also reads what was resumed to its end.
    assert len(store.rejects.unread("reviews")) == 8
    assert store.versions.count_living("reviews") == 1


# -- a server that is dead, or a table ---------------------------------------------------------------------


def test_a_table_that_cannot_be_listed_is_not_asked_for_less_and_less_of(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    fill_reviews(server, table, 5, 100)
    server.faults({"kind": "status", "status": 503, "path": f"{table}/rows"})
    gateway, recorder = opened(server, home, table)
    outcome = run(gateway, store, ["reviews"])["reviews"]
    assert (outcome.outcome, outcome.counts.fetched) == ("failed", 0)
    assert (recorder.requests("list_rows"), recorder.requests("first_row")) == (1, 1)
    assert store.pages.learned("reviews") == Learned()


def test_pages_that_fail_for_their_size_do_not_open_the_breaker_and_a_dead_server_does() -> None:
    calls = {"alive": True}

    def script(path: str, headers: dict[str, str]) -> bytes | None:
        return http(200, '{"rows":[]}') if calls["alive"] and "select" in path else None

    with ScriptedServer(script) as server:
        gateway, _ = scripted_gateway(server)

        def ask_for(queries: list[str], doubtful: bool) -> None:
            with pytest.raises(CallFailure):
                gateway.rows("bookings", queries, lambda body: body, doubtful=doubtful)

        for _ in range(2 * BREAKER_FAILURES):
            ask_for([], True)
        assert gateway.breaker.state == "closed"
        calls["alive"] = False
        for _ in range(BREAKER_FAILURES):
            ask_for([], True)
            ask_for(["select"], False)
        assert gateway.breaker.state == "open"


def test_a_refused_connection_counts_as_before(home: Path) -> None:
    with ScriptedServer(b"") as server:
        endpoint = server.endpoint
    gateway, recorder = scripted_gateway(ScriptedServer(b""), endpoint=endpoint)
    for _ in range(BREAKER_FAILURES):
        with pytest.raises(CallFailure) as caught:
            gateway.rows("bookings", [], lambda body: body, doubtful=True)
        assert not caught.value.may_be_size
    assert gateway.breaker.state == "open"
    assert len(recorder.events) == BREAKER_FAILURES


def test_a_hostile_page_is_read_from_the_wire_to_the_mirror(home: Path, store: RawStore) -> None:
    hostile = [{"t": value, "n": value, "o": value} for value in HOSTILE_VALUES.values()]
    columns = {"t": "string", "n": "integer", "o": "relationship", "_change": "string", "\ud800": "string"}
    listed = [
        {"key": key, "type": kind, "default": json.loads("[" * 300 + "]" * 300)}
        for key, kind in columns.items()
    ]

    def script(path: str, headers: dict[str, str]) -> bytes | None:
        date = "Sun, 22 Nov 2026 11:00:00 GMT"
        if "/columns" in path:
            return http(200, json.dumps({"total": len(listed), "columns": listed}), Date=date)
        if "/rows" not in path:
            return http(200, '{"total":0,"tables":[]}', Date=date)
        return http(
            200, answer(hostile) if "greaterThan" not in path else b'{"total":0,"rows":[]}', Date=date
        )

    with ScriptedServer(script) as server:
        gateway, _ = scripted_gateway(server, settings={"home": home})
        outcomes = run(gateway, store, ["reviews"])
        assert outcomes["reviews"].outcome == "complete"
        assert (outcomes["reviews"].counts.fetched, reconciles(outcomes.values())) == (len(hostile), True)
        assert store.versions.count_living("reviews") == len(hostile)


# -- what an answer may weigh ------------------------------------------------------------------------------


def packed(size: int, how: str) -> bytes:
    plain = b'{"rows":["' + b"0" * size + b'"]}'
    return gzip.compress(plain) if how == "gzip" else zlib.compress(plain)


@pytest.mark.parametrize("how", ["gzip", "deflate"])
def test_an_answer_is_unpacked_no_further_than_is_taken(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway_module, "LARGEST_ANSWER", 3 << 20)
    bomb = packed(40 << 20, how)
    with ScriptedServer(http(200, bomb, Content_Encoding=how)) as server:
        gateway, recorder = scripted_gateway(server)
        with pytest.raises(PermanentFailure) as caught:
            gateway.rows("bookings", [], lambda body: body)
    assert (caught.value.reason, caught.value.may_be_size) == ("too_large", True)
    assert "larger than 64 MiB" in str(caught.value)
    assert len(recorder.events) == len(server.requests) == 1
    assert gateway.breaker.state == "closed"


def test_an_answer_beyond_the_bound_is_read_with_fewer_rows(
    server: SandboxProcess, home: Path, store: RawStore, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway_module, "LARGEST_ANSWER", 60_000)
    fill_reviews(server, table, 30, 20_000)
    server.load_rows(table, [review(31, 90_000), review(32, 10)], DATABASE)
    gateway, _ = opened(server, home, table)
    outcome = run(gateway, store, ["reviews"])["reviews"]
    assert (outcome.outcome, outcome.counts.inserted, outcome.counts.rejected) == ("complete", 31, 1)
    assert [one.row_id for one in store.rejects.unread("reviews")] == ["r00031"]
