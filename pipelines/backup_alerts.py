"""What is told of backups: an alert while the newest failed, is old, or could not be restored when it was tried out."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from marketplace.backups import BACKUP_OLD_AFTER, COPIED_WITHIN, BackupState, DrillState
from messages.message import Message
from pipelines.alerting.engine import Observation
from pipelines.alerting.observe import backup_failed, backup_old, drill_failed
from pipelines.alerting.turn import Say, alert_turn, show_alerts
from resources.instants import z_text_of
from resources.ledger import BackupEntry, Ledger
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
        yield backup_failed(*_failed(ended[0], settings.clock.now()))
        whole = next(
            (one for one in ended if one.state == BackupState.WHOLE and one.verified is not False), None
        )
        yield _old(settings.clock.now(), whole.started_at if whole else None, ended[-1].started_at)
    tried = [entry for entry in drills if entry.state != DrillState.RUNNING]
    if tried:
        yield drill_failed(tried[0].state != DrillState.SAME, tried[0].why)


def _failed(newest: BackupEntry, now: datetime) -> tuple[bool, Message | None]:
    """Whether the newest backup failed: it is not whole, was looked at and does not hold, or its copy broke off."""
    if newest.state != BackupState.WHOLE:
        return True, newest.why
    if newest.verified is False:
        return True, Message("backup.damaged", {"backup": newest.backup_id})
    copying = newest.finished_at is None or now - newest.finished_at < COPIED_WITHIN
    if newest.bucket is not None and not newest.copied and not copying:
        return True, Message("backup.copy_broke_off", {"bucket": newest.bucket})
    return False, None


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
