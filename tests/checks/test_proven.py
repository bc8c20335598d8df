"""What is known of a table's rows: a verdict without a look is that of looking at all of it, in this process and the
next, whoever wrote the file in between, and after a kill."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks import factory, proven
from checks.at_once import at_once
from checks.changes import prove_change, taken_by
from checks.check import TableCheck
from checks.proven import Contents, Writing
from checks.results import violations
from checks.schemas import CORE, MARTS
from checks.schemas.sql import create_table
from resources import file_marks
from resources.warehouse import HeldWarehouse

ONE = CORE["chat_rooms"]
CHECK = TableCheck(ONE)
#: Fits the declaration; a room is its id.
ROOM = "SELECT $1 AS room_id, 'active' AS status, TIMESTAMP '2026-11-20' AS created_at, 1 AS change"


class Looked:
    """How many rows Pandera was shown, and tables whose values were added up."""

    def __init__(self) -> None:
        self.rows = 0
        self.digests = 0

    def reset(self) -> None:
        self.rows = self.digests = 0


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    found = Looked()
    contents: Callable[..., Any] = factory._contents  # pyright: ignore[reportPrivateUsage] - counted

    def counted(schema: Any, frame: pl.DataFrame) -> Any:
        found.rows += frame.height
        return violations(schema, frame)

    def added_up(con: Any, table: str) -> Any:
        found.digests += 1
        return contents(con, table)

    monkeypatch.setattr(factory, "violations", counted)
    monkeypatch.setattr(factory, "_contents", added_up)
    return found


def forget() -> None:
    """What another process does not know. (In the product nothing forgets it, so there is no way but the stores'.)"""
    kept_in: tuple[tuple[Any, str], ...] = (
        (proven, "_PROVEN"),
        (proven, "_HELD"),
        (proven, "_READ"),
        (file_marks, "_OPEN"),
        (file_marks, "_CLOSED"),
        (factory, "_VERDICTS"),
    )
    for module, name in kept_in:
        kept = vars(module)[name]
        kept.clear()


@pytest.fixture(autouse=True)
def _of_its_own() -> Iterator[None]:
    forget()
    yield
    forget()


@pytest.fixture
def held(tmp_path: Path) -> HeldWarehouse:
    warehouse = HeldWarehouse(tmp_path / "warehouse.duckdb")
    with warehouse.open() as con:
        con.execute(f"CREATE SCHEMA core; {create_table(ONE)}")
        for number in range(4):
            con.execute(f"INSERT INTO {ONE.table} BY NAME {ROOM}", [f"r{number}"])
    return warehouse


def verdict(held: HeldWarehouse) -> bool:
    with held.open(read_only=True) as con:
        result = CHECK.run(con)
    assert result.made
    return result.passed


def looking_at_all(held: HeldWarehouse, tmp_path: Path) -> bool:
    """The verdict of one who knows nothing, on a copy."""
    with held.open() as con:
        con.execute("CHECKPOINT")
        shutil.copyfile(tmp_path / "warehouse.duckdb", tmp_path / "copy.duckdb")
    with duckdb.connect(str(tmp_path / "copy.duckdb")) as con:
        return CHECK.run(con).passed


def end(held: HeldWarehouse, tmp_path: Path) -> HeldWarehouse:
    """The run ends, and another process begins."""
    held.close()
    proven.keep(tmp_path / "warehouse.duckdb")
    forget()
    return HeldWarehouse(tmp_path / "warehouse.duckdb")


def test_what_was_looked_at_is_not_looked_at_again_by_the_next_process_either(
    held: HeldWarehouse, tmp_path: Path, looked: Looked
) -> None:
    assert verdict(held)
    assert (looked.rows, looked.digests) == (4, 1)
    looked.reset()
    assert verdict(held)
    held.close()
    assert verdict(held), "closed and opened again by us"
    held = end(held, tmp_path)
    assert verdict(held)
    assert (looked.rows, looked.digests) == (0, 0)
    held.close()


@pytest.mark.parametrize(
    "wrong",
    [
        "UPDATE {t} SET status = 'wrong' WHERE room_id = 'r2'",
        "UPDATE {t} SET room_id = 'r1' WHERE room_id = 'r2'",
    ],
)
@pytest.mark.parametrize("ends", [True, False])
def test_a_row_that_somebody_else_changed_is_seen(
    held: HeldWarehouse, tmp_path: Path, looked: Looked, wrong: str, ends: bool
) -> None:
    assert verdict(held)
    held.close()
    if ends:
        held = end(held, tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute(wrong.format(t=ONE.table))
    assert not verdict(held)
    held.close()


def test_a_file_written_between_two_openings_is_compared_once_and_not_judged_anew(
    held: HeldWarehouse, tmp_path: Path, looked: Looked
) -> None:
    assert verdict(held)
    held = end(held, tmp_path)
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as con:
        con.execute("CREATE TABLE of_somebody AS SELECT 1 AS one")
    looked.reset()
    assert verdict(held)
    assert (looked.rows, looked.digests) == (0, 1)
    assert verdict(held)
    assert looked.digests == 1
    held.close()


def test_after_a_kill_the_rows_of_then_are_not_taken_for_those_of_now(
    held: HeldWarehouse, tmp_path: Path
) -> None:
    assert verdict(held)
    held = end(held, tmp_path)
    child = os.fork()
    if child == 0:
        with held.open() as con:
            con.execute(f"UPDATE {ONE.table} SET status = 'wrong' WHERE room_id = 'r3'")
        os._exit(0)  # as a kill: nothing is closed, and nothing written down
    assert os.waitpid(child, 0)[1] == 0
    assert not verdict(held)
    held.close()


def test_what_is_kept_of_another_declaration_or_is_not_ours_is_not_believed(
    held: HeldWarehouse, tmp_path: Path, looked: Looked, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert verdict(held)
    held = end(held, tmp_path)
    beside = tmp_path / "warehouse.proven"
    kept = beside.read_bytes()
    for content in (b"", b"{", b'{"form": 1}', kept.replace(b'"form":1', b'"form":2')):
        beside.write_bytes(content)
        looked.reset()
        assert verdict(held)
        assert looked.rows == 4
        held.close()
        forget()
    beside.write_bytes(kept)
    monkeypatch.setattr(proven, "_fingerprint", lambda model: "another")
    looked.reset()
    assert verdict(held)
    assert looked.rows == 4
    held.close()


def test_a_table_that_is_written_without_a_look_is_looked_at(held: HeldWarehouse, looked: Looked) -> None:
    assert verdict(held)
    with held.open() as con:
        con.execute(f"UPDATE {ONE.table} SET status = 'wrong' WHERE room_id = 'r3'")
        proven.rewritten(con, ONE.table)
    assert not verdict(held)
    held.close()


# -- rows that change --

IDS = st.sampled_from([f"r{number}" for number in range(6)])
ROWS = st.lists(st.tuples(IDS, st.sampled_from(["active", "active", "completed", "wrong"])), max_size=4)
CHANGES = st.lists(
    st.tuples(st.lists(IDS, max_size=3), ROWS, st.sampled_from(["commit", "rollback", "kill", "end"])),
    min_size=1, max_size=6,
)  # fmt: skip


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_the_verdict_on_what_changed_is_that_of_looking_at_all(tmp_path: Path, changes: list[Any]) -> None:
    """Rows come and go, hold or do not, by whatever key; transactions are taken back, processes end or are killed."""
    forget()
    path = tmp_path / "warehouse.duckdb"
    for left in tmp_path.iterdir():
        left.unlink()
    held = HeldWarehouse(path)
    with held.open() as con:
        con.execute(f"CREATE SCHEMA core; {create_table(ONE)}")
    verdict(held)
    for gone, added, then in changes:
        with held.open() as con:
            con.execute("BEGIN")
            writing = Writing(con)
            those = f"list_contains({gone}::VARCHAR[], room_id)"
            taken = taken_by(con, ONE, those)
            con.execute(f"DELETE FROM {ONE.table} WHERE {those}")
            con.execute(f"CREATE OR REPLACE TEMP TABLE added AS FROM {ONE.table} LIMIT 0")
            for room, status in added:
                con.execute(
                    f"INSERT INTO added BY NAME SELECT * REPLACE ('{status}' AS status) FROM ({ROOM})", [room]
                )
            con.execute(f"INSERT INTO {ONE.table} BY NAME FROM added")
            prove_change(con, writing, ONE, taken=taken, added="added")
            if then == "rollback":
                con.execute("ROLLBACK")
            else:
                con.execute("COMMIT")
                writing.committed()
        if then == "kill":
            # Its memory goes; what it wrote down before stays beside a file that has gone on.
            held.close()
            forget()
        elif then == "end":
            held.close()
            proven.keep(path)
            forget()
        assert verdict(held) == looking_at_all(held, tmp_path)
    held.close()


def test_rows_that_change_are_looked_at_alone(held: HeldWarehouse, looked: Looked) -> None:
    assert verdict(held)
    looked.reset()
    with held.open() as con:
        con.execute("BEGIN")
        writing = Writing(con)
        taken = taken_by(con, ONE, "room_id = 'r0'")
        con.execute(f"DELETE FROM {ONE.table} WHERE room_id = 'r0'")
        con.execute(f"CREATE TEMP TABLE added AS SELECT * FROM {ONE.table} LIMIT 0")
        con.execute(f"INSERT INTO added BY NAME {ROOM}", ["r9"])
        con.execute(f"INSERT INTO {ONE.table} FROM added")
        assert prove_change(con, writing, ONE, taken=taken, added="added")
        con.execute("COMMIT")
        writing.committed()
    assert verdict(held)
    assert (looked.rows, looked.digests) == (0, 0)
    held.close()


@pytest.mark.parametrize("chunk_rows", [250_000, 1])
@pytest.mark.parametrize("rooms", [["r0", "r9"], ["r0", "r0"]])
def test_keys_that_no_other_row_can_have_are_compared_with_one_another(
    held: HeldWarehouse, tmp_path: Path, rooms: list[str], chunk_rows: int
) -> None:
    assert verdict(held)
    with held.open() as con:
        con.execute("BEGIN")
        writing = Writing(con)
        taken = taken_by(con, ONE, "room_id = 'r0'")
        con.execute(f"DELETE FROM {ONE.table} WHERE room_id = 'r0'")
        con.execute(f"CREATE TEMP TABLE added AS SELECT * FROM {ONE.table} LIMIT 0")
        for room in rooms:
            con.execute(f"INSERT INTO added BY NAME {ROOM}", [room])
        con.execute(f"INSERT INTO {ONE.table} FROM added")
        prove_change(con, writing, ONE, taken=taken, added="added", apart=("room_id",), chunk_rows=chunk_rows)
        con.execute("COMMIT")
        writing.committed()
    assert verdict(held) == looking_at_all(held, tmp_path)
    assert verdict(held) == (rooms == ["r0", "r9"])
    held.close()


def test_a_table_with_a_rule_on_its_rows_together_is_not_known_by_what_changed(tmp_path: Path) -> None:
    one = MARTS["commission_summary"]
    held = HeldWarehouse(tmp_path / "warehouse.duckdb")
    with held.open() as con:
        con.execute(f"CREATE SCHEMA marts; {create_table(one)}")
        assert not TableCheck(one).run(con).passed, "it has one row"
        assert not prove_change(con, Writing(con), one, taken=Contents(), added=one.table)
    held.close()


@pytest.mark.parametrize(
    ("rule", "by_row"),
    [
        (pl.col("a") > pl.col("b").fill_null(0), True),
        (pl.col("a").is_in([1, 2]) | pl.col("b").is_null(), True),
        (pl.len() == 1, False),
        (pl.col("a") > pl.col("a").mean(), False),
        (pl.col("a").n_unique().over("b") == 1, False),
        (pl.col("a").shift(1) < pl.col("a"), False),
        (pl.col("a").cum_sum() < 9, False),
    ],
)
def test_a_rule_is_on_a_row_where_no_other_row_has_a_part_in_it(rule: pl.Expr, by_row: bool) -> None:
    import pandera.polars as pa

    schema = pa.DataFrameSchema(
        {"a": pa.Column(pl.Int64), "b": pa.Column(pl.Int64, nullable=True)},
        checks=pa.Check(lambda data: data.lazyframe.select(rule), name="own"),
        strict=True,
    )
    asked = at_once(schema)
    assert asked is not None
    assert asked.by_row == by_row
    assert asked == replace(asked)
