"""How a step of a run fails: one safe sentence in Dagster's log, the cause kept in memory for --debug.

Library exceptions carry values (a name in a parse error, a message in a constraint error): none of their text goes on.
"""

from __future__ import annotations

import errno
import sqlite3
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import duckdb
from dagster import DagsterExecutionInterruptedError, Failure

from assets.rescue import rescue_if_damaged
from resources.errors import BookwatchError
from resources.run_context import RunContext
from resources.warehouse import is_damage, locked

T = TypeVar("T")


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
    return BookwatchError(
        "The run was stopped before it published.", "Nothing is lost: the next run goes on where it stopped."
    )


def _was_stopped(error: BaseException | None) -> bool:
    """Whether Ctrl-C or SIGTERM lies behind an error.

    Dagster turns a signal into an exception of its own, DuckDB one that arrives amid a query into a RuntimeError.
    """
    while error is not None:
        if isinstance(error, KeyboardInterrupt | DagsterExecutionInterruptedError):
            return True
        if isinstance(error, RuntimeError) and "interrupted" in str(error).lower():
            return True
        error = error.__cause__ or error.__context__
    return False


def step(run: RunContext, name: str, work: Callable[[], T]) -> T:
    """Do a step's work and return what it returns; turn any exception into a Dagster Failure that holds no value.

    Not a context manager: raised while the library's exception is still being handled, the Failure would carry it as
    its context, and Dagster writes contexts, values and all, into its event log.
    """
    if run.failure is not None:
        raise Failure(description=f"{name} was not tried: {run.failure.problem}", allow_retries=False)
    safe: BookwatchError
    try:
        return work()
    except BookwatchError as known:
        safe = known
        run.fail(known, known, step=name)
    except (KeyboardInterrupt, DagsterExecutionInterruptedError):
        run.stopped = True
        run.fail(stopped(), step=name)
        raise
    except Exception as unknown:  # noqa: BLE001 - any of a library's errors may carry a value
        if _was_stopped(unknown):
            run.stopped = True
            run.fail(stopped(), step=name)
            raise KeyboardInterrupt from None
        safe = _damaged(run, unknown) or _in_our_words(name, unknown)
        run.fail(safe, unknown, step=name)
    raise Failure(description=str(safe), allow_retries=False)


def afterwards(run: RunContext, name: str, work: Callable[[], object]) -> None:
    """Do what follows once the snapshot is published. What fails here is a warning of the run, not its failure: people
    are served the new snapshot. An end that somebody asked for passes on."""
    try:
        work()
    except BookwatchError as known:
        run.warn(name, known.problem)
    except Exception as unknown:  # whatever it is, it is told: the snapshot stands
        if _was_stopped(unknown):
            raise
        run.warn(name, _in_our_words(name, unknown).problem)


def _damaged(run: RunContext, unknown: Exception) -> BookwatchError | None:
    """What is said where a step met a damaged warehouse: it is moved aside now, and the next run makes it anew."""
    if not is_damage(unknown) or not rescue_if_damaged(run):
        return None
    return BookwatchError(
        "warehouse.duckdb is damaged; it was moved aside.",
        "The last good snapshot is still served; run again: core and marts are made anew from raw.duckdb.",
    )


def _in_our_words(name: str, unknown: Exception) -> BookwatchError:
    """What failed and where; nothing of what the library said."""
    if is_full_disk(unknown):
        return BookwatchError(
            "The disk is full.",
            "The last good snapshot is still served. Make room under BOOKWATCH_HOME and run again.",
        )
    held = locked(unknown, "A file of BOOKWATCH_HOME")
    if held is not None:
        return held
    if is_out_of_memory(unknown):
        return BookwatchError(
            f"The step {name!r} needs more memory than it may take or this machine has.",
            "The last good snapshot is still served, and what was read is stored. Free memory, or give this machine"
            " more, and run again.",
        )
    return BookwatchError(
        f"The step {name!r} failed ({type(unknown).__name__} at {_place(unknown)}).",
        "The last good snapshot is still served. Run again with --debug to see the details.",
    )
