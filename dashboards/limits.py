"""What the texts of the pages say of the limits in marketplace/, by the place it has in them. No number stands here."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from marketplace.error_rate import SLOW_SECONDS
from marketplace.health import DAY, WEEK
from marketplace.links import LINK_WINDOW
from marketplace.members import MEMBER_LIMITS
from marketplace.services import RESPONSE_WINDOW, TAIL

_HOUR: Final = timedelta(hours=1)

LIMITS: Final[dict[str, str]] = {
    "day_hours": f"{DAY / _HOUR:g}",
    "week_days": f"{WEEK / (24 * _HOUR):g}",
    "member_hours": f"{MEMBER_LIMITS.window / _HOUR:g}",
    "response_days": f"{RESPONSE_WINDOW / (24 * _HOUR):g}",
    "chain_days": f"{LINK_WINDOW / (24 * _HOUR):g}",
    "slow_seconds": f"{SLOW_SECONDS:g}",
    "tail_percent": f"{TAIL * 100:g}",
}


def with_limits(text: str) -> str:
    """A text with the limits it names; its other places stay."""
    for place, number in LIMITS.items():
        text = text.replace(f"{{{place}}}", number)
    return text
