"""Servers without a numeric $sequence, a mock of each kind: rows are followed by $id, or the run says why not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from assets.raw import ingest
from marketplace.collections import INGESTED
from resources.appwrite.failures import PermanentFailure
from resources.appwrite.gateway import Gateway
from resources.appwrite.sweep import SweepOutcome, sweep
from resources.appwrite.unavailable import source_unavailable
from resources.errors import SourceUnavailable
from resources.progress import Quiet
from resources.raw.store import RawStore
from resources.run_report import Run, RunOrder
from resources.settings import Settings
from tests.ingest.mirroring import Recorder, accept_all, gateway_for, reconciles, reject_word, run
from tests.ingest.other_servers import OtherServer, Refused, serving
from tests.ingest.test_sync import KillAfter, Killed

LACKING = ("before_1_8", "documents", "silent")
AT = "2026-01-01T00:00:00.000+00:00"
IDS = ["a1", "B2", "c-3", "D.4", "e_5", "F6", "g7", "H8", "i9", "J10", "k11"]


@pytest.fixture(params=LACKING)
def server(request: pytest.FixtureRequest) -> Iterator[OtherServer]:
    made = OtherServer(kind=request.param, version="1.6.0")
    made.add_table("bookings", {"key": "title", "type": "string"}, {"key": "amount", "type": "integer"})
    for n, identity in enumerate(IDS):
        made.put("bookings", identity, AT, title=f"title {n}", amount=n)
    with serving(made):
        yield made


@pytest.fixture
def store(home: Path) -> Iterator[RawStore]:
    with RawStore(home / "raw.duckdb") as opened:
        yield opened


def opened(server: OtherServer, home: Path, **more: Any) -> tuple[Gateway, Recorder]:
    given: dict[str, Any] = {
        "appwrite_endpoint": server.endpoint,
        "appwrite_project_id": "lab",
        "appwrite_api_key": "key",
        "appwrite_database_id": "shop",
        "appwrite_api": "databases",
        "home": home,
        "safety_lag": 0,
        "page_size": 3,
        "overlap": 0,
        **more,
    }
    return gateway_for(Settings(_env_file=None, **given))  # pyright: ignore[reportCallIssue]


def just_now() -> datetime:
    """Not yet read, with the overlap of a minute, and surely before the whole second that `Date` tells."""
    return datetime.now(UTC) - timedelta(seconds=2)


def mirrored(store: RawStore) -> dict[str, tuple[Any, ...]]:
    return {
        row[0]: row[1:]
        for row in store.connection.sql(
            "SELECT _id, title, amount, _sequence, _misfits FROM bookings WHERE _deleted_at IS NULL"
        ).fetchall()
    }


def served(server: OtherServer) -> dict[str, tuple[Any, ...]]:
    return {
        row["$id"]: (row.get("title"), row.get("amount"), None, None) for row in server.tables["bookings"]
    }


def swept(gateway: Gateway, store: RawStore, **more: Any) -> SweepOutcome:
    (outcome,) = sweep(
        gateway, store, ["bookings"], settings=gateway.settings, run_id="sweep", reject_reasons=accept_all,
        progress=Quiet(), **more,
    )  # fmt: skip
    return outcome


def test_every_row_is_read_once_by_its_id_and_nobody_is_alarmed(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, recorder = opened(server, home)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.counts.inserted) == ("complete", len(IDS))
    assert mirrored(store) == served(server)
    assert [e.reason for e in recorder.events if e.severity not in ("info", "warning")] == []
    mark = store.watermarks.of("bookings")
    assert (mark.ordered_by, mark.resume, mark.scan_bound) == ("$id", None, None)


@pytest.mark.parametrize("text", ["{:010d}", "{:024x}", "{:03x}f", "doc-{}"])
def test_texts_that_look_like_numbers_are_texts_to_the_server(home: Path, store: RawStore, text: str) -> None:
    """greaterThan("3") is true of no "0000000004": the scan would end, complete, after its first page."""
    server = OtherServer(kind="documents", text=text)
    server.add_table("bookings", {"key": "title", "type": "string"}, {"key": "amount", "type": "integer"})
    for n, identity in enumerate(IDS):
        server.put("bookings", identity, AT, title=f"title {n}", amount=n)
    with serving(server):
        gateway, _ = opened(server, home)
        outcome = run(gateway, store, ["bookings"])["bookings"]
        assert (outcome.outcome, outcome.counts.inserted) == ("complete", len(IDS))
        assert mirrored(store) == served(server)
        assert swept(gateway, store).repaired == 0


def test_the_next_run_reads_what_changed_and_asks_for_no_sequence(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"])
    server.put("bookings", "B2", just_now(), title="changed")
    server.put("bookings", "aa0", just_now(), title="new")
    server.asked.clear()
    later, _ = opened(server, home, overlap=60)
    outcome = run(later, store, ["bookings"], run_id="run2")["bookings"]
    assert (outcome.counts.fetched, outcome.counts.updated, outcome.counts.inserted) == (2, 1, 1)
    assert mirrored(store) == served(server)
    assert "$sequence" not in str(server.asked)
    assert store.connection.sql("SELECT _id, title FROM bookings_history").fetchall() == [("B2", "title 1")]


def test_rows_that_come_go_and_change_between_pages_are_right_after_the_next_run(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    def between(page: int) -> None:
        if page % 2:
            server.put("bookings", IDS[page % 7], title=f"touched before page {page}")
            server.put("bookings", f"new{page:02d}", title="new")

    server.before_page = between
    gateway, _ = opened(server, home)
    assert reconciles(run(gateway, store, ["bookings"]).values())
    server.before_page = lambda n: None
    server.ahead += timedelta(seconds=1.05)
    later, _ = opened(server, home, overlap=60)
    run(later, store, ["bookings"], run_id="run2")
    assert mirrored(store) == served(server)


def test_a_first_load_that_is_killed_goes_on_behind_the_last_id(server: OtherServer, home: Path) -> None:
    commits = 2
    gateway, _ = opened(server, home)
    with RawStore(home / "raw.duckdb") as store, pytest.raises(Killed):
        run(gateway, store, ["bookings"], flush_rows=3, progress=KillAfter(commits))
    with RawStore(home / "raw.duckdb") as store:
        mark = store.watermarks.of("bookings")
        assert (
            mark.resume == sorted(IDS, key=str.lower if server.kind != "documents" else str)[3 * commits - 1]
        )
        outcome = run(gateway, store, ["bookings"], run_id="run2", flush_rows=3)["bookings"]
        assert outcome.counts.inserted == len(IDS) - 3 * commits
        assert mirrored(store) == served(server)


@pytest.mark.parametrize("deep", [True, False])
def test_a_sweep_finds_deletes_backdated_rows_and_rows_without_a_time(
    server: OtherServer, home: Path, store: RawStore, deep: bool
) -> None:
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"])
    server.remove("bookings", "F6")
    server.put("bookings", "g7", "2025-01-01T00:00:00.000+00:00", title="backdated")
    server.put("bookings", "zz", "2025-01-01T00:00:00.000+00:00", title="made with an old time")
    server.put("bookings", "nn", AT, title="no time")
    server.tables["bookings"][-1]["$updatedAt"] = None
    outcome = swept(gateway, store, deep=deep, guard=0.5)
    assert (outcome.outcome, outcome.counts.deleted, outcome.repaired) == ("complete", 1, 3)
    assert (outcome.server_rows, outcome.mirror_rows) == (len(IDS) + 1, len(IDS) + 1)
    assert mirrored(store) == served(server)
    server.tables["bookings"][-1]["title"] = "changed without a time"
    assert swept(gateway, store, deep=deep).repaired == 1
    assert mirrored(store) == served(server)
    assert swept(gateway, store, deep=deep).repaired == 0


@pytest.mark.parametrize("deep", [True, False])
def test_a_row_without_a_time_is_repaired_each_time_it_changes(
    home: Path, store: RawStore, deep: bool
) -> None:
    server = OtherServer()
    server.add_table("bookings", {"key": "title", "type": "string"}, {"key": "amount", "type": "integer"})
    for identity in IDS:
        server.put("bookings", identity, AT, title=identity)
    with serving(server):
        gateway, _ = opened(server, home)
        run(gateway, store, ["bookings"])
        for identity in ("B2", "late"):
            server.put("bookings", identity, AT, title="lost its time")
            next(r for r in server.tables["bookings"] if r["$id"] == identity)["$updatedAt"] = None
        assert run(gateway, store, ["bookings"], run_id="run2")["bookings"].counts.fetched == 0
        assert swept(gateway, store, deep=deep).repaired == 2
        server.tables["bookings"][-1]["title"] = "changed without a time"
        assert swept(gateway, store, deep=deep).repaired == 1
        outcome = swept(gateway, store, deep=deep)
        assert (outcome.repaired, outcome.server_rows, outcome.mirror_rows) == (0, len(IDS) + 1, len(IDS) + 1)
        titles = {i: row[0] for i, row in mirrored(store).items()}
        assert (titles["B2"], titles["late"]) == ("lost its time", "changed without a time")


def test_a_sweep_in_turns_deletes_only_what_it_did_not_come_by(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"])
    server.remove("bookings", "k11")
    first = swept(gateway, store, max_rows=6, deep=True, guard=0.5)
    assert (first.outcome, first.counts.deleted) == ("partial", 0)
    # Behind the point the sweep has reached, and in front of it in the order of ids: it is not missing.
    server.put("bookings", "A0", just_now(), title="between two turns")
    later, _ = opened(server, home, overlap=60)
    run(later, store, ["bookings"], run_id="run2")
    last = swept(gateway, store, max_rows=60, deep=True, guard=0.5)
    assert (last.outcome, last.counts.deleted) == ("complete", 1)
    assert mirrored(store) == served(server)


def test_changed_rules_judge_rows_without_a_number_again(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"], rules_version="1")
    run(gateway, store, ["bookings"], run_id="run2", rules_version="2", reject_reasons=reject_word("title 3"))
    assert store.rejects.listed()["row_id"].to_list() == ["D.4"]


def test_a_server_that_got_a_number_is_followed_by_it_after_a_full_refresh(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"])
    server.kind = "numbered"
    run(gateway, store, ["bookings"], run_id="run2")
    assert store.watermarks.of("bookings").order == "$id"
    run(gateway, store, ["bookings"], run_id="run3", full=True)
    assert store.watermarks.of("bookings").order == "$sequence"
    assert {row[2] for row in mirrored(store).values()} == set(range(1, len(IDS) + 1))
    server.remove("bookings", "a1")
    assert swept(gateway, store, guard=0.5).counts.deleted == 1


def test_a_server_that_loses_its_number_is_read_anew_by_id(home: Path, store: RawStore) -> None:
    server = OtherServer()
    server.add_table("bookings", {"key": "title", "type": "string"}, {"key": "amount", "type": "integer"})
    for identity in IDS:
        server.put("bookings", identity, AT, title=identity)
    with serving(server):
        gateway, _ = opened(server, home)
        run(gateway, store, ["bookings"])
        assert {row[2] for row in mirrored(store).values()} == set(range(1, len(IDS) + 1))
        server.kind = "documents"
        server.put("bookings", "later", just_now(), title="later")
        later, _ = opened(server, home, overlap=60)
        outcome = run(later, store, ["bookings"], run_id="run2")["bookings"]
        assert (outcome.outcome, outcome.counts.fetched) == ("complete", len(IDS) + 1)
        assert mirrored(store) == served(server)


@pytest.mark.parametrize(
    ("version", "words"), [("1.5.2", "Appwrite 1.5.2 at"), (None, "does not tell its version")]
)
def test_a_server_that_orders_by_neither_ends_with_the_cause_and_its_version(
    home: Path, store: RawStore, version: str | None, words: str
) -> None:
    server = OtherServer(kind="unordered", version=version)
    server.add_table("bookings", {"key": "title", "type": "string"})
    server.put("bookings", "a", AT, title="x")
    with serving(server):
        gateway, _ = opened(server, home)
        outcome = run(gateway, store, ["bookings"])["bookings"]
        assert outcome.outcome == "failed"
        assert isinstance(outcome.failure, PermanentFailure)
        assert outcome.failure.reason == "no_order"
        told = source_unavailable(outcome.failure, gateway)
    assert words in told.problem
    assert "$sequence" in told.problem
    assert "400, general_query_invalid" in told.problem
    assert told.exit_status == 11
    assert store.versions.count_living("bookings") == 0


def test_a_run_on_such_a_server_ends_with_11(home: Path) -> None:
    server = OtherServer(kind="unordered", version="1.5.2")
    for collection in INGESTED:
        server.add_table(collection, {"key": "status", "type": "string"})
        server.put(collection, "a", AT, status="pending")
    with serving(server):
        gateway, _ = opened(server, home)
        home.mkdir()
        context = Run(gateway.settings, "run1", 1, datetime.now(UTC), RunOrder(quiet=True))
        with pytest.raises(SourceUnavailable, match=r"Appwrite 1\.5\.2 at .*no numeric \$sequence") as told:
            ingest(context)
    assert told.value.exit_status == 11


def test_rows_that_are_refused_in_every_order_end_a_first_run_with_that_cause(home: Path) -> None:
    """Nothing that passes by itself: running again is no advice, and neither is another version of Appwrite."""
    server = OtherServer()
    for collection in INGESTED:
        server.add_table(collection, {"key": "status", "type": "string"})

    def refuse(_: int) -> None:
        if server.asked[-1][0].startswith("/databases/shop/collections/bookings/"):
            raise Refused(400, "general_bad_request", "The table is being repaired")

    server.before_page = refuse
    with serving(server):
        gateway, _ = opened(server, home, workers=1)
        home.mkdir()
        context = Run(gateway.settings, "run1", 1, datetime.now(UTC), RunOrder(quiet=True))
        with pytest.raises(SourceUnavailable, match="The first reading of bookings broke off") as told:
            ingest(context)
    assert "400, general_bad_request" in told.value.problem
    assert "run again" not in told.value.next_step
    assert "bookwatch doctor" in told.value.next_step
    assert "$sequence" not in str(told.value)


def test_an_incremental_scan_of_what_others_refer_to_reads_on_by_id(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    """To the last row there is, whose window has no end."""
    gateway, _ = opened(server, home)
    run(gateway, store, ["bookings"], first=["bookings"])
    server.put("bookings", "c-3", just_now(), title="changed", amount=30)
    server.put("bookings", "zz", datetime.now(UTC) + timedelta(seconds=30), title="after the bound", amount=1)
    later, _ = opened(server, home, overlap=60)
    outcome = run(later, store, ["bookings"], run_id="run2", first=["bookings"])["bookings"]
    assert (outcome.outcome, outcome.counts.inserted, outcome.counts.updated) == ("complete", 1, 1)
    assert mirrored(store) == served(server)


def test_a_refusal_that_has_nothing_to_do_with_the_order_stays_what_it_is(
    home: Path, store: RawStore
) -> None:
    server = OtherServer()
    server.add_table("bookings", {"key": "title", "type": "string"})
    with serving(server):
        gateway, _ = opened(server, home, page_size=5)
        run(gateway, store, ["bookings"])
        known = server._known

        def refuses_times(attribute: str, ordering: bool = False) -> None:
            if attribute == "$updatedAt":
                from tests.ingest.other_servers import Refused

                raise Refused(400, "general_query_invalid", "no")
            known(attribute, ordering)

        server._known = refuses_times  # type: ignore[method-assign]
        outcome = run(gateway, store, ["bookings"], run_id="run2")["bookings"]
    assert outcome.failure is not None
    assert outcome.failure.reason == "bad_request"
    assert store.watermarks.of("bookings").order == "$sequence"


def test_where_rows_are_followed_by_id_too_fewer_are_asked_for_and_one_that_cannot_be_read_stops_nothing(
    server: OtherServer, home: Path, store: RawStore
) -> None:
    for n, identity in enumerate(IDS):
        server.put("bookings", identity, AT, title="x" * (90_000 if identity == "e_5" else 20_000), amount=n)
    server.most_bytes = 50_000
    gateway, _ = opened(server, home)
    outcome = run(gateway, store, ["bookings"])["bookings"]
    assert (outcome.outcome, outcome.counts.inserted, outcome.counts.rejected) == ("complete", 10, 1)
    assert store.watermarks.of("bookings").ordered_by == "$id"
    assert [one.row_id for one in store.rejects.unread("bookings")] == ["e_5"]
    seen = swept(gateway, store)
    assert (seen.outcome, seen.server_rows, seen.mirror_rows, seen.counts.deleted) == ("complete", 11, 10, 0)
    seen = swept(gateway, store, deep=True)
    assert (seen.outcome, seen.server_rows, seen.mirror_rows, seen.counts.deleted) == ("complete", 11, 10, 0)
    server.most_bytes = None
    later, _ = opened(server, home)
    run(later, store, ["bookings"], run_id="run2", full=True)
    assert store.rejects.listed().height == 0
    assert {identity: row[1] for identity, row in mirrored(store).items()} == {
        identity: n for n, identity in enumerate(IDS)
    }
