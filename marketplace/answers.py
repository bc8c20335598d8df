"""Whether a booking was answered, and until when it can be: by its own row and an instant. How many were answered in
which time is counted in assets/marts, by the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from marketplace.commission import REVENUE_STATUSES
from marketplace.statuses import BookingStatus, values


class Answer(StrEnum):
    """How a booking stands with its provider's answer. ``open``: it waits, and nothing says until when. ``ended``: it
    was over before anybody answered. ``unknown``: its status is none we know."""

    WAITING = "waiting"
    PAST = "past"
    OPEN = "open"
    ANSWERED = "answered"
    EXPIRED = "expired"
    ENDED = "ended"
    UNKNOWN = "unknown"


ANSWERS: Final = values(*Answer)
#: Somebody is still to answer.
AWAITED: Final = frozenset({Answer.WAITING, Answer.PAST, Answer.OPEN})
_UNASKED: Final[dict[str, Answer]] = {
    BookingStatus.EXPIRED.value: Answer.EXPIRED,
    BookingStatus.CANCELLED.value: Answer.ENDED,
    BookingStatus.REASSIGNED.value: Answer.ENDED,
}


def answer_of(booking: Mapping[str, Any], at: datetime) -> Answer:
    """How a row of core.bookings (status, accepted_at, responded_at, response_deadline) stands at an instant; ``at``
    and the row's instants are naive UTC alike. A deadline is past from the instant after it."""
    status = booking["status"]
    if (
        status in REVENUE_STATUSES
        or status == BookingStatus.DECLINED.value
        or booking["accepted_at"] is not None
        or booking["responded_at"] is not None
    ):
        return Answer.ANSWERED
    if status != BookingStatus.PENDING.value:
        return _UNASKED.get(status, Answer.UNKNOWN)
    deadline: datetime | None = booking["response_deadline"]
    if deadline is None:
        return Answer.OPEN
    return Answer.PAST if deadline < at else Answer.WAITING
