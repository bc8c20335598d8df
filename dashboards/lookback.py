"""Which snapshot is looked at: the newest, one that was asked for, or the last good one where the newest is damaged.
Draws nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from dashboards import warmth
from dashboards.queries import reading
from resources.home import Home
from resources.snapshots import published_snapshots


@dataclass(frozen=True)
class Looked:
    """``path``: the snapshot that is shown, None before the first. ``newest``: the id of the newest one. ``past``: an
    older one was asked for and is shown. ``damaged``: those newer than what is shown that cannot be read, by id.
    ``gone``: what was asked for and is not there, or not readable. ``held``: a newer one is there and is being read; it
    is shown in a moment (warmth.py)."""

    path: str | None
    newest: str | None
    past: bool = False
    damaged: tuple[str, ...] = ()
    gone: str | None = None
    held: bool = False

    @property
    def snapshot_id(self) -> str | None:
        return None if self.path is None else Path(self.path).stem


NOWHERE: Final = Looked(None, None)


def look(home: Home, asked: str | None, last: str | None = None) -> Looked:
    """What to show of a home. Where no snapshot can be read the newest is named: each part then says why. ``last``: the
    path that this viewer was shown last: who comes anew is not held back from the newest one."""
    newest = reading.newest(home.current)
    if newest is None:
        return Looked(None, None, gone=asked or None)
    newest_id = Path(newest).stem
    if (before := warmth.shown(home, newest)) != newest and last == before and asked != newest_id:
        return replace(_look(home, asked, before), held=True)
    return _look(home, asked, newest)


def _look(home: Home, asked: str | None, newest: str) -> Looked:
    newest_id = Path(newest).stem
    if asked and asked != newest_id:
        found = next((path for path in published_snapshots(home) if path.stem == asked), None)
        if found is not None and reading.readable(str(found)):
            return Looked(str(found), newest_id, past=True)
    gone = asked if asked and asked != newest_id else None
    if reading.readable(newest):
        return Looked(newest, newest_id, gone=gone)
    damaged = [newest_id]
    for path in published_snapshots(home)[1:]:
        if reading.readable(str(path)):
            return Looked(str(path), newest_id, damaged=tuple(damaged), gone=gone)
        damaged.append(path.stem)
    return Looked(newest, newest_id, damaged=(newest_id,), gone=gone)


def kept(home: Home) -> list[str]:
    """The ids of the snapshots that can be looked at, the newest first."""
    return [path.stem for path in published_snapshots(home)]
