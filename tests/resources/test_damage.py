"""Files that break: what is held is told with its holder, what is damaged is recognised and kept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from resources.errors import BookwatchError
from resources.raw.store import RawStore
from resources.warehouse import (
    DatabaseDamaged,
    DatabaseLocked,
    is_damage,
    is_whole,
    open_warehouse,
    set_aside,
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE t AS SELECT range AS n, 'x' || hash(range) AS word FROM range(300000)")
    return path.read_bytes()


def zeroed(content: bytes, first: int, until: int) -> bytes:
    return content[:first] + b"\0" * (until - first) + content[until:]


#: What no longer opens.
BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda content: b"",
    "garbage": lambda content: b"x" * len(content),
    "text": lambda content: b"not a database\n",
    "cut in the header": lambda content: content[:100],
    "cut after the header": lambda content: content[:12288],
    "cut in half": lambda content: content[: len(content) // 2],
    "zeroed": lambda content: b"\0" * len(content),
    "zeroed header": lambda content: zeroed(content, 0, 4096),
    "zeroed headers": lambda content: zeroed(content, 0, 12288),
    "another version": lambda content: content[:12] + b"\xc8" + content[13:],
    "an SQLite file": lambda content: b"SQLite format 3\0" + b"\0" * 4080,
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_damaged_file_is_recognised_whoever_opens_it(how: str, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(BROKEN[how](whole))
    for read_only in (True, False):
        with pytest.raises(DatabaseDamaged, match=r"warehouse\.duckdb cannot be opened.*backup"):
            open_warehouse(path, read_only=read_only)
    raw = path.rename(tmp_path / "raw.duckdb")
    before = raw.read_bytes()
    with pytest.raises(BookwatchError, match=r"raw\.duckdb.*damaged.*move it aside"):
        RawStore(raw)
    assert raw.read_bytes() == before


def test_a_block_damaged_amid_the_file_is_found_when_all_is_read(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(whole)
    assert is_whole(path)
    middle = len(whole) // 2
    path.write_bytes(zeroed(whole, middle, middle + 5000))
    open_warehouse(path).close()
    assert not is_whole(path)


def test_a_version_to_come_is_damage_as_far_as_this_one_can_tell() -> None:
    error = duckdb.IOException(
        "IO Error: Trying to read a database file with version number 999, but we can only read versions between 64"
        " and 67."
    )
    assert is_damage(error)
    assert not is_damage(
        duckdb.FatalException("FATAL Error: Failed to commit: Out of Memory Error: failed to pin block")
    )
    assert not is_damage(duckdb.IOException("IO Error: No space left on device"))
    assert not is_damage(duckdb.CatalogException("Catalog Error: Table with name t does not exist!"))


def test_what_is_set_aside_is_kept_with_its_log(tmp_path: Path) -> None:
    at = datetime(2026, 11, 29, 10, 15, tzinfo=UTC)
    path = tmp_path / "warehouse.duckdb"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        Path(f"{path}.wal").write_bytes(content)
        set_aside(path, at)
    kept = {name.name: name.read_bytes() for name in tmp_path.iterdir()}
    assert kept == {
        "warehouse.damaged-20261129T101500Z.duckdb": b"one",
        "warehouse.damaged-20261129T101500Z.duckdb.wal": b"one",
        "warehouse.damaged-20261129T101500Z-2.duckdb": b"two",
        "warehouse.damaged-20261129T101500Z-2.duckdb.wal": b"two",
    }


def test_who_holds_a_file_is_told(tmp_path: Path) -> None:
    program = tmp_path / "reader.py"
    program.write_text(
        "import sys, duckdb\ncon = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\ninput()\n"
    )
    for name, opened in (("warehouse.duckdb", open_warehouse), ("raw.duckdb", RawStore)):
        path = tmp_path / name
        holder = subprocess.Popen(
            [sys.executable, str(program), str(path), "--key=secret"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "open\n"
            with pytest.raises(BookwatchError) as told:
                opened(path)
        finally:
            holder.communicate("\n", timeout=30)
        assert isinstance(told.value, DatabaseLocked) or name == "raw.duckdb"
        assert re.search(
            rf"{re.escape(name)} cannot be opened: python[\d.]* reader\.py \(PID {holder.pid}\)",
            str(told.value),
        )
        assert "secret" not in str(told.value)


def test_a_file_is_not_opened_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "precious.duckdb"
    with duckdb.connect(str(target)) as con:
        con.execute("CREATE TABLE mine AS SELECT 1 AS n")
    before = target.read_bytes()
    for name, opened in (("warehouse.duckdb", open_warehouse), ("raw.duckdb", RawStore)):
        os.symlink(target, tmp_path / name)
        with pytest.raises(BookwatchError, match="is a link"):
            opened(tmp_path / name)
    assert target.read_bytes() == before
