"""`bookwatch watch`: the same run again and again in one warm process, faster than a schedule of minutes allows."""

from __future__ import annotations

import gc
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.printed import echo
from pipelines.cli.run import execute, summary
from pipelines.environment import prepare
from resources.errors import BookwatchError, RunActive, UsageError
from resources.run_context import SweepOrder
from resources.settings import Settings, load_settings

if TYPE_CHECKING:
    from dagster import DagsterInstance

SWEEP_EVERY = timedelta(hours=1)
#: How often it is looked whether a sweep is due, and old runs are thrown away.
LOOK_S = 60.0


def look_after(instance: DagsterInstance) -> bool:
    """Throw old runs of Dagster's history away; whether the last hour had no sweep, whoever would have started it."""
    from dagster import RunsFilter
    from sqlalchemy.exc import SQLAlchemyError

    from pipelines.housekeeping import KEEP_WATCHED_RUNS, delete_old_runs, delete_surplus_runs
    from pipelines.jobs import KEEP_RUNS_FOR, SWEEP_JOB

    # Dagster's instance keeps real time, whatever BOOKWATCH_NOW says.
    now = datetime.now(UTC)
    try:
        delete_old_runs(instance, before=now - KEEP_RUNS_FOR, limit=20)
        delete_surplus_runs(instance, keep=KEEP_WATCHED_RUNS)
        return not instance.get_runs_count(RunsFilter(job_name=SWEEP_JOB, created_after=now - SWEEP_EVERY))
    except (SQLAlchemyError, OSError) as refused:
        # Its history held by another process, or a full disk: the watch itself goes on, and looks again in a minute.
        echo(f"Dagster's history could not be looked after ({type(refused).__name__}).", err=True)
        return False


def watch(
    every: Annotated[float, typer.Option(min=1, help="Seconds from one start to the next.")] = 5,
    runs: Annotated[int | None, typer.Option(min=1, help="Stop after so many runs (default: go on).")] = None,
) -> None:
    """The same run again and again in one warm process, once an hour with a sweep. Ctrl-C stops it."""
    settings = load_settings()
    prepare(settings.home)
    from pipelines.instance import own_instance

    with own_instance(settings.home.dagster) as instance:
        _turns(settings, instance, every, runs)


def _turns(settings: Settings, instance: DagsterInstance, every: float, runs: int | None) -> None:
    done = 0
    # The first turn shows what is there now; a sweep may come with the second.
    look_at = time.monotonic()
    while True:
        began = time.monotonic()
        sweep = None
        if done and began >= look_at:
            look_at = began + LOOK_S
            sweep = SweepOrder() if look_after(instance) else None
        _turn(settings, instance, sweep)
        done += 1
        if done == 1:
            _spare_the_collector()
        if runs is not None and done >= runs:
            return
        time.sleep(max(0.0, every - (time.monotonic() - began)))


def _spare_the_collector() -> None:
    """Leave what the first run loaded (libraries, definitions, compiled marts) out of every later collection.

    A warm run makes short-lived objects; looking through all the lasting ones again is a part of its time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _turn(settings: Settings, instance: DagsterInstance, sweep: SweepOrder | None) -> None:
    """One run, and a line about it. Raises UsageError, and KeyboardInterrupt when the run was stopped: a person or the
    system asked for the end."""
    try:
        context = execute(settings, quiet=True, sweep=sweep, instance=instance)
    except RunActive as busy:
        # Another run does the same work; the next turn sees what it left.
        echo(str(busy), err=True)
        return
    except UsageError:
        raise
    except BookwatchError as failed:
        echo(str(failed), err=True)
        return
    if context.stopped:
        raise KeyboardInterrupt
    if context.failure is not None:
        # What is wrong now may be right at the next turn: a watch that ends is a watch nobody notices.
        echo(str(context.failure), err=True)
        if isinstance(context.failure, UsageError):
            raise context.failure
        return
    swept = " Swept." if sweep else ""
    echo(f"{context.clock.now():%H:%M:%S} UTC · {' '.join(summary(context)[:2])}{swept}")
