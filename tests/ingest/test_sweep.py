"""The sweep against the sandbox: what a scan by time cannot see is found, repaired, and never overdone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.appwrite.gateway import Gateway
from resources.appwrite.sweep import SweepOutcome, sweep
from resources.progress import Quiet
from resources.raw.store import RawStore
from tests.ingest.mirroring import (
    DATABASE,
    accept_all,
    ask,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    row,
    run,
    server_rows,
    settings_for,
)
from tests.sandbox_server import SandboxProcess

ROWS = 60


@pytest.fixture
def store(home: Path) -> Iterator[RawStore]:
    with RawStore(home / "raw.duckdb") as opened:
        yield opened


@pytest.fixture
def gateway(server: SandboxProcess, home: Path, store: RawStore, table: str) -> Gateway:
    """A mirrored table of 60 rows."""
    make_table(server, table)
    fill(server, table, ROWS)
    made, _ = gateway_for(settings_for(server, home, tables={"bookings": table}, page_size=4, overlap=0))
    run(made, store, ["bookings"])
    return made


def swept(gateway: Gateway, store: RawStore, run_id: str = "sweep1", **more: Any) -> SweepOutcome:
    (outcome,) = sweep(
        gateway,
        store,
        ["bookings"],
        settings=gateway.settings,
        run_id=run_id,
        reject_reasons=accept_all,
        progress=Quiet(),
        **more,
    )
    return outcome


def change(server: SandboxProcess, table: str, *rows: dict[str, Any], **step: Any) -> None:
    """Change rows behind the scan's back: $updatedAt as given, not now."""
    server.between_pages({"table": table, "update": list(rows), **step})
    server_rows(server, table)
    server.between_pages()


def test_nothing_changed_nothing_done(gateway: Gateway, store: RawStore) -> None:
    before = store.file.last_change()
    outcome = swept(gateway, store)
    assert (outcome.outcome, outcome.server_rows, outcome.mirror_rows) == ("complete", ROWS, ROWS)
    assert (store.file.last_change(), outcome.counts.fetched) == (before, 0)


