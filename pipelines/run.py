"""One run, from the lock to the exit status: what the command line, the schedule and `watch` have in common."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from datetime import datetime

from assets.step import is_full_disk
from pipelines.alerting.engine import EngineState, Observation
from pipelines.alerting.observe import died, observations
from pipelines.alerting.turn import alert_turn, for_status, show_alerts
from pipelines.judging import judge
from pipelines.status import run_status
from resources.errors import DONE, PROBLEMS, BookwatchError
from resources.heartbeat import beat
from resources.instants import stamp_of
from resources.ledger import Ledger, LedgerTooNew
from resources.lock import run_lock
from resources.run_context import RunContext, SweepOrder
from resources.settings import Settings
from resources.status_file import write_status


def report(run: RunContext) -> None:
    """The end of a run: status.json, the ledger, then the people, then the heartbeat.

    In this order: people who look see the truth before those who are told. What fails here keeps nothing that
    follows from being tried: an alert matters most when the disk is full.
    """
    try:
        judge(run)
    except sqlite3.Error:
        # Without the ledger no verdict has a history: the points are shown as not measured.
        run.points_judged = False
    status = run_status(run)

    def see(known: EngineState) -> Iterable[Observation]:
        if run.stopped:
            return ()  # a person stopped it: nothing was found out
        return observations(run, status, known=known.alerts.values(), watched=_watched())

    with alert_turn(run.settings, see, say=run.say, sends=not run.stopped) as turn:
        try:
            write_status(run.home, {**status, **for_status(turn.state, turn.now)})
        finally:
            try:
                _enter_ledger(run)
            finally:
                told = turn.send()
        if told:
            write_status(run.home, {**status, **for_status(turn.state, turn.now)})
    _beat(run)


def _watched() -> set[str]:
    """The name of every check there is."""
    from pipelines.graph import CHECKS

    return {key.name for checks in CHECKS for key in checks.check_keys}


def _enter_ledger(run: RunContext) -> None:
    if run.sequence == UNENTERED:
        return
    message = str(run.failure) if run.failure else " ".join(warning.problem for warning in run.warnings)
    Ledger(run.home.ledger).finish_run(
        run.sequence, run.clock.now(), run.exit_status, run.snapshot_id, message
    )


def _beat(run: RunContext) -> None:
    """After a run that published or stands by what is published (exit status 0 or 10). Silence is the alarm."""
    url = run.settings.bookwatch_heartbeat_url
    if not url or run.stopped or run.exit_status not in (DONE, PROBLEMS) or run.snapshot_id is None:
        return
    refused = beat(url)
    if refused:
        run.say(
            f"The heartbeat was not taken by BOOKWATCH_HEARTBEAT_URL ({refused}); the run itself is good."
        )


FINISHERS: tuple[Callable[[RunContext], None], ...] = (report,)

UNENTERED = 0
"""The number of a run that the ledger could not take."""


def _enter(settings: Settings, started_at: datetime, say: Callable[[str], None]) -> tuple[str, int]:
    """Enter a run, and tell of runs before it that died: their own code could not.

    At the start, because whatever killed them may kill this one too.
    """
    ledger = Ledger(settings.home.ledger)
    run_id, sequence = ledger.start_run(started_at)
    dead = ledger.dead_runs(before=sequence)
    if dead:
        with alert_turn(
            settings,
            lambda known: [died(dead_id for _, dead_id in dead)],
            say=say,
            died=[number for number, _ in dead],
        ) as turn:
            turn.send()
            try:
                show_alerts(settings.home, turn.state, turn.now)
            except OSError:
                say("status.json could not be written; the end of this run writes it again.")
    return run_id, sequence


@contextmanager
def open_run(
    settings: Settings,
    *,
    full_refresh: bool = False,
    quiet: bool = False,
    sweep: SweepOrder | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Generator[RunContext]:
    """Hold the run lock of the home and give the context of a new run. Raises RunActive when another holds it.

    Where the ledger can't take the run, the context has failed from the start: its steps do nothing, and it reports.
    """
    with run_lock(settings.home):
        started_at = settings.clock.now()
        refused: sqlite3.Error | None = None
        try:
            run_id, sequence = _enter(settings, started_at, say)
        except sqlite3.Error as broken:
            refused = broken
            run_id, sequence = f"{stamp_of(started_at)}-{UNENTERED:06d}", UNENTERED
        run = RunContext(
            settings=settings,
            run_id=run_id,
            sequence=sequence,
            started_at=started_at,
            full_refresh=full_refresh,
            quiet=quiet,
            sweep=sweep,
            say=say,
            finishers=FINISHERS,
        )
        if refused is not None:
            run.fail(_without_ledger(refused), refused)
        try:
            yield run
        finally:
            run.warehouse.close()


def _without_ledger(refused: sqlite3.Error) -> BookwatchError:
    served = "The last good snapshot is still served."
    if isinstance(refused, LedgerTooNew):
        return BookwatchError(refused.problem, f"{served} {refused.next_step}")
    if is_full_disk(refused):
        return BookwatchError("The disk is full.", f"{served} Make room under BOOKWATCH_HOME and run again.")
    return BookwatchError(
        "ledger.sqlite cannot be read or written.",
        f"{served} Wait for the process that holds it, put a backup in its place, or move it aside"
        " (and keep it: it holds the waivers and the chain of the exports).",
    )
