"""The seven health points as records, quiet hours, and the state of the whole. The figures are measured in
assets/marts, what they say stands in messages/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Final

from marketplace.durations import minutes, seconds, short
from marketplace.findings import Severity
from marketplace.registry import Registry
from marketplace.statuses import values


class PointStatus(StrEnum):
    """How a health point stands. Columns hold the plain word (``value``), as with statuses."""

    WORKING = "working"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class SystemState(StrEnum):
    """How the whole stands; as above."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


POINT_STATUSES: Final = values(*PointStatus)
SYSTEM_STATES: Final = values(*SystemState)

DAY: Final = timedelta(hours=24)
WEEK: Final = timedelta(days=7)
#: Point 5: the newest booking and each required collection's newest complete scan may be at most this old.
BOOKING_AGE: Final = timedelta(hours=1)
SCAN_AGE: Final = timedelta(minutes=10)
#: Point 6: younger notifications may still be on their way.
DELIVERY_ALLOWANCE: Final = timedelta(minutes=2)
DELIVERY_PERCENT: Final = 80
#: A verdict speaks for the time until the next one, at most for this long: a longer silence is not measured.
UNMEASURED_AFTER: Final = timedelta(minutes=10)
#: Over which uptime is told, by the name it is shown under.
UPTIME_WINDOWS: Final[tuple[tuple[str, timedelta], ...]] = tuple(
    (short(length), length) for length in (timedelta(hours=24), timedelta(days=7), timedelta(days=30))
)
#: A share speaks for a window of which at least so much was measured; of less it is told with what was measured only.
MEASURED_ENOUGH: Final = 0.5


def speaks_for(window: str, measured_seconds: float) -> bool:
    """Whether what was measured of a window, by its name, says how the window was. One that is not ours says nothing.

    >>> speaks_for("24 h", 13 * 3600.0), speaks_for("30 d", 60.0), speaks_for("1 y", 60.0)
    (True, False, False)
    """
    length = dict(UPTIME_WINDOWS).get(window)
    return length is not None and measured_seconds >= MEASURED_ENOUGH * length.total_seconds()


@dataclass(frozen=True)
class HealthPoint:
    """One of the seven. ``limit`` and the figure are of the ``metric`` (metrics.py), which says in what they are
    counted. What it says stands in messages/."""

    point: int
    name: str
    limit: float
    metric: str
    severity: Severity
    takes_system_down: bool = False
    #: What its sentences say of the rules: lengths of time in seconds, a share in percent.
    numbers: Mapping[str, int] = field(default_factory=dict[str, int])


HEALTH_POINTS: Final[Registry[int, HealthPoint]] = Registry(
    (
        HealthPoint(
            1,
            "user-to-member connection",
            1,
            "bookings_of_a_day",
            Severity.CRITICAL,
            takes_system_down=True,
            numbers={"span": seconds(DAY)},
        ),
        HealthPoint(
            2,
            "chat window booking",
            1,
            "chat_window_bookings",
            Severity.MEDIUM,
            numbers={"span": seconds(WEEK)},
        ),
        HealthPoint(
            3, "scheduled booking", 1, "scheduled_bookings", Severity.MEDIUM, numbers={"span": seconds(WEEK)}
        ),
        HealthPoint(4, "book now", 1, "immediate_bookings", Severity.HIGH, numbers={"span": seconds(DAY)}),
        HealthPoint(
            5,
            "data flow to admin",
            minutes(BOOKING_AGE),
            "newest_booking_age",
            Severity.CRITICAL,
            takes_system_down=True,
            numbers={"age": seconds(BOOKING_AGE), "last": seconds(SCAN_AGE)},
        ),
        HealthPoint(
            6,
            "notification delivery",
            DELIVERY_PERCENT / 100,
            "delivery_rate",
            Severity.HIGH,
            numbers={"span": seconds(DAY), "percent": DELIVERY_PERCENT},
        ),
        HealthPoint(7, "payment tracking", 0, "missing_commissions", Severity.CRITICAL),
    ),
    key=lambda point: point.point,
)


@dataclass(frozen=True)
class QuietHours:
    """The local hours without bookings to expect: half-open, may cross midnight; equal ends mean none."""

    start: time = time(0)
    end: time = time(6)

    def cover(self, now: datetime, utc_offset: timedelta) -> bool:
        """Whether an instant (naive UTC) lies in the quiet hours at an offset from UTC."""
        local = (now + utc_offset).time()
        if self.start <= self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


def system_state(statuses: Iterable[tuple[int, str | None]]) -> SystemState:
    """The state of the whole of (point, status): down if a vital point is broken, unknown if nothing was
    measured. A point or a status that is none of ours (of another version) is no sign of health, and vital to nothing.
    """
    known = dict(statuses)
    broken = [point for point, status in known.items() if status == PointStatus.BROKEN]
    if any(point in HEALTH_POINTS and HEALTH_POINTS[point].takes_system_down for point in broken):
        return SystemState.DOWN
    if broken:
        return SystemState.DEGRADED
    works = any(status == PointStatus.WORKING for status in known.values())
    return SystemState.HEALTHY if works else SystemState.UNKNOWN
