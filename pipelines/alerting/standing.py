"""How the operations stand, read from the ledger for the alerts of a run."""

from __future__ import annotations

import sqlite3
from collections import Counter
from datetime import timedelta
from typing import Final

from marketplace.operations import GROWS_IN, Mode, Operation
from pipelines.alerting.observe import Standing
from resources.ledger.actions import Actions
from resources.ledger.outbox import LetterState, Outbox
from resources.settings import Settings

FAILED_WITHIN: Final = timedelta(days=7)
"""An action that failed longer ago, and was never tried again, is history."""
UNSETTLED_AFTER: Final = timedelta(minutes=10)


def standings(settings: Settings) -> list[Standing]:
    """Each operation that was ever planned. None where the ledger cannot be read: that is told by itself."""
    ledger, now = Actions(settings.home.ledger), settings.clock.now()
    try:
        plans = ledger.newest_plans()
        if not plans:
            return []
        failing = ledger.failing(since=now - FAILED_WITHIN)
        late = [call.action_id for call in ledger.open_calls() if now - call.begun_at > UNSETTLED_AFTER]
        entries = [ledger.action(action) for action in late]
        unsettled = Counter(entry.operation for entry in entries if entry is not None)
        dead = Outbox(ledger.path).letter_counts().get(LetterState.DEAD, 0)
        found: list[Standing] = []
        for operation in plans:
            on = settings.mode_of(operation) is not Mode.OFF
            today = ledger.backlog(operation, at=now) if on else None
            before = ledger.backlog(operation, at=now - GROWS_IN) if on else None
            letters = dead if operation is Operation.RETRY_NOTIFICATIONS else None
            found.append(
                Standing(
                    operation, failing.get(operation, 0), unsettled[operation], today or 0, before, letters
                )
            )
        return found
    except sqlite3.Error:
        return []
