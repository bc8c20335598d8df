"""What the texts of the pages say of the limits in marketplace/, by the place it has in them. No number stands here."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from marketplace.closed_months import CLOSED_AFTER
from marketplace.error_rate import SLOW_SECONDS
from marketplace.health import DAY, WEEK
from marketplace.links import LINK_WINDOW
from marketplace.members import MEMBER_LIMITS
from marketplace.peaks import PEAK_WINDOW
from marketplace.services import RESPONSE_WINDOW, TAIL
from marketplace.shortage import SHORTAGE_WINDOW


def _hours(length: timedelta) -> str:
    return f"{length / timedelta(hours=1):g}"


def _days(length: timedelta) -> str:
    return f"{length / timedelta(days=1):g}"


def _weeks(length: timedelta) -> str:
    return f"{length / timedelta(weeks=1):g}"


LIMITS: Final[dict[str, str]] = {
    "day_hours": _hours(DAY),
    "closed_hours": _hours(CLOSED_AFTER),
    "week_days": _days(WEEK),
    "member_hours": _hours(MEMBER_LIMITS.window),
    "response_days": _days(RESPONSE_WINDOW),
    "chain_days": _days(LINK_WINDOW),
    "slow_seconds": f"{SLOW_SECONDS:g}",
    "peak_weeks": _weeks(PEAK_WINDOW),
    "shortage_weeks": _weeks(SHORTAGE_WINDOW),
    "tail_percent": f"{TAIL * 100:g}",
}


def with_limits(text: str) -> str:
    """A text with the limits it names; its other places stay."""
    for place, number in LIMITS.items():
        text = text.replace(f"{{{place}}}", number)
    return text
