"""A large warehouse is built another way (steps in a file, marts written once) and means the same; and hand-written SQL
that shares no code with the marts makes the same reconciliation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from assets.engines.compiled import Compiled
from assets.marts import mart_writer
from assets.marts.build import build
from assets.marts.every import MART_NAMES, MARTS
from benchmarks import health, large_warehouse
from benchmarks.reconcile import BY_HAND, TABLE
from marketplace.findings import FINDINGS
from tests.policies import DEFAULT_POLICY

# Enough that each flaw, drawn at some in 10,000, stands on a few records.
BOOKINGS = 20_000


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "source.duckdb"
    large_warehouse.make(path, BOOKINGS)
    return path


@pytest.fixture
def warehouse(source: Path, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(source.read_bytes())
    with duckdb.connect(str(path)) as con:
        yield con


def contents(con: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(con.execute(f"FROM marts.{name}").fetchall(), key=repr) for name in MART_NAMES}


def steps_files(con: duckdb.DuckDBPyConnection) -> list[str]:
    (path,) = con.execute(
        "SELECT path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()[0]
    return sorted(left.name for left in Path(path).parent.iterdir() if ".steps." in left.name)


def test_hand_written_sql_makes_the_same_reconciliation(warehouse: duckdb.DuckDBPyConnection) -> None:
    build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW, tables=[TABLE, "commission_findings"])
    warehouse.execute("CREATE SCHEMA by_hand")
    warehouse.execute(BY_HAND.read_text().replace("$judged", f"TIMESTAMP '{large_warehouse.JUDGED_AT}'"))
    for one, other in (("marts", "by_hand"), ("by_hand", "marts")):
        assert warehouse.execute(f"FROM {one}.{TABLE} EXCEPT ALL FROM {other}.{TABLE}").fetchall() == []
    states = {state for (state,) in warehouse.execute(f"SELECT DISTINCT state FROM marts.{TABLE}").fetchall()}
    assert states >= {"matched", "mismatched", "missing", "free", "not_due", "orphan", "unknown"}
    codes = {
        code
        for (code,) in warehouse.execute("SELECT DISTINCT finding FROM marts.commission_findings").fetchall()
    }
    # The generator plants what a large marketplace has; this small one lacks only what is rarest there.
    assert codes >= set(FINDINGS) - {"ambiguous_reference", "overdue_premature", "restriction_mismatch"}


def test_the_benchmark_of_health_has_all_that_health_reads(source: Path, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    path.write_bytes(source.read_bytes())
    health.prepare(path)
    told = health.health(path)
    assert set(told["marts"]) == set(health.COUNTED)
    assert told["providers"] == large_warehouse.PROVIDERS


def test_a_large_build_makes_the_same_marts_and_leaves_no_file(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW)
    made = contents(warehouse)
    monkeypatch.setattr(mart_writer, "LARGE_ROWS", 1)
    again = build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW)
    assert again.changed == frozenset()
    assert again.digests == small.digests
    later = build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW + timedelta(minutes=1))
    assert later.rows == small.rows
    warehouse.execute("DROP SCHEMA marts CASCADE")
    anew = build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW)
    assert anew.changed == frozenset(MART_NAMES)
    assert contents(warehouse) == made
    assert steps_files(warehouse) == []


def test_a_large_build_that_fails_leaves_the_marts_as_they_were(
    warehouse: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mart_writer, "LARGE_ROWS", 1)
    build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW, tables=["commission_summary"])
    before = warehouse.execute("FROM marts.commission_summary").fetchall()
    warehouse.execute("UPDATE core.bookings SET amount_idr = amount_idr + 1")
    from assets.marts import build as module

    real = module.typed
    monkeypatch.setattr(
        module, "typed", lambda made: real(made) if made.name != "commission_findings" else _broken(made)
    )
    with pytest.raises(duckdb.Error, match="commission_findings"):
        build(
            warehouse,
            policy=DEFAULT_POLICY,
            now=large_warehouse.NOW,
            tables=["commission_summary", "commission_findings"],
        )
    ordered = warehouse.execute("SELECT current_setting('preserve_insertion_order')").fetchall()
    assert ordered == [(True,)], "what a build sets is taken back, whatever became of it"
    monkeypatch.setattr(module, "typed", real)
    assert warehouse.execute("FROM marts.commission_summary").fetchall() == before
    assert steps_files(warehouse) == []
    assert not warehouse.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'bw_new'").fetchall()
    build(
        warehouse,
        policy=DEFAULT_POLICY,
        now=large_warehouse.NOW,
        tables=["commission_summary", "commission_findings"],
    )


def _broken(made: Compiled) -> str:
    return f"SELECT error('{made.name}')"


def test_what_a_killed_build_left_is_no_hindrance(
    warehouse: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mart_writer, "LARGE_ROWS", 1)
    (tmp_path / "warehouse.steps.duckdb").write_bytes(b"half a file")
    build(warehouse, policy=DEFAULT_POLICY, now=large_warehouse.NOW, tables=["commission_summary"])
    assert steps_files(warehouse) == []


def test_each_step_stands_before_what_needs_it() -> None:
    done: set[str] = set()
    for mart in MARTS.values():
        assert set(mart.needs) <= done, mart.name
        done.add(mart.name)
