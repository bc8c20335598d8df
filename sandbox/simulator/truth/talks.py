"""The chat rooms: what was said in those of a local day, and who waits for an answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sandbox.simulator.times import MINUTE, local_date, zulu
from sandbox.simulator.truth.known import Known
from sandbox.simulator.truth.rules import ENDED
from sandbox.simulator.world import Booking

REPLY_WITHIN = 10 * MINUTE
SIDES = ("customer", "therapist")


def _rooms(known: Known) -> list[Booking]:
    """Bookings with a room, without those that are tests: a room stays where its booking is deleted or unreadable."""
    return [b for b in known.simulation.bookings.values() if b.room_opened and not b.is_test]


def chat_rooms_daily(known: Known) -> list[dict[str, Any]]:
    days: dict[str, Counter[str]] = defaultdict(Counter)
    for booking in _rooms(known):
        offset = booking.provider.offset
        day = days[local_date(booking.room_opened, offset)]
        firsts = [min((at for at, role, _ in booking.talk if role == side), default=None) for side in SIDES]
        spoken = [first for first in firsts if first is not None]
        replied = len(spoken) == len(SIDES)
        day["rooms"] += 1
        day["rooms_spoken"] += bool(spoken)
        day["rooms_replied"] += replied
        if spoken:
            day["unanswered"] += (max(spoken) if replied else known.now) > min(spoken) + REPLY_WITHIN
        day["messages"] += len(booking.talk)
        for at, _, _ in booking.talk:
            days[local_date(at, offset)]["messages_sent"] += 1
    columns = ("rooms", "rooms_spoken", "rooms_replied", "unanswered", "messages", "messages_sent")
    return [
        {"local_date": date, **{column: day[column] for column in columns}}
        for date, day in sorted(days.items())
    ]


def chat_waiting(known: Known) -> list[dict[str, Any]]:
    """The longest waiting first."""
    rows = []
    for booking in _rooms(known):
        over = not booking.quarantined and booking.status in (*ENDED, "completed")
        if booking.room_closed or over or booking.room_expires <= known.now:
            continue
        lasts = [max((at for at, role, _ in booking.talk if role == side), default=0) for side in SIDES]
        if lasts[0] == lasts[1]:
            continue
        waits, answers = SIDES if lasts[0] > lasts[1] else SIDES[::-1]
        said = [at for at, role, _ in booking.talk if role == waits and at > min(lasts)]
        rows.append(
            {
                "room_id": booking.room,
                "waiting_since": zulu(min(said)),
                "waiting_for_role": answers,
                "messages": len(said),
            }
        )
    return sorted(rows, key=lambda row: (row["waiting_since"], row["room_id"]))
