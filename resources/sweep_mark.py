"""When the newest sweep of a home began, whoever asked for it: the time of an empty file. Real time, as that of
Dagster's schedules, whatever BOOKWATCH_NOW says."""

from __future__ import annotations

import time
from datetime import timedelta

from resources.home import Home


def mark_sweep(home: Home) -> None:
    """A sweep begins. Raises OSError."""
    home.swept.touch(mode=0o600)


def last_sweep_age(home: Home) -> timedelta | None:
    """How long ago it began; None where there was none, or the machine's clock was set back since."""
    try:
        seconds = time.time() - home.swept.stat().st_mtime
    except FileNotFoundError:
        return None
    return timedelta(seconds=seconds) if seconds >= 0 else None
