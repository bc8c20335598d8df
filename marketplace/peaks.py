"""What peak hours are counted over."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Final

from marketplace.statuses import values


class Basis(StrEnum):
    """Which instant of a booking is counted. Columns hold the plain word (``value``), as with statuses."""

    CREATED = "created"
    STARTS = "starts"


BASES: Final = values(*Basis)
PEAK_WINDOW: Final = timedelta(weeks=8)
#: The last days, each hour of the week once, beside the mean of as many such weeks before them.
RECENT_DAYS: Final = timedelta(weeks=1)
BASELINE_WEEKS: Final = 4
