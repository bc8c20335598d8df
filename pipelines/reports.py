"""The monitoring report: every notebook as a file of its own in BOOKWATCH_HOME/reports/<local day>, kept 90 days. Which
notebooks there are is what lies in notebooks/; how one becomes a file is dashboards/notebook's, in a process of its
own. Not here: when it is made (schedules.py), what Dagster shows of it (dagster/reports.py).
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from pipelines.environment import PROJECT
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import Settings
from resources.snapshots import require_snapshot

NOTEBOOKS: Final = PROJECT / "notebooks"
KEPT_FOR: Final = timedelta(days=90)
LONGEST_S: Final = 600
"""A report that takes longer hangs."""
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Made:
    """A notebook's report. ``problem``: why there is none."""

    name: str
    path: Path
    seconds: float
    problem: str | None


@dataclass(frozen=True)
class Report:
    """The reports of a day, of one snapshot."""

    day: date
    folder: Path
    snapshot_id: str
    made: tuple[Made, ...]

    @property
    def failed(self) -> tuple[Made, ...]:
        return tuple(one for one in self.made if one.problem is not None)


@cache
def notebooks() -> Mapping[str, str]:
    """Every notebook by name, with the sentence it opens with."""
    return {path.stem: _sentence(path) for path in sorted(NOTEBOOKS.glob("*.py")) if path.stem != "__init__"}


def _sentence(path: Path) -> str:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(said.split("\n\n")[0].split())


def local_day(settings: Settings) -> date:
    """The day it is where the business is."""
    return settings.clock.now().astimezone(ZoneInfo(settings.timezone)).date()


def make(settings: Settings, words: Mapping[str, str] | None = None) -> Report:
    """Render every notebook of the newest snapshot (or of the one in ``words``), then drop what is older than 90 days.

    ``words``: what the notebooks are asked for, by name. What of them failed the report says; it raises BookwatchError
    where there is no snapshot, or where none could be rendered at all.
    """
    asked = dict(words or {})
    snapshot = require_snapshot(settings.home, asked.get("snapshot"))
    day = local_day(settings)
    folder = settings.home.reports / day.isoformat()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = _rendered(folder, tuple(notebooks()), asked, settings)
        drop_old(settings.home, day)
    except OSError as refused:
        raise BookwatchError(
            f"The reports could not be written to {folder} ({refused.strerror}).", "Make room there."
        ) from None
    made = (
        Made(
            name,
            folder / f"{name}.html",
            float(told.get(name, {}).get("seconds") or 0),
            told[name]["problem"] if name in told else "Its process ended before it came to this one.",
        )
        for name in notebooks()
    )
    return Report(day, folder, snapshot.stem, tuple(made))


def _rendered(
    folder: Path, names: Sequence[str], asked: Mapping[str, str], settings: Settings
) -> dict[str, dict[str, Any]]:
    """What the process that renders told of each notebook it came to."""
    options = [f"--{name}={word}" for name, word in asked.items()]
    command = [sys.executable, "-m", "dashboards.notebook", str(folder), *names, *options]
    environment = {
        **os.environ,
        "BOOKWATCH_HOME": str(settings.home.root),
        "PYTHONPATH": str(PROJECT),
        **marimo_folders(settings.home),
    }
    for name in names:
        (folder / f"{name}.html").unlink(missing_ok=True)  # also where the process does not get so far
    try:
        done = subprocess.run(
            command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, timeout=LONGEST_S, check=False
        )
    except subprocess.TimeoutExpired as hung:
        return _told(hung.stdout or b"")
    return _told(done.stdout)


def _told(output: bytes) -> dict[str, dict[str, Any]]:
    lines = (line for line in output.decode().splitlines() if line.startswith("{"))
    return {one["name"]: one for one in map(json.loads, lines)}


def marimo_folders(home: Home) -> dict[str, str]:
    """The environment in which marimo keeps its own files in the home, and asks nobody about itself."""
    own = home.root / "notebooks"
    return {
        "XDG_CONFIG_HOME": str(own / "config"),
        "XDG_CACHE_HOME": str(own / "cache"),
        "XDG_STATE_HOME": str(own / "state"),
        "MARIMO_SKIP_UPDATE_CHECK": "1",
        "DO_NOT_TRACK": "1",
    }


def days(home: Home) -> list[Path]:
    """The folders of reports, the newest day first."""
    if not home.reports.is_dir():
        return []
    return sorted((path for path in home.reports.iterdir() if _day_of(path)), reverse=True)


def _day_of(path: Path) -> date | None:
    if not _DAY.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
        return None
    try:
        return date.fromisoformat(path.name)
    except ValueError:
        return None


def drop_old(home: Home, today: date) -> list[Path]:
    """Delete the reports of days more than 90 days ago; the folders that went. What else lies in one is left there."""
    gone: list[Path] = []
    for folder in days(home):
        day = _day_of(folder)
        if day is None or today - day <= KEPT_FOR:
            continue
        for file in folder.glob("*.html"):
            file.unlink(missing_ok=True)
        if not any(folder.iterdir()):
            folder.rmdir()
            gone.append(folder)
    return gone
