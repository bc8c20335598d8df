"""Instants: integer epoch milliseconds, in the shapes that the app's writers put them down in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local wall-clock texts are built on it


def to_ms(instant: datetime) -> int:
    """Epoch milliseconds of an aware instant (truncated). Raises ValueError for a naive one."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return (instant - EPOCH) // timedelta(milliseconds=1)


def from_ms(ms: int) -> datetime:
    """The aware UTC instant."""
    return EPOCH + timedelta(milliseconds=ms)


_MINUTES = tuple(f"T{minute // 60:02d}:{minute % 60:02d}:" for minute in range(24 * 60))
_days: dict[int, str] = {}


def _wall_clock(ms: int) -> str:
    """YYYY-MM-DDTHH:MM:SS.mmm. Days are remembered: isoformat took a sixth of the whole time."""
    day, rest = divmod(ms, DAY)
    date = _days.get(day)
    if date is None:
        date = _days[day] = (_NAIVE_EPOCH + timedelta(days=day)).strftime("%Y-%m-%d")
    minute, rest = divmod(rest, MINUTE)
    return f"{date}{_MINUTES[minute]}{rest // 1000:02d}.{rest % 1000:03d}"


def appwrite(ms: int) -> str:
    """As Appwrite's datetime columns return it: 2026-11-22T03:16:28.123+00:00."""
    return _wall_clock(ms) + "+00:00"


def zulu(ms: int) -> str:
    """As a browser's toISOString writes it: 2026-11-22T03:16:28.123Z."""
    return _wall_clock(ms) + "Z"


def bare(ms: int, offset_minutes: int) -> str:
    """Local wall-clock time without a zone: 2026-11-22T11:16:28.123."""
    return _wall_clock(ms + offset_minutes * MINUTE)


def shaped(ms: int, shape: str, offset_minutes: int) -> str:
    """The text of an instant in one of the shapes z, offset, bare, epoch."""
    if shape == "z":
        return zulu(ms)
    if shape == "offset":
        return f"{bare(ms, offset_minutes)}+{offset_minutes // 60:02d}:{offset_minutes % 60:02d}"
    if shape == "bare":
        return bare(ms, offset_minutes)
    return str(ms)


def local_date(ms: int, offset_minutes: int) -> str:
    """YYYY-MM-DD on the wall clock there."""
    return _wall_clock(ms + offset_minutes * MINUTE)[:10]


def local_hhmm(ms: int, offset_minutes: int) -> str:
    """HH:MM on the wall clock there."""
    minutes = ms // MINUTE + offset_minutes
    return f"{minutes // 60 % 24:02d}:{minutes % 60:02d}"


def local_hour(ms: int, offset_minutes: int) -> int:
    """The hour of day, 0 to 23, on the wall clock there."""
    return (ms // MINUTE + offset_minutes) // 60 % 24


def local_weekday(ms: int, offset_minutes: int) -> int:
    """1 = Monday to 7 = Sunday on the wall clock there."""
    return ((ms // MINUTE + offset_minutes) // 1440 + 3) % 7 + 1
