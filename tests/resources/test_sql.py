"""What DuckDB's SQL cannot bind, written so that no name, text or path is read as anything else."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from resources.sql import attach, literal, quoted

ODD = ["plain", "two words", "o'clock", 'a "name"', "'; DROP TABLE t; --", "ünï\\n", "a;b", "{x}", ""]


@pytest.mark.parametrize("text", ODD)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert duckdb.sql(f"SELECT {literal(text)}").fetchall() == [(text,)]


@pytest.mark.parametrize("name", [name for name in ODD if name])
def test_a_name_stays_a_name_and_a_path_a_path(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name.replace('/', '')}.duckdb"
    with duckdb.connect() as con:
        attach(con, file, name)
        con.execute(f"CREATE TABLE {quoted(name)}.main.{quoted(name)} AS SELECT 1 AS {quoted(name)}")
        con.execute(f"DETACH {quoted(name)}")
        attach(con, file, name, read_only=True)
        assert con.execute(f"SELECT {quoted(name)} FROM {quoted(name)}.main.{quoted(name)}").fetchall() == [
            (1,)
        ]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            con.execute(f"DROP TABLE {quoted(name)}.main.{quoted(name)}")
    assert file.is_file()
