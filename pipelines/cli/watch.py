"""`bookwatch watch`: the same run again and again in one warm process, faster than a schedule of minutes allows."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from pipelines.cli.run import execute, summary
from resources.errors import BookwatchError, RunActive, UsageError
from resources.settings import load_settings


def watch(
    every: Annotated[float, typer.Option(min=1, help="Seconds from one start to the next.")] = 5,
    runs: Annotated[int | None, typer.Option(min=1, help="Stop after so many runs (default: go on).")] = None,
) -> None:
    """The same run again and again in one warm process. Ctrl-C stops it."""
    settings = load_settings()
    done = 0
    while True:
        began = time.monotonic()
        try:
            context = execute(settings, quiet=True)
        except RunActive as busy:
            # Another run does the same work; the next turn sees what it left.
            typer.echo(str(busy), err=True)
        except UsageError:
            raise
        except BookwatchError as failed:
            typer.echo(str(failed), err=True)
        else:
            if context.failure is not None:
                # What is wrong now may be right at the next turn: a watch that ends is a watch nobody notices.
                typer.echo(str(context.failure), err=True)
                if isinstance(context.failure, UsageError):
                    raise context.failure
            else:
                typer.echo(f"{context.clock.now():%H:%M:%S} UTC · {' '.join(summary(context)[:2])}")
        done += 1
        if runs is not None and done >= runs:
            return
        time.sleep(max(0.0, every - (time.monotonic() - began)))
