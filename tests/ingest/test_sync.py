"""The scan against the sandbox over HTTP.

Nothing lost, nothing twice, whatever is touched, cut off or refused.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from resources.appwrite.failures import TransientFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.windows import upper_bound, window_queries
from resources.errors import SourceUnavailable, UsageError
from resources.progress import PlainLines, Quiet
from resources.raw.file import StoreFailure
from resources.raw.store import RawStore
from resources.settings import Settings
from tests.ingest.mirroring import (
    DATABASE,
    KINDS,
    Recorder,
    accept_all,
    ask,
    assert_mirrors,
    fill,
    gateway_for,
    make_table,
    naive,
    reconciles,
    reject_word,
    row,
    run,
    server_rows,
    settings_for,
)
from tests.ingest.scripted import ScriptedServer, http
from tests.sandbox_server import SandboxProcess


@pytest.fixture
def store(home: Path) -> Iterator[RawStore]:
    with RawStore(home / "raw.duckdb") as opened:
        yield opened


def opened(server: SandboxProcess, home: Path, table: str, **more: Any) -> tuple[Gateway, Recorder]:
    more.setdefault("tables", {"bookings": table})
    return gateway_for(settings_for(server, home, **more))


def touch(server: SandboxProcess, table: str, identity: str, **data: Any) -> None:
    """An update as the app makes it: $updatedAt moves to now."""
    ask(server, "patch", f"/tables/{table}/rows/{identity}", data=data)


def delete(server: SandboxProcess, table: str, identity: str) -> None:
    ask(server, "delete", f"/tables/{table}/rows/{identity}")


def create(server: SandboxProcess, table: str, identity: str, **data: Any) -> None:
    ask(server, "post", f"/tables/{table}/rows", rowId=identity, data=data)


# -- the plain way -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", ["tablesdb", "databases"])
def test_every_column_type_arrives_as_it_is(
    server: SandboxProcess, home: Path, store: RawStore, table: str, api: str
) -> None:
    make_table(server, table, KINDS)
    full = row(
        1, note="naïve 😀 \" \\ \n", big=2**40, ratio=0.1, paid=True,
        starts_at="2026-02-01T10:00:00.123+00:00",
        choice="b", contact="a@b.id", page="https://b.id/", address="10.0.0.1", middle="m", long="l",
        tags=["a", 'q"'], numbers=[1, -2],
    )  # fmt: skip
    server.load_rows(table, [full, row(2, title=None, amount=None), row(3, tags=[], numbers=[])], DATABASE)
    gateway, _ = opened(server, home, table, appwrite_api=api)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.counts.inserted) == ("complete", 3)
    assert_mirrors(store, server, table, "bookings")
    types = dict(
        store.connection.sql(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'bookings'"
        ).fetchall()
    )
    assert {types[c] for c in ("title", "tags", "numbers", "choice")} == {"VARCHAR"}
    assert (types["amount"], types["big"], types["ratio"]) == ("BIGINT", "BIGINT", "DOUBLE")
    assert (types["paid"], types["starts_at"], types["_updated_at"]) == ("BOOLEAN", "TIMESTAMP", "TIMESTAMP")


def test_pages_follow_each_other_without_loss(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 103)
    gateway, recorder = opened(server, home, table, page_size=10)
    outcome = run(gateway, store, ["bookings"], flush_rows=25)["bookings"]
    assert (outcome.counts.fetched, outcome.counts.inserted) == (103, 103)
    assert_mirrors(store, server, table, "bookings")
    assert recorder.requests() == 12  # ten full pages, a short one, the empty one that ends the scan


def test_what_breaks_while_pages_are_stored_ends_the_sync_and_stores_nothing_of_them(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 30)
    gateway, _ = opened(server, home, table)

    def broken(collection: str, rows: pl.DataFrame) -> pl.Series:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(gateway, store, ["bookings"], reject_reasons=broken)
    assert store.versions.count_living("bookings") == 0
    assert run(gateway, store, ["bookings"])["bookings"].counts.inserted == 30


def test_a_second_run_fetches_only_what_changed(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 50)
    gateway, recorder = opened(server, home, table)
    run(gateway, store, ["bookings"])
    change = store.file.last_change()
    touch(server, table, "r00007", title="changed")
    create(server, table, "fresh", title="new", amount=1)
    server.a_second_passes()
    second = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert (second.counts.fetched, second.counts.updated, second.counts.inserted) == (2, 1, 1)
    assert store.file.last_change() == change + 1
    assert_mirrors(store, server, table, "bookings")
    third = run(gateway, store, ["bookings"], run_id="run3")["bookings"]
    # The overlap gives both again; nothing is written for them.
    assert (third.counts.fetched, third.counts.unchanged) == (2, 2)
    assert store.file.last_change() == change + 1
    recorder.events.clear()
    settled = opened(server, home, table, overlap=0)[0]
    assert run(settled, store, ["bookings"], run_id="run4")["bookings"].counts.fetched == 0


def test_history_keeps_the_version_a_change_replaces(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 3)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"])
    for title in ("second", "third"):
        touch(server, table, "r00002", title=title)
        server.a_second_passes()
        run(gateway, store, ["bookings"], run_id=title)
    versions = store.connection.sql(
        "SELECT title, _change, _replaced_by, _run_id, _replaced_at IS NOT NULL "
        "FROM bookings_history ORDER BY _change"
    ).fetchall()
    assert versions == [("title 2", 1, 2, "run1", True), ("second", 2, 3, "second", True)]
    assert store.connection.sql(
        "SELECT title, _change, _run_id FROM bookings WHERE _id = 'r00002'"
    ).fetchall() == [("third", 3, "third")]


def test_several_collections_each_with_its_own_counts(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    names = [f"c{n}" for n in range(5)]
    for n, name in enumerate(names):
        make_table(server, f"{table}{name}")
        fill(server, f"{table}{name}", 20 + n)
    gateway, _ = opened(
        server,
        home,
        table,
        tables={n: f"{table}{n}" for n in names},
        page_size=7,
        workers=3,
    )
    outcomes = run(gateway, store, names, flush_rows=15)
    assert list(outcomes) == names
    assert [outcomes[n].counts.inserted for n in names] == [20, 21, 22, 23, 24]
    assert reconciles(outcomes.values())
    for name in names:
        assert_mirrors(store, server, f"{table}{name}", name)
    runs = store.runs.all("run1")
    assert runs["outcome"].to_list() == ["complete"] * 5
    assert (
        runs["fetched"] == runs["inserted"] + runs["updated"] + runs["unchanged"] + runs["rejected"]
    ).all()
    assert store.columns.collections() == names


def test_the_windows_queries() -> None:
    low, high = naive(2026, 1, 1), naive(2026, 1, 2, 3, 4, 5)
    assert [json.loads(q) for q in window_queries(None, high, None, 7)] == [
        {"method": "lessThanEqual", "attribute": "$updatedAt", "values": ["2026-01-02T03:04:05.000+00:00"]},
        {"method": "orderAsc", "attribute": "$sequence"},
        {"method": "limit", "values": [7]},
    ]
    follow = [
        {"method": "orderAsc", "attribute": "$sequence"},
        {"method": "limit", "values": [7]},
    ]
    assert [json.loads(q) for q in window_queries(None, None, None, 7)] == follow
    assert [json.loads(q) for q in window_queries(low, None, None, 7)] == [
        {
            "method": "greaterThanEqual",
            "attribute": "$updatedAt",
            "values": ["2026-01-01T00:00:00.000+00:00"],
        },
        *follow,
    ]
    between, after, *_ = [json.loads(q) for q in window_queries(low, high, 12, 7)]
    assert between["method"] == "between"
    assert between["values"] == ["2026-01-01T00:00:00.000+00:00", "2026-01-02T03:04:05.000+00:00"]
    assert after == {"method": "greaterThan", "attribute": "$sequence", "values": ["12"]}


def test_the_bound_is_the_servers_clock_less_the_lag_in_whole_milliseconds() -> None:
    now = datetime(2026, 1, 1, 0, 0, 10, 250_999, tzinfo=UTC)
    assert upper_bound(now, 2.0) == naive(2026, 1, 1, 0, 0, 8, 250_000)
    assert upper_bound(now, 0.5) == naive(2026, 1, 1, 0, 0, 9, 750_000)


def test_the_watermark_is_the_servers_time_and_completion_the_clocks(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 1)
    gateway, _ = opened(server, home, table, now="2031-05-05T00:00:00Z", safety_lag=2)
    before = server.now().replace(tzinfo=None)
    run(gateway, store, ["bookings"])
    mark = store.watermarks.of("bookings")
    assert mark.completed_at == naive(2031, 5, 5)
    assert mark.watermark is not None
    assert before - timedelta(seconds=4) <= mark.watermark <= before
    assert (mark.scan_bound, mark.resume_sequence) == (None, None)
    assert store.connection.sql("SELECT DISTINCT _ingested_at FROM bookings").fetchall() == [
        (naive(2031, 5, 5),)
    ]


# -- rows that move while they are read --------------------------------------------------------------------


def test_rows_touched_inserted_and_deleted_between_pages_are_all_right_after_the_next_run(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 60)
    gateway, _ = opened(server, home, table, page_size=10)
    server.between_pages(
        {"table": table, "after": 1, "touch": ["r00001", "r00015", "r00055"]},
        {
            "table": table,
            "after": 2,
            "update": [{"$id": "r00005", "title": "was read"}, {"$id": "r00045", "title": "was not"}],
        },
        {"table": table, "after": 3, "insert": [{"$id": "mid1", "title": "inserted"}]},
        {"table": table, "after": 4, "touch": ["r00020"], "insert": [{"$id": "mid2", "title": "inserted"}]},
    )
    assert run(gateway, store, ["bookings"], flush_rows=10)["bookings"].outcome == "complete"
    server.a_second_passes()
    run(gateway, store, ["bookings"], run_id="run2")
    assert_mirrors(store, server, table, "bookings")


def test_a_row_deleted_and_made_again_under_its_id_stands_once(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 30)
    gateway, _ = opened(server, home, table, page_size=10)
    server.between_pages(
        {"table": table, "after": 1, "delete": ["r00003"],
         "insert": [row(3, title="again")]}
    )  # fmt: skip
    outcome = run(gateway, store, ["bookings"], flush_rows=1000)["bookings"]
    assert outcome.counts.fetched == 31
    assert reconciles([outcome])
    assert_mirrors(store, server, table, "bookings")


# -- what the others refer to ------------------------------------------------------------------------------


def opened_both(server: SandboxProcess, home: Path, table: str, **more: Any) -> tuple[Gateway, Recorder]:
    """A gateway on ``<table>`` as bookings and ``<table>_places`` as places."""
    make_table(server, table)
    make_table(server, f"{table}_places")
    tables = {"bookings": table, "places": f"{table}_places"}
    return gateway_for(settings_for(server, home, tables=tables, workers=4, **more))


@pytest.mark.parametrize("broken", [False, True])
def test_the_scans_of_what_others_refer_to_end_before_another_begins(
    server: SandboxProcess, home: Path, store: RawStore, table: str, broken: bool
) -> None:
    gateway, recorder = opened_both(server, home, table, page_size=2)
    fill(server, table, 5)
    fill(server, f"{table}_places", 5)
    if broken:
        server.faults({"kind": "status", "status": 503, "path": f"{table}_places/rows", "skip": 1})
    outcomes = run(gateway, store, ["bookings", "places"], first=("places", "therapists"))
    server.faults()
    assert list(outcomes) == ["bookings", "places"]
    assert (outcomes["bookings"].outcome, outcomes["places"].outcome) == (
        "complete",
        "partial" if broken else "complete",
    )
    asked = [event.collection for event in recorder.events if event.operation == "list_rows"]
    assert asked == sorted(asked, reverse=True)
    bookings, places = (store.watermarks.of(name).watermark for name in ("bookings", "places"))
    assert bookings is not None
    assert (places is None) == broken
    # Nothing is read that may refer to a place that came after the places were read.
    assert places is None or bookings == places
    assert_mirrors(store, server, table, "bookings")


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def test_a_row_touched_while_a_first_load_goes_on_is_read_beside_those_that_refer_to_it(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    """It leaves every window of $updatedAt. Made after the bound are of the others the next scan's."""
    gateway, _ = opened_both(server, home, table, page_size=2, safety_lag=3600)
    both = (table, f"{table}_places")
    for name in both:
        fill(server, name, 4)
    server.between_pages(
        *({"table": name, "after": 1, "touch": ["r00004"], "insert": [{"$id": "fresh"}]} for name in both)
    )
    outcomes = run(gateway, store, ["places", "bookings"], first=("places",))
    assert reconciles(outcomes.values())
    old = {"r00001", "r00002", "r00003", "r00004"}
    kept = {name: set(store.versions.living(name)["_id"]) for name in ("places", "bookings")}
    assert kept == {"places": {*old, "fresh"}, "bookings": old}
    assert outcomes["bookings"].counts.inserted == len(old)
    tables = gateway.settings.tables
    settled, _ = gateway_for(settings_for(server, home, tables=tables))
    server.a_second_passes()
    run(settled, store, ["places", "bookings"], run_id="run2", first=("places",))
    for name, one in zip(("bookings", "places"), both, strict=True):
        assert_mirrors(store, server, one, name)


