"""What `bookwatch doctor` says of publishing: whether the file system of the home shares blocks, which is tried, what
publishing does then, and what space snapshots need.
"""

from __future__ import annotations

import os
from typing import Final

from resources.appwrite.examination import Line
from resources.home import Home
from resources.shared_blocks import shares_blocks
from resources.snapshots import KEEP_DAILY_FOR, KEEP_LAST

TOPIC: Final = "publishing"
#: The last ones, one a day, the one that is written over and the one in the making; those of months come on top.
_AT_ONCE: Final = KEEP_LAST + KEEP_DAILY_FOR.days + 2


def examine_space(home: Home) -> list[Line]:
    """The lines; none of a home that is not there. Tries it with two small files, which are taken away again."""
    if not home.published.is_dir():
        return []
    try:
        shares = shares_blocks(home.root, home.published)
        free = os.statvfs(home.published)
    except OSError as refused:
        told = (
            f"Whether the file system of {home.root} shares blocks could not be tried ({refused.strerror})."
        )
        return [Line(TOPIC, "could not tell", told)]
    room = free.f_bavail * free.f_frsize
    size = home.warehouse.stat().st_size if home.warehouse.is_file() else 0
    if shares:
        does = (
            f"The file system of {home.root} shares blocks: a snapshot reads and takes as much as has changed"
            f" since the one before; {_told(room)} are free."
        )
        return [Line(TOPIC, "ok", does)]
    does = (
        f"The file system of {home.root} shares no blocks: publishing reads the warehouse and writes what differs"
        " over the snapshot that went last, and every snapshot kept is a whole file"
    )
    if not size:
        return [Line(TOPIC, "ok", f"{does}; {_told(room)} are free.")]
    does += f" of {_told(size)}, {_told(_AT_ONCE * size)} with one for each of {KEEP_DAILY_FOR.days} days"
    if room < size:
        return [
            Line(
                TOPIC,
                "warning",
                f"{does}; {_told(room)} are free, so the next one may not fit.",
                f"Make room, or put BOOKWATCH_HOME ({home.root}) on btrfs or on xfs, which share blocks.",
            )
        ]
    return [Line(TOPIC, "ok", f"{does}; {_told(room)} are free.")]


def _told(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
