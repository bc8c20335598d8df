"""A check that held of some rows is not asked of them again, and is of any others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from checks import held, proven
from checks.check import Check
from checks.schemas import MARTS, OPS
from checks.schemas.sql import create_table
from marketplace.findings import Severity
from resources.sql import quoted
from resources.warehouse import HeldWarehouse
from tests.checks.test_proven import forget

ROOMS = OPS["mirror_rows"]
#: It names what is counted, and not what is forgotten.
ASKED = f"SELECT 'too few' AS rule, collection FROM {ROOMS.table} WHERE rows < 2"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with HeldWarehouse(tmp_path / "warehouse.duckdb").open() as con:
        con.execute(f"CREATE SCHEMA ops; {create_table(ROOMS)}")
        _put(con, "users", 3)
        yield con


def _put(con: duckdb.DuckDBPyConnection, collection: str, rows: int, forgotten: int = 0) -> None:
    con.execute(
        f"INSERT INTO {ROOMS.table} (collection, rows, deleted, quarantined, forgotten) VALUES (?, ?, 0, 0, ?)",
        [collection, rows, forgotten],
    )


def _check(bad_rows: str = ASKED) -> Check:
    return Check("enough", "ops/mirror_rows", bad_rows, Severity.HIGH, "add some", of_rows=True)


class Asked:
    """Counts how often a check is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.times = 0
        # ``run`` may answer from what it held: only what it calls to ask tells how often it asked.
        verdict: Any = vars(Check)["_verdict"]

        def counted(check: Check, *of: object) -> object:
            self.times += 1
            return verdict(check, *of)

        monkeypatch.setattr(Check, "_verdict", counted)


def test_of_the_same_rows_it_is_asked_once(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Asked(monkeypatch)
    assert all(_check().run(warehouse).passed for _ in range(3))
    assert asked.times == 1
    warehouse.execute(f"UPDATE {ROOMS.table} SET forgotten = 1")  # which it does not name
    assert _check().run(warehouse).passed
    assert asked.times == 1
    assert _check().look(warehouse).passed
    assert asked.times == 2


def test_another_row_and_another_question_are_asked(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _check().run(warehouse).passed
    asked = Asked(monkeypatch)
    assert _check(ASKED.replace("< 2", "< 1")).run(warehouse).passed
    assert asked.times == 1
    _put(warehouse, "places", 1)
    for times in (2, 3):  # one that fails is asked each time
        found = _check().run(warehouse)
        assert (found.passed, found.sample_ids) == (False, ("places",))
        assert asked.times == times


def test_a_large_table_is_as_it_is_known_to_be_and_else_it_is_looked_at(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "FEW_ROWS", 0)
    assert held.rows_of(warehouse, [ASKED]) is None, "nothing is known of it"
    asked = Asked(monkeypatch)
    assert all(_check().run(warehouse).passed for _ in range(2))
    assert asked.times == 2
    proven.prove(warehouse, ROOMS.model, ROOMS.table, proven.contents_of(warehouse, ROOMS, ROOMS.table))
    known = held.rows_of(warehouse, [ASKED])
    assert known is not None
    _put(warehouse, "places", 2)
    assert held.rows_of(warehouse, [ASKED]) is None, "a row more than is known"


def test_another_process_knows_it(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    one = HeldWarehouse(path)
    with one.open() as con:
        con.execute(f"CREATE SCHEMA ops; {create_table(ROOMS)}")
        _put(con, "users", 3)
        assert _check().run(con).passed
        known = held.rows_of(con, [ASKED])
    one.close()
    proven.keep(path)
    forget()
    with HeldWarehouse(path).open(read_only=True) as con:
        assert known is not None
        assert proven.held_of(con, "enough") == known


def test_what_is_said_to_rest_on_rows_alone_names_no_clock_and_only_declared_tables() -> None:
    from checks.every import all_checks

    found = [check for check in all_checks().values() if isinstance(check, Check) and check.of_rows]
    assert {check.name for check in found} == {"ledger_balance", "every_row_accounted_for"}
    for check in found:
        text = f"{check.bad_rows} {check.unknown}".lower()
        assert not [word for word in ("now()", "current_", "getvariable", "ops.judged") if word in text]


def test_tables_in_memory_are_looked_at_each_time() -> None:
    with duckdb.connect() as con:
        con.execute(f"CREATE SCHEMA marts; {create_table(MARTS['test_rows'])}")
        assert held.rows_of(con, [f"FROM marts.{quoted('test_rows')}"]) is None
