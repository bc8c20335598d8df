"""Every mart that Spark makes is DuckDB's, row for row: on worlds of the simulator, on rows that hold anything, and on
a larger warehouse whose every state is planted. Nothing is rounded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.core.engine import process
from assets.engines.spark_build import SparkBuild
from assets.marts.build import build
from assets.marts.every import MART_NAMES
from assets.ops import create_ops
from benchmarks import large_warehouse
from marketplace.rules import RULES_VERSION
from resources.home import Home
from resources.raw.store import RawStore
from tests.anything import answer
from tests.core.test_anything import NOW, TABLES, carried_in, mirrored
from tests.marts.simulated import OF_PEOPLE, read
from tests.marts.test_anything import every_kind
from tests.marts.test_build import DATED
from tests.policies import DEFAULT_POLICY
from tests.simulator.world import UNTIL

pytestmark = [pytest.mark.spark, pytest.mark.timeout(7200)]

World = tuple[duckdb.DuckDBPyConnection, datetime]


def simulated(seed: int) -> Callable[[Path], World]:
    def made(folder: Path) -> World:
        tables = (*OF_PEOPLE, "notifications")
        con = read(seed, folder, tables=tables, watched=("bookings", "therapists"), marts=()).con
        return con, UNTIL.replace(tzinfo=None)

    return made


def hostile(folder: Path) -> World:
    home = Home(folder / "home").create()
    world = every_kind()
    with RawStore(home.raw) as store:
        for name, listed in world.items():
            carried_in(store, name, [TABLES[name]])
            mirrored(store, name, answer(listed))
    process(home.raw, home.warehouse, timezone="Asia/Makassar", rules_version=RULES_VERSION, now=NOW)
    con = duckdb.connect(str(home.warehouse))
    create_ops(con)
    con.executemany(
        "INSERT INTO ops.scans (collection, watermark, completed_at, required, outcome)"
        " VALUES (?, ?, ?, true, 'complete')",
        [[name, NOW, NOW] for name in world],
    )
    return con, NOW


def large(folder: Path) -> World:
    large_warehouse.make(folder / "large.duckdb", 20_000, talks=True)
    return duckdb.connect(str(folder / "large.duckdb")), large_warehouse.NOW


WORLDS: dict[str, Callable[[Path], World]] = {
    "seed 1": simulated(1),
    "seed 2": simulated(2),
    "seed 3": simulated(3),
    "rows that hold anything": hostile,
    "every state": large,
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_mart_is_duckdbs(opened: Any, tmp_path: Path, name: str) -> None:
    con, now = WORLDS[name](tmp_path)
    # The simulator's worlds are judged by each policy in turn: one knows plans and dates.
    policy = DATED if name == "seed 2" else DEFAULT_POLICY
    waived = ["wrong_amount:x"]
    ours = build(con, now=now, policy=policy, waived=waived, clock_frozen=True)
    con.execute("CREATE SCHEMA expected")
    for mart in MART_NAMES:
        con.execute(f"CREATE TABLE expected.{mart} AS FROM marts.{mart}")
        con.execute(f"DROP TABLE marts.{mart}")
    engine = SparkBuild(opened, tmp_path / "lake", tmp_path / "making")
    theirs = build(con, now=now, policy=policy, waived=waived, clock_frozen=True, engine=engine)
    different: dict[str, list[Any]] = {}
    for mart in MART_NAMES:
        for one, other in (("marts", "expected"), ("expected", "marts")):
            more = con.execute(f"FROM {one}.{mart} EXCEPT ALL FROM {other}.{mart} LIMIT 2").fetchall()
            if more:
                different[f"{mart}, only in {one}"] = more
    assert different == {}
    assert theirs.rows == ours.rows
    assert theirs.digests == ours.digests
    assert sum(ours.rows.values()) > 200
    con.close()
