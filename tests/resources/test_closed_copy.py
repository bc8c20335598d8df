"""Copies of a closed file: the same bytes whatever they are made over, never into a file that anybody reads, and no
more read or written than differs."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources import closed_copy, shared_blocks, snapshots
from resources.block_hashes import BLOCK, BlockHashes, BlockHashing
from resources.closed_copy import Copied, amended, not_in_use, whole
from resources.errors import BookwatchError
from resources.home import Home
from resources.ledger import Ledger, Seal
from resources.own_files import create
from resources.seals import SnapshotChanged, require_unchanged
from resources.snapshots import (
    copy_closed_file,
    drop_old_snapshots,
    drop_spare,
    point_link,
    published_snapshots,
    snapshot_path,
)
from tests.resources.test_snapshots import NOW


def hashes_of(content: bytes) -> BlockHashes:
    hashing = BlockHashing()
    for begin in range(0, len(content), BLOCK):
        hashing.add(content[begin : begin + BLOCK])
    return hashing.done()


# Files as short runs of blocks that are the same in several places, some cut.
_PIECES = st.lists(st.tuples(st.sampled_from(b"abc"), st.booleans()), max_size=5)


def content_of(pieces: list[tuple[int, bool]]) -> bytes:
    return b"".join(bytes([byte]) * (BLOCK if whole_block else 4096) for byte, whole_block in pieces)


@pytest.mark.parametrize("places", [1, 3])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(source=_PIECES, base=_PIECES, told=_PIECES)
def test_a_copy_is_the_same_bytes_whatever_it_is_made_over(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    places: int,
    source: list[tuple[int, bool]],
    base: list[tuple[int, bool]],
    told: list[tuple[int, bool]],
) -> None:
    """``places``: in how many it is compared at once."""
    monkeypatch.setattr(closed_copy, "_LARGE", 0)
    monkeypatch.setattr(closed_copy, "_PLACES", places)
    monkeypatch.setattr("os.cpu_count", lambda: places)
    folder = tmp_path_factory.getbasetemp() / "whatever"
    folder.mkdir(exist_ok=True)
    ours, before = content_of(source), content_of(base)
    (folder / "source").write_bytes(ours)
    (folder / "base").write_bytes(before)
    with open(folder / "source", "rb") as reader, open(folder / "base", "r+b") as file:
        made = amended(reader, file, hashes_of(before))
    assert (folder / "base").read_bytes() == ours
    assert made.hashes == hashes_of(ours)
    assert made.hashes.whole
    assert (made.hashes.root == hashes_of(before).root) == (ours == before)
    # Hashes that do not tell what is there are believed of no block that differs.
    (folder / "base").write_bytes(before)
    with open(folder / "source", "rb") as reader, open(folder / "base", "r+b") as file:
        amended(reader, file, hashes_of(content_of(told)))
    assert (folder / "base").read_bytes() == ours
    with open(folder / "source", "rb") as reader, create(folder / "new") as writer:
        assert whole(reader, writer).hashes == made.hashes
    assert (folder / "new").read_bytes() == ours


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    content = bytearray(random.Random(1).randbytes(9 * BLOCK + 100))
    (tmp_path / "base").write_bytes(content)
    known = hashes_of(bytes(content))
    content[5 * BLOCK + 7] ^= 1
    (tmp_path / "source").write_bytes(content)
    with open(tmp_path / "source", "rb") as reader, open(tmp_path / "base", "r+b") as file:
        made = amended(reader, file, known)
    # The last one is short, and written anew each time.
    assert (made.how, made.written) == ("amended", BLOCK + 100)
    assert (tmp_path / "base").read_bytes() == content


# -- who has it open --


_READERS: dict[str, str] = {
    "DuckDB": "import duckdb; held = duckdb.connect({path!r}, read_only=True)",
    "a program without locks": "held = open({path!r}, 'rb')",
    "a mapping": "import mmap\nwith open({path!r}, 'rb') as file: held = mmap.mmap(file.fileno(), 0, prot=1)",
}


@contextmanager
def another_process(code: str) -> Generator[None]:
    code += "\nprint('open', flush=True); import sys; sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == b"open\n"
        yield
        child.stdin.close()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "some.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS v")
    path.chmod(0o400)
    return path


@pytest.mark.parametrize("reader", _READERS)
def test_a_file_that_another_process_reads_is_in_use(database: Path, reader: str) -> None:
    with another_process(_READERS[reader].format(path=str(database))), not_in_use(database) as file:
        assert file is None
    with not_in_use(database) as file:
        assert file is not None


def test_a_file_that_this_process_reads_is_in_use(database: Path) -> None:
    with duckdb.connect(str(database), read_only=True), not_in_use(database) as file:
        assert file is None
    with open(database, "rb") as reader, mmap.mmap(reader.fileno(), 0, prot=mmap.PROT_READ):
        reader.close()
        with not_in_use(database) as file:
            assert file is None


def test_a_file_with_another_name_or_behind_a_link_is_not_written_over(database: Path) -> None:
    other = database.with_name("other")
    os.link(database, other)
    with not_in_use(database) as file:
        assert file is None
    other.unlink()
    other.symlink_to(database)
    with not_in_use(other) as file:
        assert file is None


def test_where_the_machine_cannot_tell_nothing_is_written_over(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(closed_copy, "_file_system", lambda device: "nfs4")
        with not_in_use(database) as file:
            assert file is None
    monkeypatch.delattr(fcntl, "F_SETLEASE")
    with not_in_use(database) as file:
        assert file is None


# -- as published --


class Publisher:
    """A home whose warehouse changes, published again and again as runs do."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.number = 0
        self.cited: set[str] = set()
        with duckdb.connect(str(home.warehouse)) as con:
            con.execute("CREATE TABLE t AS SELECT range AS i, hash(range) AS v FROM range(400000)")

    def change(self) -> None:
        with duckdb.connect(str(self.home.warehouse)) as con:
            con.execute("UPDATE t SET v = v + 1 WHERE i = ?", [self.number])

    def next_path(self) -> Path:
        self.number += 1
        return snapshot_path(self.home, f"20261101T0000{self.number:02d}Z-{self.number:06d}")

    def publish(self) -> Copied:
        self.change()
        path = self.next_path()
        made = copy_closed_file(self.home.warehouse, path, Ledger(self.home.ledger).record_seal)
        point_link(self.home.current, path)
        content = path.read_bytes()
        assert content == self.home.warehouse.read_bytes()
        assert made.hashes == hashes_of(content)
        assert path.stat().st_mode & 0o777 == 0o400
        drop_old_snapshots(self.home, now=NOW, cited=self.cited)
        return made

    def after(self, count: int) -> Publisher:
        while self.number < count:
            self.publish()
        return self

    def spares(self) -> list[Path]:
        return sorted(self.home.published.glob(".*duckdb*"))


