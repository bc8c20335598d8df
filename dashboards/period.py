"""The days a screen looks at, and those it compares them with. Local days, both ends included; no data here.

Like is compared with like: of a period that is still running as much of the one before as has passed of it; of one that
is over, whole days with whole days. A week begins on Monday.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

LENGTHS: Final[dict[str, int]] = {"7d": 7, "30d": 30, "90d": 90}
TODAY, YESTERDAY, WEEK, LAST_WEEK, MONTH, LAST_MONTH = (
    "today",
    "yesterday",
    "week",
    "last_week",
    "month",
    "last_month",
)
DEFAULT, CUSTOM = "7d", "custom"
EARLIEST = date(2000, 1, 1)
"""No business here is older, and there are days before it: the period before any other is one too."""
CHOICES: tuple[str, ...] = (TODAY, YESTERDAY, WEEK, LAST_WEEK, MONTH, LAST_MONTH, *LENGTHS, CUSTOM)
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """The local days ``first`` to ``last``, both included. ``kind``: the choice it comes from; ``running``: its last
    day is not over, or not known to its end."""

    first: date
    last: date
    kind: str = CUSTOM
    running: bool = False

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def previous(self) -> Period:
        """What it is compared with: the week or month before, of a running one as many days; of any other length as
        many days, ending the day before it begins."""
        if self.kind in (WEEK, LAST_WEEK):
            return Period(self.first - 7 * _DAY, self.last - 7 * _DAY)
        if self.kind in (MONTH, LAST_MONTH):
            end = self.first - _DAY
            first = end.replace(day=1)
            return Period(
                first,
                end
                if self.kind == LAST_MONTH and not self.running
                else min(end, first + (self.days - 1) * _DAY),
            )
        return Period(self.first - self.days * _DAY, self.first - _DAY)

    @property
    def counterpart(self) -> int | None:
        """How many days before its running day stands the day that is compared with it, up to the same time of day;
        None where whole days are compared: nothing is running, or the month before had no such day."""
        before = self.previous
        return (self.last - before.last).days if self.running and before.days == self.days else None

    def dates(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.days)]


def chosen(choice: str | None, custom: Sequence[date] | None, today: date) -> Period:
    """The period of a choice. A custom range that is not complete yet is the one day that was picked."""
    if choice == CUSTOM and custom:
        first, last = min(custom[0], custom[-1]), max(custom[0], custom[-1])
        return Period(first, last, CUSTOM, running=last >= today)
    kind = choice if choice in CHOICES and choice != CUSTOM else DEFAULT
    monday, month = today - today.weekday() * _DAY, today.replace(day=1)
    ends: dict[str | None, tuple[date, date]] = {
        TODAY: (today, today),
        YESTERDAY: (today - _DAY, today - _DAY),
        WEEK: (monday, today),
        LAST_WEEK: (monday - 7 * _DAY, monday - _DAY),
        MONTH: (month, today),
        LAST_MONTH: ((month - _DAY).replace(day=1), month - _DAY),
    }
    first, last = ends.get(kind) or (today - (LENGTHS[str(kind)] - 1) * _DAY, today)
    return Period(first, last, str(kind), running=last >= today)
