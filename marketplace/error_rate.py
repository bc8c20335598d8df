"""When errors are too many: the rate at which people are told. Errors themselves are in ops.errors."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

#: So many error events within a minute are an alarm. A call that was only slow is none: it is flagged apart.
ERRORS_A_MINUTE: Final = 10
#: The minutes that are looked at: those since the last run but one, whatever the rhythm.
ERROR_RATE_WINDOW: Final = timedelta(minutes=5)
