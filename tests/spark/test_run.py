"""Whole runs with BOOKWATCH_ENGINE=spark, each a process of its own: the snapshot is the one that DuckDB's run
publishes, what did not change is not laid out again, and where the cluster fails the snapshot stays."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from assets.marts.every import MART_NAMES
from resources import lake
from resources.home import Home
from resources.objects import FolderObjects
from resources.snapshots import require_snapshot
from tests.bookwatch_process import Bookwatch, settings_for
from tests.marketplace_tables import REQUIRED_TABLES, Marketplace
from tests.sandbox_server import SandboxProcess

pytestmark = [pytest.mark.spark, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module")
def market(empty_sandbox: SandboxProcess) -> Iterator[tuple[SandboxProcess, Marketplace]]:
    with empty_sandbox.own_database() as process:
        market = Marketplace(process, REQUIRED_TABLES)
        for number in range(6):
            made: dict[str, Any] = {"createdAt": f"2026-0{number + 1}-10T04:00:00Z", "therapistId": "p1"}
            market.add(
                "bookings",
                f"b{number}",
                status="completed",
                totalCost=250_000,
                providerId="p1",
                userId="u",
                **made,
            )
            market.add(
                "commission_records", f"c{number}", bookingId=f"b{number}", bookingAmount=250_000,
                commissionAmount=75_000 + number % 2, commissionRate=0.3, paymentStatus="paid", **made,
            )  # fmt: skip
        process.a_second_passes()
        yield process, market


def ran(bookwatch: Bookwatch, **environment: str) -> tuple[int, str]:
    """The exit status of a run, and all that it printed."""
    done = subprocess.run(
        [sys.executable, "-c", "from pipelines.cli import main; main()", "run", "--json"],
        env=bookwatch.env(**environment),
        cwd=bookwatch.home.parent,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def marts(home: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every mart, but for keyed hashes: each home has a key of its own."""

    def plain(value: Any) -> Any:
        return "hash_" if isinstance(value, str) and value.startswith("hash_") else value

    with duckdb.connect(str(require_snapshot(Home(home))), read_only=True) as con:
        found = {name: con.execute(f"FROM marts.{name}").fetchall() for name in MART_NAMES}
    return {name: sorted((tuple(map(plain, row)) for row in rows), key=repr) for name, rows in found.items()}


def test_a_run_on_spark_publishes_what_a_run_here_does(
    market: tuple[SandboxProcess, Marketplace], master: str, tmp_path: Path
) -> None:
    process, rows = market
    now = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    ours = Bookwatch(tmp_path / "here" / "home", {**settings_for(process), "BOOKWATCH_NOW": now})
    theirs = Bookwatch(
        tmp_path / "there" / "home",
        {**ours.environment, "BOOKWATCH_ENGINE": "spark", "BOOKWATCH_SPARK_MASTER": master},
    )
    for one in (ours, theirs):
        one.home.parent.mkdir()
        status, said = ran(one)
        assert status in (0, 10), said
    assert marts(theirs.home) == marts(ours.home)
    store = FolderObjects(theirs.home / "lake")
    first = lake.read(store)
    assert first is not None
    assert {f"2026-0{number}" for number in range(1, 7)} <= set(first.tables["core-bookings"])
    # No file of Spark's is left, in the home or beside it.
    assert not (theirs.home / "spark").exists()
    assert sorted(os.listdir(theirs.home.parent)) == ["home"]

    rows.change("bookings", "b3", totalCost=300_000)
    process.a_second_passes()
    for one in (ours, theirs):
        status, said = ran(one)
        assert status in (0, 10), said
    assert marts(theirs.home) == marts(ours.home)
    second = lake.read(store)
    assert second is not None
    changed = {
        month
        for month, part in second.tables["core-bookings"].items()
        if part != first.tables["core-bookings"][month]
    }
    assert changed == {"2026-04"}

    before = marts(theirs.home)
    snapshot = require_snapshot(Home(theirs.home))
    rows.change("bookings", "b3", totalCost=400_000)
    process.a_second_passes()
    status, said = ran(theirs, BOOKWATCH_SPARK_MASTER="spark://127.0.0.1:1")
    assert status == 1
    assert "Nobody answers at spark://127.0.0.1:1" in said
    assert require_snapshot(Home(theirs.home)) == snapshot
    assert marts(theirs.home) == before
    told = json.loads((theirs.home / "published" / "status.json").read_text())
    assert "spark" in json.dumps(told)