def test_deletes_are_marked_with_history_and_a_change_number(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    for identity in ("r00001", "r00030", "r00060"):
        ask(server, "delete", f"/tables/{table}/rows/{identity}")
    before = store.file.last_change()
    outcome = swept(gateway, store)
    assert (outcome.outcome, outcome.counts.deleted, outcome.missing) == ("complete", 3, 3)
    assert (outcome.server_rows, outcome.mirror_rows) == (57, 57)
    gone = store.connection.sql(
        "SELECT _id, _change > ?, _run_id, title FROM bookings WHERE _deleted_at IS NOT NULL ORDER BY 1",
        params=[before],
    ).fetchall()
    assert gone == [(f"r{n:05d}", True, "sweep1", f"title {n}") for n in (1, 30, 60)]
    assert store.connection.sql(
        "SELECT count(*) FROM bookings_history WHERE _deleted_at IS NULL"
    ).fetchall() == [(3,)]
    assert_mirrors(store, server, table, "bookings")
    assert store.runs.all("sweep1").select("outcome", "deleted").row(0) == ("complete", 3)
    again = swept(gateway, store, "sweep2")
    assert (again.counts.deleted, again.mirror_rows) == (0, 57)


def test_a_backdated_row_and_one_inserted_with_an_old_time_are_repaired(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    change(
        server, table,
        {"$id": "r00009", "title": "backdated", "$updatedAt": "2025-05-05T00:00:00.000+00:00"},
        insert=[row(99, at="2025-06-06T00:00:00.000+00:00")],
    )  # fmt: skip
    assert run(gateway, store, ["bookings"], run_id="run2")["bookings"].counts.fetched == 0
    outcome = swept(gateway, store)
    assert (outcome.counts.fetched, outcome.counts.updated, outcome.counts.inserted) == (2, 1, 1)
    assert_mirrors(store, server, table, "bookings")
    assert store.connection.sql("SELECT title FROM bookings_history").fetchall() == [("title 9",)]


def test_a_change_under_an_unchanged_time_is_found_by_a_deep_sweep(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    change(server, table, {"$id": "r00009", "title": "silent", "$updatedAt": "2026-01-01T00:00:00.000+00:00"})
    assert swept(gateway, store).counts.updated == 0
    outcome = swept(gateway, store, "sweep2", deep=True)
    assert (outcome.counts.fetched, outcome.counts.updated, outcome.outcome) == (ROWS, 1, "complete")
    assert_mirrors(store, server, table, "bookings")


def test_a_deleted_row_that_comes_back_lives_again(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    ask(server, "delete", f"/tables/{table}/rows/r00005")
    swept(gateway, store)
    server.load_rows(table, [row(5)], DATABASE)
    outcome = swept(gateway, store, "sweep2")
    assert outcome.counts.updated == 1
    assert_mirrors(store, server, table, "bookings")
    assert store.connection.sql(
        "SELECT _deleted_at IS NULL FROM bookings WHERE _id = 'r00005'"
    ).fetchall() == [(True,)]
    assert store.connection.sql("SELECT count(*) FROM bookings_history WHERE _id = 'r00005'").fetchall() == [
        (2,)
    ]


def test_more_than_five_percent_missing_marks_nothing_and_says_so(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    for n in range(1, 5):
        ask(server, "delete", f"/tables/{table}/rows/r{n:05d}")
    outcome = swept(gateway, store)
    assert (outcome.outcome, outcome.held, outcome.missing, outcome.mirror_rows) == ("failed", True, 4, ROWS)
    assert "4 of 60 rows" in outcome.detail
    assert store.runs.all("sweep1")["outcome"].to_list() == ["failed"]
    allowed = swept(gateway, store, "sweep2", guard=0.5)
    assert (allowed.outcome, allowed.counts.deleted) == ("complete", 4)
    assert_mirrors(store, server, table, "bookings")


def test_what_is_deleted_for_its_age_is_no_mass_delete(
    server: SandboxProcess, store: RawStore, home: Path, table: str
) -> None:
    make_table(server, table)
    fill(server, table, ROWS)
    fleeting = "service_requests"
    made, _ = gateway_for(settings_for(server, home, tables={fleeting: table}, overlap=0))
    run(made, store, [fleeting])
    for n in range(1, 41):
        ask(server, "delete", f"/tables/{table}/rows/r{n:05d}")
    (outcome,) = sweep(
        made,
        store,
        [fleeting],
        settings=made.settings,
        run_id="s",
        reject_reasons=accept_all,
        progress=Quiet(),
    )
    assert (outcome.outcome, outcome.counts.deleted, outcome.mirror_rows) == ("complete", 40, ROWS - 40)


def test_an_empty_answer_marks_nothing(
    server: SandboxProcess, gateway: Gateway, store: RawStore, home: Path, table: str
) -> None:
    make_table(server, f"{table}empty")
    astray, _ = gateway_for(settings_for(server, home, tables={"bookings": f"{table}empty"}))
    outcome = swept(astray, store)
    assert (outcome.held, outcome.missing, outcome.mirror_rows) == (True, ROWS, ROWS)


def test_a_large_table_is_swept_in_turns_and_deletes_wait_for_the_last(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    ask(server, "delete", f"/tables/{table}/rows/r00002")
    ask(server, "delete", f"/tables/{table}/rows/r00059")
    turns = [swept(gateway, store, f"sweep{n}", max_rows=20) for n in range(3)]
    assert [t.outcome for t in turns] == ["partial", "partial", "complete"]
    assert [t.counts.deleted for t in turns] == [0, 0, 2]
    assert turns[2].server_rows == 58
    assert_mirrors(store, server, table, "bookings")


def test_a_sweep_that_breaks_off_goes_on_where_it_was(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    ask(server, "delete", f"/tables/{table}/rows/r00002")
    server.faults({"kind": "status", "status": 503, "path": f"{table}/rows", "skip": 2})
    broken = swept(gateway, store)
    assert (broken.outcome, broken.counts.deleted) == ("partial", 0)
    state = store.sweeps.state("bookings")
    assert state is not None
    assert state.resume_sequence == 41
    server.faults()
    gateway.breaker.succeeded()
    outcome = swept(gateway, store, "sweep2")
    assert (outcome.outcome, outcome.counts.deleted, outcome.server_rows) == ("complete", 1, ROWS - 1)
    assert_mirrors(store, server, table, "bookings")


def test_rows_newer_than_the_watermark_are_left_to_the_next_scan(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    ask(server, "post", f"/tables/{table}/rows", rowId="brandnew", data={"title": "x"})
    ask(server, "patch", f"/tables/{table}/rows/r00003", data={"title": "newer"})
    outcome = swept(gateway, store)
    assert (outcome.counts.fetched, outcome.server_rows, outcome.mirror_rows) == (0, ROWS, ROWS)


def test_a_deep_sweep_counts_what_it_stores_also_rows_newer_than_the_watermark(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    ask(server, "post", f"/tables/{table}/rows", rowId="brandnew", data={"title": "x"})
    outcome = swept(gateway, store, deep=True)
    assert (outcome.counts.inserted, outcome.server_rows, outcome.mirror_rows) == (1, ROWS + 1, ROWS + 1)


def test_what_was_written_while_a_sweep_ran_is_stored_and_not_called_repaired(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    change(server, table, {"$id": "r00009", "title": "silent", "$updatedAt": "2026-01-01T00:00:00.000+00:00"})
    ask(server, "post", f"/tables/{table}/rows", rowId="brandnew", data={"title": "x"})
    ask(server, "patch", f"/tables/{table}/rows/r00003", data={"title": "newer"})
    outcome = swept(gateway, store, deep=True)
    assert (outcome.counts.inserted, outcome.counts.updated, outcome.repaired) == (1, 2, 1)
    assert_mirrors(store, server, table, "bookings")


def test_a_row_dated_ahead_of_the_clock_is_brought_by_the_sweep_and_so_is_what_follows(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    change(
        server, table,
        {"$id": "r00009", "title": "ahead", "$updatedAt": "2999-05-05T00:00:00.000+00:00"},
        insert=[row(99, at="2999-06-06T00:00:00.000+00:00")],
    )  # fmt: skip
    outcome = swept(gateway, store)
    assert (outcome.counts.updated, outcome.counts.inserted) == (1, 1)
    assert (outcome.server_rows, outcome.mirror_rows) == (ROWS + 1, ROWS + 1)
    assert_mirrors(store, server, table, "bookings")
    assert swept(gateway, store, "sweep2").counts.fetched == 0
    ask(server, "patch", f"/tables/{table}/rows/r00099", data={"title": "back in time"})
    server.a_second_passes()
    run(gateway, store, ["bookings"], run_id="run2")
    assert swept(gateway, store, "sweep3").outcome == "complete"
    assert_mirrors(store, server, table, "bookings")


@pytest.mark.parametrize("deep", [True, False])
def test_a_row_without_a_usable_id_is_counted_in_quarantine_and_not_as_a_row_of_the_mirror(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str, deep: bool
) -> None:
    server.load_rows(table, [{**row(1), "$id": " "}], DATABASE)
    run(gateway, store, ["bookings"], run_id="run2", full=True)
    assert store.rejects.listed().height == 1
    outcome = swept(gateway, store, deep=deep)
    assert (outcome.outcome, outcome.server_rows, outcome.mirror_rows) == ("complete", ROWS, ROWS)


def test_a_row_made_again_under_its_id_is_one_row_after_scan_and_sweep(
    server: SandboxProcess, gateway: Gateway, store: RawStore, table: str
) -> None:
    ask(server, "delete", f"/tables/{table}/rows/r00010")
    server.load_rows(table, [row(10, title="again")], DATABASE)
    outcome = swept(gateway, store)
    assert outcome.outcome == "complete"
    assert_mirrors(store, server, table, "bookings")


def test_a_collection_never_read_completely_is_not_swept(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    made, _ = gateway_for(settings_for(server, home, tables={"bookings": table}))
    outcome = swept(made, store)
    assert (outcome.outcome, outcome.mirror_rows) == ("failed", 0)
    assert "run first" in outcome.detail
