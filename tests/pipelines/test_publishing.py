"""Publishing: what changed is published even if the run that changed it was stopped; a failing run leaks nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import assets.core.derive as core_layer
import assets.published as publishing
from assets.published import Due, copy_due
from pipelines.cli.watch import watch
from pipelines.run import open_run
from pipelines.run import run as run_once
from resources.home import Home
from resources.run_report import RunOrder, RunReport
from resources.settings import Settings, load_settings
from resources.snapshots import current_snapshot, open_snapshot, require_snapshot
from resources.status_file import read_status
from tests.bookwatch_process import settings_for
from tests.marketplace_tables import REQUIRED_TABLES, Marketplace
from tests.personal_values import everything_under, sentinels_in
from tests.sandbox_server import SandboxProcess

NAME, PHONE, TEXT = "Quetzalcoatl Penanda", "+6281299900111", "pesan rahasia ke-7419"
ROOM, REASON = "Kamar Naga 909", "karena tetangga saya marah 5523"


@pytest.fixture(scope="module")
def server(empty_sandbox: SandboxProcess) -> Iterator[SandboxProcess]:
    with empty_sandbox.own_database() as process:
        market = Marketplace(process, REQUIRED_TABLES)
        market.add(
            "bookings", "b1", status="declined", totalCost=100_000, userId="u", source="chat", customerName=NAME,
            customerWhatsApp=PHONE, roomNumber=ROOM, declineReason=REASON,
        )  # fmt: skip
        market.add("chat_messages", "m1", conversationId="r", senderId="u", senderName=NAME, message=TEXT)
        process.a_second_passes()
        yield process


def enter(patch: pytest.MonkeyPatch, server: SandboxProcess, home: Path) -> Settings:
    for name in list(os.environ):
        if name.startswith(("APPWRITE_", "BOOKWATCH_", "DAGSTER_")):
            patch.delenv(name)
    for name, value in {**settings_for(server), "BOOKWATCH_HOME": str(home)}.items():
        patch.setenv(name, value)
    patch.setenv("BOOKWATCH_SAFETY_LAG", "0")
    return load_settings()


@pytest.fixture
def settings(server: SandboxProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return enter(monkeypatch, server, tmp_path / "home")


@pytest.fixture(scope="module")
def once(server: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after a first good run, which nobody changes."""
    home = tmp_path_factory.mktemp("publishing") / "home"
    with pytest.MonkeyPatch.context() as patch:
        run = run_once(enter(patch, server, home))
    assert (run.failure, run.snapshot_changed) == (None, True)
    return home


@pytest.fixture
def after_one(once: Path, settings: Settings) -> Settings:
    """The settings of a home of this test's own, a first good run behind it."""
    shutil.copytree(once, settings.home.root, symlinks=True)
    return settings


def bookings(home: Home) -> list[str]:
    with open_snapshot(require_snapshot(home)) as con:
        return [row[0] for row in con.execute("SELECT booking_id FROM core.bookings ORDER BY 1").fetchall()]


def explode(*_: object, **__: object) -> None:
    # As a library would: with values of the row in its message.
    raise ValueError(f"could not convert {NAME!r} {PHONE} {TEXT}")


