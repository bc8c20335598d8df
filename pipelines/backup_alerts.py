"""What is told of backups: an alert while the newest failed, is old, or could not be restored when it was tried out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from marketplace.backups import BACKUP_OLD_AFTER, BackupState, DrillState
from messages.message import Message
from pipelines.alerting.engine import Observation
from pipelines.alerting.observe import backup_failed, backup_old, drill_failed
from pipelines.alerting.turn import Say, alert_turn, show_alerts
from resources.instants import z_text_of
from resources.ledger import Ledger
from resources.settings import Settings


def backup_observations(settings: Settings) -> Iterator[Observation]:
    """What the ledger says of backups; nothing where none was ever begun, or it cannot be read."""
    try:
        ledger = Ledger(settings.home.ledger)
        entries, drills = ledger.backups(), ledger.drills()
    except sqlite3.Error:
        return
    ended = [entry for entry in entries if entry.state not in (BackupState.RUNNING, BackupState.EXPIRED)]
    if ended:
        newest = ended[0]
        yield backup_failed(newest.state != BackupState.WHOLE, newest.why)
        whole = next((entry for entry in ended if entry.state == BackupState.WHOLE), None)
        yield _old(settings.clock.now(), whole.started_at if whole else None, ended[-1].started_at)
    tried = [entry for entry in drills if entry.state != DrillState.RUNNING]
    if tried:
        yield drill_failed(tried[0].state != DrillState.SAME, tried[0].why)


def _old(now: datetime, whole_at: datetime | None, first_at: datetime) -> Observation:
    since = (whole_at or first_at) + BACKUP_OLD_AFTER
    said = (
        Message("backup.never")
        if whole_at is None
        else Message("backup.old", {"at": str(z_text_of(whole_at, "minutes"))})
    )
    return backup_old(now >= since, said, since=since)


def tell(settings: Settings, say: Say) -> None:
    """Tell people what the ledger says of backups now. ``say``: told what cannot be sent."""
    with alert_turn(settings, lambda known: list(backup_observations(settings)), say=say) as turn:
        turn.send()
        show_alerts(settings.home, turn.state, turn.now)
