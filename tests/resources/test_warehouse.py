"""The warehouse as the steps of a run hold it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from resources import warehouse
from resources.warehouse import HeldWarehouse, open_warehouse


@pytest.fixture
def held(tmp_path: Path) -> HeldWarehouse:
    return HeldWarehouse(tmp_path / "warehouse.duckdb")


def test_steps_see_what_the_one_before_committed_and_nothing_else(held: HeldWarehouse) -> None:
    with held.open() as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS n")
        con.execute("CREATE TEMP TABLE own AS SELECT 1 AS n")
    with held.open() as con:
        con.execute("BEGIN")
        con.execute("DELETE FROM t")
    with held.open(read_only=True) as con:
        assert con.execute("FROM t").fetchall() == [(1,)]
        with pytest.raises(duckdb.CatalogException):
            con.execute("FROM own")
        with pytest.raises(duckdb.Error, match="read-only"):
            con.execute("DELETE FROM t")
    held.close()


def test_a_closed_file_is_whole_without_its_log_and_may_be_opened_again(
    held: HeldWarehouse, tmp_path: Path
) -> None:
    with held.open() as con:
        con.execute("CREATE TABLE t AS SELECT 1 AS n")
    held.close()
    held.close()
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]
    with open_warehouse(tmp_path / "warehouse.duckdb", read_only=True) as con:
        assert con.execute("FROM t").fetchall() == [(1,)]
    with held.open() as con:
        con.execute("INSERT INTO t VALUES (2)")
    held.close()
    with open_warehouse(tmp_path / "warehouse.duckdb", read_only=True) as con:
        assert con.execute("SELECT sum(n) FROM t").fetchall() == [(3,)]


def test_a_small_file_takes_one_thread_and_a_larger_one_as_many_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "warehouse.duckdb"

    def threads() -> object:
        with open_warehouse(path) as con:
            con.execute("CREATE TABLE IF NOT EXISTS t AS SELECT 1 AS one")
            return con.execute("SELECT current_setting('threads')").fetchone()

    with duckdb.connect() as plain:
        usual = plain.execute("SELECT current_setting('threads')").fetchone()
    assert threads() == (1,)
    monkeypatch.setattr(warehouse, "ONE_THREAD_BYTES", 0)
    assert threads() == usual
    monkeypatch.setattr(warehouse, "ONE_THREAD_BYTES", path.stat().st_size)
    assert threads() == (1,)
