"""Instants of a package's tables as text, made by SQL: in UTC, and local to a row with their offset."""

from __future__ import annotations

from typing import Final

#: The zones of Indonesia: minutes east of UTC, and how they are written.
_INDONESIA: Final = {420: "+07:00", 480: "+08:00", 540: "+09:00"}
_MICROSECONDS = "%Y-%m-%dT%H:%M:%S.%f"


def utc_text(instant: str) -> str:
    """A naive UTC instant as ISO 8601 with Z."""
    return f"strftime({instant}, '{_MICROSECONDS}Z')"


def local_text(instant: str, offset: str) -> str:
    """The same in the zone that is so many minutes east of UTC, with its offset; null where the zone is not known."""
    sign = f"CASE WHEN {offset} < 0 THEN '-' ELSE '+' END"
    zone = f"printf('%s%02d:%02d', {sign}, abs({offset}) // 60, abs({offset}) % 60)"
    # printf takes as long as all the rest of the row, and nearly every row lies in one of three zones.
    known = " ".join(f"WHEN {minutes} THEN '{text}'" for minutes, text in _INDONESIA.items())
    zone = f"CASE {offset} {known} ELSE {zone} END"
    return f"strftime({instant} + to_minutes({offset}), '{_MICROSECONDS}') || {zone}"
