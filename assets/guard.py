"""How a step of a run fails: one safe sentence in its report, the cause kept in memory for --debug.

Library exceptions carry values (a name in a parse error, a message in a constraint error): none of their text goes on.
"""

from __future__ import annotations

import errno
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path

import duckdb

from assets.rescue import rescue_if_damaged
from resources.errors import BookwatchError
from resources.run_report import Run, RunReport
from resources.warehouse import is_damage, locked


def _place(error: BaseException) -> str:
    """The innermost place of our own code: file and line, nothing of the message."""
    root = Path(__file__).resolve().parent.parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and "site-packages" not in path.parts:
            return f"{path.relative_to(root)}:{frame.lineno}"
    return "a library"


_NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
_NO_ROOM_WORDS = ("no space left", "disk full", "disk is full", "could not write", "file too large")


def is_full_disk(error: BaseException) -> bool:
    """Whether there was no room left, in the words of the system, DuckDB or SQLite."""
    if isinstance(error, OSError):
        return error.errno in _NO_ROOM
    named = isinstance(error, duckdb.Error | sqlite3.Error)
    return named and any(words in str(error).lower() for words in _NO_ROOM_WORDS)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether DuckDB was not allowed the memory it needs, or there was none."""
    named = isinstance(error, duckdb.Error) and (
        isinstance(error, duckdb.OutOfMemoryException) or "failed to pin block" in str(error).lower()
    )
    return named or isinstance(error, MemoryError)


def stopped() -> BookwatchError:
    """Why a run ended that a person or the system asked to end."""
    return BookwatchError.of("failure.stopped")


def _was_stopped(error: BaseException | None) -> bool:
    """Whether Ctrl-C or SIGTERM lies behind an error.

    What is no Exception asks for an end: KeyboardInterrupt, and what Dagster makes of a signal. DuckDB turns one that
    arrives amid a query into a RuntimeError.
    """
    while error is not None:
        if not isinstance(error, Exception):
            return True
        if isinstance(error, RuntimeError) and "interrupted" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def guard(found: RunReport, name: str, work: Callable[[], RunReport]) -> RunReport:
    """Do a step's work and return what it makes of the report; where the work fails, the report with why, in words that
    hold no value. Nothing is tried after a failure. Raises nothing."""
    return found if found.failed else attempt(found, name, work)


def attempt(found: RunReport, name: str, work: Callable[[], RunReport]) -> RunReport:
    """The same of work that is done whatever failed before."""
    try:
        return work()
    except BookwatchError as known:
        return found.fail(known, known, step=name)
    except BaseException as unknown:  # noqa: BLE001 - any of a library's errors may carry a value
        if _was_stopped(unknown):
            return found.fail(stopped(), unknown, step=name, stopped=True)
        return found.fail(_damaged(found.run, unknown) or in_our_words(name, unknown), unknown, step=name)


def afterwards(run: Run, name: str, work: Callable[[], object]) -> None:
    """Do what follows once the snapshot is published. What fails here is a warning of the run, not its failure: people
    are served the new snapshot. An end that somebody asked for passes on."""
    try:
        work()
    except BookwatchError as known:
        run.warn(name, known.why)
    except Exception as unknown:  # whatever it is, it is told: the snapshot stands
        if _was_stopped(unknown):
            raise
        run.warn(name, in_our_words(name, unknown).why)


def _damaged(run: Run, unknown: BaseException) -> BookwatchError | None:
    """What is said where a step met a damaged warehouse: it is moved aside now, and the next run makes it anew."""
    if not is_damage(unknown) or not rescue_if_damaged(run):
        return None
    return BookwatchError.of("failure.warehouse_damaged")


def in_our_words(name: str, unknown: BaseException) -> BookwatchError:
    """What failed and where; nothing of what the library said."""
    if is_full_disk(unknown):
        return BookwatchError.of("failure.disk_full")
    held = locked(unknown, "A file of BOOKWATCH_HOME")
    if held is not None:
        return held
    if is_out_of_memory(unknown):
        return BookwatchError.of("failure.memory", step=repr(name))
    kind = type(unknown).__name__
    return BookwatchError.of("failure.unknown", step=repr(name), kind=kind, place=_place(unknown))
