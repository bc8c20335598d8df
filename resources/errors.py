"""The errors a person is meant to read, each with the exit status of the command line.

Failures of single Appwrite calls do not live here (see resources/appwrite).
"""

from __future__ import annotations

from typing import Self

from messages.catalogue import english
from messages.message import Arg, Message, Words, as_message

DONE, FAILED, USAGE, PROBLEMS, UNREACHABLE, BUSY = 0, 1, 2, 10, 11, 12


class BookwatchError(Exception):
    """One plain sentence and the next step. Holds no personal value and no key, so it may be logged anywhere.

    As text it is English, made when somebody reads it: the most are caught before.
    """

    exit_status = FAILED

    def __init__(self, problem: Words, next_step: Words = "") -> None:
        self._problem = problem
        self._next_step = next_step
        super().__init__(problem, next_step)

    @classmethod
    def of(cls, code: str, /, **args: Arg) -> Self:
        """The error of a code; the next step is the code with ``_do`` and may name the same."""
        return cls(Message(code, args), Message(f"{code}_do", args))

    @property
    def problem(self) -> str:
        """What is wrong, in English."""
        return english(self._problem)

    @property
    def next_step(self) -> str:
        """What to do, in English; '' where nothing is told."""
        return english(self._next_step)

    @property
    def why(self) -> Message:
        """What is wrong, for any language."""
        return as_message(self._problem)

    @property
    def todo(self) -> Message | None:
        """What to do, for any language; None where nothing is told."""
        return as_message(self._next_step) if self._next_step else None

    @property
    def said(self) -> tuple[Message, ...]:
        """Both."""
        return (self.why,) if self.todo is None else (self.why, self.todo)

    def __str__(self) -> str:
        return f"{self.problem} {self.next_step}".strip()


class Wrong(ValueError):
    """A value that a setting cannot have. Holds nothing of it."""

    def __init__(self, code: str, **args: Arg) -> None:
        self.message = Message(code, args)
        super().__init__(self.message)

    def __str__(self) -> str:
        return english(self.message)


class UsageError(BookwatchError):
    """A wrong or missing setting or argument."""

    exit_status = USAGE


class SourceUnavailable(BookwatchError):
    """Appwrite cannot be reached, refuses the key, or lacks a required collection."""

    exit_status = UNREACHABLE


class RunActive(BookwatchError):
    """Another process holds the run lock."""

    exit_status = BUSY


class ServeActive(BookwatchError):
    """Another `bookwatch serve`, or what is left of one, schedules runs already."""

    exit_status = BUSY
