"""Snapshots: swapped whole, opened closed to the world, kept by age."""

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from resources.errors import BookwatchError
from resources.home import Home
from resources.ledger import Ledger
from resources.snapshots import (
    copy_closed_file,
    current_snapshot,
    drop_old_snapshots,
    open_snapshot,
    point_link,
    require_snapshot,
    snapshot_path,
    snapshots_to_drop,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def warehouse(home: Home, value: int) -> Path:
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE OR REPLACE TABLE t AS SELECT ? AS v", [value])
    return home.warehouse


def publish(home: Home, name: str, value: int) -> Path:
    target = snapshot_path(home, name)
    copy_closed_file(warehouse(home, value), target, Ledger(home.ledger).record_seal)
    point_link(home.current, target)
    return target


def read(home: Home) -> int:
    with open_snapshot(require_snapshot(home)) as con:
        row = con.execute("SELECT v FROM t").fetchone()
    assert row
    return row[0]


def test_a_reader_of_the_old_snapshot_keeps_it_while_the_link_moves_on(home: Home) -> None:
    first = publish(home, "20261101T000000Z-000001", 1)
    with open_snapshot(first) as old:
        publish(home, "20261101T000100Z-000002", 2)
        assert old.execute("SELECT v FROM t").fetchone() == (1,)
        assert read(home) == 2


def test_snapshot_files_are_private_to_the_user(home: Home) -> None:
    path = publish(home, "20261101T000000Z-000001", 1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    assert stat.S_IMODE(home.published.stat().st_mode) == 0o700


def test_without_a_snapshot_the_sentence_says_what_to_run(home: Home) -> None:
    assert current_snapshot(home) is None
    with pytest.raises(BookwatchError, match="bookwatch run"):
        require_snapshot(home)


def test_an_unknown_or_escaping_snapshot_is_refused(home: Home) -> None:
    publish(home, "20261101T000000Z-000001", 1)
    for name in ("20250101T000000Z-000009", "../warehouse", "../../etc/passwd"):
        with pytest.raises(BookwatchError, match="no snapshot"):
            require_snapshot(home, name)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "ATTACH '/tmp/x.duckdb'",
        "COPY t TO '/tmp/x.csv'",
        "INSTALL httpfs",
        "SET enable_external_access=true",
        "CREATE TABLE u AS SELECT 1",
        "DELETE FROM t",
    ],
)
def test_a_snapshot_opens_neither_to_files_nor_to_writes(home: Home, query: str) -> None:
    publish(home, "20261101T000000Z-000001", 1)
    with open_snapshot(require_snapshot(home)) as con, pytest.raises(duckdb.Error):
        con.execute(query)


def test_a_damaged_snapshot_is_one_sentence(home: Home) -> None:
    path = snapshot_path(home, "20261101T000000Z-000001")
    path.write_bytes(b"not a database")  # published before seals were kept: nothing tells that it was changed
    with pytest.raises(BookwatchError, match="cannot be opened"), open_snapshot(path):
        pass


def test_a_copy_that_fails_leaves_nothing_half_written(home: Home) -> None:
    publish(home, "20261101T000000Z-000001", 1)
    with pytest.raises(BookwatchError, match="still served"):
        copy_closed_file(
            home.root / "absent.duckdb", snapshot_path(home, "x"), Ledger(home.ledger).record_seal
        )
    assert read(home) == 1
    assert not [n for n in os.listdir(home.published) if "partial" in n]


def paths(home: Home, instants: list[datetime]) -> list[Path]:
    return [snapshot_path(home, f"{at:%Y%m%dT%H%M%SZ}-{i:06d}") for i, at in enumerate(instants)]


def test_the_last_ten_one_a_day_for_thirty_days_and_one_a_month_are_kept(home: Home) -> None:
    instants = [NOW - timedelta(hours=6 * i) for i in range(4 * 120)]
    files = paths(home, instants)
    kept = [p for p in files if p not in snapshots_to_drop(files, now=NOW, cited=set())]
    assert kept[:10] == files[:10]
    days = {p.stem[:8] for p in kept if NOW - instants[files.index(p)] <= timedelta(days=30)}
    assert len(days) == 31
    old = [p.stem[:6] for p in kept if NOW - instants[files.index(p)] > timedelta(days=31)]
    assert len(old) == len(set(old)), "more than one of an old month"
    assert {p.stem[:6] for p in files} == {p.stem[:6] for p in kept}


def test_a_cited_snapshot_is_never_dropped(home: Home) -> None:
    files = paths(home, [NOW - timedelta(minutes=i) for i in range(50)])
    cited = {files[33].stem}
    dropped = snapshots_to_drop(files, now=NOW, cited=cited)
    assert files[33] not in dropped
    assert files[32] in dropped


def test_dropping_leaves_the_current_snapshot_and_foreign_files(home: Home) -> None:
    for i in range(15):
        publish(home, f"{NOW - timedelta(minutes=15 - i):%Y%m%dT%H%M%SZ}-{i:06d}", i)
    foreign = home.published / "notes.duckdb"
    foreign.write_bytes(b"x")
    dropped = drop_old_snapshots(home, now=NOW, cited=set())
    assert len(dropped) == 5
    assert read(home) == 14
    assert foreign.exists()
