"""The mirror's own rules, on pages made by the real decoder: what is an insert, an update, or nothing."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from marketplace.quarantine import reject_reasons
from resources.appwrite.columns import PageDecoder
from resources.errors import UsageError
from resources.raw import versions
from resources.raw.column_types import Column
from resources.raw.file import StoreFailure
from resources.raw.merging import RejectReasons
from resources.raw.runs import Counts
from resources.raw.store import RawStore
from tests.ingest.mirroring import accept_all, naive, reject_word

NOW = naive(2026, 3, 1)
COLUMNS = [Column("title", "varchar"), Column("amount", "integer"), Column("starts_at", "datetime")]


@pytest.fixture(params=[1 << 40, -1], ids=["read together", "fetched one by one"])
def store(home: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[RawStore]:
    """Every rule holds whichever way stored versions are read."""
    monkeypatch.setattr(versions, "SCATTERED", request.param)
    with RawStore(home / "raw.duckdb") as opened:
        opened.source.claim("http://a/v1", "p", "d", NOW)
        opened.columns.reconcile("bookings", COLUMNS, NOW)
        opened.watermarks.begin_scan("bookings", bound=NOW, overlap=timedelta(0), run_id="r")
        yield opened


def version(identity: object, sequence: int, day: int = 1, **data: Any) -> dict[str, Any]:
    at = f"2026-01-{day:02d}T00:00:00.000+00:00"
    return {"$id": identity, "$sequence": str(sequence), "$createdAt": at, "$updatedAt": at, **data}


def merge(
    store: RawStore, *rows: dict[str, Any], judge: RejectReasons = accept_all, at: datetime = NOW, **more: Any
) -> Counts:
    body = json.dumps({"rows": list(rows)}).encode()
    frame = PageDecoder(store.columns.of("bookings")).decode(body).frame
    counts = store.merge.page("bookings", frame, run_id="r", now=at, reject_reasons=judge, **more)
    assert (
        counts.fetched == counts.inserted + counts.updated + counts.unchanged + counts.rejected == len(rows)
    )
    return counts


def current(store: RawStore, *names: str) -> list[tuple[Any, ...]]:
    return store.connection.sql(f"SELECT {', '.join(names)} FROM bookings ORDER BY _id, _sequence").fetchall()


def history(store: RawStore, *names: str) -> list[tuple[Any, ...]]:
    return store.connection.sql(
        f"SELECT {', '.join(names)} FROM bookings_history ORDER BY _replaced_by"
    ).fetchall()


def test_inserts_then_nothing_then_updates(store: RawStore) -> None:
    rows = [version("a", 1, title="x"), version("b", 2, title="y")]
    assert merge(store, *rows).inserted == 2
    assert merge(store, *rows).unchanged == 2
    assert store.file.last_change() == 1
    counts = merge(store, version("a", 1, day=2, title="x2"), rows[1])
    assert (counts.updated, counts.unchanged, store.file.last_change()) == (1, 1, 2)
    assert current(store, "_id", "title", "_change") == [("a", "x2", 2), ("b", "y", 1)]
    assert history(store, "_id", "title", "_change", "_replaced_by", "_replaced_at") == [
        ("a", "x", 1, 2, NOW)
    ]


def test_new_rows_have_their_verdicts_and_the_point_they_reach(store: RawStore) -> None:
    told: list[Counts] = []
    rows = [version("a", 1, title="a", amount=1), version("b", 2, title="bad"), version("c", 3, title="c")]
    counts = merge(
        store, *rows, judge=reject_word("bad"), rules_version="1", resume_sequence=3, record=told.append
    )
    assert counts == Counts(fetched=3, inserted=2, rejected=1)
    assert told == [counts]
    reasons = '["bad title", "seen twice"]'
    assert current(store, "_id", "_sequence", "title", "amount", "_rejected", "_change", "_run_id") == [
        ("a", 1, "a", 1, None, 1, "r"), ("b", 2, "bad", None, reasons, 1, "r"), ("c", 3, "c", None, None, 1, "r"),
    ]  # fmt: skip
    assert store.watermarks.of("bookings").resume_sequence == 3
    ((row_id, why, content),) = store.connection.sql(
        "SELECT row_id, reasons, content FROM _rejects"
    ).fetchall()
    assert (row_id, why, json.loads(content)["title"]) == ("b", reasons, "bad")


def test_versions_scattered_over_many_row_groups_are_found(store: RawStore) -> None:
    store.connection.execute(
        "INSERT INTO bookings (_id, _sequence, title, amount, starts_at, _change) "
        "SELECT 'r' || i, i, repeat('é', i % 50), nullif(i % 7, 0), TIMESTAMP '2026-01-01' + INTERVAL (i) SECOND, 1 "
        "FROM range(300000) t(i)"
    )
    store.connection.execute("CHECKPOINT")
    wanted = [0, 7, 122_879, 122_880, 250_001, 299_999]
    merge(store, *(version(f"r{n}", n, title="new") for n in wanted), version("other", 300_000))
    replaced = [(f"r{n}", "é" * (n % 50), n % 7 or None) for n in wanted]
    assert sorted(history(store, "_id", "title", "amount")) == sorted(replaced)
    assert store.versions.count_living("bookings") == 300_001
    assert store.connection.sql("SELECT count(DISTINCT _id) FROM bookings").fetchall() == [(300_001,)]
    # All of them known, and under the same $sequence: found by that.
    assert merge(store, *(version(f"r{n}", n, day=2, title="newer") for n in wanted)).updated == len(wanted)
    assert history(store, "title")[-len(wanted) :] == [("new",)] * len(wanted)
    assert store.versions.count_living("bookings") == 300_001


def test_ids_that_stand_under_each_others_sequence_are_found_by_their_ids(store: RawStore) -> None:
    merge(store, version("a", 1, title="x"), version("b", 2, title="y"))
    assert merge(store, version("b", 1, day=2, title="y2"), version("a", 2, day=2, title="x2")).updated == 2
    assert current(store, "_id", "_sequence", "title") == [("a", 2, "x2"), ("b", 1, "y2")]
    assert sorted(history(store, "_id", "_sequence", "title")) == [("a", 1, "x"), ("b", 2, "y")]


def test_changed_content_under_an_equal_time_is_an_update(store: RawStore) -> None:
    merge(store, version("a", 1, title="x"))
    assert merge(store, version("a", 1, title="y")).updated == 1
    assert merge(store, version("a", 1)).updated == 1
    assert current(store, "title") == [(None,)]


def test_a_moved_time_alone_is_a_new_version(store: RawStore) -> None:
    merge(store, version("a", 1, title="x"))
    assert merge(store, version("a", 1, day=2, title="x")).updated == 1


def test_an_older_version_is_not_taken_unless_forced(store: RawStore) -> None:
    merge(store, version("a", 1, day=5, title="new"))
    assert merge(store, version("a", 1, day=4, title="old")).unchanged == 1
    assert current(store, "title") == [("new",)]
    assert merge(store, version("a", 1, day=4, title="old"), forced=True).updated == 1
    assert current(store, "title") == [("old",)]


def test_a_row_made_again_with_an_older_time_is_taken(store: RawStore) -> None:
    merge(store, version("a", 1, day=5, title="first"))
    assert merge(store, version("a", 9, day=4, title="second")).updated == 1
    assert current(store, "_sequence", "title") == [(9, "second")]


def test_an_id_twice_in_one_page_stands_once_as_its_later_row(store: RawStore) -> None:
    counts = merge(store, version("a", 1, title="first"), version("a", 2, title="second"))
    assert (counts.inserted, counts.unchanged) == (1, 1)
    assert current(store, "title") == [("second",)]


def test_a_deleted_row_that_appears_again_is_undeleted(store: RawStore) -> None:
    merge(store, version("a", 1, title="x"), version("b", 2))
    assert store.merge.mark_deleted("bookings", pl.Series(["a", "none"]), run_id="s", now=NOW) == 1
    assert store.merge.mark_deleted("bookings", pl.Series(["a"]), run_id="s", now=NOW) == 0
    assert current(store, "_id", "_deleted_at", "_change") == [("a", NOW, 2), ("b", None, 1)]
    assert merge(store, version("a", 1, title="x")).updated == 1
    assert current(store, "_id", "_deleted_at", "_change") == [("a", None, 3), ("b", None, 1)]
    assert history(store, "_deleted_at", "_change") == [(None, 1), (NOW, 2)]


def test_a_version_keeps_the_clock_at_which_it_was_first_stored(store: RawStore) -> None:
    """Seen again, judged again, found gone, back as it was: only what Appwrite has otherwise is a new version."""
    day = timedelta(days=1)
    row = version("a", 1, title="bad")
    merge(store, row)
    assert merge(store, row, at=NOW + day, forced=True).unchanged == 1
    assert merge(store, row, at=NOW + 2 * day, judge=reject_word("bad"), rules_version="1").rejected == 1
    store.merge.rejudge("bookings", accept_all, rules_version="2", run_id="r", now=NOW + 3 * day)
    store.merge.mark_deleted("bookings", pl.Series(["a"]), run_id="s", now=NOW + 4 * day)
    assert merge(store, row, at=NOW + 5 * day).updated == 1
    assert [at for (at,) in history(store, "_ingested_at")] == [NOW] * 4
    assert current(store, "_ingested_at", "_change", "_rejected") == [(NOW, 5, None)]
    assert merge(store, version("a", 1, title="good"), at=NOW + 6 * day).updated == 1
    assert merge(store, version("a", 1, day=2, title="good"), at=NOW + 7 * day).updated == 1
    assert current(store, "_ingested_at") == [(NOW + 7 * day,)]
    assert [at for (at,) in history(store, "_ingested_at")][-1] == NOW + 6 * day


def test_a_creation_in_the_future_is_judged_by_when_its_version_was_first_stored(store: RawStore) -> None:
    """By the rules themselves: time alone lets nobody in, neither a scan that sees the row again nor new rules."""
    soon, later = datetime(2026, 1, 20), datetime(2026, 1, 25)
    ahead = {**version("a", 1, title="x"), "$createdAt": "2026-01-22T00:00:00.000+00:00"}
    fine = version("b", 2, title="x")
    assert merge(store, ahead, fine, judge=reject_reasons, at=soon).rejected == 1
    for forced in (False, True):
        assert merge(store, ahead, fine, judge=reject_reasons, at=later, forced=forced).rejected == 1
    assert store.merge.rejudge("bookings", reject_reasons, rules_version="9", run_id="r", now=later) == 0
    assert current(store, "_id", "_rejected", "_change") == [
        ("a", '["creation_in_the_future"]', 1),
        ("b", None, 1),
    ]
    changed = {**ahead, "title": "y", "$updatedAt": "2026-01-21T23:56:00.000+00:00"}
    assert merge(store, changed, judge=reject_reasons, at=soon).updated == 1
    assert store.rejects.listed().height == 0


def test_misfits_are_stored_and_mended(store: RawStore) -> None:
    merge(store, version("a", 1, amount="12 Rp", starts_at="45000", title="x"))
    ((amount, starts_at, title, misfits),) = current(store, "amount", "starts_at", "title", "_misfits")
    assert (amount, starts_at, title) == (None, None, "x")
    assert json.loads(misfits) == {"amount": "12 Rp", "starts_at": "45000"}
    assert merge(store, version("a", 1, amount="13 Rp", starts_at="45000", title="x")).updated == 1
    assert merge(store, version("a", 1, amount=13, title="x")).updated == 1
    assert current(store, "amount", "_misfits") == [(13, None)]


def test_a_row_without_an_id_is_quarantined_by_its_sequence(store: RawStore) -> None:
    counts = merge(store, version(None, 1, title="x"), version("  ", 2), version("c", 3))
    assert (counts.rejected, counts.inserted) == (2, 1)
    assert store.rejects.listed().select("row_id", "reasons").rows() == [
        ("$sequence:1", '["no usable $id"]'),
        ("$sequence:2", '["no usable $id"]'),
    ]
    assert current(store, "_id") == [("c",)]
    assert merge(store, version(None, 1, title="x")).rejected == 1
    assert store.rejects.listed().height == 2


def test_a_row_that_gets_its_id_leaves_the_quarantine(store: RawStore) -> None:
    merge(
        store,
        version(None, 7, title="x"),
        version(None, 8),
        version("a", 9, title="bad"),
        judge=reject_word("bad"),
    )
    assert store.rejects.listed()["row_id"].to_list() == ["$sequence:7", "$sequence:8", "a"]
    merge(store, version("b", 7, day=2, title="x"), judge=reject_word("bad"))
    assert store.rejects.listed()["row_id"].to_list() == ["$sequence:8", "a"]
    merge(store, version("c", 8, day=2, title="bad"), judge=reject_word("bad"))
    assert store.rejects.listed()["row_id"].to_list() == ["a", "c"]


def test_a_deleted_reject_leaves_the_quarantine(store: RawStore) -> None:
    merge(store, version("a", 1, title="bad"), judge=reject_word("bad"))
    assert store.rejects.listed()["row_id"].to_list() == ["a"]
    store.merge.mark_deleted("bookings", pl.Series(["a"]), run_id="s", now=NOW)
    assert store.rejects.listed().height == 0


def test_what_is_raised_in_the_middle_of_a_merge_undoes_all_of_it(store: RawStore) -> None:
    merge(store, version("a", 1, title="x"))

    def refuse(counts: Counts) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        merge(store, version("a", 1, day=2, title="y"), version("b", 2), resume_sequence=2, record=refuse)
    assert current(store, "_id", "title", "_change") == [("a", "x", 1)]
    assert history(store, "_id") == []
    assert store.file.last_change() == 1
    assert store.watermarks.of("bookings").resume_sequence is None


def test_an_error_of_a_library_is_told_without_its_values(store: RawStore) -> None:
    def broken(collection: str, rows: pl.DataFrame) -> pl.Series:
        return rows["title"].cast(pl.Int64).cast(pl.String)

    with pytest.raises(StoreFailure) as caught:
        merge(store, version("a", 1, title="Siti +62812"), judge=broken)
    assert "Siti" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_the_file_is_private_and_mirrors_one_source(store: RawStore) -> None:
    assert stat.S_IMODE(os.stat(store.path).st_mode) == 0o600
    assert store.source.known() == ("http://a/v1", "p", "d")
    store.source.claim("http://a/v1", "p", "d", NOW)
    for other in (("http://b/v1", "p", "d"), ("http://a/v1", "q", "d"), ("http://a/v1", "p", "e")):
        with pytest.raises(UsageError) as caught:
            store.source.claim(*other, NOW)
        assert caught.value.next_step


def test_a_password_in_the_endpoint_of_an_earlier_version_is_forgotten(tmp_path: Path) -> None:
    with RawStore(tmp_path / "raw.duckdb") as opened:
        opened.source.claim("https://me:secret@a.test/v1", "p", "d", NOW)
        assert opened.source.known() == ("https://a.test/v1", "p", "d")
        with pytest.raises(UsageError) as error:
            opened.source.claim("https://b.test/v1", "p", "d", NOW)
        assert "secret" not in str(error.value)
        opened.source.claim("https://a.test/v1", "p", "d", NOW)
        assert "secret" not in str(opened.file.rows("FROM _mirror"))


def test_a_scan_is_planned_from_what_is_known(store: RawStore) -> None:
    overlap = timedelta(seconds=60)
    resumed = store.watermarks.begin_scan("bookings", bound=NOW + overlap, overlap=overlap, run_id="r")
    assert (resumed.resumed, resumed.bound, resumed.lower) == (True, NOW, None)
    merge(store, version("a", 4), complete=True)
    assert store.watermarks.of("bookings").watermark == NOW
    later = NOW + timedelta(hours=1)
    plan = store.watermarks.begin_scan("bookings", bound=later, overlap=overlap, run_id="r")
    assert (plan.resumed, plan.lower, plan.bound, plan.after) == (False, NOW - overlap, later, None)
    merge(store, version("b", 5), resume_sequence=5)
    plan = store.watermarks.begin_scan("bookings", bound=later + overlap, overlap=overlap, run_id="r2")
    assert (plan.resumed, plan.lower, plan.bound, plan.after) == (True, NOW - overlap, later, 5)
    full = store.watermarks.begin_scan("bookings", bound=later, overlap=overlap, run_id="r2", full=True)
    assert (full.resumed, full.lower, full.after) == (False, None, None)


def test_a_clock_slightly_behind_reads_from_the_earlier_of_both(store: RawStore) -> None:
    merge(store, version("a", 4), complete=True)
    overlap = timedelta(seconds=60)
    behind = NOW - timedelta(seconds=5)
    assert (
        store.watermarks.begin_scan("bookings", bound=behind, overlap=overlap, run_id="r").lower
        == behind - overlap
    )


def test_a_clock_far_behind_reads_everything(store: RawStore) -> None:
    merge(store, version("a", 4), complete=True)
    plan = store.watermarks.begin_scan(
        "bookings", bound=NOW - timedelta(hours=1), overlap=timedelta(seconds=60), run_id="r"
    )
    assert plan.lower is None


def test_a_column_that_comes_makes_the_next_scan_read_everything_also_after_a_kill(
    store: RawStore, home: Path
) -> None:
    merge(store, version("a", 4), complete=True)
    store.columns.reconcile("bookings", [*COLUMNS, Column("tip", "integer")], NOW)
    store.close()
    with RawStore(home / "raw.duckdb") as again:
        assert not again.columns.reconcile("bookings", [*COLUMNS, Column("tip", "integer")], NOW)
        later = NOW + timedelta(hours=1)
        assert (
            again.watermarks.begin_scan("bookings", bound=later, overlap=timedelta(0), run_id="r").lower
            is None
        )
        plan = again.watermarks.begin_scan("bookings", bound=later, overlap=timedelta(0), run_id="r2")
        assert (plan.resumed, plan.lower) == (True, None)


def test_text_that_all_are_numbers_becomes_numbers_and_text_that_are_not_stays_beside(
    store: RawStore,
) -> None:
    merge(store, version("a", 1, title="12"), version("b", 2, title=None))
    store.columns.reconcile("bookings", [Column("title", "integer"), *COLUMNS[1:]], NOW)
    assert current(store, "title") == [(12,), (None,)]
    store.columns.reconcile("bookings", COLUMNS, NOW)
    merge(store, version("a", 1, day=2, title="013"), version("c", 3, title="14"))
    changes = store.columns.reconcile("bookings", [Column("title", "integer"), *COLUMNS[1:]], NOW)
    assert changes.retyped == ("title",)
    assert current(store, "_id", "title", "title__was_varchar") == [
        ("a", None, "013"), ("b", None, None), ("c", 14, "14"),
    ]  # fmt: skip
    # And back again: the kept column keeps its name, the fresh one is converted.
    store.columns.reconcile("bookings", COLUMNS, NOW)
    assert current(store, "title") == [(None,), (None,), ("14",)]
    assert [c.name for c in store.columns.of("bookings")] == ["amount", "starts_at", "title"]


def test_a_read_only_store_sees_what_was_written(store: RawStore, home: Path) -> None:
    merge(store, version("a", 1, title="x"), complete=True)
    store.close()
    with RawStore(home / "raw.duckdb", read_only=True) as reader:
        assert reader.versions.count_living("bookings") == 1
        assert reader.watermarks.of("bookings").watermark == NOW
        with pytest.raises(StoreFailure):
            reader.merge.mark_deleted("bookings", pl.Series(["a"]), run_id="s", now=NOW)
