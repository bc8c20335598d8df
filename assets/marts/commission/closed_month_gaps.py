"""The mart marts.closed_month_gaps. Found and kept by assets/closed_months.py."""

from __future__ import annotations

from typing import Any

from assets.marts.given import CLOSED_GAPS
from assets.marts.later import ir
from assets.marts.mart import mart
from checks.schemas.commission import ClosedMonthGaps


@mart(ClosedMonthGaps, clock_columns=("is_newest",))
def closed_month_gaps(closed_gaps: Any) -> ir.Table:
    """Every time closed months could not be compared with the snapshot before, and why. What
    changed then was not seen: unknown, not fine. ``is_newest``: it is of the newest comparison, so
    this very snapshot was compared with none."""
    return closed_gaps.select(*CLOSED_GAPS)
