"""Where in the app a booking is asked for, and what that says of it: its source, its mode, its start, and until when
it is to be answered. What is written of it is in new_bookings.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from marketplace.rules import (
    IMMEDIATE_START_MINUTES,
    RESPONSE_MINUTES_IMMEDIATE,
    RESPONSE_MINUTES_SCHEDULED,
)
from marketplace.statuses import Mode, Source


class Entry(StrEnum):
    """An entry point, by the word clients send."""

    BOOK_NOW = "bookNow"
    SCHEDULE = "schedule"
    MENU = "menu"
    CHAT = "chat"
    DIRECT = "direct"


SOURCES: Final = {
    Entry.BOOK_NOW: Source.BOOKING_BUTTON,
    Entry.SCHEDULE: Source.SCHEDULED,
    Entry.MENU: Source.MENU_SLIDER,
    Entry.CHAT: Source.CHAT_WINDOW,
    Entry.DIRECT: Source.DIRECT,
}
BY_ENTRY: Final = "entry"
BY_START: Final = "start"
BY_NO_START: Final = "no_start"
"""What gave a mode: the entry point, the start that was asked for, that none was."""
LEAD: Final = timedelta(minutes=30)
"""Who asks for now is served so long after they asked, at the earliest: the provider is to be found, and to come."""
START_STEP: Final = timedelta(minutes=5)
"""A start that nobody asked for lies on a whole step of the clock."""
BOOKED_AHEAD: Final = timedelta(days=365)
"""A start further ahead is a mistyped year."""
RESPONSE_TIME: Final = {
    Mode.IMMEDIATE: timedelta(minutes=RESPONSE_MINUTES_IMMEDIATE),
    Mode.SCHEDULED: timedelta(minutes=RESPONSE_MINUTES_SCHEDULED),
}
SOON: Final = timedelta(minutes=IMMEDIATE_START_MINUTES)


@dataclass(frozen=True)
class Told:
    """What a booking is, and the rule that told it."""

    value: str
    rule: str


def source_of(entry: Entry) -> Told:
    """The source: the entry point's own, always."""
    return Told(SOURCES[entry].value, BY_ENTRY)


def mode_of(entry: Entry, asked_at: datetime, starts_at: datetime | None) -> Told:
    """The mode. ``starts_at``: the start that was asked for.

    Who schedules has it scheduled, however soon; else the start tells, as it does the pipeline; without one it is for
    now.
    """
    if entry is Entry.SCHEDULE:
        return Told(Mode.SCHEDULED.value, BY_ENTRY)
    if starts_at is None:
        return Told(Mode.IMMEDIATE.value, BY_NO_START)
    soon = starts_at - asked_at <= SOON
    return Told((Mode.IMMEDIATE if soon else Mode.SCHEDULED).value, BY_START)


def first_start(asked_at: datetime) -> datetime:
    """The earliest start of a booking for now."""
    ready = asked_at + LEAD
    midnight = datetime(ready.year, ready.month, ready.day)  # noqa: DTZ001 - naive UTC, as everywhere
    return midnight - -(ready - midnight) // START_STEP * START_STEP


def answered_by(mode: str, asked_at: datetime, starts_at: datetime) -> datetime:
    """Until when the provider may answer: by its mode, and not after the service was to begin."""
    return min(asked_at + RESPONSE_TIME[Mode(mode)], max(starts_at, asked_at + START_STEP))
