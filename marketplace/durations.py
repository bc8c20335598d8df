"""Lengths of time in words, for sentences and names of the data: their numbers come from the rule they speak of."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

_DAY: Final = timedelta(days=1)
_UNITS: Final = (
    ("day", "d", _DAY),
    ("hour", "h", timedelta(hours=1)),
    ("minute", "min", timedelta(minutes=1)),
)


def in_whole(length: timedelta) -> tuple[int, str, str]:
    """(number, word, short word) in the largest unit that measures it whole; a single day is 24 hours."""
    for word, short, unit in _UNITS:
        if length % unit == timedelta() and (unit != _DAY or length != _DAY):
            return length // unit, word, short
    return round(length.total_seconds()), "second", "s"


def spelled(length: timedelta) -> str:
    """As a sentence has it.

    >>> spelled(timedelta(hours=24)), spelled(timedelta(days=7)), spelled(timedelta(minutes=60))
    ('24 hours', '7 days', '1 hour')
    """
    number, word, _ = in_whole(length)
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def short(length: timedelta) -> str:
    """As a name or a heading has it.

    >>> short(timedelta(hours=24)), short(timedelta(days=30)), short(timedelta(seconds=30))
    ('24 h', '30 d', '30 s')
    """
    number, _, word = in_whole(length)
    return f"{number:,} {word}"


def minutes(length: timedelta) -> int:
    """In whole minutes."""
    return length // timedelta(minutes=1)


def seconds(length: timedelta) -> int:
    """In whole seconds."""
    return length // timedelta(seconds=1)


def shared(start: timedelta, end: timedelta) -> tuple[str, str, str, str]:
    """Two bounds in the largest unit that measures both whole: both numbers, the unit's word and its short word."""
    for word, short_word, unit in _UNITS:
        if start % unit == end % unit == timedelta() and (unit != _DAY or end != _DAY):
            return f"{start // unit:,}", f"{end // unit:,}", word, short_word
    return f"{start.total_seconds():g}", f"{end.total_seconds():g}", "second", "s"


def between(start: timedelta, end: timedelta, joined: str) -> str:
    """Two bounds with one unit.

    >>> between(timedelta(days=1), timedelta(days=7), "-"), between(timedelta(0), timedelta(hours=24), "-")
    ('1-7 d', '0-24 h')
    """
    first, last, _, word = shared(start, end)
    return f"{first}{joined}{last} {word}"
