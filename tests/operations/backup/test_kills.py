"""Killed at each step, a backup is whole or none, and a restore goes on to the same end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from marketplace.backups import BackupState
from operations.backup.create import make_backup
from operations.backup.listing import listed
from operations.backup.restore import restore_backup
from operations.backup.verify import verify_backup
from resources.errors import UsageError
from resources.ledger import Ledger
from tests.operations.backup.marketplace import Market
from tests.sandbox_server import ROOT


def killed_at_each_step(market: Market, *words: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.operations.backup.killed", *words],
        env={**os.environ, **market.environment()},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    steps: Any = json.loads(done.stdout)
    return steps


def test_killed_at_each_step_a_backup_is_whole_or_none(market: Market) -> None:
    market.fill(bookings=3)
    settings = market.settings()
    steps = killed_at_each_step(market, "create")
    assert {"begun", "table bookings", "files", "manifest", "entered", "settled"} <= set(steps)
    final = make_backup(settings)  # and this one settles what the last kill left
    entries = listed(settings)
    # One for each kill, one that nobody killed, and the last.
    assert len(entries) == len(steps) + 2
    by_id = {entry.backup_id: entry for entry in entries}
    assert by_id[final.backup_id].state == BackupState.WHOLE
    manifest_at = steps.index("manifest")
    for place, entry in enumerate(reversed(entries)):
        whole = place >= manifest_at
        assert entry.state == (BackupState.WHOLE if whole else BackupState.FAILED), (place, steps)
        assert entry.rows == (final.rows if whole else None)
        if whole:
            assert verify_backup(settings, entry.backup_id).holds
    standing = {entry.backup_id for entry in entries if entry.state == BackupState.WHOLE}
    assert {path.name for path in settings.home.backups.iterdir()} == standing


def test_killed_at_each_step_a_restore_goes_on_to_the_same_end(market: Market) -> None:
    market.fill(bookings=3)
    market.relate()
    settings = market.settings()
    made = make_backup(settings)
    into = market.other("killed")
    steps = killed_at_each_step(market, "restore", made.backup_id, into)
    assert {"begun", "database", "table bookings", "batch bookings", "columns", "related", "compared"} <= set(
        steps
    )
    with Ledger(settings.home.ledger).reading() as db:
        rows = db.execute("SELECT finished_at IS NOT NULL, rows, differences FROM restores").fetchall()
    assert [tuple(row) for row in rows] == [(1, made.rows, 0)]
    again = make_backup(market.settings(appwrite_database_id=into))
    assert again.rows == made.rows
    # A finished one is not gone on with: the database is one with tables.
    with pytest.raises(UsageError, match="is not empty"):
        restore_backup(settings, made.backup_id, into=into)
