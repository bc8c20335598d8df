"""Makes or restores a backup and kills itself (SIGKILL) at the n-th step, again and again: a process of its own that
forks one for each step. Prints, as JSON, the steps killed at. Holds no test."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable

from operations.backup.create import make_backup
from operations.backup.restore import restore_backup
from resources.settings import load_settings


def at_step(number: int, work: Callable[[Callable[[str], None]], object]) -> tuple[bool, str]:
    """Do the work in a process that kills itself at its n-th step; (whether it was killed, at what)."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        count = 0

        def reached(step: str) -> None:
            nonlocal count
            count += 1
            if count == number:
                os.write(writing, step.encode())
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            work(reached)
        except BaseException as failed:  # noqa: BLE001 - told to the parent
            os.write(writing, f"failed: {failed}".encode())
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        step = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError(step)
    return os.WIFSIGNALED(status), step


def main() -> None:
    settings = load_settings()
    what, *more = sys.argv[1:]

    def work(reached: Callable[[str], None]) -> object:
        if what == "create":
            return make_backup(settings, reached=reached)
        return restore_backup(settings, more[0], into=more[1], reached=reached)

    killed: list[str] = []
    while True:
        was_killed, step = at_step(len(killed) + 1, work)
        if not was_killed:
            break
        killed.append(step)
        if what == "restore" and step == "entered":
            break  # it was made, and said so: there is nothing to go on with
    sys.stdout.write(json.dumps(killed))


if __name__ == "__main__":
    main()
