"""The booking services of `bookwatch demo` and the simulated people who use them: processes of their own, started,
brought back where one ends by itself, stopped at the end. What they do is theirs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import typer

from pipelines.environment import PROJECT
from pipelines.processes import Child, start, stop, wait_for_port
from resources.errors import BookwatchError
from resources.settings import Settings

_OLD_WAY_GAP_S: Final = 100.0
"""So long it is between two bookings of the simulation that goes on, in the mean."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0
_BURST_HURRY, _BURST_S = 8, 45


def gap_of(share: float) -> float:
    """Seconds between two who book through the services, where they are to be such a share of all."""
    return _OLD_WAY_GAP_S / share


def old_way(share: float, begins: datetime, ends: datetime) -> list[str]:
    """What the sandbox is told so that the simulation writes only what is left of the bookings, the old way."""
    if share <= 0:
        return []
    span = f"{begins.isoformat()}/{ends.isoformat()}"
    return ["--outage", f"all:{span}"] if share >= 1 else ["--demand", f"{1 - share:g}:{span}"]


class DemoServices:
    """``sandbox``: what it told of itself. Only the services know the key that writes; the people make one of their own
    that makes accounts and marks notifications delivered."""

    def __init__(
        self, settings: Settings, sandbox: Mapping[str, Any], *, port: int, seed: int, share: float
    ) -> None:
        self._settings, self._sandbox, self._port = settings, sandbox, port
        self._seed, self._share = seed, share
        self._running: dict[str, Child] = {}
        self._due: dict[str, float] = {}
        self._pauses: dict[str, float] = {}

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def documentation(self) -> str:
        """Where the API tells of itself."""
        return f"{self.endpoint}/docs"

    def __enter__(self) -> DemoServices:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, at: TracebackType | None
    ) -> None:
        stop(list(self._running.values()))

    def start(self) -> None:
        """Both begin; the people try until they are answered."""
        self._begin("The booking services")
        if self._share > 0:
            self._begin("The simulated people")

    def look(self) -> None:
        """Bring back what ended by itself, a little later each time."""
        now = time.monotonic()
        for name, child in list(self._running.items()):
            status = child.process.poll()
            if status is None:
                continue
            if name not in self._due:
                pause = self._pauses.get(name, _FIRST_PAUSE_S)
                self._pauses[name] = min(2 * pause, _LONGEST_PAUSE_S)
                self._due[name] = now + pause
                typer.echo(f"{name} ended (exit status {status}) and will be started again.", err=True)
            elif now >= self._due[name]:
                del self._due[name]
                self._begin(name)

    def burst(self, visits: int) -> dict[str, Any]:
        """So many book, in a hurry, and then all of it is over. What was answered how often. Raises BookwatchError."""
        self._begin("The booking services")
        services = self._running["The booking services"]
        wait_for_port(services, self._port)
        gap = _BURST_S * _BURST_HURRY / (2 * visits)  # all are there when half of the time is over
        words = self._people("--visits", str(visits), "--for", str(_BURST_S), "--hurry", str(_BURST_HURRY))
        words = [*words, "--gap", f"{gap:g}"]
        try:
            done = subprocess.run(
                words,
                env={**os.environ, "PYTHONPATH": str(PROJECT)},
                stdout=subprocess.PIPE,
                check=False,
                timeout=4 * _BURST_S,
            )
        except subprocess.TimeoutExpired:
            raise BookwatchError("The simulated people did not come to an end.") from None
        if done.returncode:
            raise BookwatchError("The simulated people could not use the booking services.")
        stop([services])
        return json.loads(done.stdout)

    def _begin(self, name: str) -> None:
        folder = self._settings.home.dagster
        if name == "The booking services":
            words = [sys.executable, "-c", "from pipelines.cli import main; main()", "services", "serve"]
            words += ["--port", str(self._port), "--ends-with", str(os.getpid())]
            known, log = {"APPWRITE_WRITE_KEY": str(self._sandbox["key"])}, folder / "services.log"
        else:
            words, known, log = self._people("--die-with-parent"), {}, folder / "people.log"
        known |= {"BOOKWATCH_HOME": str(self._settings.home.root), "PYTHONPATH": str(PROJECT)}
        self._running[name] = start(name, words, environment=known, folder=PROJECT, log=log)

    def _people(self, *more: str) -> Sequence[str]:
        sandbox = self._sandbox
        words = [sys.executable, "-m", "sandbox", "clients", "--server", sandbox["endpoint"]]
        words += ["--project", sandbox["project"], "--database", sandbox["database"]]
        words += [
            "--services",
            self.endpoint,
            "--seed",
            str(self._seed),
            "--data",
            str(Path(sandbox["data"])),
        ]
        return [*words, "--gap", f"{gap_of(self._share or 1):g}", *more]
