"""What was published stays what it was: a snapshot changed after it is not served, exported or verified."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from assets.ops import create_ops
from dashboards.queries import reading
from resources.home import Home
from resources.ledger import Ledger
from resources.seals import SnapshotChanged, require_unchanged
from resources.snapshots import (
    copy_closed_file,
    drop_old_snapshots,
    open_snapshot,
    point_link,
    snapshot_path,
)
from tests.resources.test_snapshots import NOW

ID = "20261101T000000Z-000001"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


def publish(home: Home, snapshot_id: str = ID) -> Path:
    with duckdb.connect(str(home.warehouse)) as con:
        create_ops(con)
        con.execute("DELETE FROM ops.snapshot")
        con.execute(
            "INSERT INTO ops.snapshot BY NAME SELECT ? AS snapshot_id, 'r' AS run_id, now()::TIMESTAMP AS published_at,"
            " '2' AS rules_version",
            [snapshot_id],
        )
    path = snapshot_path(home, snapshot_id)
    copy_closed_file(home.warehouse, path, Ledger(home.ledger).record_seal)
    point_link(home.current, path)
    return path


def edit(path: Path) -> None:
    """Another value in the file, of the same length; its stamp as it was."""
    before = path.stat()
    os.chmod(path, 0o600)
    content = path.read_bytes()
    path.write_bytes(content.replace(ID.encode(), ID.replace("1", "2").encode()))
    assert path.read_bytes() != content
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def written_over(path: Path) -> None:
    edit(path)
    os.utime(path)


def replaced(path: Path) -> None:
    other = path.with_name("other")
    shutil.copyfile(path, other)
    edit(other)
    os.replace(other, path)


def cut(path: Path) -> None:
    os.chmod(path, 0o600)
    os.truncate(path, path.stat().st_size // 2)


def logged(path: Path) -> None:
    Path(f"{path}.wal").write_bytes(b"")


CHANGES: list[Callable[[Path], None]] = [written_over, replaced, cut, logged]


def test_a_snapshot_is_published_for_reading_only_with_its_hash_in_the_ledger(home: Home) -> None:
    path = publish(home)
    assert stat.S_IMODE(path.stat().st_mode) == 0o400
    seal, first = Ledger(home.ledger).seal(ID)
    assert seal is not None
    assert first == ID
    assert seal.sha256 is None
    assert seal.root is not None
    assert (seal.bytes, seal.mtime_ns, seal.inode) == (
        path.stat().st_size,
        path.stat().st_mtime_ns,
        path.stat().st_ino,
    )
    assert require_unchanged(path) == seal
    in_full = replace(seal, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    assert require_unchanged(path, in_full=True) == require_unchanged(path) == in_full
    assert Ledger(home.ledger).seal(ID)[0] == in_full
    assert require_unchanged(path, in_full=True) == in_full


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_snapshot_is_not_served(home: Home, change: Callable[[Path], None]) -> None:
    path = publish(home)
    assert reading.snapshot(str(path)).snapshot_id == ID  # an answer that is kept, and a file held open
    change(path)
    for in_full in (False, True):
        with (
            pytest.raises(SnapshotChanged, match="changed after it was published"),
            open_snapshot(path, in_full=in_full),
        ):
            pass
    with pytest.raises(reading.SnapshotUnreadable, match="changed after it was published"):
        reading.snapshot(str(path))


def test_a_change_under_the_same_stamp_is_found_by_the_hash(home: Home) -> None:
    path = publish(home)
    edit(path)
    with pytest.raises(SnapshotChanged, match="SHA-256"):
        require_unchanged(path, in_full=True)


def test_a_home_that_was_moved_serves_on_and_is_hashed_once(home: Home, tmp_path: Path) -> None:
    publish(home)
    moved = Home(tmp_path / "moved")
    shutil.copytree(home.root, moved.root, symlinks=True)
    path = snapshot_path(moved, ID)
    os.utime(path)
    seal = require_unchanged(path)
    assert seal is not None
    assert Ledger(moved.ledger).seal(ID)[0] == seal
    assert seal.inode == path.stat().st_ino


def test_a_snapshot_that_we_rewrote_is_served_with_its_new_seal(home: Home) -> None:
    path = publish(home)
    assert reading.snapshot(str(path)).snapshot_id == ID
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("CREATE TABLE more AS SELECT range AS n FROM range(100000)")
    copy_closed_file(home.warehouse, path, Ledger(home.ledger).record_seal)
    assert reading.snapshot(str(path)).snapshot_id == ID
    assert require_unchanged(path) == Ledger(home.ledger).seal(ID)[0]


def test_a_snapshot_of_before_seals_opens_and_an_export_adopts_it(home: Home) -> None:
    path = publish(home)
    home.ledger.unlink()
    assert require_unchanged(path) is None
    adopted = require_unchanged(path, in_full=True)
    assert adopted is not None
    assert adopted.adopted
    edit(path)
    with pytest.raises(SnapshotChanged):
        require_unchanged(path, in_full=True)


def test_a_file_put_beside_the_published_ones_is_not_one_of_them(home: Home) -> None:
    planted = snapshot_path(home, "20261102T000000Z-000002")
    shutil.copyfile(publish(home), planted)
    point_link(home.current, planted)
    with pytest.raises(SnapshotChanged, match="not published by this BOOKWATCH_HOME"), open_snapshot(planted):
        pass


def test_a_ledger_that_cannot_be_read_stops_exports_not_readers(home: Home) -> None:
    path = publish(home)
    Path(f"{home.ledger}-wal").unlink(missing_ok=True)
    home.ledger.write_bytes(b"not a database" * 100)
    assert require_unchanged(path) is None
    with pytest.raises(Exception, match="cannot be told"):
        require_unchanged(path, in_full=True)


def test_seals_go_with_their_snapshots_and_the_first_stays(home: Home) -> None:
    ids = [
        f"202611{day:02d}T00{minute:02d}00Z-{day:03d}{minute:03d}" for day in (20,) for minute in range(13)
    ]
    for snapshot_id in ids:
        publish(home, snapshot_id)
    dropped = drop_old_snapshots(home, now=NOW, cited=set())
    assert sorted(dropped) == ids[:3]
    with sqlite3.connect(home.ledger) as db:
        assert [row[0] for row in db.execute("SELECT snapshot_id FROM snapshots ORDER BY 1")] == [
            ids[0],
            *ids[3:],
        ]


def test_a_link_in_the_place_of_the_copy_is_not_written_through(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_text("mine")
    snapshot_path(home, ID).with_name(f".{ID}.duckdb.partial").symlink_to(target)
    publish(home)
    assert target.read_text() == "mine"
