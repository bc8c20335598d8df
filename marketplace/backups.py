"""What is asked of backups: how long they are kept, from when on one is old, what in them is sealed. Nothing is read or
written here."""

from __future__ import annotations

import re
from datetime import timedelta
from enum import StrEnum
from typing import Final

BACKUP_KEPT_FOR: Final = timedelta(days=30)
BACKUP_OLD_AFTER: Final = timedelta(hours=36)
"""A day's backup that failed, and half a day to make it again."""
BACKUP_AT: Final = "02:00"
"""The local time of the daily backup: before most of the day's bookings are made."""
DRILL_WEEKDAY: Final = 6
DRILL_LOCAL_HOUR: Final = 4
"""Sunday, after the night's backup."""
SEALED_COLLECTION: Final = "bank_details"
"""Bookwatch never reads it into the mirror; a backup holds it only encrypted to a key that is not here."""

_WORDS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_BANKING: Final = frozenset({"bank", "banks", "iban", "payout", "payouts"})
COPIED_WITHIN: Final = timedelta(hours=1)
"""A copy in a bucket that is not whole so long after its backup broke off."""


class BackupState(StrEnum):
    """How a backup stands."""

    RUNNING = "running"
    WHOLE = "whole"
    """Every row that could be told of, but for what was left out on purpose."""
    PARTIAL = "partial"
    """Some table or row could not be read: what could be is there."""
    FAILED = "failed"
    EXPIRED = "expired"
    """It was made, kept for its time, and is gone."""


class DrillState(StrEnum):
    """What a restore that was tried out showed."""

    RUNNING = "running"
    SAME = "same"
    DIFFERENT = "different"
    FAILED = "failed"


def is_sealed(table_id: str, name: str, configured: str) -> bool:
    """Whether a table holds what people are paid by: the collection bank_details, whatever it is called there.
    ``configured``: the id it has by the settings. One called so by mistake is sealed, too: nothing is lost by that."""
    return table_id == configured or bool(
        _BANKING.intersection(word.lower() for text in (table_id, name) for word in _WORDS.findall(text))
    )
