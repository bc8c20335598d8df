"""Few rows of a large table are found by what tells them apart, and named by their numbers."""

from __future__ import annotations

import duckdb
import pytest

from resources.few_rows import FEW_ROWS, NUMBERS, rows_where


@pytest.mark.parametrize(
    "conditions",
    [
        ["n < 3"],
        ["n < 3", "n % 7000 = 2"],
        ["n < 0"],
        ["n >= 0"],
        ["n < 6000", "n = 1"],
        ["n = -1"],
        ["n = -1", "n = 30000"],
    ],
)
@pytest.mark.parametrize("committed", [True, False])
def test_rows_by_number_are_those_of_the_conditions(conditions: list[str], committed: bool) -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT range AS n FROM range(50000)")
        if not committed:
            con.execute("BEGIN; DELETE FROM t WHERE n IN (1, 9002); INSERT INTO t VALUES (2), (7002), (-1)")
        anyone = " OR ".join(f"({condition})" for condition in conditions)
        found = con.execute(f"SELECT n FROM t WHERE {rows_where(con, 't', conditions)} ORDER BY n").fetchall()
        assert found == con.execute(f"SELECT n FROM t WHERE {anyone} ORDER BY n").fetchall()


def test_few_rows_are_asked_for_by_number_and_many_are_not() -> None:
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT range AS n FROM range(50000)")
        assert (
            rows_where(con, "t", ["n IN (5, 6)", "n = 5"]) == f"rowid IN (SELECT number FROM temp.{NUMBERS})"
        )
        assert con.execute(f"FROM temp.{NUMBERS} ORDER BY ALL").fetchall() == [(5,), (6,)]
        assert rows_where(con, "t", ["n < 0"]) == "false"
        assert rows_where(con, "t", [f"n < {FEW_ROWS + 1}", "false"]) == f"((n < {FEW_ROWS + 1}) OR (false))"
