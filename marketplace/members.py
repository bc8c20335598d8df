"""When a member (a provider) counts as healthy. The figures are gathered in
assets/marts/providers/member_health.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, get_args

Health = Literal["offline", "unknown", "critical", "warning", "healthy"]
#: In order of precedence: the first that holds.
MEMBER_HEALTH: Final[tuple[Health, ...]] = get_args(Health)


@dataclass(frozen=True)
class MemberLimits:
    """Offline once not seen for ``unseen``; critical over ``missed`` requests in ``window``; warning over
    ``unread`` messages."""

    unseen: timedelta = timedelta(minutes=10)
    window: timedelta = timedelta(hours=24)
    missed: int = 3
    unread: int = 10


MEMBER_LIMITS: Final = MemberLimits()
