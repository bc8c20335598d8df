"""The days a screen looks at, and the equal period before. Local days, both ends included; no data here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

PRESETS: dict[str, int] = {"today": 1, "7d": 7, "30d": 30, "90d": 90}
DEFAULT, CUSTOM = "7d", "custom"
EARLIEST = date(2000, 1, 1)
"""No business here is older, and there are days before it: the period before any other is one too."""
CHOICES: tuple[str, ...] = (*PRESETS, CUSTOM)


@dataclass(frozen=True)
class Period:
    """The local days ``first`` to ``last``, both included."""

    first: date
    last: date

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def previous(self) -> Period:
        """As many days, ending the day before this period begins."""
        return Period(self.first - timedelta(days=self.days), self.first - timedelta(days=1))

    def dates(self) -> list[date]:
        return [self.first + timedelta(days=n) for n in range(self.days)]


def chosen(choice: str | None, custom: Sequence[date] | None, today: date) -> Period:
    """The period of a choice. A custom range that is not complete yet is the one day that was picked."""
    if choice == CUSTOM and custom:
        first, last = custom[0], custom[-1]
        return Period(min(first, last), max(first, last))
    length = PRESETS.get(choice or DEFAULT, PRESETS[DEFAULT])
    return Period(today - timedelta(days=length - 1), today)
