"""One run, from the lock to the exit status: a plain function, and the five that it is made of.

ingest → derive → build → check → publish → report. Each takes the report as far as it came and returns it with what it
found; none raises. Whatever happens, the report is made and told in one place (``report``). Dagster does the same
through the same functions (pipelines/dagster), `watch` again and again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Final

from assets import published as snapshot
from assets import raw
from assets.core import derive as core
from assets.guard import attempt, guard, is_full_disk, stopped
from assets.marts import make as marts
from assets.ops import create_ops, record_checks
from checks import proven, verdicts
from checks.verdicts import CheckGroup
from messages.message import Message
from pipelines.alerting.engine import EngineState, Observation
from pipelines.alerting.observe import acting, died, observations
from pipelines.alerting.standing import standings
from pipelines.alerting.turn import alert_turn, for_status, show_alerts
from pipelines.backup_alerts import backup_observations
from pipelines.environment import prepare
from pipelines.following import require_own
from pipelines.health_fallback import judge
from pipelines.interrupts import held_back, terminable
from pipelines.status import run_status
from resources.errors import DONE, PROBLEMS, BookwatchError
from resources.heartbeat import beat
from resources.instants import stamp_of
from resources.ledger import Ledger, LedgerTooNew
from resources.lock import run_lock
from resources.objects import objects_of
from resources.run_report import Built, Run, RunOrder, RunReport
from resources.settings import Settings
from resources.shared.sharing import share_status
from resources.status_file import write_status
from resources.sweep_mark import mark_sweep

Step = Callable[[RunReport], RunReport]

UNENTERED: Final = 0
"""The number of a run that the ledger could not take."""


def run(settings: Settings, order: RunOrder = RunOrder()) -> RunReport:  # noqa: B008 - frozen
    """One run in this process. Raises RunActive, UsageError (no Appwrite is set, or the home is a reader's), and
    KeyboardInterrupt where Ctrl-C came once the report was being written; other failures stand in the report.
    """
    require_own(settings)
    settings.require_appwrite()
    prepare(settings)
    with terminable(), open_run(settings, order) as begun:
        found = begun
        try:
            for step in steps_of(order):
                if found.failed or found.blocked:
                    break
                found = step(found)
        except KeyboardInterrupt as asked:
            # Between two steps: within one it is the step's to say.
            found = found.fail(stopped(), asked, stopped=True)
        with held_back():
            return conclude(found)


def steps_of(order: RunOrder) -> tuple[Step, ...]:
    """The steps of a run, one after another. Each waits for the checks of what it is made from."""
    return (
        ingest,
        partial(check, group=verdicts.RAW),
        *((partial(check, group=verdicts.SWEEP),) if order.sweep else ()),
        derive,
        partial(check, group=verdicts.CORE),
        build,
        partial(check, group=verdicts.MARTS),
        publish,
    )


def ingest(found: RunReport) -> RunReport:
    """Appwrite → raw."""
    return guard(found, "ingest", lambda: replace(found, ingested=raw.ingest(found.run)))


def derive(found: RunReport) -> RunReport:
    """Raw → core."""

    def work() -> RunReport:
        found.run.say("Deriving core …")
        return replace(found, derived=core.derive(found.run))

    return guard(found, "core", work)


def build(found: RunReport) -> RunReport:
    """Core → marts."""

    def work() -> RunReport:
        found.run.say("Making the marts …")
        built = marts.make_marts(found.run, found.ingested.scans if found.ingested else None)
        return replace(found, built=built, points_judged=True)

    return guard(found, "marts", work)


def check(found: RunReport, group: CheckGroup) -> RunReport:
    """What was made → a verdict of each check of a group."""
    return guard(found, group.name, lambda: replace(found, checks=(*found.checks, *group.verdicts(found))))


def publish(found: RunReport) -> RunReport:
    """The warehouse → the snapshot people read. From then on it stands, whatever fails."""
    changed = bool((found.built or Built()).changed)

    def work() -> RunReport:
        published = snapshot.publish(found.run, found.checks, figures_changed=changed)
        return replace(found, published=published)

    def follow_up(served: RunReport) -> RunReport:
        if served.published:
            snapshot.after_publishing(served.run, served.published)
        return served

    served = guard(found, "publish", work)
    return guard(served, "publish", lambda: follow_up(served))


def conclude(found: RunReport) -> RunReport:
    """The report of a run, told. Where it cannot be told the run has failed, if it had not: nothing is raised."""
    found = _blocked(attempt(found, "check_results", lambda: keep_verdicts(found)))
    return attempt(found, "report", lambda: report(found))


def keep_verdicts(found: RunReport) -> RunReport:
    """Store this run's verdicts in the warehouse, also when they kept it from being published. What was published holds
    them already."""
    # A signal amid a query can leave the file half closed in this process: opening it again would wait for ever.
    if found.checks and not found.snapshot_changed and not found.stopped and found.home.warehouse.exists():
        with found.warehouse.open() as con:
            create_ops(con)
            record_checks(con, found.run, found.checks)
    return found


def _blocked(found: RunReport) -> RunReport:
    """No step of a run that a check keeps from publishing has failed, whoever started it: this is why it failed."""
    if not found.blocked:
        return found
    return found.fail(
        BookwatchError.of("failure.blocked", checks=[check.check_name for check in found.blocked]),
        step="checks",
    )


def report(found: RunReport) -> RunReport:
    """The end of a run: status.json, the ledger, then the people, then the heartbeat. The report as it was told.

    In this order: people who look see the truth before those who are told. What fails here keeps nothing that
    follows from being tried: an alert matters most when the disk is full.
    """
    try:
        found = judge(found)
    except sqlite3.Error:
        # Without the ledger no verdict has a history: the points are shown as not measured.
        found = replace(found, points_judged=False)
    status = run_status(found)

    def see(known: EngineState) -> Iterable[Observation]:
        if found.stopped:
            return ()  # a person stopped it: nothing was found out
        seen = observations(found, status, known=known.alerts.values(), watched=_watched())
        return [*seen, *acting(standings(found.settings)), *backup_observations(found.settings)]

    with alert_turn(found.settings, see, say=found.run.say, sends=not found.stopped) as turn:
        try:
            write_status(found.home, {**status, **for_status(turn.state, turn.now)})
        finally:
            try:
                _enter_ledger(found)
            finally:
                told = turn.send()
        if told:
            write_status(found.home, {**status, **for_status(turn.state, turn.now)})
    _share_status(found)
    _beat(found)
    return found


def _share_status(found: RunReport) -> None:
    """How the pipeline is, for readers elsewhere. What they have grows old where this fails, and they are told by
    that."""
    settings = found.settings
    if settings.share_snapshots == "off" or any(
        warning.step == snapshot.SHARING for warning in found.warnings
    ):
        return  # the store did not take the snapshot either: it is not waited for twice
    try:
        share_status(objects_of(settings), found.home.status.read_bytes())
    except BookwatchError as refused:
        found.run.say(f"status.json was not shared: {refused}")


def _watched() -> set[str]:
    """The name of every check there is."""
    groups = (verdicts.RAW, verdicts.SWEEP, verdicts.CORE, verdicts.MARTS)
    return {check.name for group in groups for check in group.checks}


def _enter_ledger(found: RunReport) -> None:
    if found.run.sequence == UNENTERED:
        return
    message = str(found.failure) if found.failure else " ".join(warning.problem for warning in found.warnings)
    Ledger(found.home.ledger).finish_run(
        found.run.sequence, found.clock.now(), found.exit_status, found.snapshot_id, message
    )


def _beat(found: RunReport) -> None:
    """After a run that published or stands by what is published (exit status 0 or 10). Silence is the alarm."""
    url = found.settings.heartbeat_url
    if not url or found.stopped or found.exit_status not in (DONE, PROBLEMS) or found.snapshot_id is None:
        return
    refused = beat(url)
    if refused:
        found.run.say(
            f"The heartbeat was not taken by BOOKWATCH_HEARTBEAT_URL ({refused}); the run itself is good."
        )


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
def open_run(settings: Settings, order: RunOrder = RunOrder()) -> Generator[RunReport]:  # noqa: B008 - frozen
    """Hold the run lock of the home and give the empty report of a new run. Raises RunActive when another holds it.

    Where the ledger can't take the run, it has failed from the start: its steps do nothing, and it reports.
    """
    with run_lock(settings.home):
        started_at = settings.clock.now()
        refused: sqlite3.Error | None = None
        try:
            run_id, sequence = _enter(settings, started_at, order.say)
        except sqlite3.Error as broken:
            refused = broken
            run_id, sequence = f"{stamp_of(started_at)}-{UNENTERED:06d}", UNENTERED
        if order.sweep:
            with suppress(OSError):  # a full disk: the run's own files say so
                mark_sweep(settings.home)
        begun = RunReport(Run(settings, run_id, sequence, started_at, order))
        if refused is not None:
            begun = begun.fail(_without_ledger(refused), refused)
        try:
            yield begun
        finally:
            begun.run.warehouse.close()
            proven.keep(begun.home.warehouse)


def _without_ledger(refused: sqlite3.Error) -> BookwatchError:
    if isinstance(refused, LedgerTooNew):
        return BookwatchError(refused.why, Message("failure.served", {"then": refused.todo}))
    if is_full_disk(refused):
        return BookwatchError.of("failure.disk_full")
    return BookwatchError.of("failure.ledger_refused")