@pytest.fixture
def publisher(tmp_path: Path) -> Publisher:
    return Publisher(Home(tmp_path / "home").create())


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the tests run: a file system that shares nothing."""
    monkeypatch.setattr(snapshots, "share", lambda reader, writer: False)
    monkeypatch.setattr(snapshots, "shares_blocks", lambda source, target: False)
    monkeypatch.setattr(snapshots, "KEEP_LAST", 2)


def test_the_snapshot_that_went_is_written_over_and_its_reader_reads_on(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    assert publisher.after(3).spares() != []
    made = publisher.publish()
    assert made.how == "amended"
    assert made.written < made.read / 2
    seals = [require_unchanged(path, in_full=True) for path in published_snapshots(publisher.home)]
    assert len(seals) == 2
    assert None not in seals

    # Who opened a snapshot reads it to the end, through two publications after it went.
    oldest = published_snapshots(publisher.home)[-1]
    content = oldest.read_bytes()
    with open(oldest, "rb") as reader, duckdb.connect(str(oldest), read_only=True) as con:
        shown = con.execute("SELECT sum(v) FROM t").fetchone()
        publisher.publish()
        assert not oldest.exists()
        assert publisher.publish().how == "whole"
        assert reader.read() == content
        assert con.execute("SELECT sum(v) FROM t").fetchone() == shown
    assert publisher.publish().how == "amended"


def _edited(path: Path) -> None:
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"another")


def _cut(path: Path) -> None:
    path.chmod(0o600)
    os.truncate(path, path.stat().st_size // 2)


def _replaced(path: Path) -> None:
    shutil.copyfile(path, path.with_name("copy"))
    os.replace(path.with_name("copy"), path)


def _linked(path: Path) -> None:
    os.replace(path, path.with_name("aside"))
    path.symlink_to(path.with_name("aside"))


def test_a_spare_that_somebody_changed_is_not_used(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    publisher.after(3)
    for change in (_edited, _cut, _replaced, _linked):
        (spare,) = publisher.spares()
        change(spare)
        left = spare.with_name("aside")
        aside = left.read_bytes() if left.exists() else None
        assert publisher.publish().how == "whole", change
        assert (left.read_bytes() if left.exists() else None) == aside
    assert publisher.publish().how == "amended"


def test_a_cited_snapshot_is_never_written_over(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    cited = published_snapshots(publisher.after(2).home)[-1]
    held = (cited.read_bytes(), cited.stat().st_ino)
    publisher.cited = {cited.stem}
    publisher.after(6)
    assert publisher.publish().how == "amended"
    assert (cited.read_bytes(), cited.stat().st_ino) == held


class Killed(BaseException):
    """The process is gone: nothing is cleaned up after it."""


def test_a_kill_at_any_instant_leaves_the_newest_snapshot_and_the_next_run_publishes(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each call that changes the folder is the last one once, before and after it was done."""
    plain(monkeypatch)
    publisher.after(3)
    calls = 0
    die_at = -1

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def called(*given: object, **named: object) -> object:
            nonlocal calls
            for done in (False, True):
                if calls == die_at:
                    # A process that is killed runs no `finally`.
                    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
                    raise Killed
                calls += 1
                if not done:
                    outcome = real(*given, **named)
            return outcome  # pyright: ignore[reportPossiblyUnboundVariable] - one of the two calls was made

        return called

    changing = [(os, "replace"), (os, "pwrite"), (os, "truncate"), (os, "fsync"), (os, "fchmod")]
    reals = {name: getattr(module, name) for module, name in changing}
    unlink = Path.unlink
    died = 0
    while True:
        newest = published_snapshots(publisher.home)[0]
        content = newest.read_bytes()
        publisher.change()
        path = publisher.next_path()
        calls, die_at = 0, died
        for name, real in reals.items():
            monkeypatch.setattr(os, name, counted(real))
        try:
            copy_closed_file(publisher.home.warehouse, path, Ledger(publisher.home.ledger).record_seal)
            survived = True
        except Killed:
            survived = False
        finally:
            for name, real in reals.items():
                monkeypatch.setattr(os, name, real)
            monkeypatch.setattr(Path, "unlink", unlink)
        assert newest.read_bytes() == content
        assert require_unchanged(newest) is not None
        if survived:
            break
        if path.exists():  # named, and whole by then; the link was not moved
            assert path.read_bytes() == publisher.home.warehouse.read_bytes()
            assert require_unchanged(path, in_full=True) is not None
            path.unlink()
        publisher.publish()
        assert [path.name.partition("-")[0] for path in publisher.spares()] == [".spare"]
        died += 1
    assert died > 10


