"""What processes beside the pipeline tell of their own working: how long each operation took and how it ended, as lines
of JSON in files under BOOKWATCH_HOME/spool. How a run takes them in is spooled.py's.

A line is written at once, by one call, to a file that its process alone appends to: a process that is killed loses
none. No personal value gets in: operations and words are of a fixed form, ids are those that are published as they are
written, and nothing else is kept.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson

from marketplace.collection import Category
from marketplace.error_rate import SLOW_SECONDS
from marketplace.events import CONTEXT_IDS, CONTEXT_NUMBERS, CONTEXT_WORDS, CallOutcome, EventSeverity
from resources.home import Home

FILE_BYTES: Final = 8_000_000
"""So much stands in a file; the next line begins another, so that what was taken in can go."""
KEPT_BYTES: Final = 64_000_000
"""So much of a source waits for a run: some half a million lines. Beyond it only errors are written, to half as much
again; what is not written is counted, and the next line that is says how many those were."""
SOURCE: Final = r"[a-z]{1,20}"
UNFIT: Final = "unfit"
"""What stands in the place of a word that has not the form of one."""

_LOOK_AGAIN_S: Final = 1.0
OPERATION: Final = re.compile(r"(?:[A-Z]{3,7} /[A-Za-z_{}/.-]{0,80}|[a-z][a-z_]{0,30}(?: [a-z_]{1,30})?)")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_]{0,47}")
# A letter and a digit: what a name, a word and a phone number have not all of.
_ID: Final = re.compile(r"(?=[^A-Za-z]*[A-Za-z])(?=[^0-9]*[0-9])[A-Za-z0-9][A-Za-z0-9._-]{0,35}")
_LARGEST: Final = 999_999
"""Of a number: shorter than a phone's."""


@dataclass
class _File:
    """One that is open for appending, and locked for as long: who can lock it knows that nobody appends to it."""

    descriptor: int
    bytes: int = 0


class Spool:
    """One for each source of a process; safe from several threads, and after a fork."""

    def __init__(self, home: Home, source: str, *, kept_bytes: int = KEPT_BYTES) -> None:
        """Makes nothing yet. Raises ValueError for a source that is no word."""
        if not re.fullmatch(SOURCE, source):
            raise ValueError("a source is one word")
        self._folder, self._source = home.spool, source
        self._kept_bytes = kept_bytes
        self._lock = threading.Lock()
        self._file: _File | None = None
        self._pid = os.getpid()
        self._untold = 0
        self._closed_until = 0.0
        self._waiting = 0
        self.lost = 0
        """Lines that could not be written since this began, told or not."""

    def note(
        self,
        at: datetime,
        operation: str,
        seconds: float,
        outcome: CallOutcome = CallOutcome.OK,
        status: int | None = None,
        *,
        category: Category | None = None,
        severity: EventSeverity | None = None,
        context: Mapping[str, str | int] | None = None,
    ) -> None:
        """Write down one operation; never raises. ``at``: when it ended, naive UTC. ``operation``: a fixed word, or a
        method and the template of a route. ``outcome``: ok also where a client was told no; ``severity``: left out, an
        error where it did not end well, a warning where it was slow or tried again. ``context``: what an
        event may say besides (marketplace/events.py)."""
        told = fit(context) if context else {}
        attempts = told.get("attempts", 1)
        hindered = seconds > SLOW_SECONDS or (isinstance(attempts, int) and attempts > 1)
        if severity is None or severity is EventSeverity.INFO:
            severity = (
                EventSeverity.ERROR
                if severity is None and outcome is not CallOutcome.OK
                else EventSeverity.WARNING
                if hindered
                else EventSeverity.INFO
            )
        line: dict[str, Any] = {
            "at": at if at.tzinfo is None else at.astimezone(UTC).replace(tzinfo=None),
            "operation": operation if OPERATION.fullmatch(operation) else UNFIT,
            "seconds": round(seconds, 6),
            "outcome": outcome.value,
            "status": status,
            "category": (category or Category.APPWRITE).value,
            "severity": severity.value,
            **({"context": told} if told else {}),
        }
        with self._lock:
            self._append(line, of_note=severity is not EventSeverity.INFO)

    def close(self) -> None:
        """Let go of the file; the next note opens another."""
        with self._lock:
            self._let_go()

    def _append(self, line: Mapping[str, Any], *, of_note: bool) -> None:
        if self._pid != os.getpid():
            # The file of the process that this one was forked from is that one's.
            self._let_go()
            self._pid, self._untold, self.lost = os.getpid(), 0, 0
        try:
            if self._file is not None and self._file.bytes >= FILE_BYTES:
                self._let_go()
            if not self._has_room(of_note):
                self._lose()
                return
            file = self._file = self._file or self._open()
            told = orjson.dumps({"lost": self._untold, "at": line["at"]}) + b"\n" if self._untold else b""
            if self._write(file, told + orjson.dumps(line) + b"\n"):
                self._untold = 0
            else:
                self._lose()
        except OSError:
            self._let_go()
            self._lose()

    def _lose(self) -> None:
        self._untold += 1
        self.lost += 1

    def _has_room(self, of_note: bool) -> bool:
        """Whether a line may be written. The folder is looked at when a file begins, and while there is no room every
        second."""
        if self._file is None or time.monotonic() >= self._closed_until > 0:
            self._waiting = sum(_size(path) for path in self._folder.glob(f"{self._source}-*.jsonl"))
            full = self._waiting >= self._kept_bytes
            self._closed_until = time.monotonic() + _LOOK_AGAIN_S if full else 0.0
        if not self._closed_until:
            return True
        return of_note and self._waiting < self._kept_bytes * 3 // 2

    def _open(self) -> _File:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            begun = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
            path = self._folder / f"{self._source}-{self._pid}-{begun}.jsonl"
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                descriptor = os.open(path, flags, 0o600)
            except FileExistsError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # A run that came in between took it for one that was left.
                if _is_there(path, descriptor):
                    return _File(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)

    def _write(self, file: _File, line: bytes) -> bool:
        """Whether the whole line stands; what a full disk took of one is taken back, and the file is kept: each line
        that could not be written would begin another, empty one."""
        written = 0
        try:
            written = os.write(file.descriptor, line)
        except OSError as failed:
            if failed.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
        finally:
            if written != len(line):
                self._take_back(file)
        if written != len(line):
            return False
        file.bytes += written
        self._waiting += written
        return True

    def _take_back(self, file: _File) -> None:
        try:
            os.ftruncate(file.descriptor, file.bytes)
        except OSError:
            self._let_go()  # a torn line is the last of its file, where it is told as such

    def _let_go(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file.descriptor)


def fit(context: Mapping[str, Any]) -> dict[str, Any]:
    """What of a context has its form; the rest is left out, and that it was is said."""
    forms: tuple[tuple[tuple[str, ...], Callable[[object], bool]], ...] = (
        (CONTEXT_WORDS, lambda value: isinstance(value, str) and _WORD.fullmatch(value) is not None),
        (CONTEXT_IDS, lambda value: isinstance(value, str) and _ID.fullmatch(value) is not None),
        ((*CONTEXT_NUMBERS, UNFIT), lambda value: type(value) is int and 0 <= value <= _LARGEST),
    )
    told = {
        key: value for names, fits in forms for key, value in context.items() if key in names and fits(value)
    }
    unfit = sum(value not in (None, "") for value in context.values()) - sum(
        value not in (None, "") for value in told.values()
    )
    return {**told, UNFIT: unfit} if unfit else told


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except FileNotFoundError:
        return 0
