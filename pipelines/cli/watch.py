"""`bookwatch watch`: the same run again and again in one warm process, faster than a schedule of minutes allows.

Dagster is not in its way: it is told what changed afterwards (pipelines/dagster/telling.py).
"""

from __future__ import annotations

import gc
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from pipelines.cli.printed import echo
from pipelines.cli.run import summary
from pipelines.environment import prepare
from resources.collector import leave_out_what_is_loaded
from resources.errors import BookwatchError, RunActive, UsageError
from resources.settings import Settings, load_settings
from resources.sweep_mark import last_sweep_age

if TYPE_CHECKING:
    from pipelines.dagster.telling import Telling
    from resources.run_report import RunReport, SweepOrder

SWEEP_EVERY = timedelta(hours=1)


def watch(
    every: Annotated[float, typer.Option(min=1, help="Seconds from one start to the next.")] = 5,
    runs: Annotated[int | None, typer.Option(min=1, help="Stop after so many runs (default: go on).")] = None,
) -> None:
    """The same run again and again in one warm process, once an hour with a sweep. Ctrl-C stops it."""
    settings = load_settings()
    prepare(settings)
    from pipelines.dagster.telling import Telling
    from pipelines.interrupts import terminable

    with terminable(), Telling(lambda line: echo(line, err=True)) as dagster:
        _turns(settings, dagster, every, runs)


def sweep_due(settings: Settings, since_own: float | None) -> bool:
    """Whether the last hour had no sweep, whoever would have started it. ``since_own``: seconds since this process
    asked for one, which holds also where its mark could not be written."""
    if since_own is not None and since_own < SWEEP_EVERY.total_seconds():
        return False
    age = last_sweep_age(settings.home)
    return age is None or age >= SWEEP_EVERY


def _turns(settings: Settings, dagster: Telling, every: float, runs: int | None) -> None:
    from pipelines.operations import OperationTurns
    from pipelines.orders import OrderTaker
    from resources.run_report import SweepOrder

    taker, operations = OrderTaker(settings), OperationTurns(settings)
    done = 0
    swept_at: float | None = None
    while True:
        began = time.monotonic()
        sweep = None
        # The first turn shows what is there now; a sweep may come with the second.
        if done and sweep_due(settings, None if swept_at is None else began - swept_at):
            sweep, swept_at = SweepOrder(), began
        found = _turn(settings, sweep)
        done += 1
        if done == 1:
            _spare_the_collector()
        if found is not None:
            dagster.take(found)
        for line in operations.look():
            echo(line)
        taker.look()
        last = runs is not None and done >= runs
        if last or taker.needs_quiet():
            taker.finish()
        if last:
            return
        # The rest of the turn: runs begin at this rhythm.
        time.sleep(max(0.0, every - (time.monotonic() - began)))


def _spare_the_collector() -> None:
    """Collect seldom: a warm run makes short-lived objects, beside all that the first one loaded."""
    leave_out_what_is_loaded()
    gc.set_threshold(50_000, 20, 20)


def _turn(settings: Settings, sweep: SweepOrder | None) -> RunReport | None:
    """One run, and a line about it; None where there was none. Raises UsageError, and KeyboardInterrupt when the run
    was stopped: a person or the system asked for the end."""
    from pipelines.run import run as run_once
    from resources.run_report import RunOrder

    try:
        found = run_once(settings, RunOrder(quiet=True, sweep=sweep))
    except RunActive as busy:
        # Another run does the same work; the next turn sees what it left.
        echo(str(busy), err=True)
        return None
    except UsageError:
        raise
    except BookwatchError as failed:
        echo(str(failed), err=True)
        return None
    if found.stopped:
        raise KeyboardInterrupt
    if found.failure is not None:
        # What is wrong now may be right at the next turn: a watch that ends is a watch nobody notices.
        echo(str(found.failure), err=True)
        if isinstance(found.failure, UsageError):
            raise found.failure
        return found
    swept = " Swept." if sweep else ""
    echo(f"{found.clock.now():%H:%M:%S} UTC · {' '.join(summary(found)[:2])}{swept}")
    return found
