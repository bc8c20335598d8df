"""What a silence matches, and how long words for a time are. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache

from resources.errors import UsageError
from resources.ledger.alerts import Alert

LONGEST = timedelta(days=30)
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@lru_cache(maxsize=256)
def terms(matcher: str) -> tuple[tuple[str, str], ...]:
    """The (label, pattern) pairs of a matcher: ``no_*``, ``severity=high``, ``name=raw_*,collection=reviews``.

    A term without ``=`` is of the name. ``*`` and ``?`` stand for any letters and one. Raises UsageError for one that
    would match by accident: an empty one, or an empty term in it.
    """
    found: list[tuple[str, str]] = []
    for term in matcher.split(","):
        label, given, pattern = term.strip().partition("=")
        label, pattern = (label.strip(), pattern.strip()) if given else ("name", label.strip())
        if not label or not pattern:
            raise UsageError(
                "The matcher is empty, or a part of it is.",
                "Write an alert's name (no_*) or label=value, more than one separated by commas.",
            )
        found.append((label, pattern))
    return tuple(found)


def matches(matcher: str, alert: Alert) -> bool:
    """Whether every term of a matcher holds for an alert; a label that the alert lacks holds for none."""
    known = {**dict(alert.labels), "name": alert.name, "severity": alert.severity}
    return all(label in known and fnmatchcase(known[label], pattern) for label, pattern in terms(matcher))


def duration(words: str) -> timedelta:
    """``90s``, ``30m``, ``2h``, ``1d``, ``1h30m``. Raises UsageError for anything else, and beyond 30 days."""
    if not re.fullmatch(r"(\d{1,6}[smhd])+", words):
        raise UsageError(f"{words!r} is not a time.", "Write it as 30m, 2h, 1d or 1h30m.")
    total = timedelta(seconds=sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", words)))
    if not timedelta(0) < total <= LONGEST:
        raise UsageError(
            f"{words!r} is not between a second and {LONGEST.days} days.",
            "A silence has an end; write it again when it is over.",
        )
    return total
