"""Rows that are larger than DuckDB's memory for them: read, changed, derived and erased in pieces that fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from assets.core.engine import process
from assets.core.personal_store import update_private
from marketplace.quarantine import reject_reasons
from marketplace.rules import RULES_VERSION
from resources.appwrite.columns import PageDecoder
from resources.erasure import erase, rewrite
from resources.raw.column_types import Column
from resources.raw.file import OutOfMemory, StoreFailure
from resources.raw.large_rows import (
    BESIDE,
    LARGE_ROW,
    LARGE_WEIGHT,
    VECTOR,
    bytes_of,
    needed,
    pieces,
    row_bytes,
)
from resources.raw.runs import Counts
from resources.raw.store import RawStore
from tests.ingest.mirroring import naive

NOW = naive(2026, 3, 1)
ROWS, SIZE, MEMORY = 300, 200_000, "50MB"
"""Together 60 MB: a fifteenth of 900 reviews of 500 kB, and of the 400 MB the mirror has for them."""
COLUMNS = [
    Column("userId", "string"), Column("bookingId", "string"), Column("status", "string"),
    Column("totalCost", "integer"), Column("notes", "longtext"), Column("customerName", "string"),
]  # fmt: skip


def claimed(store: RawStore) -> RawStore:
    store.source.claim("e", "p", "d", NOW)
    store.columns.reconcile("bookings", COLUMNS, NOW)
    store.watermarks.begin_scan("bookings", bound=NOW, overlap=timedelta(seconds=60), run_id="run1")
    return store


@pytest.fixture
def path(home: Path) -> Path:
    home.mkdir()
    return home / "raw.duckdb"


@pytest.fixture
def store(path: Path) -> Iterator[RawStore]:
    with RawStore(path, memory_limit=MEMORY) as opened:
        yield claimed(opened)


def frame(store: RawStore, version: int, start: int = 0, rows: int = ROWS, size: int = SIZE) -> pl.DataFrame:
    """Rows as a scan brings them, each with a text of its own and of its version."""
    at = NOW + timedelta(hours=version)
    given = [
        {
            "_id": f"r{n:05d}", "_sequence": n + 1, "_created_at": NOW, "_updated_at": at, "userId": f"u{n % 3}",
            "bookingId": f"B{n}", "status": "completed", "totalCost": 250_000, "customerName": f"Name{n % 3} Surname",
            "notes": f"{n} v{version} ".ljust(size, chr(97 + n % 26)),
        }
        for n in range(start, start + rows)
    ]  # fmt: skip
    schema: Any = PageDecoder(store.columns.of("bookings")).schema
    return pl.DataFrame(given, schema=schema)


def merged(store: RawStore, rows: pl.DataFrame, **more: Any) -> Counts:
    return store.merge.page(
        "bookings", rows, run_id="run1", now=NOW, reject_reasons=reject_reasons, rules_version="1",
        resume_sequence=int(rows["_sequence"][-1]), **more,
    )  # fmt: skip


def lengths(con: duckdb.DuckDBPyConnection, table: str = "bookings") -> list[tuple[int, int]]:
    """(length of the notes, how many), read a few rows at a time."""
    found: dict[int, int] = {}
    for start in range(0, 4 * ROWS, 30):
        for (length,) in con.execute(
            f"SELECT strlen(notes) FROM {table} WHERE rowid BETWEEN {start} AND {start + 29}"
        ).fetchall():
            found[length or 0] = found.get(length or 0, 0) + 1
    return sorted(found.items())


# -- pieces ------------------------------------------------------------------------------------------------


def test_pieces_hold_so_many_bytes_and_each_row_once() -> None:
    small, large = 1_000, LARGE_ROW + 1
    sizes = pl.Series([small] * 10 + [large] * 4 + [small])
    cut = list(pieces(sizes, 2 * LARGE_WEIGHT * large))
    assert cut == [(0, 11), (11, 2), (13, 2)]
    assert list(pieces(sizes, 10**12)) == [(0, 15)]
    assert list(pieces(pl.Series([large] * 3), 1)) == [(0, 1), (1, 1), (2, 1)]


def test_a_row_weighs_its_texts() -> None:
    rows = pl.DataFrame({"a": ["xé", None], "n": [1, 2], "b": ["", "yyy"]})
    assert row_bytes(rows).to_list() == [3 + 8, 3 + 8]


def test_memory_is_needed_for_the_large_ones_of_2048_rows_of_one_collection() -> None:
    assert needed({}) == BESIDE
    few, many = {"a": 100_000, "b": 200_000}, {str(n): 100_000 for n in range(5000)}
    assert needed({"x": few, "y": {"c": 70_000}}) == BESIDE + int(300_000 * 1.1)
    assert needed({"x": many}) == BESIDE + int(VECTOR * 100_000 * 1.1)


@pytest.mark.parametrize(("limit", "size"), [("400MB", 400_000_000), ("1.5GiB", 3 << 29), ("12B", 12)])
def test_a_limit_is_read_as_duckdb_reads_it(limit: str, size: int) -> None:
    assert bytes_of(limit) == size


# -- the mirror --------------------------------------------------------------------------------------------


def test_large_rows_that_all_change_are_stored_in_less_memory_than_they_take(store: RawStore) -> None:
    assert merged(store, frame(store, 1)).inserted == ROWS
    said: list[Counts] = []
    changed = merged(store, frame(store, 2), record=said.append, complete=True)
    assert (changed.fetched, changed.updated) == (ROWS, ROWS)
    # Several transactions, each with the counts so far.
    assert len(said) > 1
    assert said[-1] == changed
    assert [c.fetched for c in said] == sorted(c.fetched for c in said)
    assert store.watermarks.of("bookings").completed_at == NOW
    assert merged(store, frame(store, 2)).unchanged == ROWS
    assert lengths(store.connection) == [(SIZE, ROWS)]
    assert store.connection.sql("SELECT count(*) FROM _large_rows").fetchall() == [(ROWS,)]
    # What was replaced keeps everything but its long text, and says so.
    assert lengths(store.connection, "bookings_history") == [(0, ROWS)]
    kept = store.connection.sql("SELECT DISTINCT status, _misfits FROM bookings_history").fetchall()
    assert kept == [
        ("completed", '{"notes":{"$set_aside":"a text of 200,000 bytes is not kept in replaced versions"}}')
    ]


def test_a_killed_merge_goes_on_behind_the_piece_that_was_stored_last(store: RawStore) -> None:
    seen: list[int | None] = []

    def killed(counts: Counts) -> None:
        del counts
        seen.append(store.watermarks.of("bookings").resume_sequence)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merged(store, frame(store, 1), record=killed)
    reached = store.watermarks.of("bookings").resume_sequence
    assert reached == seen[0] == store.versions.count_living("bookings")
    assert merged(store, frame(store, 1)).inserted == ROWS - (reached or 0)


def test_rows_that_are_small_again_are_no_longer_large(store: RawStore) -> None:
    merged(store, frame(store, 1, rows=20))
    merged(store, frame(store, 2, rows=10, size=100))
    assert store.connection.sql("SELECT count(*) FROM _large_rows").fetchall() == [(10,)]


def test_large_rows_are_judged_again_and_marked_deleted_in_pieces(store: RawStore) -> None:
    merged(store, frame(store, 1))

    def none_is_good(collection: str, rows: pl.DataFrame) -> pl.Series:
        del collection
        return pl.Series([["bad"]] * rows.height, dtype=pl.List(pl.String))

    assert (
        store.merge.rejudge("bookings", none_is_good, rules_version="2", run_id="r", now=NOW, judged_by=())
        == ROWS
    )
    assert store.rejects.listed().height == ROWS
    assert (
        store.merge.rejudge("bookings", reject_reasons, rules_version="3", run_id="r", now=NOW, judged_by=())
        == ROWS
    )
    assert store.rejects.listed().height == 0
    ids = pl.Series([f"r{n:05d}" for n in range(ROWS)])
    assert store.merge.mark_deleted("bookings", ids, run_id="r", now=NOW) == ROWS
    assert store.versions.count_living("bookings") == 0
    assert lengths(store.connection)[-1] == (SIZE, ROWS)


def test_where_a_machine_has_no_room_long_texts_are_set_aside_by_name_and_the_rest_is_stored(
    path: Path,
) -> None:
    room = 40
    with RawStore(path, memory_limit=MEMORY, most_memory=BESIDE + int(room * SIZE * 1.11)) as store:
        claimed(store)
        assert merged(store, frame(store, 1, rows=60)).inserted == 60
        assert lengths(store.connection) == [(0, 20), (SIZE, room)]
        marks = store.connection.sql("SELECT DISTINCT _misfits FROM bookings WHERE notes IS NULL").fetchall()
        why = "a text of 200,000 bytes is not kept: this machine's memory holds no more of that size"
        assert marks == [(f'{{"notes":{{"$set_aside":"{why}"}}}}',)]
        before = store.file.last_change()
        merged(store, frame(store, 1, rows=60))
        assert store.connection.sql(f"SELECT count(*) FROM bookings WHERE _change > {before}").fetchall() == [
            (0,)
        ]
        assert store.connection.sql("SELECT count(*) FROM bookings_history").fetchall() == [(0,)]
    with RawStore(path, memory_limit=MEMORY) as store:
        assert merged(store, frame(store, 1, rows=60)).updated == 20
        assert lengths(store.connection) == [(SIZE, 60)]


# -- running out of memory ---------------------------------------------------------------------------------

TOO_MUCH = "SELECT list(repeat('x', 1000)) FROM range(1000000)"


def out_of_memory_within(store: RawStore, block: AbstractContextManager[None]) -> None:
    with store.transaction() as con, block:
        con.execute("DELETE FROM bookings")
        con.execute(TOO_MUCH).fetchall()


def test_running_out_of_memory_has_a_sentence_of_its_own_and_nothing_hides_it(store: RawStore) -> None:
    merged(store, frame(store, 1, rows=3))
    asked = pl.DataFrame({"n": [1]})
    for block in (store.file.lent(_asked=asked), store.file.threads(2)):
        with pytest.raises(OutOfMemory) as told:
            out_of_memory_within(store, block)
        assert "raw.duckdb needs more memory than the" in str(told.value)
        assert "backup" not in str(told.value)
        assert not told.value.fatal
        threads = store.connection.sql("SELECT current_setting('threads')").fetchall()
        assert threads == [(1,)]
    assert store.versions.count_living("bookings") == 3
    # The connection is as good as before.
    assert merged(store, frame(store, 2, rows=3)).updated == 3


def test_what_memory_cannot_hold_is_merged_with_more_of_it_and_then_in_halves(
    store: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece, tried = store.merge._piece, list[tuple[int, int]]()  # pyright: ignore[reportPrivateUsage] - its pieces are the point
    memory = store.file.large
    memory.most = memory.limit * 2

    def merge_piece(collection: str, rows: pl.DataFrame, *how: Any) -> Counts:
        tried.append((rows.height, memory.limit))
        if rows.height > 3:
            raise OutOfMemory("raw.duckdb needs more memory.", "")
        return piece(collection, rows, *how)

    monkeypatch.setattr(store.merge, "_piece", merge_piece)
    counts = merged(store, frame(store, 1, rows=10, size=10), complete=True)
    assert (counts.fetched, counts.inserted, store.versions.count_living("bookings")) == (10, 10, 10)
    assert [height for height, _ in tried] == [10, 10, 10, 5, 2, 3, 5, 2, 3]
    assert tried[2][1] == memory.most
    assert store.watermarks.of("bookings").completed_at == NOW


def test_one_row_that_memory_cannot_hold_is_told(store: RawStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def merge_piece(collection: str, rows: pl.DataFrame, *how: Any) -> Counts:
        raise OutOfMemory("raw.duckdb needs more memory.", "")

    monkeypatch.setattr(store.merge, "_piece", merge_piece)
    with pytest.raises(StoreFailure, match="more memory"):
        merged(store, frame(store, 1, rows=4))


# -- behind the mirror -------------------------------------------------------------------------------------


def test_core_the_private_file_and_forgetting_take_large_rows_in_pieces(path: Path) -> None:
    with RawStore(path, memory_limit=MEMORY) as store:
        claimed(store)
        merged(store, frame(store, 1), complete=True)
        merged(store, frame(store, 2, start=ROWS, rows=50, size=100), complete=True)

    def derived(full: bool = False) -> tuple[dict[str, int], list[int]]:
        chunks: list[int] = []
        outcome = process(
            path, path.with_name("warehouse.duckdb"), timezone="Asia/Makassar", rules_version=RULES_VERSION, now=NOW,
            full=full, after_chunk=lambda _, rows: chunks.append(rows), memory_limit="100MB",
        )  # fmt: skip
        update_private(path, path.with_name("published"))
        return outcome.rows, chunks

    rows, chunks = derived()
    assert rows["bookings"] == ROWS + 50 == sum(chunks)
    with RawStore(path, memory_limit=MEMORY) as store:
        merged(store, frame(store, 3, rows=100), complete=True)
    rows, chunks = derived()
    assert rows["bookings"] == 100 == sum(chunks)

    with RawStore(path, memory_limit=MEMORY) as store:
        erased = erase(store, "u1", now=NOW)
        assert (erased.known, erased.rows) == (True, {"bookings": len(range(1, ROWS + 50, 3))})
        left = store.connection.sql(
            "SELECT DISTINCT customerName FROM (SELECT customerName FROM bookings UNION ALL "
            "SELECT customerName FROM bookings_history)"
        ).fetchall()
        assert sorted(left, key=str) == [("Name0 Surname",), ("Name2 Surname",), (None,)]
    rewrite(path)
    with RawStore(path, memory_limit=MEMORY) as store:
        # The notes are personal: those of others stay.
        assert lengths(store.connection)[-1] == (SIZE, ROWS - len(range(1, ROWS, 3)))
    rows, _ = derived(full=True)
    assert rows["bookings"] == ROWS + 50
