"""Few rows of a large table are found by what tells them apart, and named by their numbers."""

from __future__ import annotations

import duckdb
import pytest

from resources.few_rows import FEW_ROWS, NEAR, NEAR_ROWS, NUMBERS, TOLD_NUMBERS, rows_where


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
    by_number = f"rowid IN (SELECT number FROM temp.{NUMBERS})"
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT range AS n FROM range(500000)")
        assert rows_where(con, "t", ["n IN (5, 6)", "n = 5"]) == by_number
        assert con.execute(f"FROM temp.{NUMBERS} ORDER BY ALL").fetchall() == [(5,), (6,)]
        assert rows_where(con, "t", ["n < 0"]) == "false"
        # More, that lie near each other; and as many that lie everywhere.
        assert rows_where(con, "t", [f"n < {FEW_ROWS + 1}", "false"]) == by_number
        assert con.execute(f"SELECT count(*) FROM t WHERE {by_number}").fetchall() == [(FEW_ROWS + 1,)]
        everywhere = f"n % {NEAR + 1} = 0"
        assert rows_where(con, "t", [everywhere, "false"]) == f"(({everywhere}) OR (false))"
        assert rows_where(con, "t", [f"n <= {NEAR_ROWS}"]) == f"((n <= {NEAR_ROWS}))"


@pytest.mark.parametrize("told", [1, TOLD_NUMBERS, TOLD_NUMBERS + 1])
def test_rows_are_the_same_whether_each_number_is_told_or_not(told: int) -> None:
    """And the query that follows is told no more numbers than leave out anything."""
    with duckdb.connect() as con:
        con.execute("CREATE TABLE t AS SELECT range AS n, range || 'x' AS word FROM range(300000)")
        con.execute(
            "DELETE FROM t WHERE n % 7 = 0; INSERT INTO t SELECT range, 'late' FROM range(0, 300000, 7)"
        )
        con.execute(f"CREATE TABLE wanted AS SELECT (range * 37) % 300000 AS n FROM range({told})")
        condition = "n IN (FROM wanted)"
        found = con.execute(f"FROM t WHERE {rows_where(con, 't', [condition])} ORDER BY ALL").fetchall()
        assert found == con.execute(f"FROM t WHERE {condition} ORDER BY ALL").fetchall()
        assert len(found) == told
        (limit,) = con.execute("SELECT current_setting('dynamic_or_filter_threshold')").fetchall()[0]
        assert int(limit) == (max(told, 50) if told <= TOLD_NUMBERS else 50)
