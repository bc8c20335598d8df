"""The chain a booking goes through, hop by hop, and how long each hop may take. Where it breaks is found in
assets/marts/link_states.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, get_args

from marketplace.registry import Registry

Step = Literal["booking", "room", "message", "notification", "acceptance", "commission", "payment"]
STEPS: Final[tuple[Step, ...]] = get_args(Step)
LinkState = Literal["working", "broken", "unknown"]
LINK_STATES: Final[tuple[LinkState, ...]] = get_args(LinkState)


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
        Hop(1, "booking", "room", "every booking", "chat_rooms", timedelta(minutes=5)),
        Hop(2, "room", "message", "bookings with a room", "chat_messages", timedelta(minutes=5)),
        Hop(3, "message", "notification", "bookings with a message", "notifications", timedelta(minutes=5)),
        Hop(
            4,
            "notification",
            "acceptance",
            "bookings with a notification that were accepted, or are pending past their response deadline",
            "bookings",
            None,
        ),
        Hop(5, "acceptance", "commission", "bookings that earn, after the grace", "commission_records", None),
        Hop(
            6,
            "commission",
            "payment",
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
