"""Schedules and sensors that somebody stopped: found in Dagster's history, told as an alert and by `bookwatch status`.

Looked at from outside of Dagster's processes: a sensor of its own could be stopped together with what it watches.
Loads nothing of Dagster, so that `status` and `serve` answer at once.
"""

from __future__ import annotations

import json
import os
import shlex
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from marketplace.operations import RHYTHMS
from resources import postgres
from resources.errors import BookwatchError
from resources.home import Home
from resources.settings import Settings

SCHEDULES: Final = (
    *("every_minute", "hourly_sweep", "daily_housekeeping", "morning_report"),
    *("daily_backup", "weekly_drill"),
    *(f"plan_{operation}" for operation in RHYTHMS),
)
SENSORS: Final = ("failed_runs", "cancelled_runs", "lost_runs")
"""All of them run unless somebody stops them: their default status says so."""

CODE: Final = "pipelines.definitions"
COMMAND: Final = "pipelines.dagster.command"
"""Dagster's own, for a history that it does not find by its home alone."""
SOCKET_FOLDER_BYTES: Final = 80
LOOK_EVERY_S: Final = 30.0
"""So that what is stopped is told within two minutes, also where telling takes its time."""


@dataclass(frozen=True)
class Stopped:
    """A schedule or sensor of ours that somebody stopped. ``code``: where Dagster was told to load it from."""

    name: str
    code: tuple[str, str]

    def start_again(self, settings: Settings) -> str:
        """The command line for a shell that starts it again."""
        kind = "schedule" if self.name in SCHEDULES else "sensor"
        home = settings.home
        if settings.dagster_postgres.get_secret_value():
            words = (sys.executable, "-m", COMMAND, kind, "start", self.name, *self.code)
            return f"BOOKWATCH_HOME={shlex.quote(str(home.root.absolute()))} {shlex.join(words)}"
        words = ("dagster", kind, "start", self.name, *self.code)
        return f"DAGSTER_HOME={shlex.quote(str(home.dagster.absolute()))} {shlex.join(words)}"


def code_socket(home: Home) -> Path | None:
    """Where `serve` lets a server of our code answer: in the home too, where the path of a socket (108 bytes at most)
    still fits. None: it does not, and each process of Dagster's loads the code itself.
    """
    folder = home.dagster.resolve() / "tmp"
    return folder / "code.sock" if len(os.fsencode(folder)) < SOCKET_FOLDER_BYTES else None


def stopped(settings: Settings) -> tuple[Stopped, ...] | None:
    """What Dagster keeps as stopped, schedules first; empty in a home that was never served. None where it cannot
    be read: that could not be told.
    """
    home = settings.home
    # A schedule is known by the place its code is loaded from: a home that was moved keeps those of the old one.
    places = {CODE: ("-m", CODE)}
    if socket := code_socket(home):
        places[f"grpc:localhost:{socket}"] = ("--grpc-socket", str(socket))
    url = settings.dagster_postgres.get_secret_value()
    try:
        bodies = _kept_in_database(url) if url else _kept_in_file(home.dagster / "schedules" / "schedules.db")
        origins = [json.loads(body)["origin"] for (body,) in bodies]
        found = {
            (
                origin["job_name"],
                origin["external_repository_origin"]["repository_location_origin"]["location_name"],
            )
            for origin in origins
        }
    except (OSError, sqlite3.Error, BookwatchError, ValueError, KeyError, TypeError):
        return None
    return tuple(
        Stopped(name, code)
        for name in (*SCHEDULES, *SENSORS)
        for place, code in places.items()
        if (name, place) in found
    )


_STOPPED: Final = "SELECT instigator_body FROM instigators WHERE status = 'STOPPED'"


def _kept_in_file(path: Path) -> list[tuple[str]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as db:
        # Dagster adds its tables to a new file one after the other.
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'instigators'").fetchone():
            return []
        return db.execute(_STOPPED).fetchall()


def _kept_in_database(url: str) -> list[tuple[str]]:
    if postgres.rows(url, "SELECT to_regclass('instigators')") == [(None,)]:
        return []
    return postgres.rows(url, _STOPPED)


def names(found: Sequence[Stopped]) -> str:
    """Each name once, for a sentence."""
    return ", ".join(dict.fromkeys(one.name for one in found))


class StoppedWatch:
    """What `serve` does every half minute: tells when something is found stopped, and when all go on again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._said = ""

    def look(self) -> str:
        """Look once and tell people. What there is to say here about it; nothing where it was said before."""
        # Here, not above: `status` looks too, and tells nobody.
        from pipelines.alerting.observe import schedules_stopped
        from pipelines.alerting.turn import alert_turn, show_alerts

        home = self._settings.home
        found = stopped(self._settings)
        if found is None or (not found and not home.ledger.exists()):
            return ""
        said = (
            [f"Stopped in Dagster: {names(found)}. `bookwatch status` says how to start again."]
            if found
            else []
        )
        # At every look: while the minute's schedule stands still no run tries a channel again that refused.
        try:
            with alert_turn(
                self._settings, lambda known: [schedules_stopped(names(found))], say=said.append
            ) as turn:
                turn.send()
                show_alerts(home, turn.state, turn.now)
        except OSError as refused:
            # A full disk: what is served goes on, and the next look tries again.
            said.append(f"status.json could not be written ({refused.strerror}).")
        text = "\n".join(said)
        fresh, self._said = text if text != self._said else "", text
        return fresh
