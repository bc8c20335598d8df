"""The lake: what changed is written, a version is visible at once, and the one before it stays whole."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from resources import lake
from resources.lake import LakeDamaged, Source
from resources.objects import BucketObjects, FolderObjects, Objects, Outrun, StoreFailure, Tag

VISITS = Source("parted", "visits", "strftime(created_at, '%Y-%m')")
WORDS = Source("plain", "words")
GIVEN = Source(None, "waivers")
ALL = (VISITS, WORDS, GIVEN)


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    made = duckdb.connect()
    made.execute("CREATE SCHEMA parted; CREATE SCHEMA plain; CREATE TEMP TABLE waivers (finding_id VARCHAR)")
    made.execute("CREATE TABLE plain.words AS SELECT 'bookings' AS collection")
    made.execute(
        "CREATE TABLE parted.visits AS SELECT 'b' || n AS visit_id, n * 1000 AS amount,"
        " CASE WHEN n < 29 THEN TIMESTAMP '2026-01-01' + to_days(n * 3) END AS created_at FROM range(30) r(n)"
    )
    return made


def test_no_part_is_named_whose_rows_were_not_written(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    odd, store = Source("parted", "visits", "'2026/01'"), in_a_folder(tmp_path)
    with pytest.raises(AssertionError, match="parted-visits"):
        lake.write(con, [odd], store, {}, making=tmp_path / "making")
    assert lake.read(store) is None
    assert not (tmp_path / "making").exists()


def in_a_folder(path: Path) -> Objects:
    return FolderObjects(path / "lake")


def in_an_object_store(path: Path) -> Objects:
    return BucketObjects.open("memory://")


def rows(store: Objects, version: lake.Version, source: Source) -> list[tuple[Any, ...]]:
    """What the version has of a table, read from its files, each as its manifest says it is."""
    found: list[tuple[Any, ...]] = []
    for part in version.tables[source.folder].values():
        for file in part.files:
            content = store.get(lake.key_of(source.folder, file))
            assert content is not None
            assert (len(content), hashlib.sha256(content).hexdigest()) == (file.size, file.sha256)
            found += duckdb.read_parquet(io.BytesIO(content)).fetchall()
    return sorted(found, key=repr)


def held(con: duckdb.DuckDBPyConnection, source: Source) -> list[tuple[Any, ...]]:
    return sorted(con.execute(f"SELECT * FROM {source.sql}").fetchall(), key=repr)


@pytest.mark.parametrize("opened", [in_a_folder, in_an_object_store])
def test_a_version_has_every_row_and_only_parts_that_changed_are_written(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, opened: Callable[[Path], Objects]
) -> None:
    store = opened(tmp_path)

    def written(change: str = "SELECT 1") -> lake.Written:
        con.execute(change)
        made = lake.write(con, ALL, store, {"change": 1}, making=tmp_path / "making")
        for source in ALL:
            assert rows(store, made.version, source) == held(con, source)
        assert lake.read(store) == made.version
        return made

    first = written()
    assert first.parts == 6
    assert set(first.version.tables[VISITS.folder]) == {"2026-01", "2026-02", "2026-03", "none"}
    assert [(part.rows, len(part.files)) for part in first.version.tables[GIVEN.folder].values()] == [(0, 1)]
    assert (written().version.number, written().parts) == (1, 0)
    changes = {
        "UPDATE parted.visits SET amount = 1 WHERE visit_id = 'b3'": 1,
        "DELETE FROM parted.visits WHERE visit_id = 'b12'": 1,
        "INSERT INTO parted.visits VALUES ('new', 5, '2026-05-05')": 1,
        "UPDATE parted.visits SET created_at = '2026-01-09' WHERE visit_id = 'b13'": 2,
        "DELETE FROM parted.visits WHERE created_at >= '2026-05-01'": 0,  # its part is named no more
        "UPDATE parted.visits SET amount = amount + 0": 0,
        "INSERT INTO waivers VALUES ('f1')": 1,
        # a value that goes to another row is another table, though the sum of amounts is the same
        "UPDATE parted.visits SET amount = CASE visit_id WHEN 'b4' THEN 5000 ELSE 4000 END"
        " WHERE visit_id IN ('b4', 'b5')": 1,
        "ALTER TABLE parted.visits ADD COLUMN more BIGINT": 4,
        "DELETE FROM parted.visits": 1,
    }
    number = 1
    for change, parts in changes.items():
        made = written(change)
        number += "+ 0" not in change
        assert (made.parts, made.version.number) == (parts, number), change
    # Of what neither the newest version nor the one before it names nothing is kept.
    before = made.version
    after = written("INSERT INTO plain.words VALUES ('users')").version
    named = {key for one in (before, after) for source in ALL for key in one.keys(source)}
    assert {held.key for held in store.listed("tables")} == named
    assert not (tmp_path / "making").exists()


def test_a_writer_that_dies_leaves_the_version_before(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderObjects(tmp_path / "lake")
    first = lake.write(con, ALL, store, {"change": 1}, making=tmp_path / "making").version
    before = {source: held(con, source) for source in ALL}
    con.execute("UPDATE parted.visits SET amount = 7; DELETE FROM plain.words")
    with monkeypatch.context() as patched:

        def full(key: str, content: bytes, tag: Tag | None) -> Tag:
            raise StoreFailure.of("failure.store", place="lake", doing="write", why="No space left on device")

        patched.setattr(store, "put_if", full)
        with pytest.raises(StoreFailure):
            lake.write(con, ALL, store, {"change": 2}, making=tmp_path / "making")
    assert lake.read(store) == first
    assert {source: rows(store, first, source) for source in ALL} == before
    second = lake.write(con, ALL, store, {"change": 2}, making=tmp_path / "making").version
    assert second.number == 2
    assert second.state == {"change": 2}
    # The one before is whole as long as its manifest stands.
    assert {source: rows(store, first, source) for source in ALL} == before


def test_of_two_writers_at_once_one_is_told(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FolderObjects(tmp_path / "lake")
    lake.write(con, ALL, store, {"change": 1}, making=tmp_path / "making")
    con.execute("INSERT INTO plain.words VALUES ('users')")
    put = store.put

    def overtaken(key: str, content: bytes) -> None:
        """Another writer is done while this one has only its files."""
        with monkeypatch.context() as patched:
            patched.setattr(store, "put", put)
            lake.write(con, ALL, store, {"change": 3}, making=tmp_path / "other")
        put(key, content)

    with monkeypatch.context() as patched:
        patched.setattr(store, "put", overtaken)
        with pytest.raises(Outrun):
            lake.write(con, ALL, store, {"change": 2}, making=tmp_path / "making")
    stands = lake.read(store)
    assert stands is not None
    assert stands.state == {"change": 3}
    assert rows(store, stands, WORDS) == held(con, WORDS)


def test_digests_of_another_duckdb_are_not_compared_and_a_broken_manifest_is_said(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    store = FolderObjects(tmp_path / "lake")
    assert lake.read(store) is None
    lake.write(con, ALL, store, {}, making=tmp_path / "making")
    path = tmp_path / "lake" / "manifests" / "newest.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "writer": "1.0.0"}))
    assert lake.write(con, ALL, store, {}, making=tmp_path / "making").parts == 6
    path.write_text('{"form": 1, "tables":')
    with pytest.raises(LakeDamaged, match="manifest of the lake"):
        lake.read(store)
    path.write_text('{"form": 99}')
    assert lake.read(store) is None
