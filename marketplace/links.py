"""The chain a booking goes through, hop by hop, and how long each hop may take. Where it breaks is found in
assets/marts/health/link_states.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

from marketplace.registry import Registry
from marketplace.statuses import values


class Step(StrEnum):
    """What a hop begins or ends with. Columns hold the plain word (``value``), as with statuses."""

    BOOKING = "booking"
    ROOM = "room"
    MESSAGE = "message"
    NOTIFICATION = "notification"
    ACCEPTANCE = "acceptance"
    COMMISSION = "commission"
    PAYMENT = "payment"


class LinkState(StrEnum):
    """How a hop stands; as above."""

    WORKING = "working"
    BROKEN = "broken"
    UNKNOWN = "unknown"


STEPS: Final = values(*Step)
LINK_STATES: Final = values(*LinkState)
#: Whether a booking took a hop.
LINK_VERDICTS: Final = ("passed", LinkState.BROKEN.value, LinkState.UNKNOWN.value)


@dataclass(frozen=True)
class Hop:
    """From one step to the next. ``expected``: which bookings could pass. ``collection``: the one whose scan shows
    that the next step is there. ``allowance``: how long it may take (None: by the row's own deadline)."""

    hop: int
    from_step: Step
    to_step: Step
    expected: str
    collection: str
    allowance: timedelta | None


#: Each hop is judged for itself: a booking without a room may still be accepted.
HOPS: Final[Registry[int, Hop]] = Registry(
    (
        Hop(1, Step.BOOKING, Step.ROOM, "every booking", "chat_rooms", timedelta(minutes=5)),
        Hop(2, Step.ROOM, Step.MESSAGE, "bookings with a room", "chat_messages", timedelta(minutes=5)),
        Hop(
            3,
            Step.MESSAGE,
            Step.NOTIFICATION,
            "bookings with a message",
            "notifications",
            timedelta(minutes=5),
        ),
        Hop(
            4,
            Step.NOTIFICATION,
            Step.ACCEPTANCE,
            "bookings with a notification that were accepted, or are pending past their response deadline",
            "bookings",
            None,
        ),
        Hop(
            5,
            Step.ACCEPTANCE,
            Step.COMMISSION,
            "bookings that earn, after the grace",
            "commission_records",
            None,
        ),
        Hop(
            6,
            Step.COMMISSION,
            Step.PAYMENT,
            "bookings that earn with a live record that is paid or past its deadline",
            "commission_records",
            None,
        ),
    ),
    key=lambda hop: hop.hop,
)

#: Bookings created within this time are followed.
LINK_WINDOW: Final = timedelta(days=7)
#: A room may be a little older than its booking: the app's clocks differ.
LINK_CLOCK_SKEW: Final = timedelta(hours=1)
#: Bookings among which a key must fit one alone. What happened in the last 7 days is not about a booking of months ago,
#: and looking through ten million ids for it takes three seconds each run.
LINK_KEY_MEMORY: Final = timedelta(days=30)
#: Ids shown a hop, the newest; the count is of all.
LINK_ROWS_SHOWN: Final = 200
