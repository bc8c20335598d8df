"""One run, from the lock to the exit status: what the command line, the schedule and `watch` have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from pipelines.alerting.deliver import alert
from pipelines.judging import judge
from pipelines.status import write_run_status
from resources.ledger import Ledger
from resources.lock import run_lock
from resources.notifier import Notifier
from resources.run_context import RunContext, SweepOrder
from resources.settings import Settings


def _alert(run: RunContext) -> None:
    alert(run, Ledger(run.home.ledger), Notifier(run.settings.bookwatch_alert_urls))


def _enter_ledger(run: RunContext) -> None:
    message = str(run.failure) if run.failure else ""
    Ledger(run.home.ledger).finish_run(
        run.sequence, run.clock.now(), run.exit_status, run.snapshot_id, message
    )


# In this order: people who look see the truth before those who are told.
FINISHERS: tuple[Callable[[RunContext], None], ...] = (judge, write_run_status, _enter_ledger, _alert)


@contextmanager
def open_run(
    settings: Settings,
    *,
    full_refresh: bool = False,
    quiet: bool = False,
    sweep: SweepOrder | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Generator[RunContext]:
    """Hold the run lock of the home and give the context of a new run. Raises RunActive when another holds it."""
    with run_lock(settings.home):
        started_at = settings.clock.now()
        run_id, sequence = Ledger(settings.home.ledger).start_run(started_at)
        yield RunContext(
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
