"""What Dagster shows of a mart is what its SQL does: its upstreams, its columns, its description."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from dagster import AssetKey
from sqlglot import exp, parse_one

from assets.core.core_assets import CORE_KEYS
from assets.engines.compiled import Compiled
from assets.marts import mart
from assets.marts.every import MART_NAMES, MARTS
from assets.marts.given import GIVEN
from assets.marts.mart_assets import KEPT_FROM, mart_assets
from assets.marts.sql_cache import compile_marts
from checks.schemas import MARTS as DECLARED
from tests.marts.test_build import DATED

SPECS = {spec.key: spec for spec in mart_assets.specs}
#: What a mart may read that is no asset: how the run read the source, and what people said.
NO_ASSET = {"ops.scans", "ops.mirror_rows", "ops.quarantine_gone", "waivers"}


@pytest.fixture(scope="module")
def compiled() -> dict[str, Compiled]:
    """Under a policy that asks for the provider's plan, which the simplest one does not."""
    return {made.name: made for made in compile_marts(DATED)}


@cache
def _tables(sql: str) -> frozenset[tuple[str, str]]:
    """(schema, name) of every table that a query reads and does not make itself. Parsed once: many read one step."""
    query = parse_one(sql, dialect="duckdb")
    own = {one.alias for one in query.find_all(exp.CTE)}
    found = {(table.db, table.name) for table in query.find_all(exp.Table)}
    return frozenset((db, name) for db, name in found if db or name not in own)


def _read(compiled: dict[str, Compiled], name: str) -> set[str]:
    """Every table that the SQL of a mart or step reads, those of its steps in the place of the steps."""
    found: set[str] = set()
    for db, table in _tables(compiled[name].sql):
        if db == "temp":
            found |= _read(compiled, table)
        else:
            found.add(f"{db}.{table}" if db else table)
    return found


@pytest.mark.parametrize("name", MART_NAMES)
def test_the_upstreams_of_a_mart_are_the_tables_its_sql_reads(
    compiled: dict[str, Compiled], name: str
) -> None:
    expected: set[AssetKey] = set()
    for table in _read(compiled, name) - NO_ASSET:
        layer, _, short = table.rpartition(".")
        if short in KEPT_FROM and layer in ("", "ops"):
            expected.add(KEPT_FROM[short])
        else:
            assert layer in ("core", "marts"), table
            expected.add(CORE_KEYS[short] if layer == "core" else AssetKey(["marts", short]))
    assert {dep.asset_key for dep in SPECS[AssetKey(["marts", name])].deps} == expected


@pytest.mark.parametrize("name", MARTS)
def test_what_a_mart_asks_for_it_reads(compiled: dict[str, Compiled], name: str) -> None:
    """An argument is no wish: each is a table in the SQL."""
    assert {table for _, table in _tables(compiled[name].sql)} == set(MARTS[name].reads)


@pytest.mark.parametrize("name", MART_NAMES)
def test_a_mart_is_shown_with_its_sentences_its_subject_and_its_columns(name: str) -> None:
    spec = SPECS[AssetKey(["marts", name])]
    assert spec.description
    assert spec.description[0].isupper() or spec.description[0].isdigit()
    assert spec.description.endswith(".")
    assert spec.group_name == DECLARED[name].subject
    schema: Any = spec.metadata["dagster/column_schema"]
    assert [(column.name, column.description) for column in schema.columns] == [
        (column.name, column.told) for column in DECLARED[name].columns
    ]


@pytest.mark.parametrize("name", MARTS)
def test_a_mart_stands_where_its_asset_says(name: str) -> None:
    """From an asset's key to its query: the folder is the asset's group, the file its name."""
    folder = "steps" if MARTS[name].step else DECLARED[name].subject
    assert MARTS[name].make.__module__ == f"assets.marts.{folder}.{name}"


def test_every_declared_mart_is_made_and_every_given_table_is_no_mart() -> None:
    assert set(MART_NAMES) == set(DECLARED)
    assert not set(GIVEN) & set(MARTS)


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, mart.Mart]:
    found: dict[str, mart.Mart] = {}
    monkeypatch.setattr(mart, "_MADE", found)
    return found


def test_marts_come_after_what_they_read_in_whatever_order_they_became_known(known: object) -> None:
    @mart.step()
    def third(second: Any, bookings: Any) -> None: ...

    @mart.step()
    def second(first: Any) -> None: ...

    @mart.step()
    def first(first: Any, at: Any, policy: Any) -> None:
        """A table of its own name is core's."""

    assert list(mart.in_order()) == ["first", "second", "third"]
    assert mart.in_order()["third"].reads == ("second", "bookings")


def test_marts_that_wait_for_each_other_are_named(known: object) -> None:
    @mart.step()
    def one(other: Any) -> None: ...

    @mart.step()
    def other(one: Any) -> None: ...

    with pytest.raises(ValueError, match="one reads other reads one"):
        mart.in_order()


def test_a_mart_under_another_name_than_its_table_and_two_of_a_name_are_refused(known: object) -> None:
    with pytest.raises(ValueError, match="peak_times is declared as peak_hours"):

        @mart.mart(DECLARED["peak_hours"].model)
        def peak_times(bookings: Any) -> None: ...

    def peak(bookings: Any) -> None: ...

    mart.step()(peak)
    with pytest.raises(ValueError, match="named peak"):
        mart.step()(peak)
