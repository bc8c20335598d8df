"""The errors a person is meant to read, each with the exit status of the command line.

Failures of single Appwrite calls do not live here (see resources/appwrite).
"""

from __future__ import annotations

DONE, FAILED, USAGE, PROBLEMS, UNREACHABLE, BUSY = 0, 1, 2, 10, 11, 12


class BookwatchError(Exception):
    """One plain sentence and the next step. Holds no personal value and no key, so it may be logged anywhere."""

    exit_status = FAILED

    def __init__(self, problem: str, next_step: str = "") -> None:
        self.problem = problem
        self.next_step = next_step
        super().__init__(f"{problem} {next_step}".strip())


class UsageError(BookwatchError):
    """A wrong or missing setting or argument."""

    exit_status = USAGE


class SourceUnavailable(BookwatchError):
    """Appwrite cannot be reached, refuses the key, or lacks a required collection."""

    exit_status = UNREACHABLE


class RunActive(BookwatchError):
    """Another process holds the run lock."""

    exit_status = BUSY