def test_a_failing_step_is_one_safe_sentence_and_its_cause_stays_in_memory(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(core_layer, "process", explode)
        run = run_once(settings)
    assert run.exit_status == 1
    assert run.failure is not None
    assert "ValueError" in str(run.failure)
    assert NAME not in str(run.failure)
    assert isinstance(run.cause, ValueError)
    status = read_status(settings.home)
    assert status is not None
    assert status["run"]["outcome"] == "failed"
    values = [NAME, PHONE, TEXT, ROOM, REASON]
    assert {path.name for path in everything_under(settings.home.root) if sentinels_in(path, values)} == {
        "raw.duckdb"
    }


def test_personal_values_stand_in_two_files_only(after_one: Settings) -> None:
    settings = after_one
    values = [NAME, PHONE, TEXT, ROOM, REASON]
    private = settings.home.private.resolve()
    holding = {path: sentinels_in(path, values) for path in everything_under(settings.home.root)}
    assert {path for path, found in holding.items() if found} == {settings.home.raw, private}
    assert holding[private] == set(values)


def test_what_a_stopped_run_changed_is_published_by_the_next(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(publishing, "copy_closed_file", explode)
        stopped = run_once(settings)
    assert stopped.exit_status == 1
    assert current_snapshot(settings.home) is None
    assert run_once(settings).snapshot_changed
    assert bookings(settings.home) == ["b1"]


@pytest.mark.parametrize("damage", ["cut off", "overwritten"])
def test_a_damaged_snapshot_is_published_anew_where_nothing_changed(after_one: Settings, damage: str) -> None:
    settings = after_one
    damaged = require_snapshot(settings.home)
    content = damaged.read_bytes()
    damaged.write_bytes(content[:100] if damage == "cut off" else b"x" * len(content))
    said: list[str] = []
    with open_run(settings) as begun:
        assert copy_due(begun.run, damaged, figures_changed=False) is Due.NOW
    run = run_once(settings, RunOrder(say=said.append))
    assert (run.failure, run.snapshot_changed) == (None, True)
    assert require_snapshot(settings.home) != damaged
    assert bookings(settings.home) == ["b1"]
    assert any("published anew" in line for line in said)


@pytest.mark.parametrize("after", ["update_private", "drop_old_snapshots"])
def test_what_fails_after_publishing_is_told_and_the_snapshot_stands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    said: list[str] = []
    with monkeypatch.context() as broken:
        broken.setattr(publishing, after, explode)
        run = run_once(settings, RunOrder(say=said.append))
    assert (run.failure, run.exit_status, run.snapshot_changed) == (None, 10, True)
    assert bookings(settings.home) == ["b1"]
    status = read_status(settings.home)
    assert status is not None
    assert (status["run"]["outcome"], status["run"]["exit_status"]) == ("published", 10)
    (warning,) = status["run"]["warnings"]
    assert "ValueError" in warning["problem"]
    assert "after_publishing" in [alert["name"] for alert in status["alerts"]]
    assert any(line.startswith("Warning: ") for line in said)
    assert NAME not in str(status) + str(said)
    healed = run_once(settings)
    assert healed.warnings == ()
    assert settings.home.private.exists()


def test_verdicts_of_a_run_are_in_its_snapshot_and_those_of_an_unchanged_one_in_the_warehouse(
    settings: Settings,
) -> None:
    first = run_once(settings)
    with open_snapshot(require_snapshot(settings.home)) as con:
        kept = con.execute("SELECT check_name, passed FROM ops.check_results ORDER BY 1").fetchall()
    assert kept == sorted((check.check_name, check.passed) for check in first.checks)
    second = run_once(settings)
    assert not second.snapshot_changed
    assert second.snapshot_id == first.snapshot_id


def test_a_copy_that_took_long_is_not_made_again_at_once(
    after_one: Settings, server: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = after_one
    status = read_status(settings.home)
    assert status is not None
    status["run"]["publishing_seconds"] = 60.0
    monkeypatch.setattr(publishing, "read_status", lambda home: status)
    monkeypatch.setattr(publishing, "REFRESH_AFTER", publishing.REFRESH_AFTER * 0)
    run: RunReport = run_once(settings)
    assert run.postponed
    assert not run.snapshot_changed
    assert run_once(settings, RunOrder(full_refresh=True)).snapshot_changed


def test_watch_runs_again_and_goes_on_after_a_failed_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = core_layer.process
    turns = iter([explode, real, real])
    monkeypatch.setattr(core_layer, "process", lambda *a, **k: next(turns)(*a, **k))
    watch(every=1, runs=3)
    said = capsys.readouterr()
    assert "'core' failed (ValueError" in said.err
    assert said.out.count("snapshot") == 2
    assert bookings(settings.home) == ["b1"]
