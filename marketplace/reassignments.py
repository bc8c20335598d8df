"""What tells that a booking was handed over from one provider to another. Which attributes say so is in aliases.py."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from marketplace.statuses import values


class HandOver(StrEnum):
    """What tells a hand-over, the surest first. Columns hold the plain word (``value``), as with statuses.

    ``OBSERVED``: two versions of the booking name two providers. ``WRITTEN``: an attribute of the booking names the
    other one. ``STATUS``: its status is reassigned.
    """

    OBSERVED = "observed"
    WRITTEN = "written"
    STATUS = "status"


HAND_OVERS: Final = values(*HandOver)
