"""The worlds that benchmarks measure are read by this version: they must grow with the columns that are declared."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from assets.marts.build import build
from benchmarks import export, large_warehouse, marts, month
from marketplace.bridges import LineKind
from pipelines.exports.commissions import export_commissions
from resources.clock import Clock
from resources.home import Home
from tests.exports.month.conftest import package
from tests.policies import DEFAULT_POLICY

_ROWS = 50


def test_a_measured_month_makes_a_package_that_closes(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    month.make(home, _ROWS)
    made = package(home, tmp_path / "out", period=(date(2026, 10, 1), date(2026, 11, 1)))
    assert made.table("statements").height > _ROWS
    ends = made.table("bridges").filter(pl.col("kind") == LineKind.DIFFERENCE.value)
    assert set(ends["amount_idr"]) == {"0"}
    assert {entry.rows for entry in made.manifest.files if entry.name.endswith("_payments.csv")} != {0}


def test_a_measured_commission_report_is_made(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").create()
    export.make(home, _ROWS)
    exported = export_commissions(
        home,
        Clock(),
        first=date(2025, 11, 1),
        until=date(2026, 11, 1),
        out=tmp_path / "out",
        made_by="Rani",
        time_zone="Asia/Makassar",
    )
    assert exported.manifest.files[0].rows == _ROWS


def test_the_measured_marts_are_those_that_were_written_by_hand(tmp_path: Path) -> None:
    path = tmp_path / "large.duckdb"
    large_warehouse.make(path, _ROWS, talks=True)
    with duckdb.connect(str(path)) as con:
        made = build(con, now=large_warehouse.NOW, policy=DEFAULT_POLICY, tables=marts.NAMES)
    assert made.rows["customers"] > 0
    assert made.rows["chat_rooms_daily"] > 0
    marts.hand(path)
    assert marts.compare(path)["different"] == {name: [0, 0] for name in marts.NAMES}
