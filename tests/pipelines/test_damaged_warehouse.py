"""A damaged warehouse: moved aside, made anew from raw with the newest snapshot's history; what is lost is said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from pipelines.run import run as run_once
from resources.run_report import RunOrder
from resources.settings import Settings, load_settings
from resources.snapshots import open_snapshot, require_snapshot
from resources.status_file import read_status
from tests.bookwatch_process import settings_for
from tests.marketplace_tables import REQUIRED_TABLES, Marketplace
from tests.sandbox_server import SandboxProcess
from tests.server_second import after_this_second


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxProcess]:
    with SandboxProcess("--empty") as process:
        market = Marketplace(process, REQUIRED_TABLES)
        market.add("bookings", "b1", status="completed", totalCost=100_000, userId="u", source="chat")
        after_this_second()
        yield process


@pytest.fixture
def settings(server: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_")):
            monkeypatch.delenv(name)
    for name, value in {**settings_for(server), "BOOKWATCH_HOME": str(tmp_path / "home")}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BOOKWATCH_SAFETY_LAG", "0")
    return load_settings()


def shown(settings: Settings) -> tuple[list[tuple[object, ...]], ...]:
    with open_snapshot(require_snapshot(settings.home)) as con:
        return (
            con.execute("SELECT * FROM marts.revenue_daily ORDER BY ALL").fetchall(),
            con.execute("SELECT booking_id, amount_idr FROM core.bookings ORDER BY ALL").fetchall(),
        )


def calls(settings: Settings, run_id: str | None) -> int:
    with open_snapshot(require_snapshot(settings.home)) as con:
        row = con.execute("SELECT count(*) FROM ops.timings WHERE run_id = ?", [run_id]).fetchone()
    assert row
    return row[0]


def test_a_damaged_warehouse_is_made_anew_and_what_is_lost_is_said(settings: Settings) -> None:
    first = run_once(settings)
    assert first.failure is None
    figures, made = shown(settings), calls(settings, first.run_id)
    assert made
    warehouse = settings.home.warehouse
    damaged = b"\0" * 4096 + warehouse.read_bytes()[4096:]
    warehouse.write_bytes(damaged)
    said: list[str] = []
    second = run_once(settings, RunOrder(say=said.append, full_refresh=True))
    assert (second.failure, second.exit_status) == (None, 10)
    assert shown(settings) == figures
    assert calls(settings, first.run_id) == made, "the history of calls is lost"
    (aside,) = settings.home.root.glob("warehouse.damaged-*.duckdb")
    assert aside.read_bytes() == damaged
    status = read_status(settings.home)
    assert status is not None
    (warning,) = status["run"]["warnings"]
    assert warning["step"] == "warehouse"
    for words in (aside.name, "made anew from raw.duckdb", first.run_id, "is lost"):
        assert words in warning["problem"]
    assert any(line.startswith("Warning: warehouse.duckdb was damaged") for line in said)
    assert run_once(settings).warnings == ()
    # Both gone: nothing is hidden, nothing is invented.
    for snapshot in settings.home.published.glob("2*.duckdb"):
        snapshot.chmod(0o600)
        snapshot.write_bytes(b"")
    warehouse.write_bytes(warehouse.read_bytes()[:20000])
    third = run_once(settings)
    assert (third.failure, third.exit_status) == (None, 10)
    assert "no snapshot could be read" in third.warnings[0].problem
    assert shown(settings) == figures
    assert calls(settings, first.run_id) == 0


def test_a_warehouse_someone_holds_is_told_with_its_holder_and_left_as_it_is(settings: Settings) -> None:
    import subprocess
    import sys

    assert run_once(settings).failure is None
    before = settings.home.warehouse.read_bytes()
    program = "import sys, duckdb\ncon = duckdb.connect(sys.argv[1])\nprint('open', flush=True)\ninput()\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(settings.home.warehouse)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        run = run_once(settings)
    finally:
        holder.communicate("\n", timeout=30)
    assert run.exit_status == 1
    assert f"(PID {holder.pid}) has it open" in str(run.failure)
    status = read_status(settings.home)
    assert status is not None
    assert status["health"]["system"] == "unknown"
    assert settings.home.warehouse.read_bytes() == before
    assert not list(settings.home.root.glob("*damaged*"))
    assert run_once(settings).failure is None


def test_a_warehouse_of_other_rules_is_begun_anew_with_its_history(settings: Settings) -> None:
    first = run_once(settings)
    assert first.failure is None
    figures, made, warehouse = shown(settings), calls(settings, first.run_id), settings.home.warehouse
    with duckdb.connect(str(warehouse)) as con:
        con.execute("UPDATE core.state SET rules_version = '2'")
    inode = warehouse.stat().st_ino
    said: list[str] = []
    second = run_once(settings, RunOrder(say=said.append))
    assert second.failure is None
    assert second.snapshot_changed
    assert warehouse.stat().st_ino != inode
    assert [line for line in said if "rules changed" in line]
    assert shown(settings) == figures
    assert calls(settings, first.run_id) == made
    third = run_once(settings, RunOrder(say=said.append))
    assert (third.failure, third.snapshot_changed) == (None, False)
