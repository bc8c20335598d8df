"""The command line, the drill, the schedules and the alerts of backups."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from marketplace.backups import BACKUP_OLD_AFTER, COPIED_WITHIN, BackupState
from messages.message import Message
from operations.backup import drill as drilling
from operations.backup.create import make_backup
from operations.backup.drill import drill
from pipelines.backup_alerts import backup_observations
from pipelines.cli import main
from resources.errors import BookwatchError
from resources.ledger import Ledger
from tests.operations.backup.marketplace import PERSONAL, Market
from tests.personal_values import everything_under, sentinels_in

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    with pytest.raises(SystemExit) as ended:
        main(["backup", *words, "--json"])
    out = capsys.readouterr().out
    return int(ended.value.code or 0), json.loads(out) if out.strip() else None


def test_the_command_line_from_a_backup_to_a_database_restored(
    market: Market, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    market.fill(bookings=5)
    for name, value in market.environment(APPWRITE_WRITE_KEY="").items():
        monkeypatch.setenv(name, value)
    status, made = told(capsys, "create")
    assert (status, made["state"], made["rows"]) == (0, "whole", 7)
    assert made.keys() >= {"backup_id", "state", "rows", "bytes"}
    status, listed = told(capsys, "list")
    assert (status, [one["backup_id"] for one in listed]) == (0, [made["backup_id"]])
    status, verdict = told(capsys, "verify", made["backup_id"])
    assert (status, verdict["holds"], verdict["rows"]) == (0, True, 7)
    into = market.other("cli")
    assert told(capsys, "restore", made["backup_id"], "--into", into) == (2, None)  # no key that may write
    monkeypatch.setenv("APPWRITE_WRITE_KEY", market.server.key)
    status, done = told(capsys, "restore", made["backup_id"], "--into", into)
    assert (status, done["same"], done["rows"], done["said"]) == (
        0,
        True,
        7,
        ["Not in the backup: bank_details."],
    )
    assert told(capsys, "verify", "nothing")[0] == 2
    with pytest.raises(SystemExit):
        main(["backup", "list"])
    assert "bank_details. · 7 rows" in capsys.readouterr().out


def test_a_drill_restores_into_a_sandbox_of_its_own_and_leaves_nothing(market: Market) -> None:
    market.fill(bookings=30)
    settings = market.settings()
    with pytest.raises(BookwatchError, match="no whole backup"):
        drill(settings)
    made = make_backup(settings)
    done = drill(settings)
    assert (done.state, done.restored.rows, done.restored.wrong) == ("same", made.rows, [])
    (entry,) = Ledger(settings.home.ledger).drills()
    assert (entry.state, entry.rows, entry.differences) == ("same", made.rows, 0)
    assert entry.seconds is not None
    assert [path.name for path in settings.home.root.iterdir() if path.name.startswith(".")] == []
    rows = (".zst", ".parquet")
    others = [path for path in everything_under(settings.home.root) if path.suffix not in rows]
    assert [path.name for path in others if sentinels_in(path, PERSONAL)] == []
    # One that differs says so.
    folder = settings.home.backups / made.backup_id
    next(folder.glob("*bookings*.jsonl.zst")).unlink()
    with pytest.raises(BookwatchError, match="does not hold"):
        drill(settings)
    assert Ledger(settings.home.ledger).drills()[0].state == "failed"
    assert drilling.DATABASE == "drill"


def observed(market: Market, now: datetime) -> dict[str, tuple[bool, list[str]]]:
    return {
        one.name: (one.active, [line.code for line in one.more if isinstance(line, Message)])
        for one in backup_observations(market.settings(now=now))
    }


def test_alerts_follow_the_ledger(market: Market) -> None:
    settings = market.settings()
    settings.home.create()
    assert observed(market, NOW) == {}
    ledger = Ledger(settings.home.ledger)
    first = ledger.begin_backup(NOW, "20260310T120000Z", store="s")
    assert observed(market, NOW) == {}  # it is being made
    ledger.finish_backup(first, BackupState.FAILED, at=NOW, why=Message("backup.stopped"))
    assert observed(market, NOW) == {
        "backup_failed": (True, ["backup.stopped", "alert.backup_failed_do"]),
        "backup_old": (False, []),
    }
    late = NOW + BACKUP_OLD_AFTER
    assert observed(market, late)["backup_old"] == (True, ["backup.never", "alert.backup_old_do"])
    whole = ledger.begin_backup(late, "20260312T000000Z", store="s")
    ledger.finish_backup(whole, BackupState.WHOLE, at=late)
    assert [active for active, _ in observed(market, late).values()] == [False, False]
    assert observed(market, late + BACKUP_OLD_AFTER)["backup_old"][1] == ["backup.old", "alert.backup_old_do"]
    ledger.enter_verified(whole, at=late, holds=False)
    assert observed(market, late)["backup_failed"] == (True, ["backup.damaged", "alert.backup_failed_do"])
    assert observed(market, late)["backup_old"][0]
    ledger.enter_verified(whole, at=late, holds=True)
    ledger.enter_copy(whole, "vault", whole=False)
    assert not observed(market, late)["backup_failed"][0]  # it is being copied
    later = late + COPIED_WITHIN
    assert observed(market, later)["backup_failed"][1] == ["backup.copy_broke_off", "alert.backup_failed_do"]
    ledger.enter_copy(whole, "vault", whole=True)
    assert not observed(market, later)["backup_failed"][0]
    number = ledger.begin_drill(whole, at=late)
    assert "drill_failed" not in observed(market, late)
    ledger.finish_drill(number, drilling.DrillState.DIFFERENT, at=late, seconds=1.0)
    assert observed(market, late)["drill_failed"][0]


@pytest.mark.parametrize(
    ("schedule", "at", "key"),
    [
        ("daily_backup", "2026-03-09T17:55:00+00:00", None),  # 01:55 in Makassar
        ("daily_backup", "2026-03-09T18:00:00+00:00", "2026-03-10"),
        ("daily_backup", "2026-03-10T10:00:00+00:00", "2026-03-10"),  # where nothing ran at night
        ("weekly_drill", "2026-03-14T10:00:00+00:00", None),  # Saturday
        ("weekly_drill", "2026-03-14T20:11:00+00:00", "2026-W11"),  # Sunday, 04:11
    ],
)
def test_when_it_is_due(
    market: Market, monkeypatch: pytest.MonkeyPatch, schedule: str, at: str, key: str | None
) -> None:
    _due(market, monkeypatch, schedule, at, key)


@pytest.mark.parametrize(
    ("at", "key"),
    [
        ("2026-03-09T15:55:00+00:00", None),  # 23:55 in Makassar
        ("2026-03-09T16:00:00+00:00", "2026-03-09"),
        ("2026-03-09T16:05:00+00:00", None),
    ],
)
def test_a_time_of_day_between_the_last_two_looks_of_a_day_is_not_lost(
    market: Market, monkeypatch: pytest.MonkeyPatch, at: str, key: str | None
) -> None:
    monkeypatch.setenv("BOOKWATCH_BACKUP_AT", "23:57")
    _due(market, monkeypatch, "daily_backup", at, key)


def _due(market: Market, monkeypatch: pytest.MonkeyPatch, schedule: str, at: str, key: str | None) -> None:
    from dagster import RunRequest, build_schedule_context

    from pipelines import schedules

    for name, value in market.environment().items():
        monkeypatch.setenv(name, value)
    ledger = Ledger(market.settings().home.create().ledger)
    ledger.finish_backup(
        ledger.begin_backup(NOW, "x", store="s"), BackupState.WHOLE, at=NOW + timedelta(hours=1)
    )
    context = build_schedule_context(scheduled_execution_time=datetime.fromisoformat(at))
    due = getattr(schedules, schedule)(context)
    assert (due.run_key if isinstance(due, RunRequest) else None) == key
