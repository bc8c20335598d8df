"""Whether a month is ready for an auditor: what must be so, and what follows from what is known of it. When a month is
closed is closed_months.py's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Point(StrEnum):
    """What must be so of a month before its package is handed over, in the order in which it comes about."""

    CLOSED = "closed"
    UNCHANGED = "unchanged"
    REPORTED = "reported"
    VERIFIED = "verified"
    SIGNED_OFF = "signed_off"


class Standing(StrEnum):
    """Whether a point is so. What cannot be told is never done."""

    DONE = "done"
    OPEN = "open"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class MonthFacts:
    """What is known of a month. Instants are naive UTC; None: it cannot be told.

    ``closes_at``: when it closes; ``judged_at``: the instant up to which the newest snapshot can know of it;
    ``compared``: whether that snapshot's closed months were compared with the one before. ``unacknowledged``: changes
    after it closed that nobody waived; ``since_report``: changes, waived or not, that came after the newest report.
    ``reported``: there is a report of the whole month; ``report_judged_at``: as ``judged_at``, of the snapshot it rests
    on. ``holds``: its files are those that were handed out. ``signed``: sign-offs that stand; ``signed_report``:
    whether the newest of them was made with this newest report there.
    """

    closes_at: datetime
    judged_at: datetime | None
    compared: bool | None
    unacknowledged: int | None
    since_report: int | None
    reported: bool | None
    report_judged_at: datetime | None
    holds: bool | None
    signed: int | None
    signed_report: bool | None


def points_of(facts: MonthFacts) -> Mapping[Point, Standing]:
    """How a month stands at each point."""
    closed = _told(None if facts.judged_at is None else facts.judged_at >= facts.closes_at)
    return {
        Point.CLOSED: closed,
        Point.UNCHANGED: _unchanged(facts, closed),
        Point.REPORTED: _reported(facts),
        Point.VERIFIED: _told(facts.holds) if facts.reported else _told(facts.reported),
        Point.SIGNED_OFF: _signed_off(facts),
    }


def whole(points: Mapping[Point, Standing]) -> Standing:
    """Whether the month is ready: done where all is, open where one point is open, else unknown.

    >>> whole({Point.CLOSED: Standing.DONE, Point.VERIFIED: Standing.UNKNOWN}).value
    'unknown'
    """
    for worst in (Standing.OPEN, Standing.UNKNOWN):
        if worst in points.values():
            return worst
    return Standing.DONE


def _told(fact: bool | None) -> Standing:
    if fact is None:
        return Standing.UNKNOWN
    return Standing.DONE if fact else Standing.OPEN


def _unchanged(facts: MonthFacts, closed: Standing) -> Standing:
    """A month that is open may change; of a closed one nothing may have that nobody acknowledged, or that the report
    which was handed out does not say."""
    if facts.unacknowledged is None or facts.since_report is None:
        return Standing.UNKNOWN
    if facts.unacknowledged or facts.since_report:
        return Standing.OPEN
    return Standing.DONE if closed is Standing.DONE and facts.compared else _unknown_or(closed)


def _unknown_or(closed: Standing) -> Standing:
    return Standing.OPEN if closed is Standing.OPEN else Standing.UNKNOWN


def _reported(facts: MonthFacts) -> Standing:
    """A report of a month that was open then says figures that could still change."""
    if not facts.reported:
        return _told(facts.reported)
    if facts.report_judged_at is None:
        return Standing.UNKNOWN
    return _told(facts.report_judged_at >= facts.closes_at)


def _signed_off(facts: MonthFacts) -> Standing:
    """Signed off is what the newest report says: a sign-off of before it is of other figures."""
    if facts.signed is None or (facts.signed and facts.signed_report is None):
        return Standing.UNKNOWN
    return _told(bool(facts.signed and facts.signed_report))