def test_a_full_disk_is_told_and_leaves_nothing_half_written(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    publisher.after(3)
    newest = published_snapshots(publisher.home)[0]

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for _ in ("into the spare", "whole"):
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", full)
            with pytest.raises(BookwatchError, match="No space left"):
                publisher.publish()
        assert published_snapshots(publisher.home)[0] == newest
        assert publisher.spares() == []
    assert publisher.publish().how == "whole"


def test_what_a_killed_run_left_is_taken_away_and_so_is_a_spare_when_asked(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain(monkeypatch)
    left = publisher.home.published / ".20261101T000000Z-000099.duckdb.partial"
    left.write_bytes(b"half")
    publisher.after(3)
    assert not left.exists()
    assert len(publisher.spares()) == 1
    drop_spare(publisher.home)
    assert publisher.spares() == []
    assert publisher.publish().how == "whole"


# -- where blocks are shared --


def test_a_shared_copy_reads_only_what_lies_elsewhere_than_before(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By ioctls that do as btrfs and xfs do: a copy of all, and the places of what both files hold."""

    def copies(reader: BinaryIO, writer: BinaryIO) -> bool:
        os.sendfile(writer.fileno(), reader.fileno(), 0, os.fstat(reader.fileno()).st_size)
        return True

    def merged(one: BinaryIO, other: BinaryIO) -> list[tuple[int, int]]:
        ours, theirs = (os.pread(file.fileno(), 1 << 30, 0) for file in (one, other))
        found: list[tuple[int, int]] = []
        for begin in range(0, min(len(ours), len(theirs)), 4096):
            if ours[begin : begin + 4096] != theirs[begin : begin + 4096]:
                continue
            if found and found[-1][1] == begin:
                found[-1] = (found[-1][0], begin + 4096)
            else:
                found.append((begin, begin + 4096))
        return found

    monkeypatch.setattr(snapshots, "share", copies)
    monkeypatch.setattr(snapshots, "shares_blocks", lambda source, target: True)
    monkeypatch.setattr(snapshots, "KEEP_LAST", 2)
    monkeypatch.setattr(closed_copy, "same_ranges", merged)
    first = publisher.publish()
    assert (first.how, first.written) == ("shared", 0)
    assert first.read == first.hashes.size
    second = publisher.publish()
    assert 0 < second.read < second.hashes.size / 2
    publisher.after(4)
    assert publisher.spares() == []
    # One that was changed in its place proves nothing of the next.
    newest = published_snapshots(publisher.home)[0]
    _edited(newest)
    with pytest.raises(SnapshotChanged):
        require_unchanged(newest)
    assert publisher.publish().read == publisher.home.warehouse.stat().st_size


@contextmanager
def mounted(kind: str, folder: Path) -> Generator[Path]:
    """A file system of that kind in a file; skips, saying why, where this machine cannot make or mount one."""
    make = shutil.which(f"mkfs.{kind}")
    if make is None or os.geteuid() != 0:
        pytest.skip(f"no mkfs.{kind}, or not root: sharing blocks is tried by a stand-in only")
    image, place = folder / f"{kind}.image", folder / kind
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(400 << 20)
    made = subprocess.run([make, "-q", str(image)], capture_output=True, check=False)
    there = made.returncode == 0 and (
        subprocess.run(
            ["mount", "-o", "loop", str(image), str(place)], capture_output=True, check=False
        ).returncode
        == 0
    )
    if not there:
        image.unlink()
        pytest.skip(f"{kind} cannot be mounted here: sharing blocks is tried by a stand-in only")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)
        image.unlink()


@pytest.mark.parametrize("kind", ["xfs", "btrfs"])
def test_for_real_publishing_shares_blocks_and_reads_what_changed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "KEEP_LAST", 2)
    with mounted(kind, tmp_path) as place:
        home = Home(place / "home").create()
        assert shared_blocks.shares_blocks(home.root, home.published)
        assert sorted(os.listdir(home.root)) == ["backups", "dagster", "exports", "published", "reports"]
        publisher = Publisher(home)
        first, second = publisher.publish(), publisher.publish()
        assert (first.how, first.read) == ("shared", first.hashes.size)
        assert (second.how, second.written) == ("shared", 0)
        assert 0 < second.read < second.hashes.size / 2
        publisher.after(4)
        assert publisher.spares() == []
        for path in published_snapshots(home):
            seal = require_unchanged(path, in_full=True)
            assert isinstance(seal, Seal)
            assert seal.root == hashes_of(path.read_bytes()).root


def test_where_no_blocks_are_shared_that_is_found_by_trying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> int:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(fcntl, "ioctl", refused)
    assert not shared_blocks.shares_blocks(tmp_path, tmp_path)
    assert os.listdir(tmp_path) == []
    with create(tmp_path / "a") as one, create(tmp_path / "b") as other:
        assert shared_blocks.same_ranges(one, other) == []
