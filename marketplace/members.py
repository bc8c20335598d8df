"""When a member (a provider) counts as healthy. The figures are gathered in
assets/marts/providers/member_health.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from marketplace.statuses import values


class Health(StrEnum):
    """How a member stands, in order of precedence: the first that holds. Columns hold the plain word (``value``)."""

    OFFLINE = "offline"
    UNKNOWN = "unknown"
    CRITICAL = "critical"
    WARNING = "warning"
    HEALTHY = "healthy"


MEMBER_HEALTH: Final = values(*Health)


@dataclass(frozen=True)
class MemberLimits:
    """Offline once not seen for ``unseen``; critical over ``missed`` requests in ``window``; warning over
    ``unread`` messages."""

    unseen: timedelta = timedelta(minutes=10)
    window: timedelta = timedelta(hours=24)
    missed: int = 3
    unread: int = 10


MEMBER_LIMITS: Final = MemberLimits()


class CallReason(StrEnum):
    """Why somebody should call a provider that has bookings waiting for its answer, in order of precedence: the first
    that holds."""

    OFFLINE = "offline"
    """It is switched off in the app, or was not seen for ``MemberLimits.unseen``."""
    NEVER_SEEN = "never_seen"
    """The app never said when it was there."""
    SILENT = "silent"
    """It lets no notifications through."""
    PAST_DEADLINE = "past_deadline"
    """It was there, and a booking waits past its deadline all the same."""


CALL_REASONS: Final = values(*CallReason)