def test_a_new_row_touched_beyond_the_bound_of_a_later_scan_is_read(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 2)
    gateway, _ = opened(server, home, table, safety_lag=3600)
    run(gateway, store, ["bookings"])
    server.load_rows(table, [row(3) | {"$updatedAt": now_text()}], DATABASE)
    create(server, table, "fresh", title="made beyond it")
    second = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert (second.counts.fetched, second.counts.inserted) == (1, 1)
    assert set(store.versions.living("bookings")["_id"]) == {"r00001", "r00002", "r00003"}
    settled, _ = opened(server, home, table)
    server.a_second_passes()
    run(settled, store, ["bookings"], run_id="run3")
    assert_mirrors(store, server, table, "bookings")


def test_a_first_load_that_broke_off_misses_no_row_touched_since(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    """Its bound is of days ago, and of what was not read yet there is no other version here."""
    make_table(server, table)
    fill(server, table, 6)
    gateway, _ = opened(server, home, table, page_size=2, safety_lag=3600)
    server.faults({"kind": "status", "status": 503, "path": f"{table}/rows", "skip": 1})
    assert run(gateway, store, ["bookings"])["bookings"].outcome == "partial"
    server.faults()
    touch(server, table, "r00002", title="read, and touched since")
    touch(server, table, "r00005", title="touched before it is read")
    gateway, _ = opened(server, home, table, safety_lag=3600)
    assert run(gateway, store, ["bookings"], run_id="run2")["bookings"].outcome == "complete"
    titles = dict(store.connection.sql("SELECT _id, title FROM bookings ORDER BY 1").fetchall())
    assert (len(titles), titles["r00002"], titles["r00005"]) == (6, "title 2", "touched before it is read")


def test_a_first_load_that_met_later_rows_reads_on_until_all_are_of_one_moment(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    """A booking that is accepted while it is read has a record that is younger than the records' bound."""
    tables = {"bookings": table, "commission_records": f"{table}_records"}
    for one in tables.values():
        make_table(server, one)
        fill(server, one, 4)
    settings = settings_for(server, home, tables=tables, page_size=2, workers=1)
    gateway, recorder = gateway_for(settings)
    server.between_pages(
        {"table": table, "after": 1, "touch": ["r00004"]},
        {"table": f"{table}_records", "after": 1, "touch": ["r00003", "r00004"]},
    )
    outcomes = run(gateway, store, list(tables))
    assert [o.outcome for o in outcomes.values()] == ["complete", "complete"]
    assert reconciles(outcomes.values())
    for collection, one in tables.items():
        assert_mirrors(store, server, one, collection)
        mark = store.watermarks.of(collection).watermark
        newest = store.versions.living(collection)["_updated_at"].max()
        assert isinstance(newest, datetime)
        assert mark is not None
        assert newest <= mark
    runs = store.runs.all("run1").sort("collection")
    assert runs["inserted"].to_list() == [4, 4]
    # A load that met none does not.
    recorder.events.clear()
    with RawStore(home / "other.duckdb") as other:
        server.a_second_passes()
        run(gateway, other, list(tables))
    assert recorder.requests("list_columns") == len(tables)


def test_a_server_that_dies_before_a_first_load_reads_on_leaves_what_was_read(
    server: SandboxProcess, home: Path, store: RawStore, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(server, table)
    fill(server, table, 4)
    gateway, _ = opened(server, home, table, page_size=2)
    server.between_pages({"table": table, "after": 1, "touch": ["r00004"]})
    answers = iter([gateway.ping()])

    def ping() -> datetime:
        for at in answers:
            return at
        raise TransientFailure("ping", "connection")

    monkeypatch.setattr(gateway, "ping", ping)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.counts.inserted) == ("complete", 4)


@pytest.mark.parametrize("collection", ["places", "bookings"])
def test_what_the_mirror_has_is_not_brought_beyond_the_bound(
    server: SandboxProcess, home: Path, store: RawStore, table: str, collection: str
) -> None:
    """A state newer than that of the rows that are read after it would not fit them."""
    gateway, _ = opened_both(server, home, table, safety_lag=3600)
    name = gateway.settings.tables[collection]
    fill(server, name, 2)
    run(gateway, store, [collection], first=("places",))
    mark = store.watermarks.of(collection).watermark
    touch(server, name, "r00001", title="touched")
    create(server, name, "fresh", title="new")
    second = run(gateway, store, [collection], run_id="run2", first=("places",))[collection]
    assert reconciles([second])
    fresh = collection == "places"
    assert (second.counts.inserted, second.counts.updated, second.counts.unchanged) == (int(fresh), 0, 1)
    assert store.connection.sql(f"SELECT _id, title FROM {collection} ORDER BY 1").fetchall() == [
        *([("fresh", "new")] if fresh else []),
        ("r00001", "title 1"),
        ("r00002", "title 2"),
    ]
    now = store.watermarks.of(collection).watermark
    assert mark is not None
    assert now is not None
    assert now >= mark
    # It comes when its time is before the bound.
    settled, _ = gateway_for(settings_for(server, home, tables={collection: name}, overlap=7200))
    server.a_second_passes()
    run(settled, store, [collection], run_id="run3", first=("places",))
    assert_mirrors(store, server, name, collection)


def test_a_reading_to_the_last_row_that_broke_off_goes_on_and_ends(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    gateway, _ = opened_both(server, home, table, page_size=2)
    places = f"{table}_places"
    fill(server, places, 6)
    server.faults({"kind": "status", "status": 503, "path": f"{places}/rows", "skip": 1})
    assert run(gateway, store, ["places"], first=("places",))["places"].outcome == "partial"
    server.faults()
    touch(server, places, "r00002", title="read, and touched since")
    touch(server, places, "r00005", title="touched before it is read")
    gateway, _ = gateway_for(settings_for(server, home, tables={"places": places}))
    server.a_second_passes()
    assert run(gateway, store, ["places"], run_id="run2", first=("places",))["places"].outcome == "complete"
    assert_mirrors(store, server, places, "places")


# -- kills and broken scans --------------------------------------------------------------------------------


class Killed(BaseException):
    """Not an Exception: nothing may catch it on the way."""


class KillAfter(Quiet):
    """Ends the run after so many commits."""

    def __init__(self, commits: int) -> None:
        self.left = commits

    def advance(self, collection: str, rows: int) -> None:
        self.left -= 1
        if self.left <= 0:
            raise Killed


@pytest.mark.parametrize("commits", [1, 2, 3, 4, 5])
def test_a_first_load_killed_after_any_commit_goes_on_where_it_was(
    server: SandboxProcess, home: Path, table: str, commits: int
) -> None:
    make_table(server, table)
    fill(server, table, 45)
    gateway, recorder = opened(server, home, table, page_size=10)
    with RawStore(home / "raw.duckdb") as store, pytest.raises(Killed):
        run(gateway, store, ["bookings"], flush_rows=10, progress=KillAfter(commits))
    touch(server, table, "r00002", title="meanwhile")
    server.a_second_passes()
    recorder.events.clear()
    with RawStore(home / "raw.duckdb") as store:
        stored = min(commits * 10, 45)
        if commits < 5:
            assert store.watermarks.of("bookings").watermark is None
            assert store.watermarks.of("bookings").resume_sequence == stored
        run(gateway, store, ["bookings"], run_id="run2", flush_rows=10)
        assert_mirrors(store, server, table, "bookings")
        loaded = store.runs.all("run2")["inserted"].sum()
        assert loaded == 45 - stored
        assert store.connection.sql("SELECT count(*) FROM bookings_history").fetchall() == [(1,)]


@pytest.mark.parametrize("pages", [0, 1, 2, 4, 5])
def test_a_kill_inside_a_merge_leaves_nothing_half_done(
    server: SandboxProcess, home: Path, table: str, pages: int
) -> None:
    make_table(server, table)
    fill(server, table, 45)
    gateway, _ = opened(server, home, table, page_size=10)
    counter = itertools.count()

    def die(collection: str, rows: pl.DataFrame) -> pl.Series:
        if next(counter) == pages:
            raise Killed
        return accept_all(collection, rows)

    with RawStore(home / "raw.duckdb") as store:
        if pages < 5:
            with pytest.raises(Killed):
                run(gateway, store, ["bookings"], flush_rows=10, reject_reasons=die)
        else:
            run(gateway, store, ["bookings"], flush_rows=10, reject_reasons=die)
        if store.columns.has_table("bookings"):
            assert store.versions.count_living("bookings") == min(pages * 10, 45)
        run(gateway, store, ["bookings"], run_id="run2", flush_rows=10)
        assert_mirrors(store, server, table, "bookings")


def test_a_scan_that_breaks_half_way_keeps_what_it_stored_and_its_resume_point(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 50)
    gateway, _ = opened(server, home, table, page_size=10)
    server.faults({"kind": "status", "status": 503, "path": f"{table}/rows", "skip": 3})
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.counts.fetched, outcome.watermark) == ("partial", 30, None)
    assert isinstance(outcome.failure, TransientFailure)
    assert store.watermarks.of("bookings").resume_sequence == 30
    assert store.runs.all("run1").select("outcome", "fetched", "inserted").row(0) == ("partial", 30, 30)
    server.faults()
    gateway, _ = opened(server, home, table, page_size=10)
    assert run(gateway, store, ["bookings"], run_id="run2")["bookings"].outcome == "complete"
    assert_mirrors(store, server, table, "bookings")
    assert store.runs.all("run2")["inserted"].to_list() == [20]


TWO_COMMAS = (rb',"title"', b',,"title"')


class Garbler:
    """Garbles the answer that holds a row, so many times: still one list of rows, but no JSON all through.

    ``garble``: what is replaced, and by what.
    """

    def __init__(
        self, gateway: Gateway, identity: str, times: int, garble: tuple[bytes, bytes] = TWO_COMMAS
    ) -> None:
        self._rows = gateway.rows
        self._identity = f'"$id":"{identity}"'.encode()
        self._garble = garble
        self.left = times

    def __call__(
        self, collection: str, queries: Sequence[str], decode: Callable[[bytes], Any], **more: Any
    ) -> Any:
        def garbled(body: bytes) -> Any:
            if self.left and self._identity in body:
                self.left -= 1
                body = re.sub(*self._garble, body)
            return decode(body)

        return self._rows(collection, queries, garbled, **more)


@pytest.mark.parametrize("row_id", ["r00001", "r00012", "r00021", "r00033", "r00045"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_page_that_is_no_json_all_through_is_asked_for_again(
    server: SandboxProcess,
    home: Path,
    store: RawStore,
    table: str,
    row_id: str,
    times: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_table(server, table)
    fill(server, table, 45)
    gateway, _ = opened(server, home, table, page_size=5)
    garbler = Garbler(gateway, row_id, times)
    monkeypatch.setattr(gateway, "rows", garbler)
    outcome = run(gateway, store, ["bookings"], flush_rows=20)["bookings"]
    assert garbler.left == 0
    assert (outcome.outcome, outcome.counts.fetched, outcome.counts.inserted) == ("complete", 45, 45)
    assert_mirrors(store, server, table, "bookings")


@pytest.mark.parametrize("row_id", ["r00021", "r00044"])
@pytest.mark.parametrize(
    "garble",
    [
        (rb'"title":"[^"]*"', b'"title":NaN'),
        (rb'"title":"[^"]*"', b'"title":-Infinity'),
        # Of a row that tells two of them the later is read: the rows behind it do not rise.
        (rb',"title"', b',"$sequence":"9999","title"'),
        (rb',"title"', b',"$sequence":"3","title"'),
    ],
    ids=["NaN", "-Infinity", "a later $sequence", "an earlier $sequence"],
)
def test_a_page_that_some_reader_of_json_would_take_is_asked_for_again(
    server: SandboxProcess,
    home: Path,
    store: RawStore,
    table: str,
    row_id: str,
    garble: tuple[bytes, bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_table(server, table)
    fill(server, table, 45)
    gateway, _ = opened(server, home, table, page_size=4)
    garbler = Garbler(gateway, row_id, 1, garble)
    monkeypatch.setattr(gateway, "rows", garbler)
    outcome = run(gateway, store, ["bookings"], flush_rows=20)["bookings"]
    assert garbler.left == 0
    assert (outcome.outcome, outcome.counts.fetched, outcome.counts.inserted) == ("complete", 45, 45)
    assert_mirrors(store, server, table, "bookings")


def test_a_page_that_stays_broken_ends_the_scan_there_and_nothing_behind_it_is_stored(
    server: SandboxProcess, home: Path, store: RawStore, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_table(server, table)
    fill(server, table, 45)
    gateway, _ = opened(server, home, table, page_size=5)
    monkeypatch.setattr(gateway, "rows", Garbler(gateway, "r00027", 1000))
    outcome = run(gateway, store, ["bookings"], flush_rows=20)["bookings"]
    assert (outcome.outcome, outcome.counts.fetched, outcome.watermark) == ("partial", 25, None)
    assert isinstance(outcome.failure, TransientFailure)
    assert outcome.failure.reason == "malformed"
    assert store.watermarks.of("bookings").resume_sequence == 25
    assert store.versions.count_living("bookings") == 25
    gateway, _ = opened(server, home, table, page_size=5)
    assert run(gateway, store, ["bookings"], run_id="run2", flush_rows=20)["bookings"].outcome == "complete"
    assert_mirrors(store, server, table, "bookings")


def test_a_broken_incremental_scan_does_not_move_the_watermark(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 30)
    gateway, _ = opened(server, home, table, page_size=5)
    run(gateway, store, ["bookings"])
    mark = store.watermarks.of("bookings").watermark
    for n in range(1, 21):
        touch(server, table, f"r{n:05d}", title="changed")
    server.a_second_passes()
    server.faults({"kind": "html", "status": 502, "path": f"{table}/rows", "skip": 2})
    assert run(gateway, store, ["bookings"], run_id="run2")["bookings"].outcome == "partial"
    assert store.watermarks.of("bookings").watermark == mark
    server.faults()
    gateway, _ = opened(server, home, table, page_size=5)
    assert run(gateway, store, ["bookings"], run_id="run3")["bookings"].outcome == "complete"
    assert_mirrors(store, server, table, "bookings")
    assert store.connection.sql("SELECT count(*) FROM bookings_history").fetchall() == [(20,)]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500}, {"kind": "status", "status": 429, "retry_after": 1},
        {"kind": "reset"}, {"kind": "truncate"}, {"kind": "html", "status": 200},
        {"kind": "html", "status": 500}, {"kind": "empty"},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('status', '')}",
)  # fmt: skip
def test_a_tenth_of_all_calls_failing_loses_nothing(
    server: SandboxProcess, home: Path, store: RawStore, table: str, fault: dict[str, Any]
) -> None:
    make_table(server, table)
    fill(server, table, 300)
    gateway, recorder = opened(server, home, table, page_size=10)
    server.faults({"rate": 0.1, "path": table, **fault}, seed=5)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert outcome.outcome == "complete"
    server.faults()
    assert_mirrors(store, server, table, "bookings")
    assert any(event.attempts > 1 for event in recorder.events)
    assert all(event.outcome == "ok" for event in recorder.events)


# -- what is refused ---------------------------------------------------------------------------------------


def test_a_forbidden_or_missing_collection_stops_no_other(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    make_table(server, f"{table}users")
    fill(server, table, 5)
    fill(server, f"{table}users", 5)
    gateway, recorder = opened(
        server,
        home,
        table,
        tables={"bookings": table, "users": f"{table}users", "places": f"{table}none"},
    )
    server.faults({"kind": "status", "status": 403, "table": f"{table}users"})
    outcomes = run(gateway, store, ["users", "places", "bookings"])
    assert {c: o.outcome for c, o in outcomes.items()} == {
        "users": "forbidden",
        "places": "missing",
        "bookings": "complete",
    }
    assert "403" in outcomes["users"].detail
    assert_mirrors(store, server, table, "bookings")
    assert store.runs.all("run1").select("collection", "outcome").sort("collection").rows() == [
        ("bookings", "complete"), ("places", "missing"), ("users", "forbidden"),
    ]  # fmt: skip
    assert {e.category for e in recorder.events if e.collection == "users"} == {"auth"}


def test_a_collection_that_fails_at_once_is_failed_not_partial(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    gateway, _ = opened(server, home, table)
    server.faults({"kind": "status", "status": 503, "table": table})
    assert run(gateway, store, ["bookings"])["bookings"].outcome == "failed"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (http(401, '{"type":"user_unauthorized"}'), "API key"),
        (http(401, '{"type":"general_unauthorized_scope"}'), "rows.read"),
        (
            http(
                401,
                '{"type":"general_unauthorized_scope","message":"app.p@service.h (role: applications) missing scopes"}',
            ),
            "lacks a scope",
        ),
        (
            http(401, '{"type":"general_unauthorized_scope","message":"User (role: guests) missing scopes"}'),
            "does not accept the API key",
        ),
        (http(403, '{"type":"project_id_missing"}'), "APPWRITE_PROJECT_ID"),
        (http(404, '{"type":"project_not_found"}'), "APPWRITE_PROJECT_ID"),
        (http(404, '{"type":"database_not_found"}'), "APPWRITE_DATABASE_ID"),
        (http(404, "<html>", "text/html"), "/v1"),
        (http(302, "", Location="https://elsewhere/v1"), "redirect"),
        (http(503, "<html>", "text/html"), "503"),
        (None, "cannot be reached"),
    ],
)
def test_a_source_that_cannot_be_used_at_the_start_is_one_sentence(
    home: Path, store: RawStore, answer: bytes | None, says: str
) -> None:
    with ScriptedServer(answer) as server:
        settings = Settings(
            _env_file=None,  # pyright: ignore[reportCallIssue] - pydantic-settings' own argument
            appwrite_endpoint=server.endpoint,
            appwrite_project_id="p",
            appwrite_api_key="standard_5ecret",  # pyright: ignore[reportArgumentType] - Pydantic makes it of the text
            appwrite_database_id="d",
        )
        gateway, _ = gateway_for(settings)
        with pytest.raises(SourceUnavailable, match=says) as caught:
            run(gateway, store, ["bookings"])
        assert caught.value.exit_status == 11
        assert caught.value.next_step
        assert "5ecret" not in str(caught.value)
    assert store.source.known() is None  # a mistyped endpoint does not stick


def test_another_endpoint_than_the_mirrored_one_is_refused(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"])
    other, recorder = opened(
        server, home, table, appwrite_endpoint=server.endpoint.replace("127.0.0.1", "localhost")
    )
    with pytest.raises(UsageError, match="BOOKWATCH_HOME"):
        run(other, store, ["bookings"])
    assert recorder.events == []


def test_a_second_process_is_told_that_the_file_is_open(home: Path, store: RawStore) -> None:
    import subprocess
    import sys

    script = (
        "from resources.raw.file import StoreFailure\n"
        "from resources.raw.store import RawStore\n"
        f"try: RawStore({str(home / 'raw.duckdb')!r})\n"
        "except StoreFailure as told: print(told)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert "raw.duckdb cannot be opened: python" in told


def test_a_mirror_that_is_not_there_cannot_be_read(home: Path) -> None:
    with pytest.raises(StoreFailure, match="no mirror"):
        RawStore(home / "raw.duckdb", read_only=True)


# -- quarantine --------------------------------------------------------------------------------------------


def test_rejected_rows_are_kept_with_their_reasons_and_accepted_when_they_change(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    server.load_rows(table, [row(1), row(2, title="broken"), row(3, title="broken")], DATABASE)
    gateway, _ = opened(server, home, table)
    outcome = run(gateway, store, ["bookings"], reject_reasons=reject_word("broken"), rules_version="1")[
        "bookings"
    ]
    assert (outcome.counts.fetched, outcome.counts.inserted, outcome.counts.rejected) == (3, 1, 2)
    rejects = store.rejects.listed()
    assert rejects["row_id"].to_list() == ["r00002", "r00003"]
    assert json.loads(rejects["reasons"][0]) == ["bad title", "seen twice"]
    content = store.connection.sql("SELECT content FROM _rejects WHERE row_id = 'r00002'").fetchall()[0][0]
    assert json.loads(content)["title"] == "broken"
    assert json.loads(content)["$id"] == "r00002"
    first_seen = rejects["first_seen_at"][0]
    kept = store.connection.sql("SELECT _id FROM bookings WHERE _rejected IS NOT NULL ORDER BY 1").fetchall()
    assert kept == [("r00002",), ("r00003",)]

    touch(server, table, "r00002", title="mended")
    touch(server, table, "r00003", amount=9)
    server.a_second_passes()
    second = run(
        gateway, store, ["bookings"], run_id="run2", reject_reasons=reject_word("broken"), rules_version="1"
    )
    assert (second["bookings"].counts.updated, second["bookings"].counts.rejected) == (1, 1)
    assert reconciles(second.values())
    rejects = store.rejects.listed()
    assert rejects["row_id"].to_list() == ["r00003"]
    assert rejects["first_seen_at"][0] == first_seen
    assert rejects["last_tried_at"][0] > first_seen


def test_changed_rules_judge_stored_rows_again(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    server.load_rows(table, [row(1, title="x"), row(2, title="y"), row(3)], DATABASE)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"], reject_reasons=reject_word("x"), rules_version="1")
    change = store.file.last_change()
    run(gateway, store, ["bookings"], run_id="run2", reject_reasons=reject_word("y"), rules_version="2")
    assert store.rejects.listed().select("row_id", "rules_version").rows() == [("r00002", "2")]
    decided = store.connection.sql(
        "SELECT _id, _rejected IS NULL, _change > ? FROM bookings ORDER BY 1", params=[change]
    )
    assert decided.fetchall() == [("r00001", True, True), ("r00002", False, True), ("r00003", True, False)]
    change = store.file.last_change()
    run(gateway, store, ["bookings"], run_id="run3", reject_reasons=reject_word("y"), rules_version="2")
    assert store.file.last_change() == change


# -- columns that come, go and change ----------------------------------------------------------------------


def column(server: SandboxProcess, method: str, table: str, path: str, **body: Any) -> None:
    ask(server, method, f"/tables/{table}/columns{path}", **body)
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        listed = server.client().call(
            "get", f"/tablesdb/{DATABASE}/tables/{table}/columns", {"X-Appwrite-Project": server.project}
        )["columns"]
        if all(c["status"] == "available" for c in listed):
            return
        time.sleep(0.1)  # columns are made in the server's own time


def test_a_column_added_with_a_default_is_filled_for_rows_no_scan_by_time_would_see(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 20)
    gateway, _ = opened(server, home, table, overlap=0)
    run(gateway, store, ["bookings"])
    column(server, "post", table, "/integer", key="tip", required=False, default=7)
    outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert outcome.changes.added == ("tip",)
    assert "column added: tip" in store.runs.all("run2")["detail"][0]
    assert outcome.counts.fetched == 20
    assert_mirrors(store, server, table, "bookings")
    assert run(gateway, store, ["bookings"], run_id="run3")["bookings"].counts.fetched == 0


def test_a_column_removed_keeps_its_old_values_and_is_marked_gone(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 4)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"])
    column(server, "delete", table, "/amount")
    outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert (outcome.outcome, outcome.changes.removed) == ("complete", ("amount",))
    assert store.connection.sql("SELECT amount FROM bookings ORDER BY _id").fetchall() == [
        (1,),
        (2,),
        (3,),
        (4,),
    ]
    touch(server, table, "r00001", title="changed")
    server.a_second_passes()
    run(gateway, store, ["bookings"], run_id="run3")
    assert store.connection.sql("SELECT amount FROM bookings_history").fetchall() == [(1,)]
    assert [c.attribute for c in store.columns.of("bookings")] == ["title"]
    column(server, "post", table, "/integer", key="amount", required=False, default=5)
    assert run(gateway, store, ["bookings"], run_id="run4")["bookings"].changes.added == ("amount",)
    assert_mirrors(store, server, table, "bookings")


@pytest.mark.parametrize(
    ("kind", "storage", "lossless"),
    [("text", "VARCHAR", True), ("boolean", "BOOLEAN", False), ("float", "DOUBLE", True)],
)
def test_a_column_made_again_with_another_type_loses_no_old_value(
    server: SandboxProcess, home: Path, store: RawStore, table: str, kind: str, storage: str, lossless: bool
) -> None:
    make_table(server, table)
    fill(server, table, 4)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"])
    column(server, "delete", table, "/amount")
    column(server, "post", table, f"/{kind}", key="amount", required=False)
    outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert (outcome.outcome, outcome.changes.retyped) == ("complete", ("amount",))
    assert_mirrors(store, server, table, "bookings")
    columns = dict(
        store.connection.sql(
            "SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = 'bookings'"
        ).fetchall()
    )
    assert columns["amount"] == storage
    kept = "amount" if lossless else "amount__was_integer"
    old = store.connection.sql(
        f'SELECT "{kept}"::VARCHAR FROM bookings_history UNION ALL SELECT "{kept}"::VARCHAR FROM bookings'
    ).fetchall()
    assert sorted(float(value) for (value,) in old if value is not None) == [1, 2, 3, 4]


def test_attributes_that_differ_only_by_case_each_have_a_column(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(
        server,
        table,
        {"receiverName": KINDS["title"], "receivername": KINDS["title"], "rowid": KINDS["amount"]},
    )
    server.load_rows(
        table, [{"$id": "a", "receiverName": "one", "receivername": "two", "rowid": 5}], DATABASE
    )
    server.a_second_passes()
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"])
    assert_mirrors(store, server, table, "bookings")
    assert len({c.name.lower() for c in store.columns.of("bookings")}) == 3


@pytest.mark.parametrize("again", [False, True])
def test_a_scan_ends_though_rows_are_written_faster_than_pages_come(
    server: SandboxProcess, home: Path, store: RawStore, table: str, again: bool
) -> None:
    """No page would ever be empty. A row in between that was made before the bound is not missed for it."""
    make_table(server, table)
    fill(server, table, 4)
    gateway, recorder = opened(server, home, table, page_size=4)
    if again:
        run(gateway, store, ["bookings"], run_id="before")
        touch(server, table, "r00001", title="touched")
        server.a_second_passes()
    steps: list[dict[str, Any]] = [
        {"table": table, "after": n, "insert": [{"$id": f"new{n:02d}"}]} for n in range(1, 60)
    ]
    yesterday = (datetime.now(UTC) - timedelta(days=1)).isoformat(timespec="milliseconds")
    steps[3]["insert"].append({"$id": "old", "$createdAt": yesterday})
    server.between_pages(*steps)
    recorder.events.clear()
    outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert outcome.outcome == "complete"
    assert "old" in set(store.versions.living("bookings")["_id"])
    assert recorder.requests() < 20
    server.between_pages()
    server.a_second_passes()
    run(gateway, store, ["bookings"], run_id="run3")
    assert_mirrors(store, server, table, "bookings")


# -- the server's clock ------------------------------------------------------------------------------------


def test_a_server_clock_that_was_once_far_ahead_loses_no_row(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 5)
    gateway, _ = opened(server, home, table, overlap=1)
    server.faults({"kind": "skew", "seconds": 3600})
    run(gateway, store, ["bookings"])
    server.faults()
    create(server, table, "meanwhile", title="x", amount=1)
    server.a_second_passes()
    outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert outcome.counts.fetched == 6
    assert_mirrors(store, server, table, "bookings")


@pytest.mark.parametrize("skew", [3600, -3600])
def test_a_server_clock_that_stays_wrong_hides_and_delays_no_row(
    server: SandboxProcess, home: Path, store: RawStore, table: str, skew: int
) -> None:
    make_table(server, table)
    gateway, _ = opened(server, home, table)
    server.faults({"kind": "skew", "seconds": skew})
    run(gateway, store, ["bookings"])  # of an empty table
    for n in range(3):
        create(server, table, f"then{n}", title="x", amount=n)
        outcome = run(gateway, store, ["bookings"], run_id=f"wrong{n}")["bookings"]
        assert outcome.counts.inserted >= 1
        assert_mirrors(store, server, table, "bookings")
        # What no row tells: nothing was written since then that is not here.
        mark = store.watermarks.of("bookings")
        assert mark.read_until is not None
        assert mark.watermark is not None
        assert mark.read_until >= mark.watermark
    touch(server, table, "then0", amount=9)
    run(gateway, store, ["bookings"], run_id="touched")
    assert_mirrors(store, server, table, "bookings")
    server.faults()
    create(server, table, "right", title="x", amount=1)
    server.a_second_passes()
    run(gateway, store, ["bookings"], run_id="right")
    assert_mirrors(store, server, table, "bookings")


@pytest.mark.parametrize(("frozen", "skew"), [(True, 0), (True, -7 * 86400), (False, 3600), (False, -3600)])
def test_where_the_newest_row_is_the_watermark_it_is_kept_as_of_when_that_was(
    server: SandboxProcess, home: Path, store: RawStore, table: str, frozen: bool, skew: int
) -> None:
    """It may be days old. As of which moment is told by the earlier of two clocks, in a replay by the server's."""
    make_table(server, table)
    last = datetime.now(UTC) - timedelta(days=30)
    server.load_rows(table, [row(1) | {"$updatedAt": last.isoformat(timespec="milliseconds")}], DATABASE)
    more = {"now": datetime.now(UTC)} if frozen else {}
    gateway, _ = opened(server, home, table, **more)
    server.faults({"kind": "skew", "seconds": skew})
    began = datetime.now(UTC).replace(tzinfo=None)
    run(gateway, store, ["bookings"])
    mark = store.watermarks.of("bookings")
    assert mark.read_until is not None
    assert mark.watermark is not None
    if skew:
        assert abs((mark.watermark - last.replace(tzinfo=None)).total_seconds()) < 1
    else:
        assert mark.read_until == mark.watermark
    expected = began + timedelta(seconds=min(skew, 0))
    assert abs((mark.read_until - expected).total_seconds()) < 60
    server.faults()


def test_all_that_is_read_beside_each_other_has_one_bound_also_without_providers(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    """A row between two bounds would be here as of another moment than those that belong to it."""
    tables = {
        "bookings": table,
        "hotel_bookings": f"{table}_hotels",
        "commission_records": f"{table}_records",
    }
    for one in tables.values():
        make_table(server, one)
        fill(server, one, 2)
    settings = settings_for(server, home, tables=tables, workers=1, safety_lag=0)
    gateway, _ = gateway_for(settings)
    run(gateway, store, list(tables))
    assert len({store.watermarks.of(name).watermark for name in tables}) == 1


def test_the_newest_row_is_asked_for_only_where_the_clocks_disagree(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 5)
    gateway, recorder = opened(server, home, table)
    run(gateway, store, ["bookings"])
    right = recorder.requests()
    server.faults({"kind": "skew", "seconds": 40})
    run(gateway, store, ["bookings"], full=True, run_id="wrong")
    assert recorder.requests() - right == right + 1


def test_a_full_run_reads_everything_and_repairs_what_a_scan_cannot_see(
    server: SandboxProcess, home: Path, store: RawStore, table: str
) -> None:
    make_table(server, table)
    fill(server, table, 5)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings"])
    server.between_pages(
        {
            "table": table,
            "update": [{"$id": "r00002", "title": "silent", "$updatedAt": "2025-01-01T00:00:00.000+00:00"}],
        }
    )
    server_rows(server, table)
    assert run(gateway, store, ["bookings"], run_id="run2")["bookings"].counts.fetched == 0
    outcome = run(gateway, store, ["bookings"], run_id="run3", full=True)["bookings"]
    assert (outcome.counts.fetched, outcome.counts.updated) == (5, 1)
    assert_mirrors(store, server, table, "bookings")


# -- what a person sees ------------------------------------------------------------------------------------


def test_plain_lines_tell_rows_and_outcomes(
    server: SandboxProcess, home: Path, store: RawStore, table: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_table(server, table)
    fill(server, table, 12)
    gateway, _ = opened(server, home, table)
    run(gateway, store, ["bookings", "nowhere"], progress=PlainLines())
    told = capsys.readouterr().err
    assert "bookings: 12 rows" in told
    assert "nowhere: 0 rows, missing" in told
