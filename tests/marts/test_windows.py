"""Quantiles that follow from the values about their ranks are those of all values, to the last bit."""

from __future__ import annotations

import random

import duckdb
import pytest

from assets.marts.parts import windows
from assets.marts.parts.part import Ranks
from assets.marts.parts.windows import Windows

RANKS = Ranks("requests", "rows", "k", "v", {"p50": 0.5, "p95": 0.95})
WHOLE = "SELECT k, quantile_cont(v, 0.5) AS p50, quantile_cont(v, 0.95) AS p95 FROM held GROUP BY k"


class Held:
    """Rows of some keys in a database, and the windows of them beside it."""

    def __init__(self) -> None:
        self.con = duckdb.connect()
        self.con.execute("ATTACH ':memory:' AS kept; CREATE TABLE held (k VARCHAR, v BIGINT)")

    def windows(self) -> Windows:
        return Windows(self.con, RANKS, lambda name: f"kept.{name}", "SELECT k, v FROM held")

    def make(self) -> None:
        self.windows().make()
        self.con.execute(f"CREATE OR REPLACE TABLE step AS {WHOLE}")

    def change(self, made: list[tuple[str, int]], gone: list[tuple[str, int]]) -> None:
        for name, rows in (("made", made), ("gone", gone)):
            self.con.execute(f"CREATE OR REPLACE TABLE {name} (k VARCHAR, v BIGINT)")
            if rows:
                self.con.executemany(f"INSERT INTO {name} VALUES (?, ?)", rows)
        self.con.execute("INSERT INTO held FROM made")
        for row in gone:
            self.con.execute(
                "DELETE FROM held WHERE rowid = (SELECT min(rowid) FROM held WHERE k = ? AND v = ?)",
                list(row),
            )
        query = self.windows().follow("step", "made", "gone")
        self.con.execute(f"CREATE OR REPLACE TABLE step AS {query}")

    def differs(self) -> list[tuple[object, ...]]:
        """Rows by which the step is not what all rows make."""
        step = "SELECT k, p50, p95 FROM step"
        return self.con.execute(
            f"(({step}) EXCEPT ALL ({WHOLE})) UNION ALL (({WHOLE}) EXCEPT ALL ({step}))"
        ).fetchall()


@pytest.mark.parametrize("values", [4, 100_000_000])
def test_what_follows_is_what_all_rows_make(values: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With few values nearly all are alike; with many none is. Keys come, and lose their last row."""
    monkeypatch.setattr(windows, "REACH", 3)
    chance = random.Random(values)
    held = Held()
    rows = [(f"k{chance.randrange(4)}", chance.randrange(values)) for _ in range(150)]
    held.con.executemany("INSERT INTO held VALUES (?, ?)", rows)
    held.make()
    for number in range(25):
        gone = [rows.pop(chance.randrange(len(rows))) for _ in range(min(len(rows), chance.randrange(12)))]
        # Now and then all that comes is greater, so that the ranks wander.
        more = values if number % 3 else 0
        made = [
            (f"k{chance.randrange(6)}", more + chance.randrange(values)) for _ in range(chance.randrange(12))
        ]
        rows += made
        if number == 12:
            gone += (last := [row for row in rows if row[0] == "k0"])
            rows = [row for row in rows if row not in last]
        held.change(made, gone)
        assert held.differs() == [], f"after change {number}"


def test_windows_that_are_not_there_are_made() -> None:
    held = Held()
    held.con.execute("CREATE TABLE step (k VARCHAR, p50 DOUBLE, p95 DOUBLE)")
    held.change([("a", 3), ("a", 8), ("b", 1)], [])
    assert held.differs() == []


def test_of_a_key_that_keeps_its_ranks_no_row_is_looked_up() -> None:
    held = Held()
    held.con.execute("INSERT INTO held SELECT 'a', i * 7 FROM range(1000) t(i)")
    held.make()
    # What is not looked up may as well be away.
    held.con.execute("CREATE TABLE aside AS FROM held; DELETE FROM held")
    held.change([("a", 1), ("a", 6_000), ("b", 2)], [("a", 7)])
    held.con.execute("DELETE FROM held; INSERT INTO held FROM aside WHERE v <> 7; INSERT INTO held FROM made")
    assert held.differs() == []
