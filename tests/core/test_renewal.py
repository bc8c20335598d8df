"""A warehouse that other rules made is begun anew: what they published does not lie in freed blocks of the file."""

from __future__ import annotations

import random
import string
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pytest

from assets.ops import create_ops
from assets.renewal import renew
from resources.home import Home

MARK = b"zqsecretkx"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A home whose warehouse holds what rules 2 published of references: words, as they were written."""
    home = Home(tmp_path / "home").create()
    letters = random.Random(1)
    refs = [MARK.decode() + "".join(letters.choices(string.ascii_letters, k=60)) for _ in range(3000)]
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("PRAGMA force_compression = 'uncompressed'")  # so that bytes can be sought
        create_ops(con)
        con.execute("CREATE SCHEMA core")
        con.register("refs", pl.DataFrame({"booking_ref": refs}).to_arrow())
        con.execute("CREATE TABLE core.commissions AS FROM refs")
        con.execute("CREATE TABLE core.state AS SELECT '2' AS rules_version")
        con.execute(
            "INSERT INTO ops.errors (run_id, call_number, called_at) VALUES ('r', 1, ?)",
            [datetime(2026, 1, 1)],
        )
    assert MARK in home.warehouse.read_bytes()
    return home


def test_a_table_made_anew_leaves_the_old_values_in_the_file(home: Home) -> None:
    """Why it takes a new file."""
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute(
            "CREATE OR REPLACE TABLE core.commissions AS SELECT 'hash' AS booking_ref FROM range(3000)"
        )
    assert MARK in home.warehouse.read_bytes()


def test_a_warehouse_of_other_rules_is_begun_anew_with_its_history(home: Home) -> None:
    assert renew(home, "3")
    assert MARK not in home.warehouse.read_bytes()
    with duckdb.connect(str(home.warehouse), read_only=True) as con:
        assert con.execute("SELECT run_id, call_number FROM ops.errors").fetchall() == [("r", 1)]
        assert con.execute("SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'core'").fetchall() == [
            (0,)
        ]
    assert sorted(path.name for path in home.root.glob("warehouse*")) == ["warehouse.duckdb"]
    assert not renew(home, "3"), "there is no core yet"


@pytest.mark.parametrize("version", ["3", "2"])
def test_a_warehouse_of_the_same_rules_is_left_alone(home: Home, version: str) -> None:
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("UPDATE core.state SET rules_version = ?", [version])
    before = home.warehouse.read_bytes()
    assert not renew(home, version)
    assert home.warehouse.read_bytes() == before


def test_a_core_that_does_not_say_its_rules_is_begun_anew(home: Home) -> None:
    with duckdb.connect(str(home.warehouse)) as con:
        con.execute("DROP TABLE core.state")
    assert renew(home, "3")


def test_killed_before_the_new_file_was_in_place_the_next_run_starts_over(home: Home) -> None:
    leftover = home.warehouse.with_name("warehouse.duckdb.making")
    leftover.write_bytes(b"half")
    assert renew(home, "3")
    assert not leftover.exists()
    assert MARK not in home.warehouse.read_bytes()
