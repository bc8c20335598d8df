"""When calls are too slow and errors too many: the rate at which people are told. Errors themselves are in
ops.errors."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

#: A call that took longer is flagged as slow.
SLOW_SECONDS: Final = 3.0
#: So many error events within a minute are an alarm.
ERRORS_A_MINUTE: Final = 10
#: So many operations of services that took longer within the minutes looked at are an alarm: somebody waited for each.
SLOW_IN_WINDOW: Final = 5
#: Events that do not count towards it. A slow call is flagged apart. A collection that is not there, or refused, says
#: so again at each run: that is a state, told by its outcome and an alert of its own; at a run every five seconds it
#: would be an alarm for ever.
NOT_COUNTED: Final = ("slow", "not_found", "forbidden", "region", "paused", "quota", "service_off")
#: The minutes that are looked at: those since the last run but one, whatever the rhythm.
ERROR_RATE_WINDOW: Final = timedelta(minutes=5)
