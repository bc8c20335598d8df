"""How a step of a run fails: one safe sentence in Dagster's log, the cause kept in memory for --debug.

Library exceptions carry values (a name in a parse error, a message in a constraint error): none of their text goes on.
"""

from __future__ import annotations

import traceback
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterExecutionInterruptedError, Failure

from resources.errors import BookwatchError
from resources.run_context import RunContext


def _place(error: BaseException) -> str:
    """The innermost place of our own code: file and line, nothing of the message."""
    root = Path(__file__).resolve().parent.parent
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        path = Path(frame.filename)
        if path.is_relative_to(root) and "site-packages" not in path.parts:
            return f"{path.relative_to(root)}:{frame.lineno}"
    return "a library"


@contextmanager
def step(run: RunContext, name: str) -> Generator[None]:
    """Run a step's work; turn any exception into a Dagster Failure that holds no value."""
    if run.failure is not None:
        raise Failure(description=f"{name} was not tried: {run.failure.problem}", allow_retries=False)
    safe: BookwatchError | None = None
    try:
        yield
    except BookwatchError as known:
        safe = known
        run.fail(known, known)
    except (KeyboardInterrupt, DagsterExecutionInterruptedError):
        # Ctrl-C, or SIGTERM, which Dagster turns into its own exception.
        run.fail(
            BookwatchError(
                "The run was stopped before it published.",
                "Nothing is lost: the next run goes on where it stopped.",
            )
        )
        raise
    except Exception as unknown:  # noqa: BLE001 - any of a library's errors may carry a value
        safe = BookwatchError(
            f"The step {name!r} failed ({type(unknown).__name__} at {_place(unknown)}).",
            "The last good snapshot is still served. Run again with --debug to see the details.",
        )
        run.fail(safe, unknown)
    if safe is not None:
        # Raised outside the except blocks: the library's exception is then not its context, and is never serialised.
        raise Failure(description=str(safe), allow_retries=False)
