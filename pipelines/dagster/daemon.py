"""`python -m pipelines.dagster.daemon`: Dagster's daemon, which runs the schedules, as the only one of its home and its
database (pipelines/scheduling.py). Ends with 12 where there is another.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from importlib.metadata import entry_points

from pipelines.environment import prepare
from pipelines.scheduling import LOOK_EVERY_S, Hold, Role, holding
from resources.errors import BookwatchError, ServeActive
from resources.settings import load_settings


class _Watch(threading.Thread):
    """Ends this process, as Ctrl-C does, once another has taken the hold."""

    def __init__(self, hold: Hold) -> None:
        super().__init__(name="hold", daemon=True)
        self._hold = hold
        self._over = threading.Event()
        self.lost: ServeActive | None = None

    def run(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            try:
                self._hold.look()
            except ServeActive as taken:
                self.lost = taken
                os.kill(os.getpid(), signal.SIGINT)
                return

    def end(self) -> None:
        self._over.set()
        self.join()


def _run(words: list[str]) -> None:
    """Dagster's own command, in this process. Raises SystemExit where it fails."""
    (command,) = entry_points(group="console_scripts", name="dagster-daemon")
    sys.argv = [command.name, "run", *words]
    try:
        command.load()()
    except SystemExit as ended:
        if ended.code:
            raise


def main(words: list[str]) -> None:
    """``words``: the options of Dagster's command that say where our code is."""
    settings = load_settings()
    prepare(settings)
    with holding(settings, Role.DAEMON) as hold:
        watch = _Watch(hold)
        watch.start()
        try:
            _run(words)
        finally:
            watch.end()
        if watch.lost is not None:
            raise watch.lost


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except BookwatchError as refused:
        print(refused, file=sys.stderr)  # noqa: T201 - goes to the daemon's log
        sys.exit(refused.exit_status)
